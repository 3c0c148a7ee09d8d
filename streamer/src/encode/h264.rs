//! H.264 by openh264: constrained baseline, one slice, no B-frames, key frames only when asked for. The one file that
//! names the library.

use std::sync::Arc;
use std::time::Instant;

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use bytes::Bytes;
use openh264::encoder::{
    BitRate, Complexity, Encoder as OpenH264, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Level, Profile,
    QpRange, RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};

use super::convert::Picture;

/// What to tell whoever starts a program whose encoder was built without its assembler code; `None` if all is well.
pub fn slow_build() -> Option<&'static str> {
    cfg!(h264_without_nasm).then_some(
        "built without nasm: encoding costs more than twice the processor time. \
         Install nasm, run `cargo clean -p openh264-sys2` and build again.",
    )
}

/// The library refused.
#[derive(Debug, thiserror::Error)]
#[error("H.264 encoder: {0}")]
pub struct H264Error(String);

impl From<openh264::Error> for H264Error {
    fn from(why: openh264::Error) -> Self {
        Self(why.to_string())
    }
}

/// Bits a second that suit a picture: about 2.5 Mbit/s for 720p30, less for each pixel where there are more.
pub fn suitable_bitrate(width: u32, height: u32, fps: f32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    let rate = f64::from(if fps.is_finite() { fps.clamp(5.0, 60.0) } else { 30.0 }) / 30.0;
    let bps = 2_500_000.0 * (pixels / (1280.0 * 720.0)).powf(0.8) * rate.powf(0.6);
    bps.clamp(150_000.0, 12_000_000.0) as u32
}

/// One layer's encoder. Blocking: a few milliseconds for each picture, on a thread of its own.
pub struct Encoder {
    inner: Option<Running>,
    ceiling_bps: u32,
    bitrate_bps: u32,
    fps: f32,
    /// The last frame's size, to reserve for the next.
    capacity: usize,
}

struct Running {
    encoder: OpenH264,
    size: (u32, u32),
    params: Arc<Params>,
    /// The library initialises itself at the first picture, and only then can its options be changed.
    begun: bool,
}

impl Encoder {
    /// The bitrate may later move up to `ceiling_bps`. `fps` is the nominal rate, 30 where it is unknown (zero).
    pub fn new(ceiling_bps: u32, fps: f32) -> Self {
        let fps = if fps.is_finite() && fps >= 1.0 { fps.min(60.0) } else { 30.0 };
        Self { inner: None, ceiling_bps, bitrate_bps: ceiling_bps, fps, capacity: 16 * 1024 }
    }

