//! What a viewer is told of motion: each camera's state once for each change, and the moving cells of the cameras that
//! it asked for. Pure: the session sends it.

use std::collections::{BTreeMap, BTreeSet};

use athome_shared::id::CameraId;
use athome_shared::pair::b64;
use athome_shared::protocol::control::ToViewer;
use bytes::Bytes;

use crate::motion::board::Glance;
use crate::motion::grid::{HEIGHT, WIDTH};

/// One viewer's knowledge.
#[derive(Debug, Default)]
pub(super) struct Moving {
    told: BTreeMap<CameraId, (bool, Vec<String>)>,
    /// Cameras whose cells it wants, and what it was sent last.
    cells: BTreeMap<CameraId, Bytes>,
}

impl Moving {
    /// It wants a camera's cells, or no longer. Only cameras that exist get here, so there are no more than those.
    pub(super) fn handle_wish(&mut self, camera: CameraId, on: bool) {
        if on {
            self.cells.entry(camera).or_default();
        } else {
            self.cells.remove(&camera);
        }
    }

    /// What it does not know yet.
    pub(super) fn handle_glances(&mut self, glances: &BTreeMap<CameraId, Glance>) -> Vec<ToViewer> {
        let mut news = Vec::new();
        let gone: BTreeSet<_> = self.told.keys().filter(|id| !glances.contains_key(*id)).cloned().collect();
        self.told.retain(|id, _| !gone.contains(id));
        for (camera, glance) in glances {
            let before = self.told.get(camera).is_some_and(|told| told.0);
            let state = (glance.moving, glance.zones.clone());
            if self.told.get(camera) != Some(&state) {
                // A still camera is what everyone expects.
                if before || glance.moving {
                    let (moving, zones) = state.clone();
                    news.push(ToViewer::Motion { camera: camera.clone(), moving, zones });
                }
                self.told.insert(camera.clone(), state);
            }
            let Some(sent) = self.cells.get_mut(camera).filter(|sent| **sent != glance.cells) else { continue };
            *sent = glance.cells.clone();
            let (width, height, bits) = (WIDTH as u16, HEIGHT as u16, b64::encode(&glance.cells));
            news.push(ToViewer::Cells { camera: camera.clone(), width, height, bits });
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use athome_shared::id::CameraId;
    use athome_shared::protocol::control::{MAX_MESSAGE, ToViewer};
    use bytes::Bytes;

    use super::Moving;
    use crate::motion::board::Glance;
    use crate::motion::grid::CELLS;

    fn glances(moving: bool, cells: &[u8]) -> BTreeMap<CameraId, Glance> {
        let glance = Glance { moving, zones: vec!["Path".to_owned()], cells: Bytes::copy_from_slice(cells) };
        BTreeMap::from([(CameraId::slug("door"), glance)])
    }

    #[test]
    fn changes_are_told_once_and_cells_only_to_who_asked() {
        let (mut moving, door) = (Moving::default(), CameraId::slug("door"));
        assert!(moving.handle_glances(&glances(false, &[])).is_empty(), "a still camera is no news");
        let news = moving.handle_glances(&glances(true, &[1]));
        assert!(matches!(&news[..], [ToViewer::Motion { moving: true, zones, .. }] if zones == &["Path"]), "{news:?}");
        assert!(moving.handle_glances(&glances(true, &[2])).is_empty());
        moving.handle_wish(door.clone(), true);
        assert!(matches!(&moving.handle_glances(&glances(true, &[2]))[..], [ToViewer::Cells { .. }]));
        assert!(moving.handle_glances(&glances(true, &[2])).is_empty(), "the same cells");
        let over = moving.handle_glances(&glances(false, &[]));
        let [ToViewer::Motion { moving: false, .. }, ToViewer::Cells { bits, .. }] = &over[..] else {
            panic!("{over:?}")
        };
        assert!(bits.is_empty());
        moving.handle_wish(door, false);
        assert!(moving.handle_glances(&glances(false, &[3])).is_empty());
    }

    #[test]
    fn all_cells_fit_a_message() {
        let mut moving = Moving::default();
        moving.handle_wish(CameraId::slug("door"), true);
        let news = moving.handle_glances(&glances(false, &[0xff; CELLS / 8]));
        assert!(serde_json::to_vec(&news[0]).unwrap().len() < MAX_MESSAGE / 4);
    }
}
