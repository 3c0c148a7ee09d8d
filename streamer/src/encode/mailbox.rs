//! A one-slot mailbox in front of a thread: the newest wins, and whoever posts never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

/// Holds at most one thing; posting over it drops the older one and counts it.
#[derive(Debug)]
pub struct Mailbox<T> {
    slot: Mutex<Option<T>>,
    owner: OnceLock<Thread>,
    overwritten: AtomicU64,
    closed: AtomicBool,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(None),
            owner: OnceLock::new(),
            overwritten: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }
}

impl<T> Mailbox<T> {
    /// The calling thread is the one to wake. Called once, before the first [`Self::take`].
    pub fn own(&self) {
        let _set_before = self.owner.set(std::thread::current());
        // What came before is found by the first take.
    }

    /// Puts something in and wakes the owner.
    pub fn post(&self, thing: T) {
        let older = self.slot.lock().unwrap_or_else(PoisonError::into_inner).replace(thing);
        if older.is_some() {
            self.overwritten.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Takes what is there.
    pub fn take(&self) -> Option<T> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many things were dropped unseen.
    pub fn overwritten(&self) -> u64 {
        self.overwritten.load(Ordering::Relaxed)
    }

    /// Asks the owner to end.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether [`Self::close`] was called.
    pub fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Wakes the owner to look around.
    pub fn wake(&self) {
        if let Some(owner) = self.owner.get() {
            owner.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mailbox;

    #[test]
    fn the_newest_wins_and_the_rest_is_counted() {
        let mailbox = Mailbox::default();
        for n in 0..5 {
            mailbox.post(n);
        }
        assert_eq!((mailbox.take(), mailbox.take(), mailbox.overwritten()), (Some(4), None, 4));
    }
}
