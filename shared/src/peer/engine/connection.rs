//! What both ends have in common: building the crate's connection, gathering, data channels, statistics, the end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::interceptor::Registry;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelState};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::transport::DtlsTransport;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceCandidateInit,
    RTCIceGatheringState, RTCIceServer, RTCPeerConnectionIceEvent, RTCPeerConnectionState, StatsSelector,
};
use webrtc::rtp_transceiver::RtpSender;
use webrtc::runtime::default_runtime;

use super::outbox::Outbox;
use super::setup;
use super::sockets::PlainSockets;
use crate::pair::candidate::{MAX_CANDIDATES, check_candidate};
use crate::peer::{Channel, PeerError, PeerEvent, PeerSettings, PeerState, PeerStats};
use crate::protocol::wire::Candidate;

/// Data channels of a peer that wait to be looked at. We know two; a peer that opens more is not served.
const NEW_CHANNELS: usize = 4;
/// How long `close` waits for the control channel's last message to arrive.
const FLUSH: Duration = Duration::from_millis(300);

/// How long a connection may take from the answer on: ICE gives up after eight seconds.
const CONNECTING: Duration = Duration::from_secs(10);

const LABELS: [(Channel, &str); 2] = [(Channel::Control, "ctl"), (Channel::Bulk, "bulk")];

/// One connection of the crate and everything that runs for it.
pub(super) struct Connection {
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) shared: Arc<Shared>,
    events: mpsc::Sender<PeerEvent>,
    tasks: Mutex<Option<JoinSet<()>>>,
    candidates_added: AtomicU32,
    mdns: bool,
}

/// What callbacks, tasks and methods see.
pub(super) struct Shared {
    outbox: Arc<Outbox>,
    gathering: Mutex<Gathering>,
    gathered: Notify,
    connected: AtomicBool,
    closing: AtomicBool,
    last: Mutex<Option<PeerState>>,
    channels: Mutex<[Option<Arc<dyn DataChannel>>; 2]>,
    new_channels: mpsc::Sender<Arc<dyn DataChannel>>,
    /// Any received track: feedback for every stream can be written through it.
    pub(super) track: OnceLock<Arc<dyn TrackRemote>>,
}

#[derive(Default)]
struct Gathering {
    /// Candidates go out as events from now on; before, they are kept for the description.
    trickling: bool,
    candidates: Vec<String>,
    complete: bool,
    mid: String,
}

impl Shared {
    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Tells the owner, once for each state; `Failed` and `Closed` are the last.
    fn report(&self, state: PeerState) {
        match state {
            PeerState::Connected => self.connected.store(true, Ordering::Release),
            PeerState::Failed | PeerState::Closed => self.connected.store(false, Ordering::Release),
            PeerState::Connecting | PeerState::Disconnected => {}
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let ended =
            self.closing.load(Ordering::Acquire) || matches!(*last, Some(PeerState::Failed | PeerState::Closed));
        if !ended && last.replace(state) != Some(state) {
            self.outbox.push(PeerEvent::State(state));
        }
    }

    fn channel(&self, channel: Channel) -> Option<Arc<dyn DataChannel>> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.get(index(channel)).cloned().flatten()
    }

    /// True if there was none for this purpose yet.
    fn set_channel(&self, channel: Channel, opened: Arc<dyn DataChannel>) -> bool {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        match channels.get_mut(index(channel)) {
            Some(place) if place.is_none() => {
                *place = Some(opened);
                true
            }
            _ => false,
        }
    }
}

fn index(channel: Channel) -> usize {
    match channel {
        Channel::Control => 0,
        Channel::Bulk => 1,
    }
}

