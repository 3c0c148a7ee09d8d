//! A link between two peers that is as bad as a test wants it: slow, with a queue, losing, mixing up.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::sleep_until;

/// What a link does to packets. The rates may be changed while it runs.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    /// Of the media packets of the offering side, so many percent are lost, a few come twice, and some come late.
    pub(crate) loss: u32,
    /// How long a packet travels, each way.
    pub(crate) delay: Duration,
    /// Bits a second from the offering side; zero: no limit.
    pub(crate) bits_per_second: AtomicU32,
    /// What waits for longer than this in front of the limit is dropped.
    pub(crate) queue: Duration,
    /// Packets dropped there.
    pub(crate) dropped: AtomicU64,
}

impl Weather {
    /// 20 ms each way, 300 ms of queue, no limit yet.
    pub(crate) fn slow_link() -> Arc<Self> {
        let (delay, queue) = (Duration::from_millis(20), Duration::from_millis(300));
        Arc::new(Self { delay, queue, ..Self::default() })
    }

    /// From now on so many bits a second get through; zero: all.
    pub(crate) fn limit(&self, bits_per_second: u32) {
        self.bits_per_second.store(bits_per_second, Ordering::Relaxed);
    }
}

/// A small generator, so that each run loses the same packets.
struct Random(u32);

impl Random {
    fn percent(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % 100
    }
}

/// The limit and the queue in front of it.
#[derive(Default)]
struct Bottleneck {
    /// When the last packet taken will have gone through.
    free: Option<Instant>,
}

impl Bottleneck {
    /// When a packet that comes now has gone through; `None`: the queue is full.
    fn handle_packet(&mut self, now: Instant, bytes: usize, weather: &Weather) -> Option<Instant> {
        let rate = weather.bits_per_second.load(Ordering::Relaxed);
        let from = self.free.map_or(now, |free| free.max(now));
        if rate == 0 {
            return Some(from);
        }
        if from - now > weather.queue {
            weather.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // 28 bytes of IP and UDP travel too.
        let through = from + Duration::from_secs_f64((bytes + 28) as f64 * 8.0 / f64::from(rate));
        self.free = Some(through);
        Some(through)
    }
}

/// Packets on their way, in order of arrival.
#[derive(Default)]
struct Way(VecDeque<(Instant, Vec<u8>)>);

impl Way {
    fn send(&mut self, arrives: Instant, packet: &[u8]) {
        self.0.push_back((arrives, packet.to_vec()));
    }

    /// Waits for the next arrival.
    async fn next(&mut self) -> Vec<u8> {
        let Some((arrives, _)) = self.0.front() else { return pending().await };
        sleep_until((*arrives).into()).await;
        self.0.pop_front().map(|(_, packet)| packet).unwrap_or_default()
    }
}

/// Puts a relay in front of the offering side. Returns the offer that shows the relay's address. It ends with the runtime.
pub(crate) async fn relay(offer: &str, weather: Arc<Weather>) -> String {
    let candidate = offer.lines().find(|l| l.starts_with("a=candidate")).expect("a candidate");
    let port: u16 = candidate.split(' ').nth(5).expect("a port").parse().expect("a number");
    let inner = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let outer = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let shown = outer.local_addr().expect("an address").port();
    tokio::spawn(carry(weather, inner, outer, SocketAddr::from(([127, 0, 0, 1], port))));
    offer.replace(&format!(" {port} typ host"), &format!(" {shown} typ host"))
}

/// An answer without the viewer's address, so that everything takes the way through the relay.
pub(crate) fn hide(answer: &str) -> String {
    answer.split_inclusive('\n').filter(|l| !l.starts_with("a=candidate")).collect()
}

async fn carry(weather: Arc<Weather>, inner: UdpSocket, outer: UdpSocket, target: SocketAddr) {
    let mut random = Random(7);
    let mut viewer: Option<SocketAddr> = None;
    let (mut up, mut down) = ([0; 2048], [0; 2048]);
    let (mut upward, mut downward) = (Way::default(), Way::default());
    let mut bottleneck = Bottleneck::default();
    let mut late: Option<Vec<u8>> = None;
    loop {
        tokio::select! {
            packet = upward.next() => {
                let _ = inner.send_to(&packet, target).await;
            }
            packet = downward.next() => {
                let Some(viewer) = viewer else { continue };
                let _ = outer.send_to(&packet, viewer).await;
            }
            Ok((len, from)) = outer.recv_from(&mut up) => {
                viewer = Some(from);
                upward.send(Instant::now() + weather.delay, &up[..len]);
            }
            Ok((len, _)) = inner.recv_from(&mut down) => {
                let now = Instant::now();
                let Some(through) = bottleneck.handle_packet(now, len, &weather) else { continue };
                let arrives = through + weather.delay;
                // RTP starts with version 2 (RFC 7983); STUN, DTLS and RTCP are neither lost nor mixed up.
                let rtp = (0x80..=0xbf).contains(&down[0]) && !(192..=223).contains(&down[1]);
                if weather.loss == 0 || !rtp {
                    downward.send(arrives, &down[..len]);
                    continue;
                }
                let luck = random.percent();
                if luck < weather.loss {
                    continue;
                }
                if luck >= 95 && late.is_none() {
                    late = Some(down[..len].to_vec());
                    continue;
                }
                downward.send(arrives, &down[..len]);
                if luck >= 90 {
                    downward.send(arrives, &down[..len]);
                }
                if let Some(packet) = late.take_if(|_| luck < 60) {
                    downward.send(arrives, &packet);
                }
            }
        }
    }
}
