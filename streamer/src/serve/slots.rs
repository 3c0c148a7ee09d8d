//! A peer connection's slots: what each carries, and since when. Attaching goes in an order that the viewer can rely on:
//! the old camera is written no more, the new one is announced, and only then its frames follow, from a key frame on.

use std::sync::Arc;

use athome_shared::id::{CameraId, Layer};
use athome_shared::peer::{Sender, Shape};
use athome_shared::protocol::control::{Attached, Camera};
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::{MediaClock, MediaTime};
use tokio::sync::mpsc;

use super::live::{Feed, Figures, TimeLine};
use crate::hub::{From, Hub, Reader, StreamKey};

/// What a sound slot costs of the connection's bitrate: Opus at our settings, with headers.
const AUDIO_BPS: u32 = 72_000;
/// No video slot is asked to go below this.
const MIN_VIDEO_BPS: u32 = 60_000;
/// The full layer's share of the bitrate against the small layer's.
const FULL_WEIGHT: u32 = 5;
const SMALL_WEIGHT: u32 = 1;

/// All slots of one peer connection.
pub struct Slots {
    hub: Hub,
    clock: MediaClock,
    video: Vec<Slot>,
    audio: Vec<Slot>,
    reports: mpsc::Sender<Figures>,
    target_bps: Option<u32>,
}

#[derive(Default)]
struct Slot {
    epoch: u32,
    line: Arc<TimeLine>,
    content: Option<Content>,
    feed: Option<Feed>,
}

struct Content {
    camera: CameraId,
    layer: Layer,
    from: MediaTime,
    /// Subscribed but not yet fed: the stream is already in demand, and its key frame on the way.
    waiting: Option<Reader>,
}

impl Slots {
    /// Empty slots. `reports` gets each video slot's figures once a second.
    pub fn new(hub: Hub, clock: MediaClock, shape: Shape, reports: mpsc::Sender<Figures>) -> Self {
        let empty = |n: u8| (0..n).map(|_| Slot::default()).collect();
        Self { hub, clock, video: empty(shape.video), audio: empty(shape.audio), reports, target_bps: None }
    }

    /// Gives a slot new content, not yet fed; false if there is no such slot. The old content is written no more when this
    /// returns.
    pub async fn prepare(&mut self, kind: SlotKind, at: u8, camera: &CameraId, layer: Layer, now: MediaTime) -> bool {
        let key = match kind {
            SlotKind::Video => StreamKey::video(camera, layer),
            SlotKind::Audio => StreamKey::audio(camera),
        };
        let hub = self.hub.clone();
        let Some(slot) = self.slot(kind, at) else { return false };
        // Subscribing first: the encoder works on the key frame while the old feed ends.
        let reader = hub.stream(&key).subscribe(From::Live);
        slot.clear().await;
        slot.epoch = slot.epoch.wrapping_add(1);
        let from = slot.line.attach(now);
        slot.content = Some(Content { camera: camera.clone(), layer, from, waiting: Some(reader) });
        true
    }

    /// The announcement of a slot's content; `None` while it carries nothing.
    pub fn announcement(&self, sender: &Sender, kind: SlotKind, at: u8) -> Option<Attached> {
        let slots = match kind {
            SlotKind::Video => &self.video,
            SlotKind::Audio => &self.audio,
        };
        let slot = slots.get(usize::from(at))?;
        let content = slot.content.as_ref()?;
        Some(Attached {
            kind,
            slot: at,
            camera: content.camera.clone(),
            layer: content.layer,
            epoch: slot.epoch,
            rtp: sender.rtp_of(kind, at, content.from),
        })
    }

    /// The announcements of all slots.
    pub fn announcements(&self, sender: &Sender) -> Vec<Attached> {
        let all = |kind, slots: &[Slot]| {
            (0..u8::try_from(slots.len()).unwrap_or(u8::MAX))
                .filter_map(|at| self.announcement(sender, kind, at))
                .collect::<Vec<_>>()
        };
        let mut announced = all(SlotKind::Video, &self.video);
        announced.extend(all(SlotKind::Audio, &self.audio));
        announced
    }

    /// Starts feeding a prepared slot.
    pub fn feed(&mut self, sender: &Arc<Sender>, kind: SlotKind, at: u8) {
        let (clock, reports, sender) = (self.clock, self.reports.clone(), sender.clone());
        let Some(slot) = self.slot(kind, at) else { return };
        let Some(reader) = slot.content.as_mut().and_then(|content| content.waiting.take()) else { return };
        slot.feed = Some(match kind {
            SlotKind::Video => Feed::video(sender, at, slot.epoch, reader, slot.line.clone(), clock, reports),
            SlotKind::Audio => Feed::audio(sender, at, reader, slot.line.clone(), clock),
        });
        self.share();
    }

