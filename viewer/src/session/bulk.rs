//! Transfers of one session on their way in: those that are taken as a whole, and films, which are handed on as they come.
//! Nothing here waits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use athome_shared::peer::bulk::{self, BulkReceiver};
use athome_shared::protocol::control::{RefusedWhy, bulk::WINDOW};
use athome_shared::time::WallTime;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::past::{Film, Part};
use super::task::Request;

/// Largest bulk transfer that is taken into memory.
const MAX_BULK: u64 = 32 * 1024 * 1024;
/// Bytes of transfers that were not announced yet: the two channels are not ordered against each other, so chunks may
/// overtake their announcement. A sender has at most this much in flight; what is more is dropped.
const MAX_EARLY: usize = 4 * WINDOW as usize;
/// The end of a transfer may overtake its last chunks by this much at most.
const END_OVERTAKES: Duration = Duration::from_secs(10);
/// Parts of a film that wait for whoever takes it; a streamer that sends more than its window is given up.
const MAX_PARTS: usize = 1_024;

/// A bulk transfer, complete.
#[derive(Clone, Debug)]
pub struct Bulk {
    pub mime: String,
    /// Of a picture of the past: when it was captured.
    pub at: Option<WallTime>,
    pub data: Vec<u8>,
}

/// Why a bulk transfer did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    #[error("refused: {0:?}")]
    Refused(RefusedWhy),
    #[error("larger than this program takes")]
    TooLarge,
    #[error("the streamer gave it up, or its bytes did not fit together")]
    Broken,
    #[error("the session ended before")]
    Ended,
}

/// Who waits for a transfer that has not begun.
#[derive(Debug)]
pub(super) enum Wanted {
    Whole(oneshot::Sender<Result<Bulk, BulkError>>),
    Film { queue: mpsc::Sender<Request>, reply: oneshot::Sender<Result<Film, BulkError>> },
}

impl Wanted {
    fn is_gone(&self) -> bool {
        match self {
            Self::Whole(reply) => reply.is_closed(),
            Self::Film { reply, .. } => reply.is_closed(),
        }
    }

    fn fail(self, why: BulkError) {
        // The asker may have gone.
        let _ = match self {
            Self::Whole(reply) => reply.send(Err(why)).is_ok(),
            Self::Film { reply, .. } => reply.send(Err(why)).is_ok(),
        };
    }
}

/// What is to be said to the streamer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Ack { id: u32, bytes: u64 },
    Cancel { id: u32 },
}

/// How a transfer was announced.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    pub(super) re: u32,
    pub(super) id: u32,
    pub(super) bytes: Option<u64>,
    pub(super) mime: String,
    pub(super) at: Option<WallTime>,
}

/// The transfers of one session.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    wanted: HashMap<u32, Wanted>,
    open: HashMap<u32, Transfer>,
    /// Chunks that came before their announcement.
    early: Vec<Bytes>,
    acts: Vec<Act>,
}

#[derive(Debug)]
struct Transfer {
    receiver: BulkReceiver,
    /// When the streamer said that all was sent, and from when on there is more.
    ended: Option<(Instant, Option<WallTime>)>,
    taker: Taker,
}

#[derive(Debug)]
enum Taker {
    Whole { mime: String, at: Option<WallTime>, data: Vec<u8>, reply: oneshot::Sender<Result<Bulk, BulkError>> },
    Film { parts: mpsc::Sender<Part>, taken: u64 },
}

impl Taker {
    fn is_gone(&self) -> bool {
        match self {
            Self::Whole { reply, .. } => reply.is_closed(),
            Self::Film { parts, .. } => parts.is_closed(),
        }
    }
}

impl Transfers {
    /// What is to be said; empty after that.
    pub(super) fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Somebody waits for what request `re` brings.
    pub(super) fn want(&mut self, re: u32, wanted: Wanted) {
        self.wanted.insert(re, wanted);
    }

    /// A request was refused.
    pub(super) fn handle_refused(&mut self, re: u32, why: RefusedWhy) {
        if let Some(wanted) = self.wanted.remove(&re) {
            wanted.fail(BulkError::Refused(why));
        }
    }

    pub(super) fn handle_begin(&mut self, begin: Announced) {
        let Announced { re, id, bytes, mime, at } = begin;
        let Some(wanted) = self.wanted.remove(&re) else { return self.acts.push(Act::Cancel { id }) };
        let receiver = bytes.map_or_else(|| BulkReceiver::open(id), |bytes| BulkReceiver::new(id, bytes));
        let taker = match wanted {
            Wanted::Whole(reply) if bytes.is_none_or(|bytes| bytes <= MAX_BULK) => {
                Taker::Whole { mime, at, data: Vec::new(), reply }
            }
            Wanted::Film { queue, reply } => {
                let (into, parts) = mpsc::channel(MAX_PARTS);
                let at = at.unwrap_or_default();
                let film = Film { mime, at, id, parts, queue, taken: 0, acked: 0, ended: None };
                if reply.send(Ok(film)).is_err() {
                    return self.acts.push(Act::Cancel { id });
                }
                Taker::Film { parts: into, taken: 0 }
            }
            wanted @ Wanted::Whole(_) => {
                wanted.fail(BulkError::TooLarge);
                return self.acts.push(Act::Cancel { id });
            }
        };
        self.open.insert(id, Transfer { receiver, ended: None, taker });
        for chunk in std::mem::take(&mut self.early) {
            self.handle_chunk(&chunk);
        }
        // Nothing to wait for.
        self.settle(id);
    }

