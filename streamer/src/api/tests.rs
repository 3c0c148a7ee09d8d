//! The local interface over a real socket: every route against every way of not being allowed, and bad input.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use athome_shared::peer::{BitrateRange, PeerSettings, Sender};

use super::auth::Token;
use super::client::{Answer, Request, ask, raw};
use super::{HEALTH, MAX_BODY, ROUTES};
use crate::app::{App, Options};
use crate::config::{CameraConfig, Config};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

struct Running {
    app: App,
    addr: SocketAddr,
    token: Token,
    _data: tempfile::TempDir,
}

async fn start() -> Running {
    start_with(Some(SocketAddr::from(([127, 0, 0, 1], 0)))).await
}

async fn start_with(listen: Option<SocketAddr>) -> Running {
    start_config(listen, |_| {}).await
}

async fn start_config(listen: Option<SocketAddr>, change: impl FnOnce(&mut Config)) -> Running {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut config = Config::default();
    config.signaling.listen = listen;
    config.webrtc.stun_servers.clear();
    config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut card = CameraConfig::new("Test card", "test".parse().expect("a camera"));
    card.active = false;
    config.cameras = vec![card];
    change(&mut config);
    let app = App::start(Options { config, data: data.path().to_owned() }).await.expect("starts");
    let token = Token::read(data.path()).expect("made at the start");
    Running { addr: app.api_addr(), app, token, _data: data }
}

impl Running {
    async fn send(&self, method: &str, path: &str, headers: &str) -> Answer {
        let text = format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n");
        raw(self.addr, text.as_bytes()).await.expect("an answer")
    }

    async fn ask(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
        ask(self.addr, &self.token, Request { method, path, body }).await.expect("an answer")
    }
}