/// The crate's callbacks. They run on its driver and must not wait.
struct Handler(Arc<Shared>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(candidate) = event.candidate.to_json() else { return };
        let mut gathering = self.0.gathering();
        if gathering.candidates.len() == MAX_CANDIDATES {
            return;
        }
        gathering.candidates.push(candidate.candidate.clone());
        if gathering.trickling {
            let event = Candidate { cand: candidate.candidate, mid: gathering.mid.clone() };
            self.0.outbox.push(PeerEvent::Candidate(event));
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let mut gathering = self.0.gathering();
            gathering.complete = true;
            if gathering.trickling {
                self.0.outbox.push(PeerEvent::GatheringDone);
            }
            self.0.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connected => PeerState::Connected,
            RTCPeerConnectionState::Disconnected => PeerState::Disconnected,
            RTCPeerConnectionState::Failed => PeerState::Failed,
            RTCPeerConnectionState::Closed => PeerState::Closed,
            _ => PeerState::Connecting,
        };
        self.0.report(state);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if self.0.new_channels.try_send(channel).is_err() {
            tracing::debug!("data channel ignored: more than we know");
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // Packets don't come this way (see `inlet`).
        let _ = self.0.track.set(track);
    }
}

/// Turns the crate's error into ours, which says what was tried.
pub(super) fn failed(doing: &'static str) -> impl Fn(rtc::shared::error::Error) -> PeerError {
    move |error| PeerError::Stack { doing, detail: error.to_string() }
}

