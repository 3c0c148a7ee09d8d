//! WHEP (draft-ietf-wish-whep): a program of this computer that is not ours watches a camera. It offers, we answer with
//! all our candidates; nothing trickles, and the session's address ends it. The media stay on this computer like the
//! interface itself: whatever addresses viewers get, a WHEP client gets loopback ones.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::Layer;
use athome_shared::pair::roles::Command;
use athome_shared::peer::{PeerError, PeerEvent, PeerSettings, PeerState, Sender, Shape};
use athome_shared::protocol::control::Camera;
use athome_shared::protocol::wire::{SlotKind, SlotMid};
use athome_shared::time::MediaClock;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Api;
use super::error::Refusal;
use super::routes::{permit, whole};
use crate::hub::Hub;
use crate::serve::slots::Slots;

/// Sessions at once; more are refused.
const MAX_SESSIONS: usize = 8;
/// From the answer to the connection at most.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// A peer that was lost for so long is gone.
const LOST_LIMIT: Duration = Duration::from_secs(8);
/// Longest wait for a connection to be taken down.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// Peer events that wait; when full, the connection's control side waits and media reports are dropped.
const PEER_EVENTS: usize = 256;
const SDP: &str = "application/sdp";

/// All WHEP sessions. Cloning shares them.
#[derive(Clone)]
pub struct Whep(Arc<Inner>);

struct Inner {
    hub: Hub,
    clock: MediaClock,
    peer: PeerSettings,
    stop: CancellationToken,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    /// Each with the camera whose address it stands under.
    open: BTreeMap<String, (String, CancellationToken)>,
    tasks: JoinSet<()>,
}

impl Whep {
    /// No session yet.
    pub fn new(hub: Hub, clock: MediaClock, peer: &PeerSettings) -> Self {
        let peer = loopback_only(peer);
        Self(Arc::new(Inner { hub, clock, peer, stop: CancellationToken::new(), sessions: Mutex::default() }))
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.lock().open.len()
    }

    /// Ends every session and waits for its task.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        let mut tasks = std::mem::take(&mut self.lock().tasks);
        while tasks.join_next().await.is_some() {}
    }

    /// Answers an offer; the session's id and the answer.
    async fn begin(&self, camera: &Camera, offer: &str) -> Result<(String, String), Refusal> {
        let id = session_id()?;
        let end = self.0.stop.child_token();
        {
            let mut sessions = self.lock();
            while sessions.tasks.try_join_next().is_some() {}
            if sessions.open.len() >= MAX_SESSIONS {
                return Err(Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{MAX_SESSIONS} WHEP sessions are open, the most there may be. End one first."),
                ));
            }
            sessions.open.insert(id.clone(), (camera.id.to_string(), end.clone()));
        }
        // From here on the entry goes with the guard, however this ends.
        let entry = Entry { whep: self.clone(), id: id.clone() };
        let (events_in, events) = mpsc::channel(PEER_EVENTS);
        let (sender, answer, mids) =
            Sender::answer(offer, &self.0.peer, events_in).await.map_err(|error| refused(&error))?;
        let session =
            Session { whep: self.clone(), sender: Arc::new(sender), events, camera: camera.clone(), mids, end, entry };
        self.lock().tasks.spawn(session.run());
        Ok((id, answer))
    }

    fn end(&self, camera: &str, id: &str) -> bool {
        match self.lock().open.get(id) {
            Some((of, end)) if of == camera => {
                let news = !end.is_cancelled();
                end.cancel();
                news
            }
            _ => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings for clients of this computer: no address that others could reach, nobody to ask or to relay through, and so
/// nothing to wait for.
fn loopback_only(peer: &PeerSettings) -> PeerSettings {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    // A socket for an address that the system does not have could not be opened.
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let six = found.iter().any(|interface| interface.ip() == six).then_some(six);
    PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: std::iter::once(IpAddr::V4(Ipv4Addr::LOCALHOST)).chain(six).collect(),
        mdns_query: false,
        ..peer.clone()
    }
}

/// Takes a session off the list when it is dropped.
struct Entry {
    whep: Whep,
    id: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.whep.lock().open.remove(&self.id);
    }
}

struct Session {
    whep: Whep,
    sender: Arc<Sender>,
    events: mpsc::Receiver<PeerEvent>,
    camera: Camera,
    mids: Vec<SlotMid>,
    end: CancellationToken,
    entry: Entry,
}

