//! What happened, told to whoever listens: the terminal, viewers, the log. Nothing waits for a listener.

use athome_shared::id::CameraId;
use athome_shared::protocol::control::CameraReason;
pub use athome_shared::protocol::past::Cause;
use athome_shared::time::WallTime;
use serde::Serialize;
use tokio::sync::broadcast;

/// Events kept for a listener that is busy; one further behind loses the oldest and is told how many.
const KEPT: usize = 256;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The camera it is about; `None` where it is about the streamer as a whole.
    pub camera: Option<CameraId>,
    pub at: WallTime,
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A camera gives pictures.
    Online,
    /// A camera stopped giving pictures.
    Offline { reason: CameraReason },
    /// A camera's microphone gives sound again, after it did not.
    SoundOnline,
    /// A camera's microphone gives no sound; its picture goes on.
    SoundOffline { reason: CameraReason },
    /// A device watches.
    ViewerJoined { name: String },
    /// A device no longer watches.
    ViewerLeft { name: String },
    /// A new device was paired.
    DevicePaired { name: String },
    /// An invitation ran out unused.
    CodeExpired,
    /// So many sealed messages did not open so far; told at the third, then ever more rarely.
    Tampered { count: u64 },
    /// Registered with a signaling server.
    SignalingUp { server: String },
    /// No connection to a signaling server; it is tried again by itself.
    SignalingDown { server: String, why: Outage },
    /// Something began to move, in these zones; it began at `began`, a little before it was certain.
    MotionBegan { began: WallTime, zones: Vec<String> },
    /// It ended. `peak` is the largest share of the looked-at picture that moved, 0 to 1.
    MotionEnded { began: WallTime, peak: f32 },
    /// The camera's view was covered, blinded or turned away, or is clear again.
    ViewChanged { view: View },
    /// A recording begins, as soon as there are pictures.
    RecordingBegan { why: Cause },
    /// A file is complete and in the index. `file` counts from the folder of recordings.
    RecordingClosed { file: String, began: WallTime, ended: WallTime, bytes: u64, why: Cause },
    /// Something of a recording could not be kept; what follows goes on in another file as soon as it can.
    RecordingFailed { why: DiskTrouble },
    /// The oldest recordings were removed to make room for new ones.
    MadeRoom { files: u64, bytes: u64 },
}

/// What the disk did to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskTrouble {
    /// No room, even without all that may go.
    Full,
    /// It refused or lost something.
    Failed,
    /// It was too slow; pictures between two files are missing.
    Slow,
}

/// What a camera can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// What it should.
    Clear,
    /// Something lies over its lens.
    Covered,
    /// A light shines into it.
    Blinded,
    /// It was turned: it sees something else.
    Moved,
}

/// Why there is no connection to a signaling server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// It was there, and broke off.
    Lost,
    /// Nothing that is a signaling server answers there.
    Unreachable,
    /// It answers, and does not take us.
    Refused,
    /// Another streamer with our identity took our place there.
    Replaced,
}

/// Tells everyone. Cloning shares the listeners.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl Events {
    /// Without listeners yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everyone; no one listening is fine.
    pub fn send(&self, event: Event) {
        let _nobody_listens = self.0.send(event);
    }

    /// Tells everyone about a camera, now.
    pub fn camera(&self, camera: &CameraId, kind: Kind) {
        self.send(Event { camera: Some(camera.clone()), at: WallTime::now(), kind });
    }

    /// Tells everyone about the streamer as a whole, now.
    pub fn streamer(&self, kind: Kind) {
        self.send(Event { camera: None, at: WallTime::now(), kind });
    }

    /// Hears everything from now on.
    pub fn subscribe(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Event(Event),
    /// It was too slow; this many events are gone.
    Lost(u64),
}

/// Hears events in order.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Event>);

impl Listener {
    /// The next event; `None` once every [`Events`] is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(broadcast::error::RecvError::Lagged(n)) => Some(Heard::Lost(n)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;
    use athome_shared::time::WallTime;

    use super::{Event, Events, Heard, KEPT, Kind};

    #[tokio::test]
    async fn a_late_listener_is_told_how_much_it_lost() {
        let events = Events::new();
        let mut listener = events.subscribe();
        for i in 0..KEPT as i64 + 7 {
            events.send(Event { camera: CameraId::new("a"), at: WallTime(i), kind: Kind::Online });
        }
        assert_eq!(listener.next().await, Some(Heard::Lost(7)));
        let Some(Heard::Event(first)) = listener.next().await else { panic!("an event follows") };
        assert_eq!(first.at, WallTime(7), "the oldest that is left");
        drop(events);
        for _ in 1..KEPT {
            assert!(matches!(listener.next().await, Some(Heard::Event(_))));
        }
        assert_eq!(listener.next().await, None);
    }
}
