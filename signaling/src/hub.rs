//! The directory and the outboxes behind one lock: what the directory decides is queued before anybody else gets a turn,
//! so every connection sees RING, DATA and CLOSE in their order. The lock is held for a few look-ups, and nobody is woken
//! under it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::signal::{CapHash, CloseCode, Frame, Target};
use athome_shared::secret::Secret;
use bytes::Bytes;

use crate::directory::{ConnId, Counts, Directory, Effect, Limits, Opened};
use crate::metrics::Metrics;
use crate::outbox::{End, Outbox, Pushed};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    metrics: Arc<Metrics>,
    queue_frames: usize,
}

#[derive(Debug)]
struct Inner {
    directory: Directory,
    outboxes: HashMap<ConnId, Arc<Outbox>>,
    next: u64,
    /// Sent to whoever connects from now on, too.
    drain: Option<Frame>,
}

impl Hub {
    pub(crate) fn new(limits: Limits, queue_frames: usize, metrics: Arc<Metrics>) -> Self {
        let inner = Inner { directory: Directory::new(limits), outboxes: HashMap::new(), next: 1, drain: None };
        Self { inner: Mutex::new(inner), metrics, queue_frames }
    }

    /// A new connection; [`Self::leave`] ends it.
    pub(crate) fn enter(&self) -> (ConnId, Arc<Outbox>) {
        let mut inner = self.lock();
        let conn = ConnId(inner.next);
        inner.next += 1;
        let outbox = Arc::new(Outbox::new(self.queue_frames));
        if let Some(drain) = &inner.drain {
            outbox.push_control(drain.encode());
        }
        inner.outboxes.insert(conn, Arc::clone(&outbox));
        (conn, outbox)
    }

    pub(crate) fn leave(&self, conn: ConnId) {
        self.change(|directory| directory.leave(conn));
        self.lock().outboxes.remove(&conn);
    }

    pub(crate) fn join_camera(&self, conn: ConnId, mailbox: MailboxId) {
        self.metrics.signed_in.add(1);
        self.change(|directory| directory.join_camera(conn, mailbox));
    }

    pub(crate) fn join_viewer(&self, conn: ConnId) {
        self.lock().directory.join_viewer(conn);
    }

    pub(crate) fn set_caps(&self, conn: ConnId, caps: Vec<CapHash>) -> Result<(), End> {
        self.try_change(|directory| directory.set_caps(conn, caps))
    }

    pub(crate) fn set_invites(&self, conn: ConnId, invites: Vec<MailboxId>) -> Result<(), End> {
        self.try_change(|directory| directory.set_invites(conn, invites))
    }

    pub(crate) fn open(&self, conn: ConnId, chan: ChannelId, target: Target) -> Result<(), End> {
        self.try_change(|directory| {
            let (opened, effects) = directory.open(conn, chan, target)?;
            match opened {
                Opened::Rung => self.metrics.opened.add(1),
                Opened::Closed(_) => self.metrics.open_refused.add(1),
            }
            Ok(effects)
        })
    }

    pub(crate) fn watch(&self, conn: ConnId, chan: ChannelId, mailbox: MailboxId, cap: &Secret<16>) -> Result<(), End> {
        self.try_change(|directory| directory.watch(conn, chan, mailbox, cap))
    }

    pub(crate) fn close(&self, conn: ConnId, chan: ChannelId, code: CloseCode) {
        self.change(|directory| directory.close(conn, chan, code));
    }

    /// Passes a DATA message on as it is. The hot path: two look-ups, one push, one wake.
    pub(crate) fn relay(&self, from: ConnId, chan: ChannelId, message: Bytes) {
        let bytes = message.len() as u64;
        let mut guard = self.lock();
        let inner = &mut *guard;
        let route = inner.directory.route(from, chan);
        let Some((to, outbox)) = route.and_then(|to| Some((to, inner.outboxes.get(&to)?))) else {
            let frame = Frame::Close { chan, code: CloseCode::PeerGone };
            let waker = inner.send(from, &frame);
            drop(guard);
            wake(waker);
            return;
        };
        let (pushed, waker) = outbox.push_data(chan, message);
        let mut wakers = vec![];
        let slow = match pushed {
            Pushed::Queued => {
                drop(guard);
                self.metrics.relayed.add(1);
                self.metrics.relayed_bytes.add(bytes);
                wake(waker);
                return;
            }
            Pushed::QueuedFor(victim) => Some(victim),
            Pushed::Refused => Some(chan),
            Pushed::Ended => None,
        };
        if let Some(slow) = slow {
            self.metrics.too_slow.add(1);
            let effects = inner.directory.too_slow(to, slow);
            inner.carry_out(effects, &mut wakers);
        }
        drop(guard);
        wake(waker);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Tells every connection that the server stops.
    pub(crate) fn drain(&self, retry_secs: u16) {
        let mut inner = self.lock();
        let frame = Frame::Drain { retry_secs };
        let bytes = frame.encode();
        inner.drain = Some(frame);
        let wakers: Vec<_> = inner.outboxes.values().filter_map(|outbox| outbox.push_control(bytes.clone())).collect();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends every connection.
    pub(crate) fn end_all(&self) {
        let inner = self.lock();
        let wakers: Vec<_> = inner.outboxes.values().filter_map(|outbox| outbox.end(None)).collect();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.lock().drain.is_some()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().directory.counts()
    }

    fn change(&self, call: impl FnOnce(&mut Directory) -> Vec<Effect>) {
        // The directory has no reason to refuse here.
        let _ = self.try_change(|directory| Ok(call(directory)));
    }

    fn try_change(&self, call: impl FnOnce(&mut Directory) -> Result<Vec<Effect>, End>) -> Result<(), End> {
        let mut wakers = vec![];
        let mut inner = self.lock();
        let effects = call(&mut inner.directory)?;
        inner.carry_out(effects, &mut wakers);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The tables are whole after every statement that can panic (an allocation), so a poisoned lock is usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn carry_out(&self, effects: Vec<Effect>, wakers: &mut Vec<Waker>) {
        for effect in effects {
            wakers.extend(match effect {
                Effect::Send { to, frame } => self.send(to, &frame),
                Effect::End { conn, end } => self.outboxes.get(&conn).and_then(|outbox| outbox.end(Some(end))),
            });
        }
    }

    fn send(&self, to: ConnId, frame: &Frame) -> Option<Waker> {
        self.outboxes.get(&to)?.push_control(frame.encode())
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
