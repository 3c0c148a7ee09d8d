//! Sessions: admitted, told, heard, ended.

use std::sync::Arc;
use std::time::Instant;

use athome_shared::id::ChannelId;
use athome_shared::pair::{b64, keys};
use athome_shared::peer::PeerSettings;
use athome_shared::protocol::VERSION;
use athome_shared::protocol::wire::{FromCamera, IceServer, Join, Offer, Refused, Why};
use athome_shared::time::WallTime;
use ring::rand::SystemRandom;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tracing::warn;

use super::store::{Stored, blocking};
use super::{Handle, ORDERS, Task};
use crate::events::Kind;
use crate::serve::door::close;
use crate::serve::house::{Admission, BUSY_RETRY_S, SessionId};
use crate::serve::session::{self, Knock, News, Offered, Order};
use crate::trust::{TrustError, Viewer, ViewerKey};

impl Task {
    pub(super) fn knock(&mut self, chan: ChannelId, viewer: &Viewer, join: Join) {
        match self.house.knock(viewer.v_pub, &viewer.label, chan) {
            Admission::Busy { count } => {
                self.counters.refused_busy += 1;
                self.door.refuse(
                    chan,
                    Refused {
                        why: Why::Busy,
                        who: None,
                        count: Some(u32::try_from(count).unwrap_or(u32::MAX)),
                        retry_s: Some(BUSY_RETRY_S),
                    },
                );
            }
            Admission::Welcome { id, replaces } => {
                for older in replaces {
                    self.end(older, Why::Replaced);
                }
                self.counters.sessions_begun += 1;
                let (orders_in, orders) = mpsc::channel(ORDERS);
                let (end_in, end) = watch::channel(None);
                self.handles.insert(id, Handle { orders: orders_in, end: end_in });
                let knock = Knock { id, roles: viewer.roles, device: viewer.label.clone(), join };
                let session = session::run(self.common.clone(), knock, orders, end, self.news_in.clone());
                let task = self.sessions.spawn(session).id();
                self.tasks.insert(task, id);
            }
        }
    }

    pub(super) fn order(&mut self, id: SessionId, order: Order) {
        let Some(handle) = self.handles.get(&id) else { return };
        // It has not read its orders for a whole negotiation: it never will.
        if handle.orders.try_send(order).is_err() {
            self.end(id, Why::Protocol);
        }
    }

    pub(super) fn end(&mut self, id: SessionId, why: Why) {
        if let Some(handle) = self.handles.get(&id) {
            // The first reason stands.
            handle.end.send_if_modified(|end| end.is_none() && end.replace(why).is_none());
        }
    }

    pub(super) fn handle_news(&mut self, id: SessionId, news: News) {
        let chan = self.house.channel(id);
        match (news, chan) {
            (News::Offer(offered), Some(chan)) => match self.offer(*offered) {
                Ok(offer) => self.door.offer(Instant::now(), chan, offer),
                Err(error) => {
                    warn!("no offer: {error}");
                    self.end(id, Why::Stopping);
                }
            },
            (News::Candidate(candidate), Some(chan)) => self.door.send(chan, &FromCamera::Cand(candidate)),
            (News::GatheringDone, Some(chan)) => self.door.send(chan, &FromCamera::CandEnd),
            (News::Offer(_) | News::Candidate(_) | News::GatheringDone, None) => {}
            (News::Live, _) => self.session_live(id),
            (News::Rename { re, name }, _) => self.rename(id, re, name),
            (News::Ended(why), chan) => {
                if let (Some(why), Some(chan)) = (why, chan) {
                    self.door.refuse(chan, Refused { why, who: None, count: None, retry_s: None });
                    self.door.send(chan, &FromCamera::Bye { why });
                } else if let Some(chan) = chan {
                    self.door.close(chan, close::DONE);
                }
                self.session_ended(id);
            }
        }
    }

    /// A session's task is over; one that panicked could not say so itself.
    pub(super) fn handle_session_task(&mut self, ended: Result<(tokio::task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        if let Some(id) = self.tasks.remove(&task)
            && ended.is_err()
        {
            warn!(session = id.0, "a session ended badly");
            self.session_ended(id);
        }
    }

    pub(super) fn publish_watching(&mut self) {
        let names = self.house.watching();
        self.shows.watching.send_if_modified(|shown| {
            let news = **shown != names;
            if news {
                *shown = Arc::new(names);
            }
            news
        });
    }

    /// Ends the sessions of guests whose access ran out.
    pub(super) fn look_after_guests(&mut self) {
        let now = WallTime::now();
        let ended: Vec<ViewerKey> = self.roster.viewers().filter(|v| v.expired(now)).map(|v| v.v_pub).collect();
        for viewer in ended {
            for id in self.house.of_viewer(&viewer) {
                self.end(id, Why::GuestEnded);
            }
        }
    }

    fn offer(&self, offered: Offered) -> Result<Offer, TrustError> {
        let kb: [u8; 32] = keys::random(&SystemRandom::new())?;
        Ok(Offer {
            v: VERSION,
            sdp: offered.sdp,
            fp: b64::encode(&offered.fingerprint),
            kb: b64::encode(&kb),
            ice_servers: self.ice_servers.clone(),
            slots: offered.slots,
            cameras: offered.cameras,
            attached: offered.attached,
        })
    }

    fn session_live(&mut self, id: SessionId) {
        let Some((viewer, name)) = self.house.live(id) else { return };
        self.counters.sessions_live += 1;
        self.publish_watching();
        self.events.streamer(Kind::ViewerJoined { name });
        let trust = self.trust.clone();
        self.stored
            .spawn(async move { Stored::Nothing(blocking(move || trust.touch(WallTime::now(), &viewer)).await) });
    }

    fn session_ended(&mut self, id: SessionId) {
        self.handles.remove(&id);
        if let Some(name) = self.house.ended(id) {
            self.events.streamer(Kind::ViewerLeft { name });
        }
        self.publish_watching();
    }

    fn rename(&mut self, session: SessionId, re: u32, name: String) {
        let Some(viewer) = self.house.viewer(session) else { return };
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                let name = trust.rename(&viewer, &name)?;
                Ok((name, trust.roster()?))
            });
            Stored::Renamed { session, viewer, re, done: done.await }
        });
    }
}

pub(super) fn ice_servers(peer: &PeerSettings) -> Vec<IceServer> {
    let stun = (!peer.stun_servers.is_empty()).then(|| IceServer {
        urls: peer.stun_servers.clone(),
        username: None,
        credential: None,
    });
    stun.into_iter().chain(peer.turn_servers.iter().cloned()).collect()
}
