//! Which slot of a session carries which camera. Pure: the fewest messages that bring what is carried to what is wanted.

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::Camera;

/// Slots of one session: a place for every tile of the largest grid.
pub const SLOTS: u8 = 9;
/// Sounds of one session at once: what is heard, and what is recorded beside it.
pub const SOUNDS: u8 = 4;
/// Tiles narrower than this, in real pixels, get the small layer.
const SMALL_UNDER: u32 = 640;

/// What a slot carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub camera: CameraId,
    pub layer: Layer,
}

/// One message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Watch { slot: u8, content: Content },
    Unwatch { slot: u8 },
}

/// The layer that suits a tile `width` pixels wide.
pub fn layer(camera: &Camera, width: u32) -> Layer {
    let has = |layer| camera.layers.contains(&layer);
    if has(Layer::Small) && (width < SMALL_UNDER || !has(Layer::Full)) { Layer::Small } else { Layer::Full }
}

/// Changes `slots` to carry `wanted`, of which those beyond the slots' number are left out. A camera keeps its slot.
pub fn plan(slots: &mut [Option<Content>], wanted: &[Content]) -> Vec<Change> {
    let wanted = wanted.get(..wanted.len().min(slots.len())).unwrap_or_default();
    let mut changes = Vec::new();
    for (at, slot) in slots.iter_mut().enumerate() {
        if slot.as_ref().is_some_and(|s| !wanted.iter().any(|w| w.camera == s.camera)) {
            *slot = None;
            changes.push(Change::Unwatch { slot: at as u8 });
        }
    }
    for content in wanted {
        let own = slots.iter().position(|slot| slot.as_ref().is_some_and(|s| s.camera == content.camera));
        let Some(at) = own.or_else(|| slots.iter().position(Option::is_none)) else { continue };
        if slots.get(at).is_some_and(|slot| slot.as_ref() == Some(content)) {
            continue;
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = Some(content.clone());
            // A slot that is filled again at once needs no word of its emptying.
            changes.retain(|change| *change != Change::Unwatch { slot: at as u8 });
            changes.push(Change::Watch { slot: at as u8, content: content.clone() });
        }
    }
    changes
}

/// Changes the sound slots to carry `wanted`, the most important first; those beyond the slots' number are left out. A
/// camera keeps its slot, so that a recording's sound has no gap when another camera is heard. What to tell: slot and
/// camera.
pub fn plan_sounds(slots: &mut [Option<CameraId>], wanted: &[CameraId]) -> Vec<(u8, Option<CameraId>)> {
    let wanted = wanted.get(..wanted.len().min(slots.len())).unwrap_or_default();
    let before = slots.to_vec();
    for slot in slots.iter_mut() {
        slot.take_if(|camera| !wanted.contains(camera));
    }
    for camera in wanted {
        if !slots.iter().flatten().any(|carried| carried == camera)
            && let Some(free) = slots.iter_mut().find(|slot| slot.is_none())
        {
            *free = Some(camera.clone());
        }
    }
    let changed = slots.iter().zip(before).enumerate().filter(|(_, (now, before))| *now != before);
    changed.map(|(at, (now, _))| (at as u8, now.clone())).collect()
}

#[cfg(test)]
mod tests {
    use athome_shared::id::{CameraId, Layer};

    use super::{Change, Content, plan, plan_sounds};

    fn content(name: &str, layer: Layer) -> Content {
        Content { camera: CameraId::slug(name), layer }
    }

    #[test]
    fn a_camera_keeps_its_slot_and_only_changes_are_sent() {
        let mut slots = vec![None; 3];
        let [a, b, c] = ["a", "b", "c"].map(|name| content(name, Layer::Full));
        assert_eq!(plan(&mut slots, &[a.clone(), b.clone()]).len(), 2);
        assert_eq!(plan(&mut slots, &[b.clone(), a.clone()]), []);
        assert_eq!(
            plan(&mut slots, &[c.clone(), b.clone()]),
            [Change::Watch { slot: 0, content: c }],
            "the freed slot is used again without a word of its emptying"
        );
        assert_eq!(plan(&mut slots, &[b]), [Change::Unwatch { slot: 0 }]);
        let small = content("b", Layer::Small);
        assert_eq!(
            plan(&mut slots, std::slice::from_ref(&small)),
            [Change::Watch { slot: 1, content: small }],
            "another layer of the same camera"
        );
    }

    #[test]
    fn a_recorded_camera_keeps_its_sound_when_another_is_heard() {
        let [a, b, c] = ["a", "b", "c"].map(CameraId::slug);
        let mut slots = vec![None; 2];
        assert_eq!(plan_sounds(&mut slots, std::slice::from_ref(&a)), [(0, Some(a.clone()))]);
        // `b` is heard now, `a` goes on being recorded: nothing is said of it.
        assert_eq!(plan_sounds(&mut slots, &[b.clone(), a.clone()]), [(1, Some(b.clone()))]);
        assert_eq!(plan_sounds(&mut slots, std::slice::from_ref(&a)), [(1, None)]);
        // More than fit: what is heard comes first.
        assert_eq!(plan_sounds(&mut slots, &[b.clone(), a, c]), [(1, Some(b))]);
        assert_eq!(plan_sounds(&mut slots, &[]).len(), 2);
    }

    #[test]
    fn more_than_fit_are_left_out() {
        let mut slots = vec![None; 2];
        let wanted: Vec<_> = ["a", "b", "c"].map(|name| content(name, Layer::Full)).into();
        assert_eq!(plan(&mut slots, &wanted).len(), 2);
        assert!(slots.iter().all(Option::is_some));
    }
}
