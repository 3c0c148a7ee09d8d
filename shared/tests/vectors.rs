//! Test vectors that the page must agree on. Each test makes the cases anew and compares them with the committed file;
//! `ATHOME_WRITE_VECTORS=1 cargo test -p athome-shared --test vectors` writes the file instead, for a deliberate change.

use std::fmt::Write as _;
use std::path::Path;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::pair::keys::{
    MailboxKey, StaticKeypair, cap_hash, mailbox_id, pair_mailbox, psk_pair, sha256, verify_auth,
};
use athome_shared::pair::link::{Link, LinkError, LinkServer};
use athome_shared::pair::noise::{Ephemeral, Initiator, Responder, Transport};
use athome_shared::pair::{b64, seal};
use athome_shared::protocol::control::Role;
use athome_shared::protocol::wire::{FromCamera, FromViewer, Join, PairHello, PairReply, PairWelcome, Refused, Why};
use athome_shared::secret::Secret;
use serde_json::{Value, json};

const COMMENT: &str = "Made by shared/tests/vectors.rs; docs/protocol.md says what each value is. Bytes are lower-case hex; \
chan is 16 hex digits (u64 big-endian). keys: derivations. auth: AUTH signature. links: parse gives these fields, to_url gives \
canonical (or url where canonical is absent); links_bad: parse gives this error (not_ours, incomplete, newer, bad_server). \
padding: the letters a to z over and over, json_len of them, \
padded to plain_len bytes, whose SHA-256 is plain_sha256; padding_bad: plain = prefix then zeros up to len, \
refused. noise: fixed static secrets s and v, fixed ephemeral secrets e_camera and e_viewer, prologue, psk; m1/m2 are whole \
Noise messages with their plaintext payloads (JSON text in *_json, padded before sealing); transport lists messages after m2 in the \
order in which they were sealed, from viewer or camera, each direction with its own counter, text is what was padded and sealed; then hash, sas and bind_key from \
kb_camera and kb_viewer.";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

/// Bytes that are all different and different for each seed.
fn bytes<const N: usize>(seed: u8) -> [u8; N] {
    std::array::from_fn(|i| seed.wrapping_add((i as u8).wrapping_mul(7)))
}

