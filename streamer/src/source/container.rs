//! The one room that knows the demuxing library: MP4, MKV, WAV and its kin, opened and read packet by packet. Pictures come
//! out as they are stored, sound decoded and at 48 kHz.
//!
//! The library reads MP4 without composition times: a picture's time is its decoding time. Without B-frames that is the
//! same; with them the pictures are decoded here anyway, and times are given out in order of showing (`clip`).

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaTime;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::video::{VideoCodecId, VideoCodecParameters, well_known as video};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::SourceError;
use super::resample::Resampler;

/// A picture stored larger than this is damage, not a picture.
const MOST_PICTURE: usize = 16 << 20;
/// Bytes read ahead of one kind while looking for the other; a file that needs more is refused.
const MOST_QUEUED: usize = 32 << 20;
/// Samples decoded from one packet at most (an hour of AAC is many packets; no codec puts 10 s into one).
const MOST_SAMPLES: usize = 1 << 20;

/// An open file. It is read once from front to end; for another round it is opened again.
pub(super) struct Container {
    format: Box<dyn FormatReader>,
    picture: Option<PictureTrack>,
    sound: Option<SoundTrack>,
    pictures: VecDeque<Packet>,
    sounds: VecDeque<Packet>,
    queued: usize,
    ended: bool,
    name: String,
}

/// A picture as it is stored.
pub(super) struct Picture {
    /// From the start of the file; `None` of its neighbours need be earlier.
    pub(super) at: MediaTime,
    pub(super) length: MediaTime,
    pub(super) data: Box<[u8]>,
}

/// Sound of one packet, 48 kHz, interleaved; [`Container::channels`].
pub(super) struct Sound {
    pub(super) at: MediaTime,
    pub(super) samples: Vec<f32>,
}

struct PictureTrack {
    id: u32,
    time: TimeBase,
    config: Box<[u8]>,
}

struct SoundTrack {
    id: u32,
    time: TimeBase,
    decoder: Box<dyn AudioDecoder>,
    resampler: Option<(u32, usize, Resampler)>,
    decoded: Vec<f32>,
}

impl Container {
    /// Opens a file and finds its H.264 picture and its sound, either of which may be missing. Fails where the file can't
    /// be read, is of no kind we know, or has a picture but none in H.264.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let fail = |detail: String| SourceError::new(CameraReason::File, detail);
        let file = open_file(path)?;
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|why| match why {
                Error::Unsupported(_) => {
                    fail(format!("{name}: not a clip or sound of a kind we know (MP4, MKV, Y4M, WAV)"))
                }
                why => fail(format!("{name}: damaged: {why}")),
            })?;
        let picture = picture_track(format.as_ref()).map_err(|codec| {
            fail(format!("{name}: its video is {codec}; only H.264 is supported (and raw video as Y4M)"))
        })?;
        let sound = format.default_track(TrackType::Audio).and_then(SoundTrack::new);
        Ok(Self {
            format,
            picture,
            sound,
            pictures: VecDeque::new(),
            sounds: VecDeque::new(),
            queued: 0,
            ended: false,
            name,
        })
    }

    /// The picture's avcC record (ISO 14496-15 §5.3.3.1); `None` where there is no picture.
    pub(super) fn picture_config(&self) -> Option<&[u8]> {
        self.picture.as_ref().map(|track| &*track.config)
    }

    /// Whether there is sound that we can decode.
    pub(super) fn has_sound(&self) -> bool {
        self.sound.is_some()
    }

    /// Channels of the sound last read: 1 or 2.
    pub(super) fn channels(&self) -> u8 {
        self.sound
            .as_ref()
            .and_then(|track| track.resampler.as_ref())
            .map_or(1, |(_, _, resampler)| resampler.channels())
    }

    /// Leaves the picture out from now on.
    pub(super) fn without_picture(mut self) -> Self {
        self.picture = None;
        self
    }

    /// The next picture in order of decoding; `None` at the end.
    pub(super) fn next_picture(&mut self) -> Result<Option<Picture>, SourceError> {
        while self.pictures.is_empty() && self.read()? {}
        let (Some(packet), Some(track)) = (self.pictures.pop_front(), &self.picture) else { return Ok(None) };
        self.queued -= packet.data.len();
        let at = ticks(packet.pts.get().into(), track.time);
        Ok(Some(Picture { at, length: ticks(packet.dur.get().into(), track.time), data: packet.data }))
    }

    /// The next packet's sound; `None` at the end. What can't be decoded is left out.
    pub(super) fn next_sound(&mut self) -> Result<Option<Sound>, SourceError> {
        loop {
            while self.sounds.is_empty() && self.read()? {}
            let (Some(packet), Some(track)) = (self.sounds.pop_front(), &mut self.sound) else { return Ok(None) };
            self.queued -= packet.data.len();
            if let Some(sound) = track.decode(&packet) {
                return Ok(Some(sound));
            }
        }
    }

    /// Reads one packet into its queue; false at the end. A file that breaks off ends there.
    fn read(&mut self) -> Result<bool, SourceError> {
        if self.ended {
            return Ok(false);
        }
        match self.format.next_packet() {
            Ok(Some(packet)) => self.queue(packet).map(|()| true),
            Ok(None) => {
                self.ended = true;
                Ok(false)
            }
            Err(why) => {
                tracing::debug!(file = self.name, %why, "the file breaks off");
                self.ended = true;
                Ok(false)
            }
        }
    }

    fn queue(&mut self, packet: Packet) -> Result<(), SourceError> {
        let queue = if self.picture.as_ref().is_some_and(|track| track.id == packet.track_id) {
            &mut self.pictures
        } else if self.sound.as_ref().is_some_and(|track| track.id == packet.track_id) {
            &mut self.sounds
        } else {
            return Ok(());
        };
        if packet.data.len() > MOST_PICTURE {
            return Err(self.damaged("it holds a picture of more than 16 MiB"));
        }
        self.queued += packet.data.len();
        queue.push_back(packet);
        if self.queued > MOST_QUEUED {
            return Err(self.damaged("its picture and its sound lie too far apart"));
        }
        Ok(())
    }

    fn damaged(&self, how: &str) -> SourceError {
        SourceError::new(CameraReason::File, format!("{}: damaged: {how}", self.name))
    }
}