    pub(super) fn handle_chunk(&mut self, message: &Bytes) {
        let Ok((id, _)) = bulk::header(message) else { return };
        let Some(transfer) = self.open.get_mut(&id) else {
            // Given up, or not announced yet.
            let held: usize = self.early.iter().map(Bytes::len).sum();
            if !self.wanted.is_empty() && held + message.len() <= MAX_EARLY {
                self.early.push(message.clone());
            }
            return;
        };
        if transfer.taker.is_gone() {
            return self.give_up(id);
        }
        let Ok(chunk) = transfer.receiver.handle_chunk(message) else { return self.fail(id) };
        match &mut transfer.taker {
            Taker::Whole { data, .. } => {
                if (data.len() + chunk.data.len()) as u64 > MAX_BULK {
                    return self.fail(id);
                }
                data.extend_from_slice(&chunk.data);
                self.acts.extend(chunk.ack.map(|bytes| Act::Ack { id, bytes }));
            }
            Taker::Film { parts, taken } => {
                let held = transfer.receiver.received() - *taken;
                if held > 2 * WINDOW || parts.try_send(Part::Data(chunk.data)).is_err() {
                    return self.fail(id);
                }
            }
        }
        self.settle(id);
    }

    /// So much of a film was taken in all.
    pub(super) fn handle_taken(&mut self, id: u32, bytes: u64) {
        if let Some(Transfer { taker: Taker::Film { taken, .. }, .. }) = self.open.get_mut(&id) {
            *taken = bytes;
            self.acts.push(Act::Ack { id, bytes });
        }
    }

    pub(super) fn handle_end(&mut self, id: u32, ok: bool, bytes: Option<u64>, next: Option<WallTime>) {
        let Some(transfer) = self.open.get_mut(&id) else { return };
        let fits = bytes.is_none_or(|bytes| transfer.receiver.handle_total(bytes).is_ok());
        if !ok || !fits {
            return self.fail(id);
        }
        transfer.ended = Some((Instant::now(), next));
        self.settle(id);
    }

    /// Ends a transfer of which everything is there.
    fn settle(&mut self, id: u32) {
        let whole = |t: &Transfer| t.receiver.finished() && t.ended.is_some();
        if !self.open.get(&id).is_some_and(whole) {
            return;
        }
        let Some(Transfer { ended, taker, .. }) = self.open.remove(&id) else { return };
        // The asker may have gone.
        let _ = match taker {
            Taker::Whole { mime, at, data, reply } => reply.send(Ok(Bulk { mime, at, data })).is_ok(),
            Taker::Film { parts, .. } => {
                let next = ended.and_then(|(_, next)| next);
                parts.try_send(Part::End { next }).is_ok()
            }
        };
    }

    /// It can't be completed.
    fn fail(&mut self, id: u32) {
        let Some(Transfer { taker, .. }) = self.open.remove(&id) else { return };
        self.acts.push(Act::Cancel { id });
        let _ = match taker {
            Taker::Whole { reply, .. } => reply.send(Err(BulkError::Broken)).is_ok(),
            Taker::Film { parts, .. } => parts.try_send(Part::Broken(BulkError::Broken)).is_ok(),
        };
    }

    /// Nobody wants it any more.
    pub(super) fn give_up(&mut self, id: u32) {
        if self.open.remove(&id).is_some() {
            self.acts.push(Act::Cancel { id });
        }
    }

    /// Transfers whose asker has gone, and those whose last chunks never came.
    pub(super) fn handle_time(&mut self) {
        let gone: Vec<u32> = self.open.iter().filter(|(_, t)| t.taker.is_gone()).map(|(id, _)| *id).collect();
        for id in gone {
            self.give_up(id);
        }
        let overdue = |t: &Transfer| t.ended.is_some_and(|(at, _)| at.elapsed() > END_OVERTAKES);
        let late: Vec<u32> = self.open.iter().filter(|(_, t)| overdue(t)).map(|(id, _)| *id).collect();
        for id in late {
            self.fail(id);
        }
        self.wanted.retain(|_, wanted| !wanted.is_gone());
        if self.wanted.is_empty() {
            self.early.clear();
        }
    }

