//! What waits to be sent on one connection: a bounded queue that nobody ever waits for.
//!
//! A message that finds it full costs a channel: the one with the most messages in the queue, so that one viewer who
//! floods a camera loses its own channel and not another viewer's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::{ErrorCode, data_channel};
use bytes::Bytes;

/// Places for the server's own frames (RING, CLOSE, PRESENCE) beyond those for DATA. A connection that lets even these
/// fill up does not read at all, and is ended.
const CONTROL_FRAMES: usize = 1024;
/// A queue that grew beyond this in a burst gives its memory back when it is empty again.
const KEPT_CAPACITY: usize = 32;

/// Why the server ends a connection; becomes an ERROR frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
}

impl End {
    pub(crate) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// What came of [`Outbox::push_data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// Queued, at the price of another channel whose messages are gone: close it as too slow.
    QueuedFor(ChannelId),
    /// Not queued: the message's own channel has the most; close it as too slow. Its messages are gone.
    Refused,
    /// The connection is ending.
    Ended,
}

/// What the connection's task finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Popped {
    Frame(Bytes),
    /// Nothing yet; the task will be woken.
    Empty,
    /// Say goodbye, with an ERROR where there is something to say.
    Ended(Option<End>),
}

/// Shared between a connection's task, which empties it, and everybody else.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Held for a few operations on the queue, never across an await.
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Bytes>,
    data: usize,
    most_data: usize,
    end: Option<Option<End>>,
    waker: Option<Waker>,
}

impl Outbox {
    /// `most_data`: places for DATA frames, at least one.
    pub(crate) fn new(most_data: usize) -> Self {
        let most_data = most_data.max(1);
        Self { queue: Mutex::new(Queue { frames: VecDeque::new(), data: 0, most_data, end: None, waker: None }) }
    }

    /// Queues a DATA message. The waker, if any, is to be woken once no other lock is held.
    pub(crate) fn push_data(&self, chan: ChannelId, message: Bytes) -> (Pushed, Option<Waker>) {
        let mut queue = self.lock();
        if queue.end.is_some() {
            return (Pushed::Ended, None);
        }
        let mut pushed = Pushed::Queued;
        if queue.data >= queue.most_data {
            let victim = queue.greediest(chan);
            queue.purge(victim);
            if victim == chan {
                return (Pushed::Refused, None);
            }
            pushed = Pushed::QueuedFor(victim);
        }
        queue.data += 1;
        queue.frames.push_back(message);
        (pushed, queue.waker.take())
    }

    /// Queues one of the server's own frames.
    pub(crate) fn push_control(&self, frame: Bytes) -> Option<Waker> {
        let mut queue = self.lock();
        if queue.end.is_some() {
            return None;
        }
        if queue.frames.len() - queue.data >= CONTROL_FRAMES {
            queue.frames.clear();
            queue.data = 0;
            queue.end = Some(None);
        } else {
            queue.frames.push_back(frame);
        }
        queue.waker.take()
    }

    /// Ends the connection; what is queued is not sent any more. The first reason stays.
    pub(crate) fn end(&self, end: Option<End>) -> Option<Waker> {
        let mut queue = self.lock();
        if queue.end.is_none() {
            queue.frames = VecDeque::new();
            queue.data = 0;
            queue.end = Some(end);
        }
        queue.waker.take()
    }

