//! What a viewer's control message means and whether this viewer may ask it. Pure: the session carries it out.

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::roles::{Command, Roles, Way, allowed};
use athome_shared::peer::Shape;
use athome_shared::protocol::control::{Camera, MAX_MESSAGE, RefusedWhy, ToStreamer, ToViewer};
use athome_shared::protocol::wire::{Join, Why};
use athome_shared::time::WallTime;
use serde::Deserialize;

use super::past::ask::{self, Ask};

/// Longest device name in bytes (`PairHello::device`).
pub const MAX_NAME: usize = 64;

/// What is to be done about a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Carry it out, then answer it.
    Do(Action),
    /// Only answer.
    Answer(ToViewer),
    /// Nothing: a newer peer knows messages that we don't.
    Ignore,
    /// End the session.
    End(Why),
}

/// A request that passed every check that needs no I/O.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Watch { re: u32, slot: u8, camera: CameraId, layer: Layer },
    Unwatch { re: u32, slot: u8 },
    Listen { re: u32, slot: u8, camera: CameraId },
    Silence { re: u32, slot: u8 },
    Key { slot: u8 },
    Pong { id: u32, received: WallTime },
    Snapshot { re: u32, camera: CameraId },
    BulkAck { id: u32, bytes: u64 },
    BulkCancel { id: u32 },
    Cells { re: u32, camera: CameraId, on: bool },
    Rename { re: u32, name: String },
    Past(Ask),
}

/// Tags of `ToStreamer`: with one of these, a message that does not parse is malformed and not merely new.
const KNOWN: [&str; 20] = [
    "watch",
    "unwatch",
    "listen",
    "key",
    "ping",
    "snapshot",
    "bulk_ack",
    "bulk_cancel",
    "cells",
    "rename",
    "past",
    "picture",
    "thumb",
    "play",
    "export",
    "keep",
    "delete",
    "record",
    "record_stop",
    "bye",
];