fn compare_or_write(name: &str, made: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    if std::env::var_os("ATHOME_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(made).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
        return;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let committed: Value = serde_json::from_str(&text).unwrap();
    for key in made.as_object().unwrap().keys() {
        assert_eq!(committed.get(key), made.get(key), "{name}: `{key}` differs from the committed file");
    }
    assert_eq!(&committed, made, "{name} differs");
}

fn camera() -> StaticKeypair {
    StaticKeypair::from_secret(Secret::new(bytes(0x10)))
}

fn viewer() -> StaticKeypair {
    StaticKeypair::from_secret(Secret::new(bytes(0x80)))
}

fn mailbox_key() -> MailboxKey {
    MailboxKey::from_seed(Secret::new(bytes(0x33)))
}

fn secret() -> Secret<16> {
    Secret::new(bytes(0xc0))
}

fn keys() -> Value {
    let cap = Secret::new(bytes::<16>(0x21));
    json!({
        "secret": hex(secret().expose()),
        "s": hex(camera().secret().expose()),
        "s_pub": hex(camera().public()),
        "v": hex(viewer().secret().expose()),
        "v_pub": hex(viewer().public()),
        "pair_mailbox": hex(&pair_mailbox(&secret()).0),
        "psk_pair": hex(psk_pair(&secret(), camera().public()).expose()),
        "mb_seed": hex(mailbox_key().seed().expose()),
        "mb_pub": hex(&mailbox_key().public()),
        "mailbox": hex(&mailbox_id(&mailbox_key().public()).0),
        "cap": hex(cap.expose()),
        "cap_hash": hex(&cap_hash(&cap)),
    })
}

fn auth() -> Value {
    let (nonce, name) = (bytes::<32>(0x55), "cam.example.org:8443");
    let signature = mailbox_key().sign_auth(&nonce, name);
    assert!(verify_auth(&nonce, &mailbox_key().public(), name, &signature));
    json!({
        "nonce": hex(&nonce), "name": name, "mb_pub": hex(&mailbox_key().public()), "signature": hex(&signature),
    })
}

/// The text of a link with any payload, good or bad.
fn link_text(place: &str, payload: &[u8]) -> String {
    format!("{place}/#1{}", b64::encode(payload))
}

fn payload(flags: u8, server: &[u8]) -> Vec<u8> {
    let mut payload = vec![flags];
    payload.extend_from_slice(camera().public());
    payload.extend_from_slice(secret().expose());
    payload.push(server.len() as u8);
    payload.extend_from_slice(server);
    payload
}

fn links() -> Value {
    let long = format!("wss://{}.example/ws", "a.".repeat(118));
    assert!(long.len() <= 255);
    let cases = [
        ("same origin", link_text("http://192.168.1.20:8080", &payload(1, b"")), true),
        ("https", link_text("https://cam.example.org", &payload(1, b"")), true),
        ("IPv6", link_text("http://[fd00::1]:8080", &payload(1, b"")), true),
        ("default port is dropped", link_text("https://cam.example.org:443", &payload(1, b"")), false),
        ("upper case host", link_text("HTTP://CAM.example.org", &payload(1, b"")), false),
        ("white space around", format!(" \t{}\n", link_text("http://cam.local:8080", &payload(1, b""))), false),
        (
            "a query is ignored",
            link_text("http://cam.local:8080", &payload(1, b"")).replace("/#", "/?from=chat#"),
            false,
        ),
        ("no slash", link_text("http://cam.local:8080", &payload(1, b"")).replace("/#", "#"), false),
        ("outside server", link_text("https://view.example.org", &payload(0, b"wss://signal.example.org/ws")), true),
        ("server with port", link_text("https://view.example.org", &payload(0, b"ws://10.0.0.2:8080/ws")), true),
        ("long server", link_text("https://view.example.org", &payload(0, long.as_bytes())), true),
        ("desktop", link_text("athome://pair", &payload(0, b"wss://signal.example.org/ws")), true),
        (
            "desktop without slash",
            link_text("athome://pair", &payload(0, b"wss://a.example/ws")).replace("/#", "#"),
            false,
        ),
    ];
    let mut list = Vec::new();
    for (name, url, canonical) in cases {
        let link = Link::parse(&url).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(link.to_url() == url, canonical, "{name}: {}", link.to_url());
        assert_eq!(Link::parse(&link.to_url()).as_ref(), Ok(&link), "{name}");
        let mut case = json!({
            "name": name, "url": url, "page": link.page, "s_pub": hex(&link.s_pub), "secret": hex(link.secret.expose()),
            "server": match &link.server { LinkServer::SameOrigin => Value::Null, LinkServer::Url(url) => json!(url) },
            "signal_url": link.signal_url(),
        });
        if !canonical {
            case["canonical"] = json!(link.to_url());
        }
        list.push(case);
    }
    Value::Array(list)
}

fn links_bad() -> Value {
    let good = link_text("http://192.168.1.20:8080", &payload(1, b""));
    let with_server = |server: &[u8]| link_text("https://view.example.org", &payload(0, server));
    let mut long_len = payload(0, b"wss://signal.example.org/ws");
    long_len[49] += 1;
    let mut trailing = payload(1, b"");
    trailing.push(0);
    use LinkError::{BadServer, Incomplete, Newer, NotOurs};
    let cases = [
        ("nothing", String::new(), NotOurs),
        ("words", "hello there".into(), NotOurs),
        ("an ordinary address", "http://192.168.1.20:8080/".into(), NotOurs),
        ("an ordinary fragment", "https://example.org/#top".into(), NotOurs),
        ("another scheme", good.replace("http:", "ftp:"), NotOurs),
        ("javascript", format!("javascript:alert(1)#{}", good.split_once('#').unwrap().1), NotOurs),
        ("another path", good.replace("/#", "/login#"), NotOurs),
        ("a user name", good.replace("://", "://root@"), NotOurs),
        ("another athome host", link_text("athome://open", &payload(0, b"wss://a.example/ws")), NotOurs),
        ("a space inside the address", good.replace("192.", "192 ."), NotOurs),
        ("far too long", format!("{good}{}", "A".repeat(1024)), NotOurs),
        ("version 0", good.replace("#1", "#0"), NotOurs),
        ("version 2", good.replace("#1", "#2"), Newer),
        ("version 9", good.replace("#1", "#9"), Newer),
        ("an unknown flag", link_text("http://cam.local", &payload(3, b"")), Newer),
        ("the top flag", link_text("http://cam.local", &payload(0x80, b"")), Newer),
        ("an empty fragment", "http://192.168.1.20:8080/#".into(), Incomplete),
        ("the version alone", "http://192.168.1.20:8080/#1".into(), Incomplete),
        ("one character cut off", good[..good.len() - 1].into(), Incomplete),
        ("four characters cut off", good[..good.len() - 4].into(), Incomplete),
        ("one character added", format!("{good}A"), Incomplete),
        ("a byte after the end", link_text("http://cam.local", &trailing), Incomplete),
        ("a dot after the end", format!("{good}."), Incomplete),
        ("padding", format!("{good}="), Incomplete),
        ("the other base64 alphabet", good.replace("#1", "#1+"), Incomplete),
        ("a second fragment", format!("{good}#x"), Incomplete),
        ("server cut off", link_text("http://cam.local", &long_len), Incomplete),
        ("no server and not same origin", with_server(b""), BadServer),
        ("same origin and a server", link_text("http://cam.local", &payload(1, b"ws://a/ws")), BadServer),
        ("athome and same origin", link_text("athome://pair", &payload(1, b"")), BadServer),
        ("an http server", with_server(b"http://signal.example.org/ws"), BadServer),
        ("no scheme", with_server(b"signal.example.org"), BadServer),
        ("no host", with_server(b"ws://"), BadServer),
        ("a password", with_server(b"wss://user:pass@signal.example.org/ws"), BadServer),
        ("a fragment in the server", with_server(b"wss://signal.example.org/ws#x"), BadServer),
        ("a line break in the server", with_server(b"wss://signal.example.org/\n"), BadServer),
        ("server is no UTF-8", with_server(b"wss://\xff\xfe/ws"), BadServer),
    ];
    let list = cases.into_iter().map(|(name, url, error)| {
        assert_eq!(Link::parse(&url), Err(error), "{name}");
        let error = match error {
            NotOurs => "not_ours",
            Incomplete => "incomplete",
            Newer => "newer",
            BadServer => "bad_server",
        };
        json!({ "name": name, "url": url, "error": error })
    });
    Value::Array(list.collect())
}

fn padding() -> Value {
    let list = [0, 1, 254, 255, 1022, 1023, 4094, 4095, 8190, 8191, 15_870].map(|len| {
        let text: Vec<u8> = (0..len).map(|i| b'a' + (i % 26) as u8).collect();
        let plain = seal::pad(&text).unwrap();
        assert_eq!(seal::unpad(&plain).unwrap(), text);
        json!({ "json_len": len, "json_sha256": hex(&sha256(&text)), "plain_len": plain.len(), "plain_sha256": hex(&sha256(&plain)) })
    });
    assert!(seal::pad(&[b'a'; 15_871]).is_err());
    json!({ "too_long_json_len": 15_871, "cases": list })
}

fn padding_bad() -> Value {
    let cases: [(&str, usize, &[u8]); 6] = [
        ("empty", 0, b""),
        ("not a bucket", 257, b"\x00\x02{}"),
        ("below the smallest bucket", 16, b"\x00\x02{}"),
        ("length beyond the end", 256, b"\x00\xff{}"),
        ("length far beyond the end", 256, b"\xff\xff{}"),
        ("something after the JSON", 256, b"\x00\x02{}x"),
    ];
    let list = cases.map(|(name, len, prefix)| {
        let mut plain = prefix.to_vec();
        plain.resize(len, 0);
        assert!(seal::unpad(&plain).is_err(), "{name}");
        json!({ "name": name, "len": len, "prefix": hex(prefix) })
    });
    Value::Array(list.to_vec())
}

/// One sealed message of a transcript.
struct Sent {
    from: &'static str,
    text: String,
    message: Vec<u8>,
}

fn exchange(viewer: &mut Transport, camera: &mut Transport, messages: &[(&'static str, String)]) -> Vec<Sent> {
    let sent = messages.iter().map(|(from, text)| {
        let plain = seal::pad(text.as_bytes()).unwrap();
        let (sender, receiver) =
            if *from == "viewer" { (&mut *viewer, &mut *camera) } else { (&mut *camera, &mut *viewer) };
        let message = sender.seal(&plain).unwrap();
        assert_eq!(receiver.open(&message).unwrap(), plain);
        Sent { from, text: text.clone(), message }
    });
    sent.collect()
}

struct Transcript {
    kind: &'static str,
    mailbox: MailboxId,
    psk: Secret<32>,
    m1: String,
    m2: String,
    transport: Vec<(&'static str, String)>,
}

fn transcript(t: &Transcript) -> Value {
    let chan = ChannelId(0x0123_4567_89ab_cdef);
    let (e_viewer, e_camera) = (bytes::<32>(0x42), bytes::<32>(0x99));
    let pairing = t.kind == "pairing";
    let start = if pairing { Initiator::pairing } else { Initiator::session };
    let mut initiator =
        start(&viewer(), camera().public(), &t.psk, t.mailbox, chan, Ephemeral::known(e_viewer)).unwrap();
    let responder = if pairing {
        Responder::pairing(&camera(), &t.psk, t.mailbox, chan, Ephemeral::known(e_camera)).unwrap()
    } else {
        Responder::session(&camera(), t.mailbox, chan, Ephemeral::known(e_camera)).unwrap()
    };
    let (m1_plain, m2_plain) = (seal::pad(t.m1.as_bytes()).unwrap(), seal::pad(t.m2.as_bytes()).unwrap());
    let m1 = initiator.m1(&m1_plain).unwrap();
    let (mut answer, read) = responder.m1(&m1).unwrap();
    assert_eq!((&read, answer.v_pub()), (&m1_plain, viewer().public()));
    if !pairing {
        answer.set_psk(&t.psk).unwrap();
    }
    let (mut at_camera, m2) = answer.m2(&m2_plain).unwrap();
    let (mut at_viewer, read) = initiator.m2(&m2).unwrap();
    assert_eq!(read, m2_plain);
    let sent = exchange(&mut at_viewer, &mut at_camera, &t.transport);

    let prologue = [
        if pairing { &b"athome/1 pair"[..] } else { &b"athome/1 sess"[..] },
        &t.mailbox.0[..],
        &chan.0.to_be_bytes()[..],
    ]
    .concat();
    let (kb_camera, kb_viewer) = (bytes::<32>(0x01), bytes::<32>(0xf0));
    let bind_key = at_camera.bind_key(&kb_camera, &kb_viewer);
    assert_eq!(bind_key, at_viewer.bind_key(&kb_camera, &kb_viewer));
    assert_eq!(at_camera.sas(), at_viewer.sas());
    json!({
        "kind": t.kind,
        "protocol": if pairing { "Noise_IKpsk1_25519_AESGCM_SHA256" } else { "Noise_IKpsk2_25519_AESGCM_SHA256" },
        "s": hex(camera().secret().expose()), "s_pub": hex(camera().public()),
        "v": hex(viewer().secret().expose()), "v_pub": hex(viewer().public()),
        "e_viewer": hex(&e_viewer), "e_camera": hex(&e_camera),
        "mailbox": hex(&t.mailbox.0), "chan": format!("{:016x}", chan.0),
        "prologue": hex(&prologue), "psk": hex(t.psk.expose()),
        "m1_json": t.m1, "m1": hex(&m1), "m2_json": t.m2, "m2": hex(&m2),
        "transport": sent.iter().map(|s| json!({ "from": s.from, "text": s.text, "message": hex(&s.message) })).collect::<Vec<_>>(),
        "hash": hex(at_camera.handshake_hash()),
        "sas": at_camera.sas(),
        "kb_camera": hex(&kb_camera), "kb_viewer": hex(&kb_viewer), "bind_key": hex(bind_key.expose()),
    })
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn noise() -> Value {
    let welcome = PairReply::Welcome(Box::new(PairWelcome {
        v: 1,
        roles: vec![Role::View, Role::Playback],
        cap: b64::encode(&bytes::<16>(0x21)),
        psk: b64::encode(&bytes::<32>(0x61)),
        mailbox: b64::encode(&mailbox_key().mailbox().0),
        servers: vec![],
        place: "Home".into(),
        device: "Anna's phone".into(),
        roster_epoch: 3,
    }));
    let hello = PairHello { v: 1, device: "Anna's phone".into(), platform: "web".into(), insecure: true };
    let join = Join {
        v: 1,
        sid: b64::encode(&bytes::<16>(0x71)),
        ctr: 1_837_056_000_000_000,
        slots: 4,
        watch: vec![],
        audio: true,
    };
    let refused = FromCamera::Refused(Refused { why: Why::Busy, who: None, count: Some(16), retry_s: Some(30) });
    let bye = FromViewer::Bye { why: Why::Left };
    let pairing = Transcript {
        kind: "pairing",
        mailbox: pair_mailbox(&secret()),
        psk: psk_pair(&secret(), camera().public()),
        m1: text(&hello),
        m2: text(&welcome),
        transport: vec![("viewer", text(&FromViewer::PairOk))],
    };
    let session = Transcript {
        kind: "session",
        mailbox: mailbox_key().mailbox(),
        psk: Secret::new(bytes(0x61)),
        m1: text(&join),
        m2: text(&refused),
        transport: vec![
            ("viewer", text(&FromViewer::CandEnd)),
            ("camera", text(&FromCamera::CandEnd)),
            ("camera", "x".repeat(1500)),
            ("viewer", "é".repeat(700)),
            ("viewer", text(&bye)),
            ("camera", text(&FromCamera::Bye { why: Why::Left })),
        ],
    };
    json!([transcript(&pairing), transcript(&session)])
}

#[test]
fn ah1() {
    let made = json!({
        "_": COMMENT,
        "keys": keys(),
        "auth": auth(),
        "links": links(),
        "links_bad": links_bad(),
        "padding": padding(),
        "padding_bad": padding_bad(),
        "noise": noise(),
    });
    compare_or_write("ah1.json", &made);
}