    /// Starts feeding every prepared slot.
    pub fn feed_all(&mut self, sender: &Arc<Sender>) {
        for at in 0..u8::try_from(self.video.len()).unwrap_or(u8::MAX) {
            self.feed(sender, SlotKind::Video, at);
        }
        for at in 0..u8::try_from(self.audio.len()).unwrap_or(u8::MAX) {
            self.feed(sender, SlotKind::Audio, at);
        }
    }

    /// Empties a slot; returns its new epoch, `None` if there is no such slot or it was empty. Nothing of it is written
    /// afterwards.
    pub async fn detach(&mut self, kind: SlotKind, at: u8) -> Option<u32> {
        let slot = self.slot(kind, at)?;
        slot.content.as_ref()?;
        slot.clear().await;
        slot.epoch = slot.epoch.wrapping_add(1);
        let epoch = slot.epoch;
        self.share();
        Some(epoch)
    }

    /// The camera of the first video slot that has one.
    pub fn first_picture(&self) -> Option<&CameraId> {
        self.video.iter().find_map(|slot| slot.content.as_ref()).map(|content| &content.camera)
    }

    /// The slots whose camera is not in the list any more.
    pub fn orphans(&self, cameras: &[Camera]) -> Vec<(SlotKind, u8)> {
        let of = |kind, slots: &[Slot]| {
            (0..)
                .zip(slots)
                .filter(|(_, slot)| {
                    slot.content.as_ref().is_some_and(|content| cameras.iter().all(|c| c.id != content.camera))
                })
                .map(|(at, _)| (kind, at))
                .collect::<Vec<_>>()
        };
        let mut found = of(SlotKind::Video, &self.video);
        found.extend(of(SlotKind::Audio, &self.audio));
        found
    }

    /// Asks for a key frame in a video slot.
    pub fn want_key_frame(&self, at: u8) {
        if let Some(feed) = self.video.get(usize::from(at)).and_then(|slot| slot.feed.as_ref()) {
            feed.want_key_frame();
        }
    }

    /// Shares the connection's estimate among what the slots carry.
    pub fn set_target_bps(&mut self, bps: u32) {
        self.target_bps = Some(bps);
        self.share();
    }

    /// Ends all feeds; afterwards nothing is written.
    pub async fn stop(&mut self) {
        for slot in self.video.iter_mut().chain(&mut self.audio) {
            slot.clear().await;
        }
    }

    fn share(&self) {
        let Some(total) = self.target_bps else { return };
        let sounds = self.audio.iter().filter(|slot| slot.feed.is_some()).count();
        let layers: Vec<Option<Layer>> = self
            .video
            .iter()
            .map(|slot| slot.feed.as_ref().and(slot.content.as_ref()).map(|content| content.layer))
            .collect();
        for (slot, bps) in self.video.iter().zip(shares(total, sounds, &layers)) {
            if let (Some(feed), Some(bps)) = (&slot.feed, bps) {
                feed.set_target_bps(bps);
            }
        }
    }

    fn slot(&mut self, kind: SlotKind, at: u8) -> Option<&mut Slot> {
        match kind {
            SlotKind::Video => self.video.get_mut(usize::from(at)),
            SlotKind::Audio => self.audio.get_mut(usize::from(at)),
        }
    }
}

impl Slot {
    async fn clear(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.stop().await;
        }
        self.content = None;
    }
}

/// Each video slot's part of `total` bits a second, after `sounds` sound slots took theirs: the full layer five times the
/// small one's, `None` for an empty slot.
fn shares(total: u32, sounds: usize, layers: &[Option<Layer>]) -> Vec<Option<u32>> {
    let weight = |layer: Layer| match layer {
        Layer::Full => FULL_WEIGHT,
        Layer::Small => SMALL_WEIGHT,
    };
    let sounds = u32::try_from(sounds).unwrap_or(u32::MAX).saturating_mul(AUDIO_BPS);
    let left = u64::from(total.saturating_sub(sounds));
    let all: u32 = layers.iter().flatten().map(|layer| weight(*layer)).sum();
    layers
        .iter()
        .map(|layer| {
            layer.map(|layer| {
                let share = left * u64::from(weight(layer)) / u64::from(all.max(1));
                u32::try_from(share).unwrap_or(u32::MAX).max(MIN_VIDEO_BPS)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use athome_shared::id::Layer;

    use super::{MIN_VIDEO_BPS, shares};

    #[test]
    fn sound_comes_first_and_pictures_share_the_rest() {
        assert_eq!(shares(2_072_000, 1, &[Some(Layer::Full), None]), [Some(2_000_000), None]);
        let grid = shares(3_000_000, 0, &[Some(Layer::Full), Some(Layer::Small)]);
        assert_eq!(grid, [Some(2_500_000), Some(500_000)]);
        assert_eq!(shares(10_000, 2, &[Some(Layer::Small)]), [Some(MIN_VIDEO_BPS)]);
        assert_eq!(shares(u32::MAX, 0, &[Some(Layer::Full); 16]).len(), 16);
    }
}