/// Decides about one message of a viewer with these roles and slots, received at `now`.
pub fn decide(message: &[u8], roles: Roles, shape: Shape, cameras: &[Camera], now: WallTime) -> Verdict {
    if message.len() > MAX_MESSAGE {
        return Verdict::End(Why::Protocol);
    }
    let Ok(message) = serde_json::from_slice::<ToStreamer>(message) else { return unreadable(message) };
    let refuse = |re, why| Verdict::Answer(ToViewer::Refused { re, why });
    let may = |command| allowed(command, &roles, Way::DataChannel);
    match message {
        ToStreamer::Watch { re, slot, camera, layer } => {
            if !may(Command::Watch) {
                return refuse(re, RefusedWhy::Role);
            }
            if slot >= shape.video {
                return refuse(re, RefusedWhy::UnknownSlot);
            }
            let Some(known) = cameras.iter().find(|c| c.id == camera) else {
                return refuse(re, RefusedWhy::UnknownCamera);
            };
            // A camera that has not opened yet has no layers so far; its first picture comes when it can.
            if !known.layers.is_empty() && !known.layers.contains(&layer) {
                return refuse(re, RefusedWhy::Unavailable);
            }
            Verdict::Do(Action::Watch { re, slot, camera, layer })
        }
        ToStreamer::Unwatch { re, slot } if slot >= shape.video => refuse(re, RefusedWhy::UnknownSlot),
        ToStreamer::Unwatch { re, slot } => Verdict::Do(Action::Unwatch { re, slot }),
        ToStreamer::Listen { re, slot, .. } if slot >= shape.audio => refuse(re, RefusedWhy::UnknownSlot),
        ToStreamer::Listen { re, slot, camera: None } => Verdict::Do(Action::Silence { re, slot }),
        ToStreamer::Listen { re, slot, camera: Some(camera) } => {
            if !may(Command::Listen) {
                return refuse(re, RefusedWhy::Role);
            }
            match cameras.iter().find(|c| c.id == camera) {
                None => refuse(re, RefusedWhy::UnknownCamera),
                Some(known) if !known.audio => refuse(re, RefusedWhy::Unavailable),
                Some(_) => Verdict::Do(Action::Listen { re, slot, camera }),
            }
        }
        ToStreamer::Key { slot } if slot < shape.video => Verdict::Do(Action::Key { slot }),
        ToStreamer::Key { .. } => Verdict::Ignore,
        ToStreamer::Ping { id, .. } => Verdict::Do(Action::Pong { id, received: now }),
        ToStreamer::Snapshot { re, camera } => {
            if !may(Command::Snapshot) {
                refuse(re, RefusedWhy::Role)
            } else if cameras.iter().all(|c| c.id != camera) {
                refuse(re, RefusedWhy::UnknownCamera)
            } else {
                Verdict::Do(Action::Snapshot { re, camera })
            }
        }
        ToStreamer::BulkAck { id, bytes } => Verdict::Do(Action::BulkAck { id, bytes }),
        ToStreamer::BulkCancel { id } => Verdict::Do(Action::BulkCancel { id }),
        ToStreamer::Cells { re, camera, on } => {
            if !may(Command::Watch) {
                refuse(re, RefusedWhy::Role)
            } else if cameras.iter().all(|c| c.id != camera) {
                refuse(re, RefusedWhy::UnknownCamera)
            } else {
                Verdict::Do(Action::Cells { re, camera, on })
            }
        }
        ToStreamer::Rename { re, name } => {
            if !may(Command::RenameSelf) {
                return refuse(re, RefusedWhy::Role);
            }
            let name = name.trim();
            if name.is_empty() || name.len() > MAX_NAME {
                return refuse(re, RefusedWhy::Invalid);
            }
            Verdict::Do(Action::Rename { re, name: name.to_owned() })
        }
        ToStreamer::Bye { .. } => Verdict::End(Why::Left),
        ToStreamer::Past { .. }
        | ToStreamer::Picture { .. }
        | ToStreamer::Thumb { .. }
        | ToStreamer::Play { .. }
        | ToStreamer::Export { .. }
        | ToStreamer::Keep { .. }
        | ToStreamer::Delete { .. }
        | ToStreamer::Record { .. }
        | ToStreamer::RecordStop { .. } => match ask::read(message) {
            Some(ask) => match ask::check(&ask.what, cameras, may) {
                Ok(()) => Verdict::Do(Action::Past(ask)),
                Err(why) => refuse(ask.re, why),
            },
            None => Verdict::Ignore,
        },
    }
}

/// The wishes of a join that these roles may have. The join asks the table like any later message does, so that nobody sees
/// or hears by wishing at the start what he would be refused afterwards.
pub fn permitted(mut join: Join, roles: Roles) -> Join {
    let may = |command| allowed(command, &roles, Way::DataChannel);
    if !may(Command::Watch) {
        join.watch.clear();
    }
    join.audio &= may(Command::Listen);
    join
}

