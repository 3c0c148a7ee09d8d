//! A viewer's conversation with one streamer. What decides is pure: [`pairing`], [`machine`] (one session, from the
//! knock to the goodbye), [`slots`] (which frame is of which camera) and [`reconnect`]. [`task`] moves their bytes,
//! [`client`] keeps one session after another. [`bulk`] takes what comes beside the pictures, [`past`] says what may be asked of the
//! recordings.

pub mod bulk;
pub mod client;
pub mod control;
pub mod ended;
pub mod machine;
pub mod pairing;
pub mod past;
pub mod reconnect;
pub mod slots;
pub mod task;

use std::sync::Arc;

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;

/// Where a session puts the frames that may be shown. Called from the session's task: it must not wait.
pub trait MediaSink: Send {
    /// A frame of announced content: an access unit for a picture, or a packet of sound.
    fn frame(&mut self, content: Arc<Attached>, frame: ReceivedFrame);
    /// A slot's content changed; its frames follow.
    fn attached(&mut self, attached: &Attached);
    /// A slot carries nothing from now on.
    fn detached(&mut self, kind: SlotKind, slot: u8);
    /// A video slot's frames arrive, and none of them can be the first.
    fn key_frame_needed(&mut self, slot: u8);
    /// A video frame was lost for good; a key frame has been asked for once.
    fn lost(&mut self, slot: u8);
}