impl SoundTrack {
    /// `None` where there is no decoder for it: the clip then plays without sound.
    fn new(track: &Track) -> Option<Self> {
        let Some(CodecParameters::Audio(params)) = &track.codec_params else { return None };
        let decoder =
            symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default()).ok()?;
        Some(Self { id: track.id, time: track.time_base?, decoder, resampler: None, decoded: Vec::new() })
    }

    fn decode(&mut self, packet: &Packet) -> Option<Sound> {
        let buffer = self.decoder.decode(packet).ok()?;
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if buffer.samples_interleaved() == 0 || buffer.samples_interleaved() > MOST_SAMPLES {
            return None;
        }
        buffer.copy_to_vec_interleaved(&mut self.decoded);
        if self.resampler.as_ref().is_none_or(|held| (held.0, held.1) != (rate, channels)) {
            self.resampler = Some((rate, channels, Resampler::new(rate, channels)?));
        }
        let (_, _, resampler) = self.resampler.as_mut()?;
        let mut samples = Vec::new();
        resampler.push(&self.decoded, &mut samples);
        Some(Sound { at: ticks(packet.pts.get().into(), self.time), samples })
    }
}

/// Opens a file for reading, with errors that say which and why.
pub(super) fn open_file(path: &Path) -> Result<File, SourceError> {
    let name = path.display();
    let fail = |detail: String| SourceError::new(CameraReason::File, detail);
    let file = File::open(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => fail(format!("{name}: there is no such file")),
        io::ErrorKind::PermissionDenied => fail(format!("{name}: this user may not read it")),
        _ => fail(format!("{name}: {why}")),
    })?;
    match file.metadata() {
        Ok(about) if about.is_dir() => Err(fail(format!("{name}: this is a folder; name a file in it"))),
        Ok(about) if about.len() == 0 && about.is_file() => Err(fail(format!("{name}: the file is empty"))),
        _ => Ok(file),
    }
}

/// The H.264 track; the name of another codec where that is all there is.
fn picture_track(format: &dyn FormatReader) -> Result<Option<PictureTrack>, String> {
    let mut other = None;
    for track in format.tracks() {
        let Some(CodecParameters::Video(params)) = &track.codec_params else { continue };
        if params.codec == video::CODEC_ID_H264
            && let (Some(config), Some(time)) = (avcc(params), track.time_base)
        {
            return Ok(Some(PictureTrack { id: track.id, time, config }));
        }
        other.get_or_insert_with(|| codec_name(params.codec));
    }
    other.map_or(Ok(None), Err)
}

fn avcc(params: &VideoCodecParameters) -> Option<Box<[u8]>> {
    let id = video::extra_data::VIDEO_EXTRA_DATA_ID_AVC_DECODER_CONFIG;
    params.extra_data.iter().find(|extra| extra.id == id).map(|extra| extra.data.clone())
}

fn codec_name(codec: VideoCodecId) -> String {
    match codec {
        video::CODEC_ID_HEVC => "H.265 (HEVC)",
        video::CODEC_ID_AV1 => "AV1",
        video::CODEC_ID_VP8 => "VP8",
        video::CODEC_ID_VP9 => "VP9",
        video::CODEC_ID_MPEG4 => "MPEG-4 part 2",
        video::CODEC_ID_MJPEG => "MJPEG",
        video::CODEC_ID_H264 => "H.264 without its parameters",
        _ => "of a codec that we don't know",
    }
    .to_owned()
}

/// A position in a track's own units as media time.
fn ticks(units: i128, time: TimeBase) -> MediaTime {
    let ticks = units * i128::from(time.numer.get()) * i128::from(MediaTime::RATE) / i128::from(time.denom.get());
    MediaTime(ticks.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}
