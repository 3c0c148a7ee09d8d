//! RTSP cameras (RFC 2326). H.264 passes through untouched where viewers can take it, as a clip's does; a stream with
//! B-frames is decoded, for viewers do not reorder.
//!
//! The protocol is spoken here and not by a library: those that there are keep whatever a camera sends for as long as it
//! sends it, and nothing from outside may grow memory without bound.

pub mod message;
mod reorder;
pub mod rtp;
pub mod sdp;
mod session;
mod sound;
mod timeline;
pub mod units;

use std::sync::Arc;
use std::time::Instant;

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::media::h264::{Reorder as Order264, Sps, has_b_slice};
use athome_shared::time::{MediaClock, MediaTime};

use reorder::Reorder;
use rtp::{Order, Packet};
use sdp::{Description, Stream};
use session::{Happened, Session};
use sound::Sound;
use timeline::Timeline;
use units::{Unit, Units};

use super::network::{self, Progress, TRY};
use super::{Access, CameraUrl, Opened, PixelFormat, RawFrame, Sink, Source, SourceError, Stop, Transport};
use crate::words::Verdict;

/// Which of a camera's streams an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The camera itself, with its sound.
    Main,
    /// Its smaller stream: pictures only, and only such as need no decoding.
    Small,
}

/// An RTSP camera.
pub struct Rtsp {
    url: CameraUrl,
    access: Access,
    role: Role,
    clock: MediaClock,
}

impl Rtsp {
    /// It is asked when it runs.
    pub fn new(url: &CameraUrl, access: &Access, role: Role, clock: MediaClock) -> Self {
        Self { url: url.clone(), access: access.clone(), role, clock }
    }

    async fn watch(&self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        if self.url.expose().scheme() != "rtsp" {
            return Err(Verdict::Secure.into());
        }
        let (host, progress) = (self.url.host(), Progress::default());
        let (mut session, mut playing) = progress.within(&host, self.open(&host, &progress)).await?;
        let watched = tokio::select! {
            () = stop.cancelled() => Ok(()),
            watched = playing.run(&mut session, sink) => watched,
        };
        session.tear_down().await;
        watched
    }

    async fn open(&self, host: &str, progress: &Progress) -> Result<(Session<'_>, Playing), SourceError> {
        let (url, login) = (self.url.expose(), self.access.login.as_ref());
        let (mut session, description) = Session::describe(url, login, progress).await?;
        let video = video_of(&description)?;
        let transport = self.access.transport;
        session.set_up(&description, video, transport).await?;
        let sound = match self.role {
            Role::Main => self.sound(host, &mut session, &description).await,
            Role::Small => None,
        };
        session.play().await?;
        let in_order = transport == Transport::Tcp;
        let playing = Playing {
            host: host.to_owned(),
            clock: self.clock,
            role: self.role,
            payload_type: video.payload_type,
            orders: [Order::new(in_order), Order::new(in_order)],
            units: Units::new(&video.parameter_sets()),
            timeline: Timeline::new(video.rate),
            sound,
            way: None,
            last: None,
        };
        Ok((session, playing))
    }

    /// The first sound that can be played. Without it the picture goes on.
    async fn sound(&self, host: &str, session: &mut Session<'_>, description: &Description) -> Option<Sound> {
        let mut streams = description.streams.iter().filter(|stream| stream.kind == "audio").peekable();
        let offered = streams.peek().map(|stream| stream.codec.clone());
        let Some((stream, sound)) = streams.find_map(|stream| Some((stream, Sound::new(stream)?))) else {
            if let Some(codec) = offered {
                tracing::info!(camera = host, codec, "sound of this kind is not played yet");
            }
            return None;
        };
        match session.set_up(description, stream, self.access.transport).await {
            Ok(()) => Some(sound),
            Err(why) => {
                tracing::info!(camera = host, %why, "it names sound and gives none");
                None
            }
        }
    }
}

/// The stream to show; of several the first of H.264.
fn video_of(description: &Description) -> Result<&Stream, SourceError> {
    let mut videos = description.streams.iter().filter(|stream| stream.kind == "video").peekable();
    let first = videos.peek().map(|stream| stream.codec.clone());
    if let Some(stream) = videos.find(|stream| stream.codec == "H264") {
        return Ok(stream);
    }
    Err(match first.as_deref() {
        None => Verdict::NoVideo.into(),
        Some("H265" | "HEVC") => Verdict::H265.into(),
        Some(codec) => {
            let name = codec.chars().filter(char::is_ascii_graphic).take(LONGEST_CODEC).collect();
            Verdict::Codec { name }.into()
        }
    })
}

/// Longest name of a codec that is repeated to people.
const LONGEST_CODEC: usize = 20;

/// A stream under way.
struct Playing {
    host: String,
    clock: MediaClock,
    role: Role,
    payload_type: u8,
    /// Of the picture's packets, and of the sound's.
    orders: [Order; 2],
    units: Units,
    timeline: Timeline,
    sound: Option<Sound>,
    /// `None` until the parameter sets are known.
    way: Option<Way>,
    /// Time of the last picture that passed.
    last: Option<MediaTime>,
}

