//! Which frame is of which camera. A slot shows nothing unless its content was announced, the frame is not older than
//! the announcement says, and decoding can start there (`docs/protocol.md`, "Media"). Pure.

use std::sync::Arc;

use athome_shared::id::{CameraId, Layer};
use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::{SlotKind, SlotMid};

/// Video slots of one session at most (`Join::slots`).
pub const MAX_VIDEO: usize = 16;
/// Sound slots of one session at most.
pub const MAX_AUDIO: usize = 4;

/// What to do with a received frame.
#[derive(Debug, PartialEq)]
pub enum Admit<'a> {
    /// It is of this announced content.
    Show(&'a Arc<Attached>),
    /// The slot waits for a key frame and this is none.
    KeyFrameNeeded { slot: u8 },
    /// It belongs to nothing that was announced.
    Hide,
}

/// The slots of one session.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    slots: Vec<Slot>,
}

#[derive(Clone, Debug)]
struct Slot {
    kind: SlotKind,
    number: u8,
    mid: String,
    attached: Option<Arc<Attached>>,
    /// The last epoch seen, attached or not.
    epoch: Option<u32>,
    /// A frame of `attached` was admitted. From then on its timestamps are not compared any more: they wrap.
    reached: bool,
    /// Asked for and not yet announced. What arrives meanwhile may be of either camera, so nothing is shown.
    wanted: Option<Wanted>,
}

#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    re: u32,
    camera: CameraId,
    layer: Option<Layer>,
}

impl Slots {
    /// From an offer's list; `None` if it holds more slots than asked for, or one twice.
    pub fn new(list: &[SlotMid]) -> Option<Self> {
        let mut slots: Vec<Slot> = Vec::new();
        for entry in list {
            if slots.iter().any(|s| s.mid == entry.mid || (s.kind, s.number) == (entry.kind, entry.slot)) {
                return None;
            }
            slots.push(Slot {
                kind: entry.kind,
                number: entry.slot,
                mid: entry.mid.clone(),
                attached: None,
                epoch: None,
                reached: false,
                wanted: None,
            });
        }
        let video = slots.iter().filter(|s| s.kind == SlotKind::Video).count();
        (video <= MAX_VIDEO && slots.len() - video <= MAX_AUDIO).then_some(Self { slots })
    }

    /// An announcement; true if it is news. One for an unknown slot, or not newer than the last, is ignored.
    pub fn handle_attached(&mut self, attached: &Attached) -> bool {
        let Some(slot) = self.find(attached.kind, attached.slot) else { return false };
        if slot.epoch.is_some_and(|known| !newer(attached.epoch, known)) {
            return false;
        }
        slot.epoch = Some(attached.epoch);
        slot.attached = Some(Arc::new(attached.clone()));
        slot.reached = false;
        if slot
            .wanted
            .as_ref()
            .is_some_and(|w| w.camera == attached.camera && w.layer.is_none_or(|l| l == attached.layer))
        {
            slot.wanted = None;
        }
        true
    }

    /// The slot carries nothing from now on; true if that is news.
    pub fn handle_detached(&mut self, kind: SlotKind, number: u8, epoch: u32) -> bool {
        let Some(slot) = self.find(kind, number) else { return false };
        if slot.epoch.is_some_and(|known| !newer(epoch, known)) {
            return false;
        }
        slot.epoch = Some(epoch);
        slot.attached.take().is_some()
    }

    /// The viewer asked for this content; until it is announced, the slot shows nothing.
    pub fn handle_wanted(&mut self, kind: SlotKind, number: u8, re: u32, camera: CameraId, layer: Option<Layer>) {
        if let Some(slot) = self.find(kind, number) {
            let same = slot.attached.as_ref().is_some_and(|a| a.camera == camera && layer.is_none_or(|l| l == a.layer));
            slot.wanted = (!same).then_some(Wanted { re, camera, layer });
        }
    }

    /// The viewer asked for nothing: the slot is dark at once.
    pub fn handle_unwanted(&mut self, kind: SlotKind, number: u8) {
        if let Some(slot) = self.find(kind, number) {
            slot.wanted = None;
            slot.attached = None;
        }
    }

    /// A request was refused: what was announced before still holds.
    pub fn handle_refused(&mut self, re: u32) {
        for slot in &mut self.slots {
            if slot.wanted.as_ref().is_some_and(|w| w.re == re) {
                slot.wanted = None;
            }
        }
    }

    /// Judges a frame.
    pub fn admit(&mut self, frame: &ReceivedFrame) -> Admit<'_> {
        let Some(slot) = self.slots.iter_mut().find(|s| s.kind == frame.kind && s.mid == frame.mid) else {
            return Admit::Hide;
        };
        let Some(attached) = &slot.attached else { return Admit::Hide };
        if slot.wanted.is_some() {
            return Admit::Hide;
        }
        if !slot.reached {
            if frame.rtp.wrapping_sub(attached.rtp) > u32::MAX / 2 {
                return Admit::Hide;
            }
            if !frame.is_key {
                return Admit::KeyFrameNeeded { slot: slot.number };
            }
            slot.reached = true;
        }
        Admit::Show(attached)
    }

    /// What a slot carries, as far as announced.
    pub fn attached(&self, kind: SlotKind, number: u8) -> Option<&Attached> {
        self.slots.iter().find(|s| s.kind == kind && s.number == number)?.attached.as_deref()
    }

    /// The number of the slot on an m-line.
    pub fn number(&self, kind: SlotKind, mid: &str) -> Option<u8> {
        self.slots.iter().find(|s| s.kind == kind && s.mid == mid).map(|s| s.number)
    }

    /// The m-line of a slot.
    pub fn mid(&self, kind: SlotKind, number: u8) -> Option<&str> {
        self.slots.iter().find(|s| s.kind == kind && s.number == number).map(|s| s.mid.as_str())
    }

    fn find(&mut self, kind: SlotKind, number: u8) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|s| s.kind == kind && s.number == number)
    }
}

