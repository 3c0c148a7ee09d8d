//! Events on their way from the crate's driver, which must never wait, to the connection's owner, who may be slow.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::peer::PeerEvent;

/// States, candidates and channel openings kept for a slow owner; a connection has at most 64 candidates and a handful of
/// the others. When it is full, the newest is dropped and a warning says so.
const CAPACITY: usize = 128;

/// Collects events without waiting. Key frame wishes and bitrates overwrite their predecessors.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<PeerEvent>,
    /// One bit for each video slot.
    keys: u32,
    target: Option<u32>,
}

impl Outbox {
    pub(super) fn push(&self, event: PeerEvent) {
        self.with(|waiting| {
            if waiting.events.len() < CAPACITY {
                waiting.events.push_back(event);
            } else {
                tracing::warn!("peer connection event dropped: its owner does not read them");
            }
        });
    }

    pub(super) fn key_frame_wanted(&self, slot: u8) {
        self.with(|waiting| waiting.keys |= 1u32.checked_shl(slot.into()).unwrap_or(0));
    }

    pub(super) fn target_bitrate(&self, bps: u32) {
        self.with(|waiting| waiting.target = Some(bps));
    }

    fn with(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.notify.notify_one();
    }

    fn take(&self) -> Option<PeerEvent> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = waiting.events.pop_front() {
            return Some(event);
        }
        if waiting.keys != 0 {
            let slot = waiting.keys.trailing_zeros();
            waiting.keys &= waiting.keys - 1;
            return Some(PeerEvent::KeyFrameWanted { slot: slot as u8 });
        }
        waiting.target.take().map(PeerEvent::TargetBitrate)
    }

    /// Hands events to the owner until it is gone.
    pub(super) async fn deliver(&self, events: mpsc::Sender<PeerEvent>) {
        loop {
            while let Some(event) = self.take() {
                if events.send(event).await.is_err() {
                    return;
                }
            }
            self.notify.notified().await;
        }
    }
}