enum Way {
    Through(Arc<Params>),
    Decode(Box<Reorder>),
}

impl Playing {
    async fn run(&mut self, session: &mut Session<'_>, sink: &dyn Sink) -> Result<(), SourceError> {
        let every = session.keep_alive_every();
        let began = Instant::now();
        let mut keep_alive = began + every;
        loop {
            let waits = self.orders.iter().filter_map(Order::poll_timeout).min();
            let first = self.way.is_none().then_some(began + TRY);
            let until = [Some(keep_alive), waits, first].into_iter().flatten().min().unwrap_or(keep_alive);
            match session.next(until).await? {
                Happened::Packet(track, bytes) => {
                    if let (Some(order), Some(packet)) = (self.orders.get_mut(track), Packet::parse(&bytes)) {
                        order.handle_packet(packet);
                    }
                }
                Happened::Nothing => {}
            }
            let now = Instant::now();
            self.pictures(now, sink)?;
            self.sounds(now, sink);
            if now >= keep_alive {
                keep_alive = now + every;
                session.keep_alive().await?;
            }
            if self.way.is_none() && now >= began + TRY {
                return Err(Verdict::Silent.into());
            }
        }
    }

    fn pictures(&mut self, now: Instant, sink: &dyn Sink) -> Result<(), SourceError> {
        while let Some((packet, gap)) = self.orders[0].poll(now) {
            if packet.payload_type == self.payload_type {
                self.units.handle_packet(packet, gap);
            }
        }
        while let Some(unit) = self.units.poll() {
            self.unit(now, unit, sink)?;
        }
        Ok(())
    }

    fn sounds(&mut self, now: Instant, sink: &dyn Sink) {
        while let Some((packet, _)) = self.orders[1].poll(now) {
            if let Some(sound) = &mut self.sound {
                sound.handle_packet(now, packet, &self.clock, sink);
            }
        }
    }

    fn unit(&mut self, now: Instant, unit: Unit, sink: &dyn Sink) -> Result<(), SourceError> {
        let captured = self.timeline.handle_packet(now, unit.timestamp);
        if let Some(sps) = &unit.sps {
            self.open(sps, decoded(sps), sink)?;
        }
        // B-frames after all, which nothing in the parameter sets told.
        if matches!(self.way, Some(Way::Through(_)))
            && !unit.is_key
            && has_b_slice(&unit.data)
            && let Some(sps) = self.units.sps()
        {
            self.open(&sps, true, sink)?;
        }
        match &mut self.way {
            None => {}
            Some(Way::Through(params)) => {
                let pts = self.clock.media(captured);
                let pts = self.last.map_or(pts, |last| pts.max(MediaTime(last.0 + 1)));
                self.last = Some(pts);
                sink.encoded(EncodedFrame {
                    codec: Codec::H264,
                    is_key: unit.is_key,
                    pts,
                    captured,
                    encoded: now,
                    data: unit.data,
                    params: params.clone(),
                });
            }
            Some(Way::Decode(reorder)) => {
                if let Some((captured, picture)) = reorder.handle_unit(&unit.data, captured)? {
                    let (width, height, pts) = (picture.width, picture.height, self.clock.media(captured));
                    let (format, data) = (PixelFormat::I420, picture.data);
                    sink.raw(RawFrame { format, width, height, data, captured, pts });
                }
            }
        }
        Ok(())
    }

    /// The stream says what it is, for the first time or anew.
    fn open(&mut self, sps: &Sps, decode: bool, sink: &dyn Sink) -> Result<(), SourceError> {
        let Sps { width, height, profile_level_id, .. } = *sps;
        if sps.interlaced {
            return Err(Verdict::Interlaced.into());
        }
        if decode && self.role == Role::Small {
            return Err(Verdict::Reordered.into());
        }
        self.way = Some(if decode {
            Way::Decode(Box::new(Reorder::new(sps.full_range)?))
        } else {
            Way::Through(Arc::new(Params::Video { width, height, profile_level_id }))
        });
        let fps = sps.frame_rate.map_or(0.0, |(time, ticks)| time as f32 / ticks.max(1) as f32);
        let fps = if (1.0..=240.0).contains(&fps) { fps } else { 0.0 };
        let (label, audio) = (self.host.clone(), self.sound.is_some());
        sink.opened(Opened { label, width, height, fps, encoded: !decode, audio });
        Ok(())
    }
}

/// Whether a stream has to be decoded: B-frames, or a profile that viewers may not know.
fn decoded(sps: &Sps) -> bool {
    !matches!(sps.profile_level_id[0], 66 | 77 | 100) || matches!(sps.reorder, Order264::Frames(1..))
}

impl Source for Rtsp {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        // Not cut off when it is stopped, so that it can say goodbye.
        network::run_to_end(async {
            tokio::select! {
                biased;
                watched = self.watch(sink, stop) => watched,
                () = network::too_long(stop) => Ok(()),
            }
        })
    }
}