    /// The session is over.
    pub(super) fn close(self) {
        for (_, wanted) in self.wanted {
            wanted.fail(BulkError::Ended);
        }
        for (_, Transfer { taker, .. }) in self.open {
            let _ = match taker {
                Taker::Whole { reply, .. } => reply.send(Err(BulkError::Ended)).is_ok(),
                Taker::Film { parts, .. } => parts.try_send(Part::Broken(BulkError::Ended)).is_ok(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::protocol::control::RefusedWhy;
    use athome_shared::protocol::control::bulk::{ACK_EVERY, CHUNK, WINDOW};
    use athome_shared::time::WallTime;
    use bytes::{BufMut, Bytes, BytesMut};
    use tokio::sync::{mpsc, oneshot};

    use super::{Act, Announced, BulkError, Transfers, Wanted};
    use crate::session::past::Film;
    use crate::session::task::Request;

    fn chunk(id: u32, offset: u64, length: usize) -> Bytes {
        let mut message = BytesMut::new();
        message.put_u32(id);
        message.put_u64(offset);
        message.put_bytes(7, length);
        message.freeze()
    }

    fn begin(re: u32, id: u32, bytes: Option<u64>) -> Announced {
        Announced { re, id, bytes, mime: "x".to_owned(), at: Some(WallTime(5)) }
    }

    fn film(transfers: &mut Transfers) -> (Film, mpsc::Receiver<Request>) {
        let ((queue, requests), (reply, mut answer)) = (mpsc::channel(8), oneshot::channel());
        transfers.want(1, Wanted::Film { queue, reply });
        transfers.handle_begin(begin(1, 9, None));
        (answer.try_recv().expect("begun").expect("not refused"), requests)
    }

    #[test]
    fn a_whole_one_may_come_in_any_order_of_the_channels() {
        let mut transfers = Transfers::default();
        let (reply, mut answer) = oneshot::channel();
        transfers.want(1, Wanted::Whole(reply));
        // Chunks before their announcement, and the end before the last of them.
        transfers.handle_chunk(&chunk(4, 0, 100));
        transfers.handle_begin(begin(1, 4, Some(250)));
        transfers.handle_end(4, true, None, None);
        assert!(answer.try_recv().is_err(), "not all is there");
        transfers.handle_chunk(&chunk(4, 100, 150));
        let bulk = answer.try_recv().expect("whole").expect("whole");
        assert_eq!((bulk.data.len(), bulk.at), (250, Some(WallTime(5))));
        assert_eq!(transfers.take_acts(), [Act::Ack { id: 4, bytes: 250 }]);
    }

    #[test]
    fn what_is_refused_too_large_or_unwanted_is_said() {
        let mut transfers = Transfers::default();
        let (reply, mut answer) = oneshot::channel();
        transfers.want(1, Wanted::Whole(reply));
        transfers.handle_refused(1, RefusedWhy::Role);
        assert!(matches!(answer.try_recv(), Ok(Err(BulkError::Refused(RefusedWhy::Role)))));
        let (reply, mut answer) = oneshot::channel();
        transfers.want(2, Wanted::Whole(reply));
        transfers.handle_begin(begin(2, 5, Some(u64::MAX)));
        assert!(matches!(answer.try_recv(), Ok(Err(BulkError::TooLarge))));
        transfers.handle_begin(begin(3, 6, None));
        assert_eq!(transfers.take_acts(), [Act::Cancel { id: 5 }, Act::Cancel { id: 6 }]);
    }

    #[tokio::test]
    async fn a_film_is_acknowledged_as_it_is_taken() {
        let mut transfers = Transfers::default();
        let (mut film, mut requests) = film(&mut transfers);
        let mut sent = 0;
        while sent + CHUNK as u64 <= WINDOW {
            transfers.handle_chunk(&chunk(9, sent, CHUNK));
            sent += CHUNK as u64;
        }
        assert!(transfers.take_acts().is_empty(), "nobody has taken any of it");
        let mut taken = 0;
        while taken < ACK_EVERY {
            taken += film.part().await.expect("whole").expect("more").len() as u64;
        }
        let Ok(Request::Taken { id, bytes }) = requests.try_recv() else { panic!("not said") };
        transfers.handle_taken(id, bytes);
        assert_eq!(transfers.take_acts(), [Act::Ack { id: 9, bytes: taken }]);
        transfers.handle_end(9, true, Some(sent), Some(WallTime(77)));
        while let Some(part) = film.part().await.expect("whole") {
            taken += part.len() as u64;
        }
        assert_eq!((taken, film.next()), (sent, Some(WallTime(77))));
    }

    #[tokio::test]
    async fn a_streamer_that_sends_beyond_its_window_is_given_up() {
        let mut transfers = Transfers::default();
        let (mut film, _requests) = film(&mut transfers);
        for n in 0..100 {
            transfers.handle_chunk(&chunk(9, n * CHUNK as u64, CHUNK));
        }
        assert_eq!(transfers.take_acts(), [Act::Cancel { id: 9 }]);
        let broken = loop {
            match film.part().await {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        assert_eq!(broken, Err(BulkError::Broken));
    }

    #[test]
    fn a_film_that_nobody_wants_any_more_is_cancelled_at_once() {
        let mut transfers = Transfers::default();
        let (film, mut requests) = film(&mut transfers);
        drop(film);
        assert!(matches!(requests.try_recv(), Ok(Request::GiveUp { id: 9 })));
        transfers.give_up(9);
        assert_eq!(transfers.take_acts(), [Act::Cancel { id: 9 }]);
    }
}
