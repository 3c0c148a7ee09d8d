use super::*;

const CHAN: ChannelId = ChannelId(0x0102_0304_0506_0708);
const MAILBOX: MailboxId = MailboxId([7; 16]);

fn every_frame() -> Vec<Frame> {
    let mut frames = vec![
        Frame::Hello { min_ver: 1, max_ver: 3, mailbox_pub: [9; 32] },
        Frame::Challenge { nonce: [5; 32] },
        Frame::Auth { sig: [3; 64], name: "hüb.example:8080".into() },
        Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 },
        Frame::Caps(vec![]),
        Frame::Caps(vec![[1; 32]; MAX_CAPS]),
        Frame::Invites(vec![MAILBOX; MAX_INVITES]),
        Frame::Open { chan: CHAN, target: Target::Session { mailbox: MAILBOX, cap: Secret::new([4; 16]) } },
        Frame::Open { chan: CHAN, target: Target::Pairing(MAILBOX) },
        Frame::Ring { chan: CHAN, kind: RingKind::Session },
        Frame::Ring { chan: CHAN, kind: RingKind::Pairing(MAILBOX) },
        Frame::Data { chan: CHAN, body: Bytes::from_static(b"sealed") },
        Frame::Data { chan: CHAN, body: Bytes::from(vec![1; MAX_BODY]) },
        Frame::Watch { chan: CHAN, mailbox: MAILBOX, cap: Secret::new([4; 16]) },
        Frame::Presence { chan: CHAN, online: true },
        Frame::Presence { chan: CHAN, online: false },
        Frame::Drain { retry_secs: 5 },
    ];
    frames.extend((0..=255).map(|code| Frame::Close { chan: CHAN, code: CloseCode::from(code) }));
    frames.extend((0..=255).map(|code| Frame::Error { code: ErrorCode::from(code), text: "why".into() }));
    frames
}

#[test]
fn every_frame_goes_there_and_back() {
    for frame in every_frame() {
        let bytes = frame.encode();
        assert!(bytes.len() <= MAX_FRAME);
        assert_eq!(Frame::decode(bytes), Ok(frame));
    }
}

#[test]
fn bytes_on_the_wire_are_those_of_the_document() {
    let open = Frame::Open { chan: CHAN, target: Target::Session { mailbox: MAILBOX, cap: Secret::new([4; 16]) } };
    let mut expected = vec![1, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 1];
    expected.extend([7; 16]);
    expected.extend([4; 16]);
    assert_eq!(open.encode(), expected);
    assert_eq!(Frame::Drain { retry_secs: 258 }.encode().as_ref(), [1, 0x16, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(Frame::Caps(vec![]).encode().as_ref(), [1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        Frame::Close { chan: CHAN, code: CloseCode::PeerGone }.encode().as_ref(),
        [1, 0x13, 1, 2, 3, 4, 5, 6, 7, 8, 5]
    );
}

#[test]
fn a_frame_cut_short_anywhere_is_an_error_or_a_shorter_text() {
    for frame in every_frame() {
        let bytes = frame.encode();
        for len in 0..bytes.len() {
            match (Frame::decode(bytes.slice(..len)), &frame) {
                (Err(_), _) => {}
                (Ok(Frame::Data { body, .. }), Frame::Data { .. }) => assert_eq!(body.len() + HEADER_LEN, len),
                (Ok(Frame::Auth { name, .. }), Frame::Auth { .. }) => assert_eq!(name.len() + 74, len),
                (Ok(Frame::Error { text, .. }), Frame::Error { .. }) => assert_eq!(text.len() + 11, len),
                (Ok(other), _) => panic!("{frame:?} cut to {len} bytes reads as {other:?}"),
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for frame in every_frame() {
        if matches!(frame, Frame::Data { .. } | Frame::Auth { .. } | Frame::Error { .. }) {
            continue;
        }
        let mut bytes = frame.encode().to_vec();
        bytes.push(0);
        assert!(matches!(Frame::decode(bytes.into()), Err(FrameError::Malformed { .. })), "{frame:?}");
    }
}

#[test]
fn garbage_of_every_type_and_many_lengths_never_panics() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut decoded = 0;
    for kind in 0..=255_u8 {
        for len in 0..600_usize {
            let mut bytes = vec![VERSION, kind];
            bytes.extend((0..len).map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed as u8
            }));
            decoded += usize::from(Frame::decode(bytes.into()).is_ok());
        }
    }
    assert!(decoded > 500, "DATA at least decodes whatever follows its header");
}

#[test]
fn the_limits_of_counts_and_lengths_are_exact() {
    let mut caps = vec![1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    caps.extend([0; 257 * 32]);
    assert_eq!(Frame::decode(caps.into()), Err(FrameError::Malformed { kind: 0x05, what: "too many entries" }));
    assert_eq!(
        Frame::decode(vec![1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2].into()),
        Err(FrameError::Malformed { kind: 0x05, what: "length and count differ" })
    );
    let frame = Frame::Auth { sig: [0; 64], name: "n".repeat(MAX_NAME) };
    let mut bytes = frame.encode().to_vec();
    assert!(Frame::decode(bytes.clone().into()).is_ok());
    bytes.push(b'n');
    assert!(Frame::decode(bytes.into()).is_err());
    let largest = vec![1, 0x12].into_iter().chain(vec![0; MAX_FRAME - 2]).collect::<Vec<_>>();
    assert!(Frame::decode(largest.clone().into()).is_ok());
    let larger = [largest, vec![0]].concat();
    assert_eq!(Frame::decode(larger.into()), Err(FrameError::TooLarge(MAX_FRAME + 1)));
}

#[test]
fn what_is_too_long_is_cut_between_characters() {
    let frame = Frame::Error { code: ErrorCode::Limit, text: "é".repeat(MAX_TEXT) };
    let Ok(Frame::Error { text, .. }) = Frame::decode(frame.encode()) else { panic!("not an ERROR frame") };
    assert_eq!(text, "é".repeat(MAX_TEXT / 2));
    let Ok(Frame::Caps(caps)) = Frame::decode(Frame::Caps(vec![[0; 32]; 300]).encode()) else {
        panic!("not a CAPS frame")
    };
    assert_eq!(caps.len(), MAX_CAPS);
}

#[test]
fn a_data_body_shares_the_message() {
    let message = Frame::Data { chan: CHAN, body: Bytes::from_static(b"sealed") }.encode();
    assert_eq!(data_channel(&message), Some(CHAN));
    let start = message.as_ptr() as usize;
    let Ok(Frame::Data { body, .. }) = Frame::decode(message) else { panic!("not a DATA frame") };
    assert_eq!(body.as_ptr() as usize, start + HEADER_LEN);
    assert_eq!(data_channel(&Frame::Drain { retry_secs: 1 }.encode()), None);
    assert_eq!(data_channel(&[1, 0x12]), None);
}

#[test]
fn unknown_versions_and_types_are_told_apart() {
    assert_eq!(Frame::decode(vec![2].into()), Err(FrameError::Version(2)));
    assert_eq!(Frame::decode(vec![1, 0x66, 0, 0, 0, 0, 0, 0, 0, 0].into()), Err(FrameError::UnknownType(0x66)));
    assert_eq!(Frame::decode(Bytes::new()), Err(FrameError::Short(0)));
}

#[test]
fn debug_shows_no_capability() {
    let frame = Frame::Watch { chan: CHAN, mailbox: MAILBOX, cap: Secret::new([0x41; 16]) };
    assert!(!format!("{frame:?}").contains("65"), "{frame:?}");
}
