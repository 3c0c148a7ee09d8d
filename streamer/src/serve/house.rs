//! Who is in the house: how many may watch at once, whose newer session replaces an older one, whose names are shown.
//! Pure.

use std::collections::BTreeMap;

use athome_shared::id::ChannelId;

/// Viewers at once where the configuration says nothing.
pub const MAX_VIEWERS: usize = 16;
/// When a viewer that found the house full may try again.
pub const BUSY_RETRY_S: u32 = 15;

/// A session's number within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// What a knock leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Welcome {
        id: SessionId,
        /// The same device's sessions that never got as far as an answer: they end with `Why::Replaced`.
        replaces: Vec<SessionId>,
    },
    /// So many are watching, which is the most.
    Busy { count: usize },
}

/// The sessions of this process. `V` names a paired device.
#[derive(Debug)]
pub struct House<V> {
    most: usize,
    next: u64,
    guests: BTreeMap<SessionId, Guest<V>>,
}

#[derive(Debug)]
struct Guest<V> {
    viewer: V,
    name: String,
    /// Where its session is being negotiated; gone once the server dropped it.
    chan: Option<ChannelId>,
    /// It answered: from here on losing the channel does not touch the media.
    answered: bool,
    live: bool,
    /// A newer session took its place: it no longer counts.
    leaving: bool,
}

impl<V: Clone + PartialEq> House<V> {
    /// An empty house for `most` viewers at once.
    pub fn new(most: usize) -> Self {
        Self { most, next: 0, guests: BTreeMap::new() }
    }

    /// A device wants in. What it watches already goes on until it answers: only then it has proved that it holds its own
    /// key, for a first message can be made by whoever has stolen the streamer's (Noise, section 7.7, payload security 1).
    pub fn knock(&mut self, viewer: V, name: &str, chan: ChannelId) -> Admission {
        let same = |guest: &&Guest<V>| guest.viewer == viewer;
        let others = self.guests.values().filter(|g| !g.leaving && !same(g)).count();
        if others >= self.most {
            return Admission::Busy { count: others };
        }
        let mut replaces = Vec::new();
        for (id, guest) in &mut self.guests {
            if guest.viewer == viewer && !guest.leaving && !guest.answered {
                guest.leaving = true;
                replaces.push(*id);
            }
        }
        let id = SessionId(self.next);
        self.next += 1;
        let guest =
            Guest { viewer, name: name.to_owned(), chan: Some(chan), answered: false, live: false, leaving: false };
        self.guests.insert(id, guest);
        Admission::Welcome { id, replaces }
    }

    /// The session that is negotiated on this channel.
    pub fn on_channel(&self, chan: ChannelId) -> Option<SessionId> {
        self.guests.iter().find(|(_, g)| g.chan == Some(chan)).map(|(id, _)| *id)
    }

    /// The channel of a session, while it has one.
    pub fn channel(&self, id: SessionId) -> Option<ChannelId> {
        self.guests.get(&id).and_then(|g| g.chan)
    }

    /// The viewer on this channel answered; its session, and the same device's older ones, which end with `Why::Replaced`.
    pub fn answered(&mut self, chan: ChannelId) -> Option<(SessionId, Vec<SessionId>)> {
        let id = self.on_channel(chan)?;
        let guest = self.guests.get_mut(&id)?;
        guest.answered = true;
        let viewer = guest.viewer.clone();
        let older =
            self.guests.iter_mut().filter(|(other, guest)| **other < id && guest.viewer == viewer && !guest.leaving);
        let replaces = older.map(|(other, guest)| {
            guest.leaving = true;
            *other
        });
        Some((id, replaces.collect()))
    }

    /// A channel is over. Returns the session if it depended on it, being not answered yet.
    pub fn channel_gone(&mut self, chan: ChannelId) -> Option<SessionId> {
        let id = self.on_channel(chan)?;
        let guest = self.guests.get_mut(&id)?;
        guest.chan = None;
        (!guest.answered).then_some(id)
    }

    /// The session's media runs; its device and name the first time.
    pub fn live(&mut self, id: SessionId) -> Option<(V, String)> {
        let guest = self.guests.get_mut(&id)?;
        (!std::mem::replace(&mut guest.live, true)).then(|| (guest.viewer.clone(), guest.name.clone()))
    }

    /// The session is over; its device's name if others saw it watch and no newer session of the device goes on.
    pub fn ended(&mut self, id: SessionId) -> Option<String> {
        let gone = self.guests.remove(&id)?;
        let goes_on = self.guests.values().any(|g| g.viewer == gone.viewer && !g.leaving);
        (gone.live && !goes_on).then_some(gone.name)
    }

    /// The sessions of a device.
    pub fn of_viewer(&self, viewer: &V) -> Vec<SessionId> {
        self.guests.iter().filter(|(_, g)| g.viewer == *viewer).map(|(id, _)| *id).collect()
    }

