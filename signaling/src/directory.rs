//! Who is there, who may ring whom, and which channel leads where. Memory only, no clock, no sockets: every call says
//! what is to be sent, and the hub sends it.
//!
//! A stranger learns nothing: an unknown mailbox, a wrong capability and a camera that is offline give the same answer
//! after the same look-ups.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::mem;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::signal::{CapHash, CloseCode, ErrorCode, Frame, RingKind, Target, cap_hash};
use athome_shared::secret::Secret;

use crate::outbox::End;

/// A connection of this process, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnId(pub(crate) u64);

/// Something for the hub to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Send { to: ConnId, frame: Frame },
    End { conn: ConnId, end: End },
}

/// How much a connection may register; each within the protocol's own limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) channels: usize,
    pub(crate) caps: usize,
    pub(crate) invites: usize,
    pub(crate) watches: usize,
}

/// Counts for people who watch the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cameras: usize,
    pub(crate) viewers: usize,
    pub(crate) channels: usize,
    pub(crate) watches: usize,
}

/// What came of an OPEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Rung,
    /// With which code it was closed at once.
    Closed(CloseCode),
}

/// The tables.
#[derive(Debug)]
pub(crate) struct Directory {
    limits: Limits,
    cameras: HashMap<ConnId, Camera>,
    viewers: HashMap<ConnId, Viewer>,
    mailboxes: HashMap<MailboxId, ConnId>,
    /// The first camera to register an invitation holds it.
    invites: HashMap<MailboxId, ConnId>,
    watchers: HashMap<MailboxId, Vec<(ConnId, ChannelId)>>,
}

#[derive(Debug)]
struct Camera {
    mailbox: MailboxId,
    caps: HashSet<CapHash>,
    invites: Vec<MailboxId>,
    channels: HashMap<ChannelId, CameraEnd>,
}

/// A channel as the camera's side knows it.
#[derive(Debug)]
struct CameraEnd {
    viewer: ConnId,
    via: Via,
}

/// By what right a channel was opened; it goes when the right goes.
#[derive(Debug)]
enum Via {
    Cap(CapHash),
    Invite(MailboxId),
}

#[derive(Debug, Default)]
struct Viewer {
    channels: HashMap<ChannelId, ConnId>,
    watches: HashMap<ChannelId, Watch>,
}

#[derive(Debug)]
struct Watch {
    mailbox: MailboxId,
    cap: CapHash,
    /// As it was last told.
    online: bool,
}

