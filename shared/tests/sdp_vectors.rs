//! Session descriptions, good and bad, that Rust and the page must judge alike. `tests/vectors/sdp.json` is compared with
//! what this makes; `ATHOME_WRITE_VECTORS=1 cargo test -p athome-shared --test sdp_vectors` writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use athome_shared::pair::sdp::{self, Checked, Direction, MediaKind, Setup, check_answer, check_offer};
use serde_json::{Value, json};

const COMMENT: &str = "Made by shared/tests/sdp_vectors.rs; docs/protocol.md section 5 says what is checked. bases: whole descriptions \
by name. Each case: kind (offer or answer), base and at, cut, put (the description is base[0..at] + put + base[at+cut..], counted in \
characters, all ASCII), fp (the sealed fingerprint, hex), for an answer offer (the name of the offer it answers, among the cases), ok; where not \
ok, error is Rust's name for the reason and line its line (both for information: agreeing on ok is what matters).";

const FP: [u8; 32] = [
    0x78, 0x34, 0xbb, 0x73, 0xf5, 0xd8, 0x77, 0x02, 0xc0, 0xcf, 0xcd, 0xf0, 0x7e, 0xc4, 0x3e, 0xd8, 0xc9, 0xfa, 0x4e,
    0xf6, 0xd9, 0x86, 0x88, 0x8d, 0x49, 0xa7, 0xfa, 0x0a, 0x17, 0x83, 0x31, 0xb2,
];

