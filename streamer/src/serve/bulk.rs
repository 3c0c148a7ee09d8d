//! A viewer's bulk transfers: so many of each class at a time, each within its window, in turns. Some are there as a whole,
//! some are made while they are sent. Pure; the session carries the messages and has the next part made.

use std::time::{Duration, Instant};

use athome_shared::peer::bulk::{BulkError, BulkSender};
use athome_shared::protocol::control::bulk::{ACK_EVERY, CHUNK, WINDOW};
use athome_shared::time::WallTime;
use bytes::Bytes;

/// Unacknowledged bytes of all films together, and of all others; a few films have more while they still have the windows of
/// when they were fewer. Beyond that live pictures would feel it, more so in Chromium.
const FILMS_WINDOW: u64 = 384 * 1024;
const OTHERS_WINDOW: u64 = 128 * 1024;
/// Narrowest window: a receiver acknowledges no sooner, and has one more chunk to wait for then.
const LEAST_WINDOW: u64 = ACK_EVERY + CHUNK as u64 + 12;
/// A film of which no more than this waits has more made.
const LOW: u64 = 64 * 1024;
/// Between two looks at a recording that grows.
const LATER: Duration = Duration::from_millis(250);

/// What is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Stills, thumbnails, pictures of the past.
    Still,
    /// What was recorded when.
    List,
    Play,
    Export,
}

impl Class {
    const ALL: usize = 4;

    /// Transfers of one viewer at once, those that are still being made included; more are refused as busy.
    pub fn most(self) -> usize {
        match self {
            Self::Still => 8,
            Self::List => 2,
            Self::Play => 4,
            Self::Export => 1,
        }
    }

    fn is_film(self) -> bool {
        matches!(self, Self::Play | Self::Export)
    }
}

/// What goes out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A message for the channel `bulk`.
    Chunk(Bytes),
    /// The transfer's last byte is out; it is forgotten.
    Sent {
        id: u32,
        /// Of one that was made while it was sent.
        bytes: Option<u64>,
        next: Option<WallTime>,
    },
}

/// What came of having more of a transfer made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// More.
    Part(Bytes),
    /// Nothing so far: to be tried again.
    Later,
    /// That was all; `next` is from when on to ask again.
    End { next: Option<WallTime> },
    /// It can't be made.
    Failed,
}

/// The transfers of one viewer.
#[derive(Debug, Default)]
pub struct Transfers {
    next_id: u32,
    /// Of each class, those that are made and sent.
    counts: [usize; Class::ALL],
    open: Vec<Transfer>,
    /// Whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Transfer {
    id: u32,
    class: Class,
    sender: BulkSender,
    /// Made while it is sent: when more may be made; `None` while that is being done, or all was.
    more_at: Option<Instant>,
    grows: bool,
    next: Option<WallTime>,
}

impl Transfers {
    /// Makes room for one more; false if there are enough of its class. Who got room begins it or gives it back.
    pub fn admit(&mut self, class: Class) -> bool {
        let count = &mut self.counts[class as usize];
        let room = *count < class.most();
        *count += usize::from(room);
        room
    }

    /// Nothing came of it.
    pub fn give_back(&mut self, class: Class) {
        let count = &mut self.counts[class as usize];
        *count = count.saturating_sub(1);
    }

    /// Begins an admitted transfer of `data`; its id.
    pub fn begin(&mut self, class: Class, data: Bytes) -> u32 {
        let id = self.id();
        let sender = BulkSender::new(id, data);
        self.open.push(Transfer { id, class, sender, more_at: None, grows: false, next: None });
        id
    }

    /// Begins an admitted transfer that is made while it is sent, with its first part; its id.
    pub fn begin_open(&mut self, class: Class, first: Bytes, now: Instant) -> u32 {
        let id = self.id();
        let mut sender = BulkSender::open(id);
        sender.push(first);
        self.open.push(Transfer { id, class, sender, more_at: Some(now), grows: true, next: None });
        id
    }

    fn id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// The viewer has `bytes` bytes of a transfer in all. An id that is over is fine: its last acknowledgements come late.
    pub fn handle_ack(&mut self, id: u32, bytes: u64) -> Result<(), BulkError> {
        match self.open.iter_mut().find(|open| open.id == id) {
            Some(open) => open.sender.handle_ack(bytes),
            None => Ok(()),
        }
    }

    /// The viewer wants no more of it; false if it was over.
    pub fn handle_cancel(&mut self, id: u32) -> bool {
        match self.open.iter().position(|open| open.id == id) {
            Some(at) => {
                self.remove(at);
                true
            }
            None => false,
        }
    }