impl Directory {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            cameras: HashMap::new(),
            viewers: HashMap::new(),
            mailboxes: HashMap::new(),
            invites: HashMap::new(),
            watchers: HashMap::new(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            cameras: self.cameras.len(),
            viewers: self.viewers.len(),
            channels: self.cameras.values().map(|camera| camera.channels.len()).sum(),
            watches: self.viewers.values().map(|viewer| viewer.watches.len()).sum(),
        }
    }

    /// A camera proved its key. The newest proof wins: an older connection of the mailbox is ended. What it had registered
    /// holds until the newcomer says otherwise, so that nobody is told "offline" for a moment.
    pub(crate) fn join_camera(&mut self, conn: ConnId, mailbox: MailboxId) -> Vec<Effect> {
        let mut effects = vec![];
        let mut camera = Camera { mailbox, caps: HashSet::new(), invites: vec![], channels: HashMap::new() };
        if let Some(older) = self.mailboxes.insert(mailbox, conn)
            && let Some(mut old) = self.cameras.remove(&older)
        {
            self.drop_channels(mem::take(&mut old.channels), CloseCode::PeerGone, &mut effects);
            camera.caps = old.caps;
            camera.invites = old.invites;
            camera.invites.iter().for_each(|invite| {
                self.invites.insert(*invite, conn);
            });
            let text = "a newer connection of the same camera took over";
            effects.push(Effect::End { conn: older, end: End::new(ErrorCode::Replaced, text) });
        }
        self.cameras.insert(conn, camera);
        effects
    }

    /// The connection sent its first OPEN or WATCH.
    pub(crate) fn join_viewer(&mut self, conn: ConnId) {
        self.viewers.entry(conn).or_default();
    }

    /// CAPS: the whole set. Channels and watches of capabilities that are gone end at once.
    pub(crate) fn set_caps(&mut self, conn: ConnId, caps: Vec<CapHash>) -> Result<Vec<Effect>, End> {
        if caps.len() > self.limits.caps {
            let most = self.limits.caps;
            return Err(End::new(ErrorCode::Limit, format!("this server takes at most {most} paired viewers")));
        }
        let Some(camera) = self.cameras.get_mut(&conn) else { return Ok(vec![]) };
        camera.caps = caps.into_iter().collect();
        let caps = &camera.caps;
        let ended = camera.channels.extract_if(|_, end| matches!(&end.via, Via::Cap(cap) if !caps.contains(cap)));
        let ended = ended.collect();
        let mailbox = camera.mailbox;
        let mut effects = vec![];
        self.end_channels(conn, ended, &mut effects);
        self.tell_watchers(mailbox, &mut effects);
        Ok(effects)
    }

    /// INVITES: the whole set. Channels through invitations that are gone end at once.
    pub(crate) fn set_invites(&mut self, conn: ConnId, invites: Vec<MailboxId>) -> Result<Vec<Effect>, End> {
        if invites.len() > self.limits.invites {
            let most = self.limits.invites;
            return Err(End::new(ErrorCode::Limit, format!("this server takes at most {most} open invitations")));
        }
        let Some(camera) = self.cameras.get_mut(&conn) else { return Ok(vec![]) };
        for old in mem::take(&mut camera.invites) {
            self.invites.remove(&old);
        }
        for invite in invites {
            // Only who has the link knows the id; whoever registered it first keeps it.
            if let Entry::Vacant(place) = self.invites.entry(invite) {
                place.insert(conn);
                camera.invites.push(invite);
            }
        }
        let invites = &camera.invites;
        let gone = camera.channels.extract_if(|_, end| matches!(&end.via, Via::Invite(id) if !invites.contains(id)));
        let gone = gone.collect();
        let mut effects = vec![];
        self.end_channels(conn, gone, &mut effects);
        Ok(effects)
    }

    /// OPEN by a viewer.
    pub(crate) fn open(&mut self, conn: ConnId, chan: ChannelId, target: Target) -> Result<(Opened, Vec<Effect>), End> {
        let Some(viewer) = self.viewers.get(&conn) else { return Ok((Opened::Closed(CloseCode::Offline), vec![])) };
        check_id(viewer, chan)?;
        let closed = |code| (Opened::Closed(code), vec![Effect::Send { to: conn, frame: Frame::Close { chan, code } }]);
        if viewer.channels.len() >= self.limits.channels {
            return Ok(closed(CloseCode::Busy));
        }
        let found = match &target {
            Target::Session { mailbox, cap } => {
                let cap = cap_hash(cap);
                self.reach(mailbox, &cap).map(|camera| (camera, Via::Cap(cap), RingKind::Session))
            }
            Target::Pairing(invite) => {
                self.invites.get(invite).map(|camera| (*camera, Via::Invite(*invite), RingKind::Pairing(*invite)))
            }
        };
        let Some((to, via, kind)) = found else { return Ok(closed(CloseCode::Offline)) };
        let Some(camera) = self.cameras.get_mut(&to) else { return Ok(closed(CloseCode::Offline)) };
        if camera.channels.len() >= self.limits.channels || camera.channels.contains_key(&chan) {
            return Ok(closed(CloseCode::Busy));
        }
        camera.channels.insert(chan, CameraEnd { viewer: conn, via });
        self.viewers.entry(conn).or_default().channels.insert(chan, to);
        Ok((Opened::Rung, vec![Effect::Send { to, frame: Frame::Ring { chan, kind } }]))
    }

    /// WATCH by a viewer: answered at once, and on each change.
    pub(crate) fn watch(
        &mut self,
        conn: ConnId,
        chan: ChannelId,
        mailbox: MailboxId,
        cap: &Secret<16>,
    ) -> Result<Vec<Effect>, End> {
        let cap = cap_hash(cap);
        let online = self.reach(&mailbox, &cap).is_some();
        let Some(viewer) = self.viewers.get_mut(&conn) else { return Ok(vec![]) };
        check_id(viewer, chan)?;
        if viewer.watches.len() >= self.limits.watches {
            return Ok(vec![Effect::Send { to: conn, frame: Frame::Close { chan, code: CloseCode::Busy } }]);
        }
        viewer.watches.insert(chan, Watch { mailbox, cap, online });
        self.watchers.entry(mailbox).or_default().push((conn, chan));
        Ok(vec![Effect::Send { to: conn, frame: Frame::Presence { chan, online } }])
    }

    /// Where a DATA frame of this connection goes.
    pub(crate) fn route(&self, conn: ConnId, chan: ChannelId) -> Option<ConnId> {
        match self.viewers.get(&conn) {
            Some(viewer) => viewer.channels.get(&chan).copied(),
            None => self.cameras.get(&conn)?.channels.get(&chan).map(|end| end.viewer),
        }
    }

    /// CLOSE by either end, passed on; or the end of a watch. For an unknown channel nothing happens: two ends that close
    /// at the same time are no error.
    pub(crate) fn close(&mut self, conn: ConnId, chan: ChannelId, code: CloseCode) -> Vec<Effect> {
        if let Some(watch) = self.viewers.get_mut(&conn).and_then(|viewer| viewer.watches.remove(&chan)) {
            self.forget_watcher(watch.mailbox, (conn, chan));
        }
        match self.remove_channel(conn, chan) {
            Some(other) => vec![Effect::Send { to: other, frame: Frame::Close { chan, code } }],
            None => vec![],
        }
    }

    /// `conn` does not read: the channel is gone at both ends.
    pub(crate) fn too_slow(&mut self, conn: ConnId, chan: ChannelId) -> Vec<Effect> {
        match self.remove_channel(conn, chan) {
            Some(other) => [conn, other]
                .map(|to| Effect::Send { to, frame: Frame::Close { chan, code: CloseCode::TooSlow } })
                .into(),
            None => vec![],
        }
    }

    /// The connection ended.
    pub(crate) fn leave(&mut self, conn: ConnId) -> Vec<Effect> {
        let mut effects = vec![];
        if let Some(viewer) = self.viewers.remove(&conn) {
            for (chan, watch) in viewer.watches {
                self.forget_watcher(watch.mailbox, (conn, chan));
            }
            for (chan, camera) in viewer.channels {
                if let Some(camera) = self.cameras.get_mut(&camera) {
                    camera.channels.remove(&chan);
                }
                let frame = Frame::Close { chan, code: CloseCode::PeerGone };
                effects.push(Effect::Send { to: camera, frame });
            }
        }
        if let Some(camera) = self.cameras.remove(&conn) {
            self.mailboxes.remove(&camera.mailbox);
            for invite in &camera.invites {
                self.invites.remove(invite);
            }
            self.drop_channels(camera.channels, CloseCode::PeerGone, &mut effects);
            self.tell_watchers(camera.mailbox, &mut effects);
        }
        effects
    }

    /// The camera of a mailbox, for one who may ring it.
    fn reach(&self, mailbox: &MailboxId, cap: &CapHash) -> Option<ConnId> {
        // Without such a camera an empty set is asked instead, so that the work is the same.
        let nobody = HashSet::new();
        let conn = self.mailboxes.get(mailbox).copied();
        let caps = conn.and_then(|conn| self.cameras.get(&conn)).map_or(&nobody, |camera| &camera.caps);
        if caps.contains(cap) { conn } else { None }
    }

    /// Takes a channel out of both tables; gives the other end.
    fn remove_channel(&mut self, conn: ConnId, chan: ChannelId) -> Option<ConnId> {
        if let Some(viewer) = self.viewers.get_mut(&conn) {
            let camera = viewer.channels.remove(&chan)?;
            if let Some(camera) = self.cameras.get_mut(&camera) {
                camera.channels.remove(&chan);
            }
            return Some(camera);
        }
        let viewer = self.cameras.get_mut(&conn)?.channels.remove(&chan)?.viewer;
        if let Some(viewer) = self.viewers.get_mut(&viewer) {
            viewer.channels.remove(&chan);
        }
        Some(viewer)
    }

    /// Channels whose right is gone: the viewer hears what a stranger hears.
    fn end_channels(&mut self, camera: ConnId, ended: HashMap<ChannelId, CameraEnd>, effects: &mut Vec<Effect>) {
        for chan in ended.keys() {
            let frame = Frame::Close { chan: *chan, code: CloseCode::PeerGone };
            effects.push(Effect::Send { to: camera, frame });
        }
        self.drop_channels(ended, CloseCode::Offline, effects);
    }

    /// Tells the viewers of channels that the camera's side has already let go of.
    fn drop_channels(&mut self, ended: HashMap<ChannelId, CameraEnd>, code: CloseCode, effects: &mut Vec<Effect>) {
        for (chan, end) in ended {
            if let Some(viewer) = self.viewers.get_mut(&end.viewer) {
                viewer.channels.remove(&chan);
            }
            effects.push(Effect::Send { to: end.viewer, frame: Frame::Close { chan, code } });
        }
    }

    fn tell_watchers(&mut self, mailbox: MailboxId, effects: &mut Vec<Effect>) {
        let camera = self.mailboxes.get(&mailbox).and_then(|conn| self.cameras.get(conn));
        for (conn, chan) in self.watchers.get(&mailbox).into_iter().flatten() {
            let Some(watch) = self.viewers.get_mut(conn).and_then(|viewer| viewer.watches.get_mut(chan)) else {
                continue;
            };
            let online = camera.is_some_and(|camera| camera.caps.contains(&watch.cap));
            if mem::replace(&mut watch.online, online) != online {
                effects.push(Effect::Send { to: *conn, frame: Frame::Presence { chan: *chan, online } });
            }
        }
    }

    fn forget_watcher(&mut self, mailbox: MailboxId, watcher: (ConnId, ChannelId)) {
        if let Some(watchers) = self.watchers.get_mut(&mailbox) {
            watchers.retain(|other| *other != watcher);
            if watchers.is_empty() {
                self.watchers.remove(&mailbox);
            }
        }
    }
}

/// A viewer that uses an id twice could not tell the answers apart.
fn check_id(viewer: &Viewer, chan: ChannelId) -> Result<(), End> {
    if chan.0 == 0 {
        return Err(End::new(ErrorCode::Malformed, "channel 0 is the connection itself"));
    }
    if viewer.channels.contains_key(&chan) || viewer.watches.contains_key(&chan) {
        return Err(End::new(ErrorCode::Malformed, "this channel is already open here"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