impl Session {
    async fn run(mut self) {
        let inner = &self.whep.0;
        let count = |kind| u8::try_from(self.mids.iter().filter(|m| m.kind == kind).count()).unwrap_or(u8::MAX);
        let shape = Shape { video: count(SlotKind::Video), audio: count(SlotKind::Audio) };
        // Nobody reads the figures: the channel fills up once and further ones are dropped.
        let (reports, _unread) = mpsc::channel(1);
        let mut slots = Slots::new(inner.hub.clone(), inner.clock, shape, reports);
        let now = inner.clock.media(Instant::now());
        slots.prepare(SlotKind::Video, 0, &self.camera.id, Layer::Full, now).await;
        slots.prepare(SlotKind::Audio, 0, &self.camera.id, Layer::Full, now).await;
        let mut deadline = Some(Instant::now() + CONNECT_LIMIT);
        loop {
            let event = tokio::select! {
                () = self.end.cancelled() => break,
                () = async { match deadline {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                } } => break,
                event = self.events.recv() => event,
            };
            match event {
                Some(PeerEvent::State(PeerState::Connected)) => {
                    deadline = None;
                    slots.feed_all(&self.sender);
                }
                Some(PeerEvent::State(PeerState::Disconnected)) => deadline = Some(Instant::now() + LOST_LIMIT),
                Some(PeerEvent::State(PeerState::Failed | PeerState::Closed)) | None => break,
                Some(PeerEvent::KeyFrameWanted { slot }) => slots.want_key_frame(slot),
                Some(PeerEvent::TargetBitrate(bps)) => slots.set_target_bps(bps),
                Some(_) => {}
            }
        }
        slots.stop().await;
        if timeout(CLOSE_LIMIT, self.sender.close()).await.is_err() {
            tracing::warn!("a WHEP connection did not close in time");
        }
        drop(self.entry);
    }
}

/// The offer without fingerprints of other hash functions than SHA-256. A client may offer several for one certificate
/// (RFC 8122 §5, aiortc does); we check the one that everybody has.
fn one_fingerprint(offer: &str) -> String {
    let other = |line: &&str| {
        let hash = line.strip_prefix("a=fingerprint:").and_then(|value| value.split(' ').next());
        hash.is_some_and(|hash| !hash.eq_ignore_ascii_case("sha-256"))
    };
    offer.split_inclusive('\n').filter(|line| !other(line)).collect()
}

/// 128 random bits: the address can't be guessed.
fn session_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The system gives no random numbers."))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn refused(error: &PeerError) -> Refusal {
    let status = match error {
        PeerError::Sdp(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal::new(status, format!("The offer can't be answered: {error}."))
}

pub(super) async fn begin(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    permit(Command::Watch)?;
    permit(Command::Listen)?;
    let body = whole(body)?;
    let camera = api.camera(&id)?;
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(SDP) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send an SDP offer as application/sdp."));
    }
    let offer = std::str::from_utf8(&body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "The offer can't be answered: it is not text."))?;
    let (session, answer) = api.0.whep.begin(&camera, &one_fingerprint(offer)).await?;
    let location = format!("/api/v1/cameras/{id}/whep/{session}");
    let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, location), (CACHE_CONTROL, "no-store".to_owned())];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

pub(super) async fn end(
    State(api): State<Api>,
    Path((camera, session)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    permit(Command::Watch)?;
    if api.0.whep.end(&camera, &session) {
        Ok(StatusCode::OK)
    } else {
        Err(Refusal::new(StatusCode::NOT_FOUND, "No such session; it ended already, or never was."))
    }
}

/// What a WHEP client may send here.
pub(super) async fn options(Path(_): Path<BTreeMap<String, String>>) -> impl IntoResponse {
    (
        StatusCode::NO_CONTENT,
        [(ALLOW, "POST, DELETE, OPTIONS"), (axum::http::header::HeaderName::from_static("accept-post"), SDP)],
    )
}

#[cfg(test)]
mod tests {
    use super::one_fingerprint;

    #[test]
    fn of_several_fingerprints_the_sha_256_one_is_left() {
        let offer =
            "v=0\r\na=fingerprint:sha-256 AA\r\na=fingerprint:sha-384 BB\r\na=fingerprint:SHA-512 CC\r\nm=video";
        assert_eq!(one_fingerprint(offer), "v=0\r\na=fingerprint:sha-256 AA\r\nm=video");
    }
}