/// Epochs may wrap in theory.
fn newer(epoch: u32, known: u32) -> bool {
    (1..=u32::MAX / 2).contains(&epoch.wrapping_sub(known))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::peer::ReceivedFrame;
    use athome_shared::protocol::control::Attached;
    use athome_shared::protocol::wire::{SlotKind, SlotMid};
    use bytes::Bytes;

    use super::{Admit, Slots};

    fn slots() -> Slots {
        let slot = |kind, slot, mid: &str| SlotMid { kind, slot, mid: mid.to_owned() };
        Slots::new(&[slot(SlotKind::Video, 0, "0"), slot(SlotKind::Video, 1, "1"), slot(SlotKind::Audio, 0, "2")])
            .unwrap()
    }

    fn attached(camera: &str, epoch: u32, rtp: u32) -> Attached {
        let camera = CameraId::new(camera).unwrap();
        Attached { kind: SlotKind::Video, slot: 0, camera, layer: Layer::Full, epoch, rtp }
    }

    fn frame(rtp: u32, is_key: bool) -> ReceivedFrame {
        ReceivedFrame {
            kind: SlotKind::Video,
            mid: "0".to_owned(),
            rtp,
            is_key,
            captured: None,
            received: Instant::now(),
            data: Bytes::new(),
            missing: 0,
        }
    }

    fn shown(slots: &mut Slots, rtp: u32, is_key: bool) -> Option<String> {
        match slots.admit(&frame(rtp, is_key)) {
            Admit::Show(attached) => Some(attached.camera.to_string()),
            Admit::KeyFrameNeeded { .. } | Admit::Hide => None,
        }
    }

    #[test]
    fn nothing_is_shown_before_it_is_announced_and_reached() {
        let mut slots = slots();
        assert_eq!(shown(&mut slots, 1_000, true), None);
        assert!(slots.handle_attached(&attached("door", 1, 5_000)));
        assert_eq!(shown(&mut slots, 4_999, true), None, "an older frame may be another camera's");
        assert_eq!(slots.admit(&frame(5_000, false)), Admit::KeyFrameNeeded { slot: 0 });
        assert_eq!(shown(&mut slots, 5_000, true).as_deref(), Some("door"));
        assert_eq!(shown(&mut slots, 8_000, false).as_deref(), Some("door"));
    }

    #[test]
    fn between_the_wish_and_the_announcement_nothing_is_shown() {
        let mut slots = slots();
        slots.handle_attached(&attached("door", 1, 0));
        assert!(shown(&mut slots, 10, true).is_some());
        slots.handle_wanted(SlotKind::Video, 0, 7, CameraId::new("yard").unwrap(), Some(Layer::Full));
        assert_eq!(shown(&mut slots, 20, true), None, "this may be the yard already");
        slots.handle_attached(&attached("yard", 2, 15));
        assert_eq!(shown(&mut slots, 20, true).as_deref(), Some("yard"));
    }

    #[test]
    fn an_announcement_of_something_else_does_not_satisfy_the_wish() {
        let mut slots = slots();
        slots.handle_wanted(SlotKind::Video, 0, 8, CameraId::new("yard").unwrap(), None);
        slots.handle_attached(&attached("door", 1, 0));
        assert_eq!(shown(&mut slots, 20, true), None);
        slots.handle_refused(8);
        assert_eq!(shown(&mut slots, 21, true).as_deref(), Some("door"), "refused: the old content still holds");
    }

    #[test]
    fn stale_and_unknown_announcements_are_ignored() {
        let mut slots = slots();
        assert!(slots.handle_attached(&attached("door", 5, 0)));
        assert!(!slots.handle_attached(&attached("yard", 5, 0)));
        assert!(!slots.handle_attached(&attached("yard", 4, 0)));
        assert!(!slots.handle_attached(&Attached { slot: 9, ..attached("yard", 6, 0) }));
        assert!(!slots.handle_detached(SlotKind::Video, 0, 5));
        assert_eq!(shown(&mut slots, 1, true).as_deref(), Some("door"));
        assert!(slots.handle_detached(SlotKind::Video, 0, 6));
        assert_eq!(shown(&mut slots, 2, true), None);
    }

    #[test]
    fn timestamps_may_wrap_long_after_the_start() {
        let mut slots = slots();
        slots.handle_attached(&attached("door", 1, u32::MAX - 10));
        assert!(shown(&mut slots, 5, true).is_some());
        assert!(shown(&mut slots, 0x9000_0000, false).is_some(), "13 hours later");
    }

    #[test]
    fn an_offer_with_a_slot_twice_or_too_many_is_refused() {
        let slot = |n: u8, mid: &str| SlotMid { kind: SlotKind::Video, slot: n, mid: mid.to_owned() };
        assert!(Slots::new(&[slot(0, "0"), slot(1, "0")]).is_none());
        assert!(Slots::new(&[slot(0, "0"), slot(0, "1")]).is_none());
        let many: Vec<_> = (0..17).map(|n| slot(n, &n.to_string())).collect();
        assert!(Slots::new(&many).is_none());
        assert!(Slots::new(&many[..16]).is_some());
    }
}