fn unreadable(message: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow)]
        t: std::borrow::Cow<'a, str>,
    }
    match serde_json::from_slice::<Tagged<'_>>(message) {
        Ok(tagged) if !KNOWN.contains(&tagged.t.as_ref()) => Verdict::Ignore,
        _ => Verdict::End(Why::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::id::{CameraId, Layer};
    use athome_shared::pair::roles::Roles;
    use athome_shared::peer::Shape;
    use athome_shared::protocol::control::{Camera, CameraState, MAX_MESSAGE, RefusedWhy, Role, ToStreamer, ToViewer};
    use athome_shared::protocol::wire::{Join, WatchWish, Why};
    use athome_shared::time::WallTime;

    use super::{Action, KNOWN, Verdict, decide, permitted};

    const SHAPE: Shape = Shape { video: 2, audio: 1 };

    fn camera(id: &str, audio: bool, layers: &[Layer]) -> Camera {
        Camera {
            id: CameraId::slug(id),
            name: id.to_owned(),
            state: CameraState::Live,
            reason: None,
            retry_s: None,
            last_frame: None,
            width: 1280,
            height: 720,
            fps: 30.0,
            audio,
            layers: layers.to_vec(),
            recording: None,
        }
    }

    fn with(roles: &[Role], message: &str) -> Verdict {
        let cameras =
            [camera("door", true, &[Layer::Full]), camera("yard", false, &[]), camera("boat", false, &[Layer::Small])];
        decide(message.as_bytes(), Roles::of(roles), SHAPE, &cameras, WallTime(7))
    }

    fn view(message: &str) -> Verdict {
        with(&[Role::View], message)
    }

    fn refused(re: u32, why: RefusedWhy) -> Verdict {
        Verdict::Answer(ToViewer::Refused { re, why })
    }

    #[test]
    fn a_viewer_watches_listens_and_takes_stills_of_cameras_that_exist() {
        let door = CameraId::slug("door");
        assert_eq!(
            view(r#"{"t":"watch","re":1,"slot":1,"camera":"door","layer":"full"}"#),
            Verdict::Do(Action::Watch { re: 1, slot: 1, camera: door.clone(), layer: Layer::Full })
        );
        // A camera that never opened has no layers yet: the slot waits for it.
        assert!(matches!(view(r#"{"t":"watch","re":1,"slot":0,"camera":"yard","layer":"full"}"#), Verdict::Do(_)));
        assert_eq!(
            view(r#"{"t":"listen","re":2,"slot":0,"camera":"door"}"#),
            Verdict::Do(Action::Listen { re: 2, slot: 0, camera: door.clone() })
        );
        assert_eq!(
            view(r#"{"t":"listen","re":2,"slot":0,"camera":null}"#),
            Verdict::Do(Action::Silence { re: 2, slot: 0 })
        );
        assert_eq!(
            view(r#"{"t":"snapshot","re":3,"camera":"door"}"#),
            Verdict::Do(Action::Snapshot { re: 3, camera: door })
        );
        assert_eq!(view(r#"{"t":"ping","id":4,"sent":1}"#), Verdict::Do(Action::Pong { id: 4, received: WallTime(7) }));
    }

    #[test]
    fn what_does_not_exist_is_refused_with_its_reason() {
        for (message, why) in [
            (r#"{"t":"watch","re":9,"slot":2,"camera":"door","layer":"full"}"#, RefusedWhy::UnknownSlot),
            (r#"{"t":"watch","re":9,"slot":0,"camera":"attic","layer":"full"}"#, RefusedWhy::UnknownCamera),
            (r#"{"t":"watch","re":9,"slot":0,"camera":"boat","layer":"full"}"#, RefusedWhy::Unavailable),
            (r#"{"t":"unwatch","re":9,"slot":200}"#, RefusedWhy::UnknownSlot),
            (r#"{"t":"listen","re":9,"slot":1,"camera":"door"}"#, RefusedWhy::UnknownSlot),
            (r#"{"t":"listen","re":9,"slot":0,"camera":"yard"}"#, RefusedWhy::Unavailable),
            (r#"{"t":"snapshot","re":9,"camera":"attic"}"#, RefusedWhy::UnknownCamera),
            (r#"{"t":"rename","re":9,"name":"   "}"#, RefusedWhy::Invalid),
        ] {
            assert_eq!(view(message), refused(9, why), "{message}");
        }
        let long = format!(r#"{{"t":"rename","re":9,"name":"{}"}}"#, "x".repeat(65));
        assert_eq!(view(&long), refused(9, RefusedWhy::Invalid));
        assert_eq!(view(r#"{"t":"key","slot":7}"#), Verdict::Ignore);
    }

    #[test]
    fn without_the_view_role_nothing_is_seen_or_heard() {
        for message in [
            r#"{"t":"watch","re":9,"slot":0,"camera":"door","layer":"full"}"#,
            r#"{"t":"listen","re":9,"slot":0,"camera":"door"}"#,
            r#"{"t":"snapshot","re":9,"camera":"door"}"#,
            r#"{"t":"cells","re":9,"camera":"door","on":true}"#,
            r#"{"t":"rename","re":9,"name":"x"}"#,
        ] {
            assert_eq!(with(&[Role::Talk], message), refused(9, RefusedWhy::Role), "{message}");
            assert!(matches!(with(&[Role::View], message), Verdict::Do(_)), "{message}");
        }
    }

    #[test]
    fn the_past_is_for_who_may_look_back() {
        let message = r#"{"t":"play","re":9,"camera":"door","from":5}"#;
        assert_eq!(view(message), refused(9, RefusedWhy::Role));
        assert!(matches!(with(&[Role::Playback], message), Verdict::Do(Action::Past(_))));
        let backwards = r#"{"t":"play","re":9,"camera":"door","from":5,"to":4}"#;
        assert_eq!(with(&[Role::Playback], backwards), refused(9, RefusedWhy::Invalid));
    }

    #[test]
    fn wishes_of_the_join_are_asked_of_the_table_too() {
        let wish = WatchWish { slot: 0, camera: None, layer: Layer::Full };
        let join = Join { v: 1, sid: String::new(), ctr: 1, slots: 1, watch: vec![wish], audio: true };
        for role in [Role::View, Role::Admin] {
            assert_eq!(permitted(join.clone(), Roles::of(&[role])), join, "{role:?}");
        }
        for roles in [&[Role::Talk][..], &[Role::Playback], &[Role::Talk, Role::Playback], &[]] {
            let left = permitted(join.clone(), Roles::of(roles));
            assert_eq!(left, Join { watch: vec![], audio: false, ..join.clone() }, "{roles:?}");
        }
    }

    #[test]
    fn a_newer_peers_messages_are_ignored_and_malformed_ones_end_the_session() {
        for message in [r#"{"t":"teleport","re":1}"#, r#"{"t":""}"#] {
            assert_eq!(view(message), Verdict::Ignore, "{message}");
        }
        for message in [
            "",
            "[]",
            "{",
            "null",
            r#"{"t":5}"#,
            r#"{"re":1}"#,
            r#"{"t":"watch"}"#,
            r#"{"t":"watch","re":-1,"slot":0}"#,
        ] {
            assert_eq!(view(message), Verdict::End(Why::Protocol), "{message}");
        }
        assert_eq!(decide(&[0xff; 40], Roles::owner(), SHAPE, &[], WallTime(0)), Verdict::End(Why::Protocol));
        assert_eq!(view(&"[".repeat(MAX_MESSAGE)), Verdict::End(Why::Protocol));
        assert_eq!(view(&" ".repeat(MAX_MESSAGE + 1)), Verdict::End(Why::Protocol));
        assert_eq!(view(r#"{"t":"bye","why":"left"}"#), Verdict::End(Why::Left));
    }

    #[test]
    fn every_message_we_know_is_in_the_list_of_tags() {
        let (camera, door) = (CameraId::slug("door"), || CameraId::slug("door"));
        let all = [
            ToStreamer::Watch { re: 0, slot: 0, camera: camera.clone(), layer: Layer::Full },
            ToStreamer::Unwatch { re: 0, slot: 0 },
            ToStreamer::Listen { re: 0, slot: 0, camera: None },
            ToStreamer::Key { slot: 0 },
            ToStreamer::Ping { id: 0, sent: WallTime(0) },
            ToStreamer::Snapshot { re: 0, camera },
            ToStreamer::BulkAck { id: 0, bytes: 0 },
            ToStreamer::BulkCancel { id: 0 },
            ToStreamer::Cells { re: 0, camera: CameraId::slug("door"), on: true },
            ToStreamer::Rename { re: 0, name: String::new() },
            ToStreamer::Past { re: 0, camera: door(), from: WallTime(0), to: WallTime(1) },
            ToStreamer::Picture { re: 0, camera: door(), at: WallTime(0), width: 640 },
            ToStreamer::Thumb { re: 0, id: 1 },
            ToStreamer::Play { re: 0, camera: door(), from: WallTime(0), to: None, follow: false },
            ToStreamer::Export { re: 0, camera: door(), from: WallTime(0), to: WallTime(1) },
            ToStreamer::Keep { re: 0, id: 1, kept: true },
            ToStreamer::Delete { re: 0, id: 1 },
            ToStreamer::Record { re: 0, camera: door(), seconds: None },
            ToStreamer::RecordStop { re: 0, camera: door() },
            ToStreamer::Bye { why: Why::Left },
        ];
        let tags: Vec<String> =
            all.iter().filter_map(|m| Some(serde_json::to_value(m).ok()?.get("t")?.as_str()?.to_owned())).collect();
        assert_eq!(tags, KNOWN);
    }
}