fn fingerprint_text(fp: &[u8; 32]) -> String {
    fp.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

/// What the streamer's stack writes: fingerprint at session level, candidates of the first m-line twice.
fn native_offer(setup: &str) -> String {
    let ice = "a=ice-ufrag:abcWOEFLTnDcgdza\na=ice-pwd:aWzKxJNhhdrekFjJfUmONpbRruUVBFUd\n";
    let mut sdp = format!(
        "v=0\no=- 8160080736808509978 205152701 IN IP4 0.0.0.0\ns=-\nt=0 0\na=fingerprint:sha-256 {}\n\
         a=extmap-allow-mixed\na=group:BUNDLE 0 1 2 3\n",
        fingerprint_text(&FP)
    );
    for (mid, ssrc) in [(0, 1111), (1, 2222)] {
        let _ = write!(
            sdp,
            "m=video 9 UDP/TLS/RTP/SAVPF 102 103\nc=IN IP4 0.0.0.0\na=setup:{setup}\na=mid:{mid}\n{ice}a=rtcp-mux\n\
             a=rtcp-rsize\na=rtpmap:102 H264/90000\n\
             a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\na=rtcp-fb:102 nack\n\
             a=rtcp-fb:102 nack pli\na=rtcp-fb:102 transport-cc\na=rtpmap:103 rtx/90000\na=fmtp:103 apt=102\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n\
             a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\na=msid:s v{mid}\n\
             a=ssrc-group:FID {ssrc} {rtx}\na=ssrc:{ssrc} cname:s\na=ssrc:{rtx} cname:s\na=sendonly\n",
            rtx = ssrc + 1
        );
        if mid == 0 {
            sdp.push_str("a=candidate:2693830880 1 udp 2130706431 192.168.1.20 43381 typ host\n");
            sdp.push_str("a=candidate:2693830880 2 udp 2130706431 192.168.1.20 43381 typ host\n");
            sdp.push_str("a=candidate:77 1 udp 1694498815 203.0.113.7 43382 typ srflx raddr 0.0.0.0 rport 43382\n");
            sdp.push_str("a=end-of-candidates\n");
        }
    }
    let _ = write!(
        sdp,
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=setup:{setup}\na=mid:2\n{ice}a=rtcp-mux\n\
         a=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1\na=msid:s a0\na=ssrc:3333 cname:s\na=sendonly\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=setup:{setup}\na=mid:3\na=sendrecv\n\
         a=sctp-port:5000\na=max-message-size:65536\n{ice}"
    );
    sdp.replace('\n', "\r\n")
}

/// What Chromium answers: everything repeated in each m-line, trickle to follow.
fn browser_answer(setup: &str) -> String {
    let transport = format!(
        "a=ice-ufrag:x7Bs\na=ice-pwd:Qm2oY1w8JcT/5+rVb0dKzX9u\na=ice-options:trickle\na=fingerprint:sha-256 {}\na=setup:{setup}\n",
        fingerprint_text(&FP)
    );
    let mut sdp =
        "v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0 1 2 3\na=extmap-allow-mixed\n\
                   a=msid-semantic: WMS\n"
            .to_owned();
    for mid in [0, 1] {
        let _ = write!(sdp, "m=video 9 UDP/TLS/RTP/SAVPF 102 103\nc=IN IP4 0.0.0.0\na=rtcp:9 IN IP4 0.0.0.0\n");
        if mid == 0 {
            sdp.push_str(
                "a=candidate:1234567 1 udp 2113937151 4f7a2c1e-8a7b-4c6d-9e0f-112233445566.local 51001 typ host generation 0 \
                 network-cost 999\n",
            );
        }
        let _ = write!(
            sdp,
            "{transport}a=mid:{mid}\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\na=recvonly\na=rtcp-mux\na=rtcp-rsize\n\
             a=rtpmap:102 H264/90000\na=rtcp-fb:102 transport-cc\na=rtcp-fb:102 nack\na=rtcp-fb:102 nack pli\n\
             a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\na=rtpmap:103 rtx/90000\n\
             a=fmtp:103 apt=102\n"
        );
    }
    let _ = write!(
        sdp,
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=rtcp:9 IN IP4 0.0.0.0\n{transport}a=mid:2\na=recvonly\n\
         a=rtcp-mux\na=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\n{transport}a=mid:3\na=sctp-port:5000\n\
         a=max-message-size:262144\n"
    );
    sdp.replace('\n', "\r\n")
}

/// An edit of one description; each must change it.
fn edit(sdp: &str, from: &str, to: &str) -> String {
    let edited = sdp.replacen(from, to, 1);
    assert_ne!(edited, sdp, "{from:?} is not in the description");
    edited
}

fn other_fp() -> [u8; 32] {
    let mut fp = FP;
    fp[31] ^= 1;
    fp
}

struct Case {
    name: &'static str,
    sdp: String,
    fp: [u8; 32],
    /// For an answer: which offer.
    offer: Option<&'static str>,
    error: Option<&'static str>,
}

fn offers() -> Vec<Case> {
    let good = native_offer("actpass");
    let fp_line = format!("a=fingerprint:sha-256 {}\r\n", fingerprint_text(&FP));
    let other_line = format!("a=fingerprint:sha-256 {}\r\n", fingerprint_text(&other_fp()));
    let case = |name, sdp, error| Case { name, sdp, fp: FP, offer: None, error };
    let candidates = |n| -> String {
        (0..n).map(|i| format!("a=candidate:{i} 1 udp 1 192.0.2.1 {} typ host\r\n", 1000 + i)).collect()
    };
    let lines = "a=rtcp-fb:102 ccm fir\r\n".repeat(400);
    let mut cases = vec![
        case("native offer", good.clone(), None),
        case("native offer, active", native_offer("active"), None),
        case("browser-like offer", browser_answer("actpass").replace("recvonly", "sendonly"), None),
        case("LF line ends", good.replace("\r\n", "\n"), None),
        case("fingerprint repeated", edit(&good, &fp_line, &fp_line.repeat(3)), None),
        case("fingerprint in lower case", edit(&good, &fp_line, &fp_line.to_lowercase()), None),
        case("64 candidates", edit(&good, "a=end-of-candidates\r\n", &candidates(61)), None),
        case("empty", String::new(), Some("line")),
        case("no version line", edit(&good, "v=0\r\n", ""), Some("line")),
        case("another version", edit(&good, "v=0", "v=1"), Some("line")),
        case("a line without type", edit(&good, "s=-", "s"), Some("line")),
        case("an unknown line type", edit(&good, "s=-", "k=clear:abc"), Some("line")),
        case("an empty line", edit(&good, "s=-\r\n", "s=-\r\n\r\n"), Some("line")),
        case("a bare CR", edit(&good, "a=rtcp-mux\r\n", "a=rtcp-mux\ra=crypto:1\r\n"), Some("line")),
        case("a NUL", edit(&good, "a=rtcp-mux", "a=rtcp-mux\0"), Some("line")),
        case("a host name to connect to", edit(&good, "c=IN IP4 0.0.0.0", "c=IN IP4 evil.example"), Some("line")),
        case("too many lines", edit(&good, "a=rtcp-rsize\r\n", &lines), Some("too_large")),
        case("too many bytes", edit(&good, "s=-", &format!("s={}", "x".repeat(14 * 1024))), Some("too_large")),
        case("no fingerprint", edit(&good, &fp_line, ""), Some("no_fingerprint")),
        case("another fingerprint", edit(&good, &fp_line, &other_line), Some("other_fingerprint")),
        case(
            "a second fingerprint after",
            edit(&good, &fp_line, &(fp_line.clone() + &other_line)),
            Some("two_fingerprints"),
        ),
        case(
            "a second fingerprint before",
            edit(&good, &fp_line, &(other_line.clone() + &fp_line)),
            Some("two_fingerprints"),
        ),
        case("a second fingerprint in the last m-line", good.clone() + &other_line, Some("two_fingerprints")),
        case("a SHA-1 fingerprint beside it", good.clone() + "a=fingerprint:sha-1 00:11:22\r\n", Some("fingerprint")),
        case("a short fingerprint", edit(&good, ":31:B2\r\n", ":31\r\n"), Some("fingerprint")),
        case("a long fingerprint", edit(&good, ":31:B2\r\n", ":31:B2:00\r\n"), Some("fingerprint")),
        case("a fingerprint without colons", edit(&good, "78:34:BB", "7834BB"), Some("fingerprint")),
        case("FINGERPRINT", good.clone() + &other_line.replace("fingerprint", "FINGERPRINT"), Some("attribute")),
        case(
            "fingerprint and a space",
            good.clone() + &other_line.replace("fingerprint", "fingerprint "),
            Some("attribute"),
        ),
        case("an attribute without a name", good.clone() + "a=:x\r\n", Some("attribute")),
        case("identity", edit(&good, "a=rtcp-rsize", "a=identity:eyJpZHAi"), Some("forbidden")),
        case("crypto", edit(&good, "a=rtcp-rsize", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"), Some("forbidden")),
        case("no ICE user name", good.replace("a=ice-ufrag:abcWOEFLTnDcgdza\r\n", ""), Some("no_ice")),
        case("no ICE password", good.replace("a=ice-pwd:aWzKxJNhhdrekFjJfUmONpbRruUVBFUd\r\n", ""), Some("no_ice")),
        case(
            "a short ICE password",
            good.replace("aWzKxJNhhdrekFjJfUmONpbRruUVBFUd", "aWzKxJNhhdrekFjJfUmON"),
            Some("ice"),
        ),
        case("a strange ICE user name", good.replace("abcWOEFLTnDcgdza", "abc<script>"), Some("ice")),
        case(
            "two ICE passwords",
            edit(&good, "aWzKxJNhhdrekFjJfUmONpbRruUVBFUd", "bWzKxJNhhdrekFjJfUmONpbRruUVBFUd"),
            Some("two_ice"),
        ),
        case("another kind of media", edit(&good, "m=audio", "m=image"), Some("media")),
        case("plain RTP", edit(&good, "UDP/TLS/RTP/SAVPF 111", "RTP/AVP 111"), Some("media")),
        case("SDES SRTP", edit(&good, "UDP/TLS/RTP/SAVPF 111", "RTP/SAVPF 111"), Some("media")),
        case("TCP data channel", edit(&good, "UDP/DTLS/SCTP", "TCP/DTLS/SCTP"), Some("media")),
        case("a port out of range", edit(&good, "m=audio 9", "m=audio 70009"), Some("media")),
        case(
            "two applications",
            good.clone() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:4\r\n",
            Some("media"),
        ),
        case("an m-line without mid", edit(&good, "a=mid:2\r\n", ""), Some("mid")),
        case("a mid twice", edit(&good, "a=mid:2", "a=mid:1"), Some("mid")),
        case("two mids in an m-line", edit(&good, "a=mid:2", "a=mid:2\r\na=mid:4"), Some("mid")),
        case("no bundle", edit(&good, "a=group:BUNDLE 0 1 2 3\r\n", ""), Some("bundle")),
        case("bundle without an m-line", edit(&good, "BUNDLE 0 1 2 3", "BUNDLE 0 1 2"), Some("bundle")),
        case("bundle with a stranger", edit(&good, "BUNDLE 0 1 2 3", "BUNDLE 0 1 2 3 4"), Some("bundle")),
        case(
            "two bundles",
            edit(&good, "a=group:BUNDLE 0 1 2 3", "a=group:BUNDLE 0 1\r\na=group:BUNDLE 2 3"),
            Some("bundle"),
        ),
        case("another group", edit(&good, "a=group:BUNDLE", "a=group:LS"), Some("bundle")),
        case("no m-line", good[..good.find("m=video").unwrap()].replace(" 0 1 2 3", ""), Some("no_ice")),
        case("passive offer", native_offer("passive"), Some("setup")),
        case("holdconn", native_offer("holdconn"), Some("setup")),
        case("no setup", good.replace("a=setup:actpass\r\n", ""), Some("setup")),
        case("two setups", edit(&good, "a=setup:actpass", "a=setup:active"), Some("setup")),
        case("two directions", edit(&good, "a=sendonly", "a=sendonly\r\na=recvonly"), Some("direction")),
        case("a candidate with a host name", edit(&good, " 192.168.1.20 ", " evil.example.com "), Some("candidate")),
        case("a candidate cut off", edit(&good, " 43381 typ host", ""), Some("candidate")),
        case("65 candidates", edit(&good, "a=end-of-candidates\r\n", &candidates(62)), Some("too_many_candidates")),
    ];
    cases.push(Case {
        name: "offer with another seal",
        sdp: good,
        fp: other_fp(),
        offer: None,
        error: Some("other_fingerprint"),
    });
    cases
}

fn answers() -> Vec<Case> {
    let good = browser_answer("active");
    let case = |name, sdp, error| Case { name, sdp, fp: FP, offer: Some("native offer"), error };
    let rejected = edit(&good, "m=audio 9", "m=audio 0").replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 3");
    let swapped = {
        let (head, tail) = good.split_at(good.find("m=audio").unwrap());
        let (audio, application) = tail.split_at(tail.find("m=application").unwrap());
        [head, application, audio].concat()
    };
    let missing = good[..good.find("m=application").unwrap()].replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 2");
    let native = native_offer("active").replace("a=sendonly", "a=recvonly");
    let to_active = |name, setup, error| Case {
        name,
        sdp: browser_answer(setup),
        fp: FP,
        offer: Some("native offer, active"),
        error,
    };
    vec![
        case("browser answer", good.clone(), None),
        case("native answer", native, None),
        case("passive answer", browser_answer("passive"), None),
        case("inactive m-line", edit(&good, "a=recvonly", "a=inactive"), None),
        case("rejected m-line", rejected.clone(), None),
        case("rejected m-line in the bundle", edit(&good, "m=audio 9", "m=audio 0"), Some("bundle")),
        case("accepted m-line outside the bundle", edit(&rejected, "m=audio 0", "m=audio 9"), Some("bundle")),
        case("answer as actpass", browser_answer("actpass"), Some("setup")),
        to_active("passive answer to active", "passive", None),
        to_active("active answer to active", "active", Some("setup")),
        case("m-lines in another order", swapped, Some("order")),
        case("an m-line missing", missing, Some("order")),
        case(
            "another mid",
            good.replace("a=mid:2", "a=mid:5").replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 5 3"),
            Some("order"),
        ),
        case("video answered as audio", edit(&good, "m=video", "m=audio"), Some("order")),
        case("sends where only receiving is offered", edit(&good, "a=recvonly", "a=sendrecv"), Some("direction")),
        case("says no direction", edit(&good, "a=recvonly\r\n", ""), Some("direction")),
        case("answer with another fingerprint in one m-line", edit(&good, "78:34", "78:35"), Some("two_fingerprints")),
        case("answer with another fingerprint everywhere", good.replace("78:34", "78:35"), Some("other_fingerprint")),
    ]
}

/// How to make a description from a base: keep its ends, replace the middle.
fn difference(name: &str, base: &str, sdp: &str) -> (Value, Value, Value, Value) {
    let at = base.bytes().zip(sdp.bytes()).take_while(|(a, b)| a == b).count();
    let ends = base[at..].bytes().rev().zip(sdp[at..].bytes().rev()).take_while(|(a, b)| a == b).count();
    let (cut, put) = (base.len() - at - ends, &sdp[at..sdp.len() - ends]);
    assert_eq!(format!("{}{put}{}", &base[..at], &base[at + cut..]), sdp);
    (json!(name), json!(at), json!(cut), json!(put))
}

#[test]
fn every_description_is_judged_as_the_vectors_say() {
    let native = check_offer(&native_offer("actpass"), &FP).unwrap();
    let active = check_offer(&native_offer("active"), &FP).unwrap();
    let judge = |case: &Case| match case.offer {
        None => check_offer(&case.sdp, &case.fp),
        Some("native offer") => check_answer(&case.sdp, &case.fp, &native),
        Some("native offer, active") => check_answer(&case.sdp, &case.fp, &active),
        Some(other) => panic!("no offer {other}"),
    };
    let cases: Vec<Case> = offers().into_iter().chain(answers()).collect();
    let bases =
        BTreeMap::from([("native offer", native_offer("actpass")), ("browser answer", browser_answer("active"))]);
    let list = cases.iter().map(|case| {
        let judged = judge(case);
        assert_eq!(judged.as_ref().err().map(|e| e.reason.name()), case.error, "{}: {judged:?}", case.name);
        let mut json = json!({
            "name": case.name,
            "kind": if case.offer.is_some() { "answer" } else { "offer" },
            "fp": case.fp.iter().map(|b| format!("{b:02x}")).collect::<String>(),
            "ok": judged.is_ok(),
        });
        let base = if case.offer.is_some() { "browser answer" } else { "native offer" };
        (json["base"], json["at"], json["cut"], json["put"]) = difference(base, &bases[base], &case.sdp);
        if let Some(offer) = case.offer {
            json["offer"] = json!(offer);
        }
        if let Err(e) = judged {
            json["error"] = json!(e.reason.name());
            json["line"] = json!(e.line);
        }
        json
    });
    let list: Vec<Value> = list.collect();
    let made = json!({ "_": COMMENT, "bases": bases, "cases": list });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sdp.json");
    if std::env::var_os("ATHOME_WRITE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(committed == made, "tests/vectors/sdp.json differs from what this test makes");
}

#[test]
fn a_checked_offer_says_what_it_holds() {
    let Checked { fingerprint, setup, media, candidates } = check_offer(&native_offer("actpass"), &FP).unwrap();
    assert_eq!((fingerprint, setup, candidates), (FP, Setup::ActPass, 3));
    let lines: Vec<_> = media.iter().map(|m| (m.kind, m.mid.as_str(), m.rejected, m.direction)).collect();
    assert_eq!(
        lines,
        [
            (MediaKind::Video, "0", false, Direction::SendOnly),
            (MediaKind::Video, "1", false, Direction::SendOnly),
            (MediaKind::Audio, "2", false, Direction::SendOnly),
            (MediaKind::Application, "3", false, Direction::SendRecv),
        ]
    );
}

#[test]
fn errors_name_the_line() {
    let sdp = native_offer("actpass").replacen("a=rtcp-rsize", "a=crypto:1 x inline:y", 1);
    let error = check_offer(&sdp, &FP).unwrap_err();
    assert_eq!(sdp.lines().nth(error.line - 1), Some("a=crypto:1 x inline:y"));
    assert!(error.to_string().contains(&format!("line {}", error.line)), "{error}");
}

#[test]
fn our_own_fingerprint_is_found_and_must_be_one() {
    let sdp = native_offer("actpass");
    assert_eq!(sdp::fingerprint_of(&sdp), Ok(FP));
    assert_eq!(sdp::fingerprint_of(&browser_answer("active")), Ok(FP));
    assert!(sdp::fingerprint_of("v=0\r\n").is_err());
    let two = format!("{sdp}a=fingerprint:sha-256 {}\r\n", fingerprint_text(&other_fp()));
    assert_eq!(sdp::fingerprint_of(&two).unwrap_err().reason.name(), "two_fingerprints");
}

#[test]
fn no_cut_or_flipped_description_passes_with_another_certificate() {
    let sdp = native_offer("actpass");
    for cut in 0..sdp.len() {
        if let Ok(checked) = check_offer(&sdp[..cut], &FP) {
            assert_eq!(checked.fingerprint, FP);
        }
    }
    for at in 0..sdp.len() {
        let mut bent = sdp.clone().into_bytes();
        bent[at] ^= 1;
        if let Some(Ok(checked)) = std::str::from_utf8(&bent).ok().map(|s| check_offer(s, &FP)) {
            assert_eq!(checked.fingerprint, FP, "byte {at}");
        }
    }
}