    /// The next frame, for the connection's task only.
    pub(crate) fn pop(&self, cx: &Context<'_>) -> Popped {
        let mut queue = self.lock();
        if let Some(end) = &queue.end {
            return Popped::Ended(end.clone());
        }
        match queue.frames.pop_front() {
            Some(frame) => {
                if data_channel(&frame).is_some() {
                    queue.data -= 1;
                }
                Popped::Frame(frame)
            }
            None => {
                if queue.frames.capacity() > KEPT_CAPACITY {
                    queue.frames = VecDeque::new();
                }
                match &mut queue.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Popped::Empty
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change below is complete before anything can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The channel with the most messages, counting the one that wants to come in. Looked for only when the queue is
    /// full, which then costs a channel: so it can't happen often.
    fn greediest(&self, newcomer: ChannelId) -> ChannelId {
        let mut counts = HashMap::from([(newcomer, 1_usize)]);
        for chan in self.frames.iter().filter_map(|frame| data_channel(frame)) {
            *counts.entry(chan).or_default() += 1;
        }
        // Among equals the newcomer goes, then the lowest id: the choice does not hang on the map's order.
        let rank = |(chan, count): &(ChannelId, usize)| (*count, *chan == newcomer, std::cmp::Reverse(chan.0));
        counts.into_iter().max_by_key(rank).map_or(newcomer, |(chan, _)| chan)
    }

    fn purge(&mut self, chan: ChannelId) {
        self.frames.retain(|frame| data_channel(frame) != Some(chan));
        self.data = self.frames.iter().filter(|frame| data_channel(frame).is_some()).count();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use athome_shared::protocol::signal::Frame;

    use super::*;

    fn push(outbox: &Outbox, chan: u64) -> Pushed {
        let chan = ChannelId(chan);
        outbox.push_data(chan, Frame::Data { chan, body: Bytes::new() }.encode()).0
    }

    fn pop(outbox: &Outbox) -> Popped {
        outbox.pop(&Context::from_waker(Waker::noop()))
    }

    fn queued(outbox: &Outbox) -> Vec<Frame> {
        std::iter::from_fn(|| match pop(outbox) {
            Popped::Frame(frame) => Frame::decode(frame).ok(),
            Popped::Empty | Popped::Ended(_) => None,
        })
        .collect()
    }

    #[test]
    fn a_full_queue_costs_the_flooding_channel_and_no_other() {
        let outbox = Outbox::new(4);
        assert_eq!([1, 2, 1, 1].map(|chan| push(&outbox, chan)), [Pushed::Queued; 4]);
        assert_eq!(push(&outbox, 2), Pushed::QueuedFor(ChannelId(1)));
        let chans: Vec<_> = queued(&outbox).iter().map(Frame::chan).collect();
        assert_eq!(chans, [ChannelId(2), ChannelId(2)], "the other channel lost nothing");
    }

    #[test]
    fn the_flooder_itself_is_refused() {
        let outbox = Outbox::new(3);
        assert_eq!([1, 1, 2].map(|chan| push(&outbox, chan)), [Pushed::Queued; 3]);
        assert_eq!(push(&outbox, 1), Pushed::Refused);
        assert_eq!(queued(&outbox).len(), 1);
        assert_eq!(push(&outbox, 2), Pushed::Queued, "there is room again");
    }

    #[test]
    fn the_servers_own_frames_pass_a_queue_full_of_data() {
        let outbox = Outbox::new(1);
        push(&outbox, 1);
        let drain = Frame::Drain { retry_secs: 1 };
        outbox.push_control(drain.encode());
        assert_eq!(queued(&outbox).last(), Some(&drain));
    }

    #[test]
    fn a_connection_that_reads_nothing_at_all_is_ended() {
        let outbox = Outbox::new(1);
        let frame = Frame::Drain { retry_secs: 1 }.encode();
        for _ in 0..CONTROL_FRAMES {
            outbox.push_control(frame.clone());
        }
        assert!(matches!(pop(&outbox), Popped::Frame(_)), "the limit itself is fine");
        outbox.push_control(frame.clone());
        outbox.push_control(frame);
        assert_eq!(pop(&outbox), Popped::Ended(None));
        assert_eq!(push(&outbox, 1), Pushed::Ended);
    }

    #[test]
    fn the_first_reason_to_end_stays() {
        let outbox = Outbox::new(1);
        push(&outbox, 1);
        let end = Some(End::new(ErrorCode::Replaced, "newer"));
        outbox.end(end.clone());
        outbox.end(None);
        assert_eq!(pop(&outbox), Popped::Ended(end));
    }
}