    /// Takes effect with the next picture, without a key frame.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<(), H264Error> {
        let bps = bps.clamp(1, self.ceiling_bps);
        if bps != self.bitrate_bps {
            self.bitrate_bps = bps;
            if let Some(running) = self.inner.as_mut().filter(|running| running.begun) {
                option::set_bitrate(&mut running.encoder, bps)?;
            }
        }
        Ok(())
    }

    /// The rate at which pictures really come: the bits of a second are shared among that many.
    pub fn set_frame_rate(&mut self, fps: f32) -> Result<(), H264Error> {
        let fps = if fps.is_finite() { fps.clamp(1.0, 60.0) } else { return Ok(()) };
        self.fps = fps;
        match self.inner.as_mut().filter(|running| running.begun) {
            Some(running) => option::set_frame_rate(&mut running.encoder, fps),
            None => Ok(()),
        }
    }

    /// Frames a second that the encoder reckons with.
    pub fn frame_rate(&self) -> f32 {
        self.fps
    }

    /// Encodes a picture. `None`: the rate control skipped it, which is not an error and not to be sent. A picture of
    /// another size than the last starts the encoder afresh, with a key frame.
    pub fn encode(&mut self, picture: &Picture, key_frame: bool) -> Result<Option<EncodedFrame>, H264Error> {
        let size = (picture.width & !1, picture.height & !1);
        let [y, u, v] = picture.planes();
        if v.is_empty() || size.0 < 16 || size.1 < 16 {
            return Err(H264Error(format!("a picture of {}x{} is too small or incomplete", size.0, size.1)));
        }
        if self.inner.as_ref().is_none_or(|running| running.size != size) {
            self.inner = Some(self.start(size)?);
        }
        let Some(running) = &mut self.inner else { return Ok(None) };
        if key_frame {
            running.encoder.force_intra_frame();
        }
        let strides = (picture.width as usize, picture.chroma_size().0);
        let source = Source { size, strides, y, u, v };
        let millis = u64::try_from(picture.pts.0 / 90).unwrap_or(0);
        let begun = std::mem::replace(&mut running.begun, true);
        let stream = running.encoder.encode_at(&source, Timestamp::from_millis(millis))?;
        let is_key = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Skip | FrameType::Invalid => return Ok(None),
        };
        let mut data = Vec::with_capacity(self.capacity + self.capacity / 4);
        stream.write_vec(&mut data);
        if data.is_empty() {
            return Ok(None);
        }
        self.capacity = data.len();
        if is_key && let Some(profile_level_id) = profile_level_id(&data) {
            let params = Params::Video { width: size.0, height: size.1, profile_level_id };
            if *running.params != params {
                running.params = Arc::new(params);
            }
        }
        if !begun && self.bitrate_bps != self.ceiling_bps {
            option::set_bitrate(&mut running.encoder, self.bitrate_bps)?;
        }
        Ok(Some(EncodedFrame {
            codec: Codec::H264,
            is_key,
            pts: picture.pts,
            captured: picture.captured,
            encoded: Instant::now(),
            data: Bytes::from(data),
            params: running.params.clone(),
        }))
    }

    fn start(&self, size: (u32, u32)) -> Result<Running, H264Error> {
        // Every option is set: the library's defaults are made for something else (120 kbit/s, constant quality). The
        // ceiling comes first because the library clips later bitrates to the first.
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .complexity(Complexity::Low)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(self.ceiling_bps))
            .max_frame_rate(FrameRate::from_hz(self.fps))
            // Without skipping the rate control is not enforced.
            .skip_frames(true)
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .profile(Profile::Baseline)
            .level(level(size, self.fps, self.ceiling_bps))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .num_threads(1)
            .qp(QpRange::new(0, 51))
            // A key frame that nobody asked for costs a weak link more than a scene change is worth.
            .scene_change_detect(false)
            .adaptive_quantization(true)
            .background_detection(true)
            .long_term_reference(false)
            .vui(VuiConfig::bt601())
            .debug(false);
        let encoder = OpenH264::with_api_config(OpenH264API::from_source(), config)?;
        let params = Arc::new(Params::Video { width: size.0, height: size.1, profile_level_id: [0; 3] });
        Ok(Running { encoder, size, params, begun: false })
    }
}

/// A picture as the library wants to see it: even sizes, rows as wide as they are.
struct Source<'a> {
    size: (u32, u32),
    strides: (usize, usize),
    y: &'a [u8],
    u: &'a [u8],
    v: &'a [u8],
}

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.size.0 as usize, self.size.1 as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.strides.0, self.strides.1, self.strides.1)
    }

    fn y(&self) -> &[u8] {
        self.y
    }

    fn u(&self) -> &[u8] {
        self.u
    }

    fn v(&self) -> &[u8] {
        self.v
    }
}

/// The lowest level of H.264 Annex A, table A-1, that holds such a stream, from 3.0 up.
fn level(size: (u32, u32), fps: f32, bps: u32) -> Level {
    // Level, macroblocks a frame, macroblocks a second, bits a second.
    const TABLE: [(Level, u32, u32, u32); 8] = [
        (Level::Level_3_0, 1_620, 40_500, 10_000_000),
        (Level::Level_3_1, 3_600, 108_000, 14_000_000),
        (Level::Level_3_2, 5_120, 216_000, 20_000_000),
        (Level::Level_4_0, 8_192, 245_760, 20_000_000),
        (Level::Level_4_2, 8_704, 522_240, 50_000_000),
        (Level::Level_5_0, 22_080, 589_824, 135_000_000),
        (Level::Level_5_1, 36_864, 983_040, 240_000_000),
        (Level::Level_5_2, 36_864, 2_073_600, 240_000_000),
    ];
    let frame = size.0.div_ceil(16) * size.1.div_ceil(16);
    let second = (frame as f32 * fps) as u32;
    TABLE
        .iter()
        .find(|(_, frames, seconds, bits)| frame <= *frames && second <= *seconds && bps <= *bits)
        .map_or(Level::Level_5_2, |row| row.0)
}

