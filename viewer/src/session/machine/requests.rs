//! What the consumer may ask of the streamer, over the control channel.

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::{RefusedWhy, ToStreamer};
use athome_shared::protocol::wire::SlotKind;

use super::{Event, Output, Phase, Session};
use crate::session::past::Ask;

/// Requests that wait for the control channel to open; one more is dropped and answered `Busy`.
const MAX_QUEUED: usize = 64;

impl Session {
    /// Asks for a camera in a video slot; the answer comes as [`Event::Reply`] under the returned number.
    pub fn watch(&mut self, slot: u8, camera: CameraId, layer: Layer) -> u32 {
        let re = self.number();
        self.slots.handle_wanted(SlotKind::Video, slot, re, camera.clone(), Some(layer));
        self.request(re, ToStreamer::Watch { re, slot, camera, layer })
    }

    /// Empties a video slot.
    pub fn unwatch(&mut self, slot: u8) -> u32 {
        let re = self.number();
        self.slots.handle_unwanted(SlotKind::Video, slot);
        self.request(re, ToStreamer::Unwatch { re, slot })
    }

    /// Asks for a camera's sound in a sound slot, or for silence.
    pub fn listen(&mut self, slot: u8, camera: Option<CameraId>) -> u32 {
        let re = self.number();
        match &camera {
            Some(camera) => self.slots.handle_wanted(SlotKind::Audio, slot, re, camera.clone(), None),
            None => self.slots.handle_unwanted(SlotKind::Audio, slot),
        }
        self.request(re, ToStreamer::Listen { re, slot, camera })
    }

    /// Asks for something that comes over the channel `bulk`, or for something to be done.
    pub fn ask(&mut self, ask: Ask) -> u32 {
        let re = self.number();
        self.request(re, ask.message(re))
    }

    /// Asks for another name for this device.
    pub fn rename(&mut self, name: String) -> u32 {
        let re = self.number();
        self.request(re, ToStreamer::Rename { re, name })
    }

    /// Asks for a key frame (beside RTCP, which says the same).
    pub fn key_frame(&mut self, slot: u8) {
        if self.control_open {
            self.control(&ToStreamer::Key { slot });
        }
    }

    /// Says how much of a transfer has arrived.
    pub fn bulk_ack(&mut self, id: u32, bytes: u64) {
        self.control(&ToStreamer::BulkAck { id, bytes });
    }

    /// Gives a transfer up.
    pub fn bulk_cancel(&mut self, id: u32) {
        self.control(&ToStreamer::BulkCancel { id });
    }

    fn number(&mut self) -> u32 {
        let re = self.next_re;
        self.next_re = re.wrapping_add(1);
        re
    }

    fn request(&mut self, re: u32, request: ToStreamer) -> u32 {
        if self.control_open {
            self.control(&request);
        } else if self.queued.len() < MAX_QUEUED && !matches!(self.phase, Phase::Closing) {
            self.queued.push(request);
        } else {
            self.slots.handle_refused(re);
            self.out.push_back(Output::Event(Event::Reply { re, refused: Some(RefusedWhy::Busy) }));
        }
        re
    }
}