impl Connection {
    pub(super) async fn build(
        settings: &PeerSettings,
        dtls_server: bool,
        registry: impl FnOnce(&Arc<Outbox>) -> Registry,
        events: mpsc::Sender<PeerEvent>,
    ) -> Result<Self, PeerError> {
        let outbox = Arc::new(Outbox::default());
        let (new_channels, arriving) = mpsc::channel(NEW_CHANNELS);
        let shared = Arc::new(Shared {
            outbox: outbox.clone(),
            gathering: Mutex::default(),
            gathered: Notify::new(),
            connected: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            last: Mutex::default(),
            channels: Mutex::default(),
            new_channels,
            track: OnceLock::new(),
        });
        let ice = super::resolve::servers(settings).await.into_iter().map(|server| RTCIceServer {
            urls: server.urls,
            username: server.username.unwrap_or_default(),
            credential: server.credential.unwrap_or_default(),
        });
        let addresses: Vec<SocketAddr> = setup::addresses(settings);
        let no_runtime =
            PeerError::Stack { doing: "opening sockets", detail: "not called on a Tokio runtime".to_owned() };
        let pc = PeerConnectionBuilder::new()
            .with_runtime(Arc::new(PlainSockets(default_runtime().ok_or(no_runtime)?)))
            .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(ice.collect()).build())
            .with_media_engine(setup::media_engine().map_err(failed("registering codecs"))?)
            .with_setting_engine(setup::setting_engine(settings, dtls_server))
            .with_interceptor_registry(registry(&outbox))
            .with_handler(Arc::new(Handler(shared.clone())))
            .with_data_channel_send_buffer_limit(setup::CHANNEL_BUFFER)
            .with_udp_addrs(addresses)
            .build()
            .await
            .map_err(failed("opening sockets"))?;
        let mut tasks = JoinSet::new();
        let (deliver, to) = (outbox.clone(), events.clone());
        tasks.spawn(async move { deliver.deliver(to).await });
        tasks.spawn(serve_channels(shared.clone(), arriving, events.clone()));
        Ok(Self {
            pc: Arc::new(pc),
            outbox,
            shared,
            events,
            tasks: Mutex::new(Some(tasks)),
            candidates_added: AtomicU32::new(0),
            mdns: settings.mdns_query,
        })
    }

    /// Opens our own two channels, for an offer.
    pub(super) async fn create_channels(&self) -> Result<(), PeerError> {
        for (_, label) in LABELS {
            let channel = self.pc.create_data_channel(label, None).await.map_err(failed("creating a data channel"))?;
            let _ = self.shared.new_channels.try_send(channel);
        }
        Ok(())
    }

    /// Waits for gathering to end, at most `patience`, and returns the local description with the candidates so far.
    /// Later ones become events.
    pub(super) async fn local_description(&self, mid: &str, patience: Duration) -> Result<String, PeerError> {
        let complete = || self.shared.gathering().complete;
        if !complete() {
            let _ = tokio::time::timeout(patience, self.shared.gathered.notified()).await;
        }
        let none = PeerError::Stack { doing: "describing the session", detail: "no local description".to_owned() };
        let sdp = self.pc.local_description().await.ok_or(none)?.sdp;
        let mut gathering = self.shared.gathering();
        gathering.mid = mid.to_owned();
        gathering.trickling = true;
        for cand in gathering.candidates.iter().filter(|cand| !sdp.contains(cand.as_str())) {
            self.outbox.push(PeerEvent::Candidate(Candidate { cand: cand.clone(), mid: mid.to_owned() }));
        }
        if gathering.complete {
            self.outbox.push(PeerEvent::GatheringDone);
        }
        Ok(sdp)
    }

    /// Runs once both descriptions are known: says `Failed` when nothing came of it, which the crate does not when the
    /// DTLS handshake fails (a certificate other than announced, say).
    pub(super) fn watch(&self, track: Option<Arc<dyn TrackLocal>>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = tasks.as_mut() else { return };
        let shared = self.shared.clone();
        tasks.spawn(async move {
            tokio::time::sleep(CONNECTING).await;
            if !shared.connected() {
                shared.report(PeerState::Failed);
            }
        });
        if let Some(track) = track {
            let shared = self.shared.clone();
            tasks.spawn(async move {
                // Nothing comes this way (see `outlet`); it ends with the driver.
                while track.poll().await.is_some() {}
                shared.report(PeerState::Failed);
            });
        }
    }

    pub(super) async fn add_candidate(&self, candidate: &Candidate) -> Result<(), PeerError> {
        if self.candidates_added.fetch_add(1, Ordering::Relaxed) as usize >= MAX_CANDIDATES
            || check_candidate(&candidate.cand).is_err()
        {
            return Err(PeerError::Candidate);
        }
        if !self.mdns && candidate.cand.contains(".local") {
            // A browser that hides its address; it will be seen when it connects to ours.
            return Ok(());
        }
        let init = RTCIceCandidateInit {
            candidate: candidate.cand.clone(),
            sdp_mid: Some(candidate.mid.clone()),
            ..Default::default()
        };
        self.pc.add_ice_candidate(init).await.map_err(failed("adding a candidate"))
    }

    pub(super) async fn send(&self, channel: Channel, data: Bytes) -> Result<(), PeerError> {
        let open = self.shared.channel(channel).ok_or(PeerError::NotOpen(channel))?;
        if open.ready_state().await.ok() != Some(RTCDataChannelState::Open) {
            return Err(PeerError::NotOpen(channel));
        }
        match channel {
            Channel::Control => {
                let text = std::str::from_utf8(&data).map_err(|_| PeerError::NotText)?;
                open.send_text(text).await
            }
            Channel::Bulk => open.send(BytesMut::from(data)).await,
        }
        .map_err(|_| PeerError::Closed)
    }

    /// SHA-256 of the certificate that the peer showed in the DTLS handshake.
    pub(super) async fn remote_fingerprint(&self, sender: Option<&Arc<dyn RtpSender>>) -> Option<[u8; 32]> {
        let certificates = self.dtls(sender).await?.get_remote_certificates().await.ok()?;
        let digest = ring::digest::digest(&ring::digest::SHA256, certificates.first()?);
        digest.as_ref().try_into().ok()
    }

    /// Without data channels (WHEP) the way to the transport is through a sender.
    async fn dtls(&self, sender: Option<&Arc<dyn RtpSender>>) -> Option<Arc<dyn DtlsTransport>> {
        match self.pc.sctp().await {
            Some(sctp) => Some(sctp.transport()),
            None => sender?.transport().await.ok()?,
        }
    }

    /// What the crate counts: bytes, round-trip time and path.
    pub(super) async fn transport_stats(&self, sender: Option<&Arc<dyn RtpSender>>) -> PeerStats {
        let report = self.pc.get_stats(Instant::now(), StatsSelector::None).await;
        let mut stats = PeerStats::default();
        if let Some(transport) = report.transport() {
            stats.bytes_sent = transport.bytes_sent;
            stats.bytes_received = transport.bytes_received;
        }
        let rtt = report.candidate_pairs().map(|pair| pair.current_round_trip_time).find(|rtt| *rtt > 0.0);
        stats.rtt_ms = rtt.map(|rtt| rtt * 1000.0);
        // The crate's report marks no pair as nominated; its ICE transport knows.
        if let Some(dtls) = self.dtls(sender).await
            && let Ok(Some(pair)) = dtls.ice_transport().get_selected_candidate_pair().await
        {
            stats.path = Some((pair.local().typ.to_string(), pair.remote().typ.to_string()));
        }
        stats
    }

    /// Ends the connection and its tasks. What was written to the control channel before has [`FLUSH`] to arrive.
    pub(super) async fn close(&self) {
        let Some(mut tasks) = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.shared.closing.store(true, Ordering::Release);
        if self.shared.connected()
            && let Some(control) = self.shared.channel(Channel::Control)
        {
            let flushed = async {
                while control.outstanding_bytes().await.is_ok_and(|bytes| bytes > 0) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            let _ = tokio::time::timeout(FLUSH, flushed).await;
        }
        self.shared.connected.store(false, Ordering::Release);
        if let Err(error) = self.pc.close().await {
            tracing::debug!(%error, "closing a peer connection");
        }
        *self.shared.channels.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        tasks.shutdown().await;
        let _ = self.events.try_send(PeerEvent::State(PeerState::Closed));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let open = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        // The crate's driver would run on for ever. This one task has no owner, but it ends within a moment by itself.
        if open && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let pc = self.pc.clone();
            runtime.spawn(async move { pc.close().await });
        }
    }
}