fn has_a_sentence(answer: &Answer) -> bool {
    let said: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    said.is_some_and(|said| said["error"].as_str().is_some_and(|text| text.ends_with('.')))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_answers_a_stranger_a_web_page_or_a_rebound_name() {
    let running = start().await;
    let (addr, token) = (running.addr, running.token.text());
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let mut other = token.clone().into_bytes();
    other[0] = if other[0] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).expect("ASCII");
    let own = format!("Host: {addr}\r\n");
    for route in ROUTES {
        let path = route.path.replace("{id}", "test-card").replace("{session}", "0").replace("{number}", "1");
        for method in METHODS {
            let refused = [
                (403, "a rebound name", format!("Host: example.org\r\n{bearer}")),
                (403, "a name that begins like ours", format!("Host: 127.0.0.1.example.org\r\n{bearer}")),
                (403, "two names", format!("{own}Host: {addr}\r\n{bearer}")),
                (403, "a web page", format!("{own}Origin: https://example.org\r\n{bearer}")),
                (403, "a page on another port", format!("{own}Origin: http://127.0.0.1:1\r\n{bearer}")),
                (403, "a sandboxed page", format!("{own}Origin: null\r\n{bearer}")),
                (401, "no token", own.clone()),
                (401, "another token", format!("{own}Authorization: Bearer {other}\r\n")),
                (401, "a short token", format!("{own}Authorization: Bearer {}\r\n", &token[..20])),
                (401, "two tokens", format!("{own}{bearer}{bearer}")),
                (401, "another scheme", format!("{own}Authorization: Basic {token}\r\n")),
            ];
            for (status, why, headers) in refused {
                if status == 401 && path == HEALTH {
                    continue;
                }
                let answer = running.send(method, &path, &headers).await;
                assert_eq!(answer.status, status, "{method} {path}: {why}");
                assert!(has_a_sentence(&answer), "{method} {path}: {why}");
            }
            // The control: the same request from a program that may.
            let answer = running.send(method, &path, &format!("{own}Origin: http://{addr}\r\n{bearer}")).await;
            assert!(!matches!(answer.status, 401 | 403), "{method} {path} gave {}", answer.status);
        }
    }
    assert_eq!(running.send("GET", HEALTH, &own).await.status, 200);
    running.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_its_status_and_a_sentence() {
    const SDP: &str = "application/sdp";
    let running = start().await;
    let whep = "/api/v1/cameras/test-card/whep";
    let long = vec![b'a'; MAX_BODY + 1];
    let json = "application/json";
    type Body<'a> = Option<(&'a str, &'a [u8])>;
    let card = "/api/v1/cameras/test-card";
    let cases: [(u16, &str, &str, Body<'_>); 29] = [
        (404, "GET", "/api/v1/nothing", None),
        (404, "GET", "/api/v1/cameras/attic/snapshot.jpg", None),
        (404, "GET", "/api/v1/cameras/..%2f..%2fetc/snapshot.jpg", None),
        (415, "POST", whep, Some((json, b"{}"))),
        (400, "POST", whep, Some((SDP, b""))),
        (400, "POST", whep, Some((SDP, b"v=0"))),
        (400, "POST", whep, Some((SDP, b"\xff\xfe"))),
        (413, "POST", whep, Some((SDP, &long))),
        (404, "POST", "/api/v1/cameras/attic/whep", Some((SDP, b"v=0"))),
        (404, "DELETE", "/api/v1/cameras/test-card/whep/0", None),
        (405, "PATCH", "/api/v1/cameras/test-card/whep/0", None),
        (404, "DELETE", "/api/v1/viewers/nobody", None),
        (400, "PATCH", card, Some((json, b"{}"))),
        (400, "PATCH", card, Some((json, br#"{"zones": [{"name": "a", "kind": "wach", "points": []}]}"#))),
        (
            400,
            "PATCH",
            card,
            Some((json, br#"{"zones": [{"name": "a", "kind": "watch", "points": [[0, 0], [1, 1]]}]}"#)),
        ),
        (
            400,
            "PATCH",
            card,
            Some((json, br#"{"zones": [{"name": "a", "kind": "watch", "points": [[0, 0], [2, 0], [1, 1]]}]}"#)),
        ),
        (404, "PATCH", "/api/v1/cameras/attic", Some((json, br#"{"zones": []}"#))),
        (404, "DELETE", "/api/v1/cameras/attic", None),
        (400, "POST", "/api/v1/cameras", Some((json, br#"{"name": "Yard"}"#))),
        (400, "POST", "/api/v1/cameras", Some((json, br#"{"name": "", "source": "test"}"#))),
        (400, "POST", "/api/v1/cameras", Some((json, br#"{"name": "Yard", "source": "rtsp://"}"#))),
        (400, "POST", "/api/v1/cameras", Some((json, br#"{"name": "Yard", "source": "test", "user": "anna"}"#))),
        (400, "POST", "/api/v1/cameras", Some((json, br#"{"name": "Yard", "source": "rtsp://h/1", "password": "x"}"#))),
        (
            400,
            "POST",
            "/api/v1/cameras",
            Some((json, br#"{"name": "Yard", "source": "http://h/1", "sub_source": "rtsp://h/2"}"#)),
        ),
        (409, "POST", "/api/v1/cameras", Some((json, br#"{"name": "test CARD", "source": "test"}"#))),
        (400, "POST", "/api/v1/invites", Some((json, br#"{"ttl_s": 0}"#))),
        (400, "POST", "/api/v1/invites", Some((json, br#"{"uses": 33}"#))),
        (400, "POST", "/api/v1/invites", Some((json, br#"{"roles": []}"#))),
        (400, "POST", "/api/v1/invites", Some((json, br#"{"role": "admin"}"#))),
    ];
    for (status, method, path, body) in cases {
        let answer = running.ask(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        assert!(has_a_sentence(&answer), "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
    }
    // The control: zones that make sense are taken.
    let good =
        br#"{"zones": [{"name": "Window", "kind": "privacy", "points": [[0, 0], [1, 0], [1, 1]], "min_size": 2}]}"#;
    let answer = running.ask("PATCH", card, Some((json, good))).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    // A camera that is switched off gives no still, and says so.
    let still = running.ask("GET", "/api/v1/cameras/test-card/snapshot.jpg", None).await;
    assert_eq!(still.status, 503);
    running.app.shutdown().await;
}

/// A client's offer to receive a picture.
const OFFER: &str = concat!(
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n",
    "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=recvonly\r\na=mid:0\r\na=setup:actpass\r\n",
    "a=ice-ufrag:abcd\r\na=ice-pwd:aWzKxJNhhdrekFjJfUmONpbR\r\na=fingerprint:sha-256 ",
    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n",
    "a=rtpmap:102 H264/90000\r\n",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
);

/// Addresses and types of a description's candidates.
fn candidates(sdp: &str) -> Vec<(IpAddr, String)> {
    let candidate = |line: &str| {
        let fields: Vec<&str> = line.strip_prefix("a=candidate:")?.split(' ').collect();
        Some((fields.get(4)?.parse().ok()?, (*fields.get(7)?).to_owned()))
    };
    sdp.lines().filter_map(candidate).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_names_no_address_beyond_this_computer_whatever_viewers_get() {
    // Somebody to ask for our outside address, who never answers (TEST-NET-1).
    let running =
        start_config(None, |config| config.webrtc.stun_servers = vec!["stun:192.0.2.1:3478".to_owned()]).await;
    let body = Some(("application/sdp", OFFER.as_bytes()));
    let answer = running.ask("POST", "/api/v1/cameras/test-card/whep", body).await;
    let sdp = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 201, "{sdp}");
    let named = candidates(&sdp);
    assert!(!named.is_empty(), "{sdp}");
    assert!(named.iter().all(|(ip, kind)| ip.is_loopback() && kind == "host"), "{named:?}");
    // Control: with what viewers get, every address of this computer is named.
    let settings = PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: Vec::new(),
        check_interval: Duration::from_millis(50),
        mdns_query: false,
        bitrate: BitrateRange { start: 500_000, min: 80_000, max: 1_000_000 },
    };
    let (events, _unread) = tokio::sync::mpsc::channel(64);
    let (sender, sdp, _) = Sender::answer(OFFER, &settings, events).await.expect("an answer");
    let others = if_addrs::get_if_addrs().expect("interfaces");
    let others = others.iter().any(|i| !i.is_loopback() && matches!(i.ip(), IpAddr::V4(ip) if !ip.is_link_local()));
    assert_eq!(candidates(&sdp).iter().any(|(ip, _)| !ip.is_loopback()), others);
    sender.close().await;
    running.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_changed_and_what_makes_no_sense_changes_nothing() {
    let running = start().await;
    let path = "/api/v1/cameras/test-card";
    let change = async |body: &str| running.ask("PATCH", path, Some(("application/json", body.as_bytes()))).await;
    let before = running.app.settings().configs().borrow().clone();
    for body in [
        "{}",
        "[]",
        r#"{"source": "nonsense"}"#,
        r#"{"source": "rtsp:///main"}"#,
        r#"{"audio": ""}"#,
        r#"{"size": "7x7"}"#,
        r#"{"fps": 0}"#,
        r#"{"fps": 1e99}"#,
        r#"{"name": "Door"}"#,
        r#"{"active": true, "source": "nonsense"}"#,
    ] {
        let answer = change(body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(has_a_sentence(&answer), "{body}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(*running.app.settings().configs().borrow(), before, "nothing was changed");
    let answer = change(r#"{"source": "test:5", "audio": "tone", "size": "320x180", "fps": 12}"#).await;
    let said: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, &said["saved"]), (200, &false.into()), "{said}");
    let after = running.app.settings().configs().borrow()[0].clone();
    assert_eq!((after.source.to_string().as_str(), after.wish.size), ("test:5", Some((320, 180))));
    assert_eq!((after.wish.fps, after.active), (Some(12.0), false));
    // What is private stays so in whatever way the camera is then run.
    let all = r#"{"zones": [{"name": "All", "kind": "privacy", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}]}"#;
    assert_eq!(change(all).await.status, 200);
    assert_eq!(change(r#"{"active": true, "size": "640x360"}"#).await.status, 200);
    let mut tries = 0;
    let still = loop {
        let still = running.ask("GET", "/api/v1/cameras/test-card/snapshot.jpg", None).await;
        if still.status == 200 {
            break crate::decode::jpeg::Decoder::default().decode(&still.body).expect("a picture");
        }
        tries += 1;
        assert!(tries < 100, "no picture came: {}", still.status);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!((still.width, still.height), (640, 360));
    assert!(still.data[..640 * 360].iter().all(|luma| *luma < 24), "something private is seen");
    assert_eq!(running.app.settings().configs().borrow()[0].zones.len(), 1);
    assert_eq!(change(r#"{"active": false, "zones": []}"#).await.status, 200);
    assert_eq!(change(r#"{"size": null}"#).await.status, 200);
    assert_eq!(running.app.settings().configs().borrow()[0].wish.size, None);
    running.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_no_device_is_invited() {
    let running = start_with(None).await;
    let answer = running.ask("POST", "/api/v1/invites", Some(("application/json", b"{}"))).await;
    assert_eq!(answer.status, 409);
    assert!(has_a_sentence(&answer));
    running.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_made_and_shown() {
    let running = start().await;
    let answer = running.ask("POST", "/api/v1/invites", Some(("application/json", br#"{"ttl_s": 60}"#))).await;
    assert_eq!(answer.status, 201);
    let made: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    // The first device becomes the owner's.
    assert_eq!(made["roles"], serde_json::json!(["view", "talk", "playback", "admin"]));
    let shown = running.app.desk().code().borrow().clone();
    let crate::serve::Code::Open(invitation) = shown else { panic!("shown: {shown:?}") };
    assert_eq!(made["link"], invitation.link.as_str());
    assert!(!format!("{invitation:?}").contains(&invitation.link), "a link is a secret");
    let viewers = running.ask("GET", "/api/v1/viewers", None).await;
    assert_eq!((viewers.status, viewers.body.as_slice()), (200, &b"[]"[..]));
    running.app.shutdown().await;
}

fn number(value: &serde_json::Value) -> i64 {
    value.as_i64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_asked_for_listed_fetched_kept_and_deleted() {
    let running = start_config(None, |config| {
        config.cameras[0].active = true;
        config.cameras[0].wish.size = Some((320, 180));
        config.storage.limits.floor = 0;
    })
    .await;
    let ask = async |method: &str, path: &str, body: &str| {
        let body = Some(("application/json", body.as_bytes())).filter(|(_, body)| !body.is_empty());
        let answer = running.ask(method, path, body).await;
        (answer.status, serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default())
    };
    let (recording, all) = ("/api/v1/cameras/test-card/recording", "/api/v1/recordings");
    let (status, quiet) = ask("GET", recording, "").await;
    assert_eq!((status, &quiet["recording"]), (200, &false.into()));
    for (body, path, expected) in [
        ("{\"seconds\": 0}", recording, 400),
        ("{\"minutes\": 1}", recording, 400),
        ("", "/api/v1/cameras/gate/recording", 404),
    ] {
        assert_eq!(ask("POST", path, body).await.0, expected, "{path} {body}");
    }
    let (status, begun) = ask("POST", recording, "{\"seconds\": 3600}").await;
    assert_eq!((status, &begun["recording"], &begun["why"]), (200, &true.into(), &"manual".into()));
    // Until there is a fragment on the disk.
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while ask("GET", recording, "").await.1["file"].is_null() {
        assert!(std::time::Instant::now() < until, "nothing is written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ask("GET", all, "").await.1["recordings"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(ask("DELETE", recording, "").await.1["recording"], false);
    let (_, listed) = ask("GET", &format!("{all}?camera=test-card&limit=5"), "").await;
    let row = listed["recordings"][0].clone();
    assert_eq!((&row["why"], &row["width"], &row["kept"]), (&"manual".into(), &320.into(), &false.into()));
    assert!(listed["room"]["bytes"] == row["bytes"] && listed["room"]["free_bytes"].is_number());
    assert_eq!(ask("GET", &format!("{all}?to=1"), "").await.1["recordings"], serde_json::json!([]));
    assert_eq!(ask("GET", &format!("{all}?from=yesterday"), "").await.0, 400);
    let one = format!("{all}/{}", number(&row["id"]));
    assert_eq!(ask("GET", &one, "").await, (200, row.clone()));
    assert_eq!((ask("GET", &format!("{all}/99"), "").await.0, ask("GET", &format!("{all}/x"), "").await.0), (404, 404));

    let video = format!("{one}/video.mp4");
    let whole = running.ask("GET", &video, None).await;
    assert_eq!((whole.status, whole.body.len() as i64), (200, number(&row["bytes"])));
    assert_eq!(&whole.body[4..8], b"ftyp");
    let auth = format!("Host: 127.0.0.1\r\nAuthorization: Bearer {}\r\n", running.token.text());
    let part = running.send("GET", &video, &format!("{auth}Range: bytes=4-7\r\n")).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"ftyp"[..]));
    assert!(
        part.head.to_lowercase().contains(&format!("content-range: bytes 4-7/{}", whole.body.len())),
        "{}",
        part.head
    );
    assert_eq!(running.send("GET", &video, &format!("{auth}Range: bytes=999999999-\r\n")).await.status, 416);
    let thumbnail = running.ask("GET", &format!("{one}/thumbnail.jpg"), None).await;
    assert!(thumbnail.status == 200 && thumbnail.body.starts_with(&[0xff, 0xd8]));
    let (began, ended) = (number(&row["began"]), number(&row["ended"]));
    let export =
        running.ask("GET", &format!("/api/v1/cameras/test-card/export.mp4?from={began}&to={ended}"), None).await;
    let chunked = export.body.windows(4).any(|name| name == b"moof");
    assert!(export.status == 200 && chunked, "{} {}", export.status, export.head);
    assert_eq!(ask("GET", "/api/v1/cameras/test-card/export.mp4?from=1&to=2", "").await.0, 404);

    assert_eq!(ask("PATCH", &one, "{\"kept\": true}").await.1["kept"], true);
    assert_eq!((ask("PATCH", &one, "{}").await.0, ask("DELETE", &one, "").await.0), (400, 409));
    assert_eq!(ask("PATCH", &one, "{\"kept\": false}").await.1["kept"], false);
    assert_eq!((ask("DELETE", &one, "").await.0, ask("GET", &one, "").await.0), (204, 404));
    assert_eq!(running.ask("GET", &video, None).await.status, 404);
    running.app.shutdown().await;
}
