//! Which device a camera turned out to be, kept between its attempts: a webcam that comes back under another number is found
//! there, and another one that took its number is not shown under its name.

// Only Linux tells its devices apart in this way.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What tells a device from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// What it calls itself: its model.
    pub(super) name: String,
    /// Its place among the nodes of one device: cameras have others for metadata beside them.
    pub(super) index: u32,
    /// The port that it is plugged into, as the system's path of it.
    pub(super) port: Option<PathBuf>,
    /// Its name under `/dev/v4l/by-id`, made of maker, model and serial number.
    pub(super) by_id: Option<String>,
}

/// A device that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// The path of a known device among those that are there: in the port that it was in, else by its serial number, else the
/// only one of its model. One that has a serial number of its own is another device, whatever its model.
pub(super) fn find<'a>(known: &Identity, present: &'a [Present]) -> Option<&'a Path> {
    let same_model = |other: &&Present| other.identity.name == known.name && other.identity.index == known.index;
    let models: Vec<&Present> = present.iter().filter(same_model).collect();
    let same_port = |other: &&&Present| known.port.is_some() && other.identity.port == known.port;
    let same_serial = |other: &&&Present| known.by_id.is_some() && other.identity.by_id == known.by_id;
    let may_be = |other: &&&Present| known.by_id.is_none() || other.identity.by_id.is_none() || same_serial(other);
    let found = models.iter().find(|other| same_port(other) && may_be(other));
    let found = found.or_else(|| models.iter().find(same_serial)).or_else(|| {
        let mut alike = models.iter().filter(may_be);
        alike.next().filter(|_| alike.next().is_none())
    });
    found.map(|present| present.path.as_path())
}

/// What was learnt of a camera's device. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Option<Identity>>>);

impl Memory {
    /// The device that an earlier attempt opened.
    pub(super) fn known(&self) -> Option<Identity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An attempt has opened this device. The first one counts: where a later one was found by its model alone, the true one
    /// may still come back.
    pub(super) fn learn(&self, identity: Option<Identity>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = identity;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(number: u32, name: &str, port: &str, by_id: Option<&str>) -> Present {
        Present {
            path: format!("/dev/video{number}").into(),
            identity: Identity {
                name: name.to_owned(),
                index: 0,
                port: Some(port.into()),
                by_id: by_id.map(str::to_owned),
            },
        }
    }

    fn found(known: &Present, present: &[Present]) -> Option<String> {
        find(&known.identity, present).map(|path| path.display().to_string())
    }

    #[test]
    fn a_replugged_webcam_is_found_under_its_new_number() {
        let door = present(0, "C920", "usb1/1-1", Some("usb-C920_A"));
        let stranger = present(0, "Built-in", "usb1/1-7", Some("usb-Built_in"));
        let other_port = present(2, "C920", "usb1/1-4", Some("usb-C920_A"));
        assert_eq!(found(&door, &[stranger.clone(), other_port]).as_deref(), Some("/dev/video2"));
        // Without serial numbers and in another port its model is enough, if there is one of it.
        let plain = present(0, "Cam", "usb1/1-1", None);
        let again = present(3, "Cam", "usb1/1-2", None);
        assert_eq!(found(&plain, &[stranger.clone(), again.clone()]).as_deref(), Some("/dev/video3"));
        // Its port decides between two alike.
        let twin = present(1, "Cam", "usb1/1-1", None);
        assert_eq!(found(&plain, &[again.clone(), twin]).as_deref(), Some("/dev/video1"));
        let third = present(4, "Cam", "usb1/1-3", None);
        assert_eq!(found(&plain, &[again, third]), None, "a guess would show another room");
        // The control: what took its number is not it.
        assert_eq!(found(&door, &[stranger]), None);
    }

    #[test]
    fn another_of_the_same_model_is_not_taken_for_it() {
        let door = present(0, "C920", "usb1/1-1", Some("usb-C920_A"));
        let yard = present(1, "C920", "usb1/1-2", Some("usb-C920_B"));
        assert_eq!(found(&door, std::slice::from_ref(&yard)), None);
        let in_its_port = present(1, "C920", "usb1/1-1", Some("usb-C920_B"));
        assert_eq!(found(&door, &[in_its_port]), None);
        assert_eq!(found(&door, &[yard, door.clone()]).as_deref(), Some("/dev/video0"));
    }

    #[test]
    fn a_node_for_metadata_is_not_the_camera() {
        let door = present(0, "C920", "usb1/1-1", None);
        let mut metadata = present(1, "C920", "usb1/1-1", None);
        metadata.identity.index = 1;
        assert_eq!(found(&door, &[metadata]), None);
    }

    #[test]
    fn the_first_device_is_the_one_that_is_remembered() {
        let memory = Memory::default();
        assert_eq!(memory.known(), None);
        memory.learn(None);
        let (first, later) = (present(0, "A", "p", None).identity, present(1, "B", "q", None).identity);
        memory.learn(Some(first.clone()));
        memory.learn(Some(later));
        assert_eq!(memory.known(), Some(first));
    }
}