/// Takes channels as they appear and reads them until they end.
async fn serve_channels(
    shared: Arc<Shared>,
    mut arriving: mpsc::Receiver<Arc<dyn DataChannel>>,
    events: mpsc::Sender<PeerEvent>,
) {
    let mut readers = JoinSet::new();
    loop {
        let opened = tokio::select! {
            opened = arriving.recv() => opened,
            Some(ended) = readers.join_next() => {
                // One of our two channels is gone, and with it the session.
                shared.report(ended.unwrap_or(PeerState::Failed));
                continue;
            }
        };
        let Some(opened) = opened else { return };
        let label = opened.label().await.unwrap_or_default();
        let Some((channel, _)) = LABELS.into_iter().find(|(_, l)| *l == label) else { continue };
        if shared.set_channel(channel, opened.clone()) {
            readers.spawn(read_channel(channel, opened, events.clone()));
        }
    }
}

/// Hands messages to the owner. While the owner is slow nothing is read, and SCTP slows the peer down. Returns how the channel ended.
async fn read_channel(channel: Channel, opened: Arc<dyn DataChannel>, events: mpsc::Sender<PeerEvent>) -> PeerState {
    while let Some(event) = opened.poll().await {
        let event = match event {
            DataChannelEvent::OnOpen => PeerEvent::ChannelOpen(channel),
            DataChannelEvent::OnMessage(message) => PeerEvent::Message(channel, message.data.freeze()),
            // The peer closed it: it is leaving.
            DataChannelEvent::OnClose => return PeerState::Closed,
            _ => continue,
        };
        if events.send(event).await.is_err() {
            return PeerState::Closed;
        }
    }
    // The crate's driver stopped, as it does without a word when DTLS gives up.
    PeerState::Failed
}
