//! What a stream's readers want, gathered: the only thing that flows from readers to encoders.

use std::collections::BTreeMap;
use std::thread::Thread;

/// What the readers of a stream want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Somebody reads.
    pub wanted: bool,
    /// A key frame is wanted.
    pub key_frame: bool,
    /// … by a reader that has had none yet, and whose picture is black until it comes.
    pub first_picture: bool,
    /// The least of the readers' targets in bits a second; `None` while none has set one, and while one records.
    pub target_bps: Option<u32>,
}

/// Where a stream's frames come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Our own encoder: a key frame can be had for the asking.
    #[default]
    Encoder,
    /// A camera's or a clip's own stream: passed on as it comes.
    Foreign,
}

/// What one reader asked for.
#[derive(Clone, Copy, Default)]
struct Wish {
    target_bps: Option<u32>,
    /// It records: no other reader's target counts.
    holds: bool,
}

/// The readers of one stream and what they asked for.
#[derive(Default)]
pub(super) struct Board {
    readers: BTreeMap<u64, Wish>,
    next_id: u64,
    key_frame: bool,
    first_picture: bool,
    origin: Origin,
    waker: Option<Thread>,
}

impl Board {
    /// Adds a reader; returns its id and whom to unpark.
    pub(super) fn join(&mut self, waits_for_key: bool) -> (u64, Option<Thread>) {
        let id = self.next_id;
        self.next_id += 1;
        self.readers.insert(id, Wish::default());
        self.key_frame |= waits_for_key;
        self.first_picture |= waits_for_key;
        (id, self.waker.clone())
    }

    /// Removes a reader; its wishes go with it.
    pub(super) fn leave(&mut self, id: u64) -> Option<Thread> {
        self.readers.remove(&id);
        if self.readers.is_empty() {
            self.key_frame = false;
            self.first_picture = false;
        }
        self.waker.clone()
    }

    /// Asks for a key frame; whom to unpark unless one was asked for already.
    pub(super) fn want_key_frame(&mut self) -> Option<Thread> {
        let news = !std::mem::replace(&mut self.key_frame, true);
        self.waker.clone().filter(|_| news)
    }

    /// Sets a reader's target; whom to unpark if that moved the minimum.
    pub(super) fn set_target(&mut self, id: u64, bps: u32) -> Option<Thread> {
        let before = self.target_bps();
        if let Some(wish) = self.readers.get_mut(&id) {
            wish.target_bps = Some(bps);
        }
        self.waker.clone().filter(|_| self.target_bps() != before)
    }

    /// Keeps the stream at its best for as long as the reader is there; whom to unpark.
    pub(super) fn hold(&mut self, id: u64) -> Option<Thread> {
        if let Some(wish) = self.readers.get_mut(&id) {
            wish.holds = true;
        }
        self.waker.clone()
    }

    pub(super) fn take(&mut self) -> Demand {
        let demand = self.peek();
        self.key_frame = false;
        self.first_picture = false;
        demand
    }

    pub(super) fn peek(&self) -> Demand {
        Demand {
            wanted: !self.readers.is_empty(),
            key_frame: self.key_frame,
            first_picture: self.first_picture,
            target_bps: self.target_bps(),
        }
    }

    fn target_bps(&self) -> Option<u32> {
        if self.readers.values().any(|wish| wish.holds) {
            return None;
        }
        self.readers.values().filter_map(|wish| wish.target_bps).min()
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    pub(super) fn waker(&self) -> Option<&Thread> {
        self.waker.as_ref()
    }

    pub(super) fn set_waker(&mut self, thread: Option<Thread>) {
        self.waker = thread;
    }
}