    /// The device of a session.
    pub fn viewer(&self, id: SessionId) -> Option<V> {
        self.guests.get(&id).map(|g| g.viewer.clone())
    }

    /// A device has another name.
    pub fn renamed(&mut self, viewer: &V, name: &str) {
        for guest in self.guests.values_mut().filter(|g| g.viewer == *viewer) {
            name.clone_into(&mut guest.name);
        }
    }

    /// Whether a device watches now.
    pub fn is_watching(&self, viewer: &V) -> bool {
        self.guests.values().any(|g| g.live && g.viewer == *viewer)
    }

    /// Every session.
    pub fn all(&self) -> Vec<SessionId> {
        self.guests.keys().copied().collect()
    }

    /// Names of the devices that watch now, oldest first; a device that opens its newer session is shown once.
    pub fn watching(&self) -> Vec<String> {
        let mut seen: Vec<&V> = Vec::new();
        let mut names = Vec::new();
        for guest in self.guests.values().filter(|g| g.live) {
            if !seen.contains(&&guest.viewer) {
                seen.push(&guest.viewer);
                names.push(guest.name.clone());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::id::ChannelId;

    use super::{Admission, House, SessionId};

    fn welcome(id: u64, replaces: &[u64]) -> Admission {
        Admission::Welcome { id: SessionId(id), replaces: replaces.iter().map(|id| SessionId(*id)).collect() }
    }

    #[test]
    fn a_full_house_says_so_but_a_known_device_may_replace_itself() {
        let mut house = House::new(2);
        assert_eq!(house.knock("anna", "Anna", ChannelId(1)), welcome(0, &[]));
        assert_eq!(house.knock("paul", "Paul", ChannelId(2)), welcome(1, &[]));
        assert_eq!(house.knock("eve", "Eve", ChannelId(3)), Admission::Busy { count: 2 });
        assert_eq!(house.knock("anna", "Anna", ChannelId(4)), welcome(2, &[0]));
        // The replaced session counts no more, although it has not ended yet; nor does a device count twice.
        assert_eq!(house.knock("eve", "Eve", ChannelId(5)), Admission::Busy { count: 2 });
        house.ended(SessionId(1));
        assert_eq!(house.knock("eve", "Eve", ChannelId(6)), welcome(3, &[]));
    }

    #[test]
    fn losing_the_channel_ends_only_what_is_not_answered_yet() {
        let mut house = House::new(4);
        house.knock("anna", "Anna", ChannelId(1));
        house.knock("paul", "Paul", ChannelId(2));
        assert_eq!(house.answered(ChannelId(1)), Some((SessionId(0), vec![])));
        assert_eq!(house.live(SessionId(0)), Some(("anna", "Anna".to_owned())));
        assert_eq!(house.live(SessionId(0)), None, "it is told once");
        assert_eq!(house.channel_gone(ChannelId(1)), None);
        assert_eq!(house.channel_gone(ChannelId(2)), Some(SessionId(1)));
        assert_eq!(house.channel_gone(ChannelId(9)), None);
        assert_eq!(house.channel(SessionId(0)), None);
    }

    #[test]
    fn a_knock_alone_ends_nothing_that_is_watched_and_the_answer_does() {
        let mut house = House::new(1);
        house.knock("anna", "Anna", ChannelId(1));
        house.answered(ChannelId(1));
        house.live(SessionId(0));
        // Somebody in Anna's name, again and again, who can't answer: never more than one of them is waited for.
        assert_eq!(house.knock("anna", "Anna", ChannelId(2)), welcome(1, &[]));
        assert_eq!(house.knock("anna", "Anna", ChannelId(3)), welcome(2, &[1]));
        assert_eq!(house.watching(), ["Anna"]);
        // Control: Anna herself answers.
        assert_eq!(house.answered(ChannelId(3)), Some((SessionId(2), vec![SessionId(0)])));
        assert_eq!(house.answered(ChannelId(3)), Some((SessionId(2), vec![])), "once");
    }

    #[test]
    fn a_device_that_replaces_its_session_never_seems_to_leave() {
        let mut house = House::new(4);
        house.knock("anna", "Anna", ChannelId(1));
        house.live(SessionId(0));
        house.knock("anna", "Anna", ChannelId(2));
        house.answered(ChannelId(2));
        assert_eq!(house.ended(SessionId(0)), None);
        house.live(SessionId(1));
        house.renamed(&"anna", "Anna's phone");
        assert_eq!(house.watching(), ["Anna's phone"]);
        assert_eq!(house.ended(SessionId(1)), Some("Anna's phone".to_owned()));
        assert!(house.watching().is_empty() && house.all().is_empty());
    }
}