    /// Whether it is under way.
    pub fn contains(&self, id: u32) -> bool {
        self.open.iter().any(|open| open.id == id)
    }

    /// What was asked of [`Self::poll_hungry`] was made. False if the transfer is over, or ends with this.
    pub fn handle_made(&mut self, id: u32, made: Made, now: Instant) -> bool {
        let Some(at) = self.open.iter().position(|open| open.id == id) else { return false };
        let Some(open) = self.open.get_mut(at) else { return false };
        match made {
            Made::Part(data) => {
                open.sender.push(data);
                open.more_at = Some(now);
                true
            }
            Made::Later => {
                open.more_at = Some(now + LATER);
                true
            }
            Made::End { next } => {
                open.sender.complete();
                open.next = next;
                false
            }
            Made::Failed => {
                self.remove(at);
                false
            }
        }
    }

    /// A transfer of which more has to be made now: what is sent of it has room.
    pub fn poll_hungry(&mut self, now: Instant) -> Option<u32> {
        let hungry = |open: &&mut Transfer| open.more_at.is_some_and(|at| at <= now) && open.sender.waiting() <= LOW;
        let open = self.open.iter_mut().find(hungry)?;
        open.more_at = None;
        Some(open.id)
    }

    /// When [`Self::poll_hungry`] may have something again, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.open.iter().filter(|open| open.sender.waiting() <= LOW).filter_map(|open| open.more_at).min()
    }

    /// The next message; `None` until an acknowledgement makes room, or more is made.
    pub fn poll(&mut self) -> Option<Outgoing> {
        for step in 0..self.open.len() {
            let at = (self.turn + step) % self.open.len();
            let window = self.window(at);
            let Some(open) = self.open.get_mut(at) else { continue };
            if let Some(chunk) = open.sender.poll_chunk(window) {
                self.turn = at + 1;
                return Some(Outgoing::Chunk(chunk));
            }
            if open.sender.all_sent() {
                let (id, next) = (open.id, open.next);
                let bytes = open.grows.then_some(open.sender.sent());
                self.remove(at);
                return Some(Outgoing::Sent { id, bytes, next });
            }
        }
        None
    }

    fn window(&self, at: usize) -> u64 {
        let Some(open) = self.open.get(at) else { return 0 };
        if open.class.is_film() {
            let films = self.open.iter().filter(|open| open.class.is_film()).count() as u64;
            (FILMS_WINDOW / films.max(1)).clamp(LEAST_WINDOW, WINDOW)
        } else {
            // All others share one: who does not read them waits for oneself.
            let others = self.open.iter().filter(|open| !open.class.is_film());
            let rest: u64 = others.filter(|other| other.id != open.id).map(|other| other.sender.in_flight()).sum();
            OTHERS_WINDOW.saturating_sub(rest)
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.open.remove(at);
        self.give_back(gone.class);
        // Who came after it comes next.
        if self.turn > at {
            self.turn -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use athome_shared::peer::bulk::header;
    use athome_shared::protocol::control::bulk::{ACK_EVERY, HEADER};
    use athome_shared::time::WallTime;
    use bytes::Bytes;

    use super::{Class, LATER, LOW, Made, Outgoing, Transfers};

    const MIB: usize = 1 << 20;

    fn whole(transfers: &mut Transfers, class: Class, length: usize) -> u32 {
        assert!(transfers.admit(class));
        transfers.begin(class, Bytes::from(vec![7; length]))
    }

    fn film(transfers: &mut Transfers, class: Class) -> u32 {
        assert!(transfers.admit(class));
        transfers.begin_open(class, Bytes::from(vec![7; MIB]), Instant::now())
    }

    /// Everything that goes out now: of each chunk its transfer and length.
    fn drain(transfers: &mut Transfers) -> (Vec<(u32, u64)>, Vec<u32>) {
        let (mut chunks, mut ended) = (Vec::new(), Vec::new());
        while let Some(outgoing) = transfers.poll() {
            match outgoing {
                Outgoing::Chunk(chunk) => {
                    chunks.push((header(&chunk).expect("ours").0, (chunk.len() - HEADER) as u64));
                }
                Outgoing::Sent { id, .. } => ended.push(id),
            }
        }
        (chunks, ended)
    }

    fn sum(chunks: &[(u32, u64)], id: u32) -> u64 {
        chunks.iter().filter(|chunk| chunk.0 == id).map(|chunk| chunk.1).sum()
    }

    #[test]
    fn a_picture_passes_downloads_that_nobody_acknowledges() {
        let mut transfers = Transfers::default();
        let films: Vec<u32> = (0..4).map(|_| film(&mut transfers, Class::Play)).collect();
        let export = film(&mut transfers, Class::Export);
        let (chunks, _) = drain(&mut transfers);
        let held: u64 = chunks.iter().map(|chunk| chunk.1).sum();
        assert!(films.iter().all(|id| sum(&chunks, *id) >= ACK_EVERY) && sum(&chunks, export) >= ACK_EVERY);
        assert!(held <= 5 * 80 * 1024, "{held}");
        let picture = whole(&mut transfers, Class::Still, 60_000);
        assert_eq!(drain(&mut transfers).1, [picture]);
    }

    #[test]
    fn transfers_take_turns() {
        let mut transfers = Transfers::default();
        let (a, b) = (film(&mut transfers, Class::Play), film(&mut transfers, Class::Export));
        let still = whole(&mut transfers, Class::Still, 100_000);
        let (chunks, _) = drain(&mut transfers);
        let turns: Vec<u32> = chunks.iter().take(6).map(|chunk| chunk.0).collect();
        assert_eq!(turns, [a, b, still, a, b, still]);
    }

    #[test]
    fn what_nobody_acknowledges_is_bounded_whatever_is_asked_for() {
        let mut transfers = Transfers::default();
        let mut held = 0;
        for class in [Class::Play, Class::Play, Class::Play, Class::Play, Class::Export, Class::List, Class::List] {
            film(&mut transfers, class);
            held += drain(&mut transfers).0.iter().map(|chunk| chunk.1).sum::<u64>();
        }
        for _ in 0..8 {
            whole(&mut transfers, Class::Still, MIB);
            held += drain(&mut transfers).0.iter().map(|chunk| chunk.1).sum::<u64>();
        }
        assert!(held <= 1 << 20, "{held}");
        for class in [Class::Play, Class::Export, Class::List, Class::Still] {
            assert!(!transfers.admit(class), "{class:?}");
        }
    }

    #[test]
    fn a_film_is_made_as_it_is_taken() {
        let (mut transfers, now) = (Transfers::default(), Instant::now());
        assert!(transfers.admit(Class::Play));
        let id = transfers.begin_open(Class::Play, Bytes::from(vec![7; MIB]), now);
        drain(&mut transfers);
        assert_eq!(transfers.poll_hungry(now), None, "the window is full, and most of it waits");
        let mut acked = 0;
        let mut parts = 0;
        for _ in 0..1_000 {
            acked += ACK_EVERY;
            if transfers.handle_ack(id, acked).is_err() {
                break;
            }
            drain(&mut transfers);
            if transfers.poll_hungry(now) == Some(id) {
                assert_eq!(transfers.poll_hungry(now), None, "one part at a time");
                parts += 1;
                if parts == 3 {
                    assert!(transfers.handle_made(id, Made::Later, now));
                    assert_eq!((transfers.poll_hungry(now), transfers.poll_timeout()), (None, Some(now + LATER)));
                    assert_eq!(transfers.poll_hungry(now + LATER), Some(id));
                    assert!(!transfers.handle_made(id, Made::End { next: Some(WallTime(5)) }, now));
                    break;
                }
                assert!(transfers.handle_made(id, Made::Part(Bytes::from(vec![7; MIB])), now));
            }
            assert!(transfers.open[0].sender.waiting() <= MIB as u64 + LOW);
        }
        assert_eq!(parts, 3);
        let last = std::iter::from_fn(|| {
            acked += ACK_EVERY;
            let _beyond = transfers.handle_ack(id, acked.min(3 * MIB as u64));
            transfers.poll()
        });
        let end = last.filter(|out| matches!(out, Outgoing::Sent { .. })).last();
        assert_eq!(end, Some(Outgoing::Sent { id, bytes: Some(3 * MIB as u64), next: Some(WallTime(5)) }));
        assert!((0..4).all(|_| transfers.admit(Class::Play)), "its place is free");
    }

    #[test]
    fn what_is_cancelled_or_fails_frees_its_place_and_is_made_no_more() {
        let (mut transfers, now) = (Transfers::default(), Instant::now());
        let (a, b) = (film(&mut transfers, Class::Play), film(&mut transfers, Class::Play));
        assert!(transfers.handle_cancel(a) && !transfers.handle_cancel(a));
        assert!(!transfers.handle_made(a, Made::Part(Bytes::from_static(b"late")), now));
        assert!(!transfers.handle_made(b, Made::Failed, now));
        assert_eq!(transfers.poll(), None);
        assert!(transfers.handle_ack(b, 5).is_ok(), "over");
        let c = film(&mut transfers, Class::Play);
        assert!(transfers.handle_ack(c, u64::MAX).is_err(), "more than was sent");
        assert!((0..3).all(|_| transfers.admit(Class::Play)) && !transfers.admit(Class::Play));
    }
}