/// The three bytes after the header of the sequence parameter set (RFC 6184 §8.1), which stands first in a key frame.
fn profile_level_id(annex_b: &[u8]) -> Option<[u8; 3]> {
    const SPS: u8 = 7;
    let start = annex_b.windows(4).position(|w| matches!(w, [0, 0, 1, nal] if nal & 0x1f == SPS))?;
    annex_b.get(start + 4..start + 7)?.try_into().ok()
}

/// Options of a running encoder, which the safe interface does not offer.
#[allow(unsafe_code)]
mod option {
    use openh264::encoder::Encoder;
    use openh264_sys2::{
        ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, SBitrateInfo, SPATIAL_LAYER_ALL,
    };

    use super::H264Error;

    pub(super) fn set_bitrate(encoder: &mut Encoder, bps: u32) -> Result<(), H264Error> {
        let mut info = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: bps.try_into().unwrap_or(i32::MAX) };
        // SAFETY: this option reads one `SBitrateInfo`, which `info` is.
        unsafe { set(encoder, ENCODER_OPTION_BITRATE, &mut info) }
    }

    pub(super) fn set_frame_rate(encoder: &mut Encoder, fps: f32) -> Result<(), H264Error> {
        let mut fps = fps;
        // SAFETY: this option reads one `float`, which `fps` is.
        unsafe { set(encoder, ENCODER_OPTION_FRAME_RATE, &mut fps) }
    }

    /// # Safety
    /// `T` must be what the library reads for `option`, and the encoder must have encoded a picture (so that it is
    /// initialised).
    unsafe fn set<T>(encoder: &mut Encoder, option: ENCODER_OPTION, value: &mut T) -> Result<(), H264Error> {
        // SAFETY: the pointer is valid for the call, after which the library does not keep it; the options set here are
        // none that the safe interface relies on.
        let code = unsafe { encoder.raw_api().set_option(option, std::ptr::from_mut(value).cast()) };
        if code == 0 { Ok(()) } else { Err(H264Error(format!("option {option} refused with code {code}"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_follows_size_rate_and_bitrate() {
        for (size, fps, bps, expected) in [
            ((640, 360), 30.0, 500_000, Level::Level_3_0),
            ((1280, 720), 30.0, 2_500_000, Level::Level_3_1),
            ((1280, 720), 60.0, 2_500_000, Level::Level_3_2),
            ((1920, 1080), 30.0, 4_500_000, Level::Level_4_0),
            ((1920, 1080), 30.0, 30_000_000, Level::Level_4_2),
            ((3840, 2160), 30.0, 12_000_000, Level::Level_5_1),
            ((3840, 2160), 60.0, 12_000_000, Level::Level_5_2),
        ] {
            assert_eq!(format!("{:?}", level(size, fps, bps)), format!("{expected:?}"), "{size:?}");
        }
    }

    #[test]
    fn bitrates_suit_the_size() {
        assert_eq!(suitable_bitrate(1280, 720, 30.0), 2_500_000);
        assert!((4_000_000..5_500_000).contains(&suitable_bitrate(1920, 1080, 30.0)));
        assert!((700_000..1_000_000).contains(&suitable_bitrate(640, 360, 30.0)));
        assert_eq!(suitable_bitrate(u32::MAX, u32::MAX, f32::NAN), 12_000_000);
    }

    #[test]
    fn hostile_bytes_have_no_profile() {
        assert_eq!(profile_level_id(&[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xff]), Some([0x42, 0xc0, 0x1f]));
        assert_eq!(profile_level_id(&[0, 0, 1, 0x67, 0x42]), None);
        assert_eq!(profile_level_id(&[]), None);
    }
}
