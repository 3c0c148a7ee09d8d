//! What a viewer asks of the past, and whether it may. Pure.

use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::pair::roles::Command;
use athome_shared::protocol::control::{Camera, RefusedWhy, ToStreamer};
use athome_shared::protocol::past::{LATEST, PICTURE_WIDTHS, RECORD_SECONDS};
use athome_shared::time::WallTime;

/// A request that makes sense, from somebody who may make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub re: u32,
    pub what: What,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    List { camera: CameraId, from: WallTime, to: WallTime },
    Picture { camera: CameraId, at: WallTime, width: u32 },
    Thumb { id: i64 },
    Play { camera: CameraId, from: WallTime, to: Option<WallTime>, follow: bool },
    Export { camera: CameraId, from: WallTime, to: WallTime },
    Keep { id: i64, kept: bool },
    Delete { id: i64 },
    Record { camera: CameraId, length: Option<Duration> },
    RecordStop { camera: CameraId },
}

impl What {
    /// The row of the table that it needs.
    pub fn command(&self) -> Command {
        match self {
            Self::List { .. } | Self::Picture { .. } | Self::Thumb { .. } | Self::Play { .. } | Self::Export { .. } => {
                Command::LookBack
            }
            Self::Keep { .. } | Self::Delete { .. } => Command::ManageRecordings,
            Self::Record { .. } | Self::RecordStop { .. } => Command::Record,
        }
    }

    /// A recording is started and stopped of cameras that are there; what was recorded may be of one that is no longer.
    fn live_camera(&self) -> Option<&CameraId> {
        match self {
            Self::Record { camera, .. } | Self::RecordStop { camera } => Some(camera),
            _ => None,
        }
    }

    fn makes_sense(&self) -> bool {
        match self {
            Self::List { from, to, .. } | Self::Export { from, to, .. } => is_range(*from, *to),
            Self::Picture { at, width, .. } => is_time(*at) && PICTURE_WIDTHS.contains(width),
            Self::Play { from, to, .. } => is_time(*from) && to.is_none_or(|to| is_range(*from, to)),
            Self::Record { length, .. } => length.is_none_or(|length| RECORD_SECONDS.contains(&length.as_secs())),
            Self::Thumb { .. } | Self::Keep { .. } | Self::Delete { .. } | Self::RecordStop { .. } => true,
        }
    }
}

/// Reads a request of the past; `None` if it is about something else.
pub fn read(message: ToStreamer) -> Option<Ask> {
    let (re, what) = match message {
        ToStreamer::Past { re, camera, from, to } => (re, What::List { camera, from, to }),
        ToStreamer::Picture { re, camera, at, width } => (re, What::Picture { camera, at, width }),
        ToStreamer::Thumb { re, id } => (re, What::Thumb { id }),
        ToStreamer::Play { re, camera, from, to, follow } => (re, What::Play { camera, from, to, follow }),
        ToStreamer::Export { re, camera, from, to } => (re, What::Export { camera, from, to }),
        ToStreamer::Keep { re, id, kept } => (re, What::Keep { id, kept }),
        ToStreamer::Delete { re, id } => (re, What::Delete { id }),
        ToStreamer::Record { re, camera, seconds } => {
            (re, What::Record { camera, length: seconds.map(Duration::from_secs) })
        }
        ToStreamer::RecordStop { re, camera } => (re, What::RecordStop { camera }),
        _ => return None,
    };
    Some(Ask { re, what })
}

/// Whether it may be carried out; `may` asks the table.
pub fn check(what: &What, cameras: &[Camera], may: impl Fn(Command) -> bool) -> Result<(), RefusedWhy> {
    if !may(what.command()) {
        return Err(RefusedWhy::Role);
    }
    if !what.makes_sense() {
        return Err(RefusedWhy::Invalid);
    }
    match what.live_camera() {
        Some(id) if cameras.iter().all(|camera| camera.id != *id) => Err(RefusedWhy::UnknownCamera),
        _ => Ok(()),
    }
}

fn is_time(at: WallTime) -> bool {
    (WallTime(0)..=LATEST).contains(&at)
}

fn is_range(from: WallTime, to: WallTime) -> bool {
    is_time(from) && is_time(to) && from < to
}

#[cfg(test)]
mod tests {
    use athome_shared::id::{CameraId, Layer};
    use athome_shared::pair::roles::{Command, Roles, Way, allowed};
    use athome_shared::protocol::control::{Camera, CameraState, RefusedWhy, Role, ToStreamer};

    use super::{check, read};

    fn door() -> Camera {
        Camera {
            id: CameraId::slug("door"),
            name: "Door".to_owned(),
            state: CameraState::Live,
            reason: None,
            retry_s: None,
            last_frame: None,
            width: 1280,
            height: 720,
            fps: 30.0,
            audio: true,
            layers: vec![Layer::Full],
            recording: None,
        }
    }

    fn asked(roles: &[Role], message: &str) -> Result<(), RefusedWhy> {
        let message: ToStreamer = serde_json::from_str(message).expect("parses");
        let ask = read(message).expect("is about the past");
        let roles = Roles::of(roles);
        check(&ask.what, &[door()], |command: Command| allowed(command, &roles, Way::DataChannel))
    }

    /// Each request, with the one role that suffices beside an administrator's.
    const ALL: [(&str, Role); 9] = [
        (r#"{"t":"past","re":1,"camera":"door","from":0,"to":9}"#, Role::Playback),
        (r#"{"t":"picture","re":1,"camera":"door","at":5,"width":640}"#, Role::Playback),
        (r#"{"t":"thumb","re":1,"id":7}"#, Role::Playback),
        (r#"{"t":"play","re":1,"camera":"door","from":5}"#, Role::Playback),
        (r#"{"t":"export","re":1,"camera":"door","from":5,"to":6}"#, Role::Playback),
        (r#"{"t":"keep","re":1,"id":7,"kept":true}"#, Role::Admin),
        (r#"{"t":"delete","re":1,"id":7}"#, Role::Admin),
        (r#"{"t":"record","re":1,"camera":"door","seconds":60}"#, Role::Admin),
        (r#"{"t":"record_stop","re":1,"camera":"door"}"#, Role::Admin),
    ];

    #[test]
    fn every_request_needs_its_role() {
        for (message, needed) in ALL {
            for role in [Role::View, Role::Talk, Role::Playback, Role::Admin] {
                let expected = if role == needed || role == Role::Admin { Ok(()) } else { Err(RefusedWhy::Role) };
                assert_eq!(asked(&[role], message), expected, "{message} as {role:?}");
            }
            assert_eq!(asked(&[], message), Err(RefusedWhy::Role), "{message}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for message in [
            r#"{"t":"past","re":1,"camera":"door","from":9,"to":9}"#,
            r#"{"t":"past","re":1,"camera":"door","from":9,"to":1}"#,
            r#"{"t":"past","re":1,"camera":"door","from":-9223372036854775808,"to":9223372036854775807}"#,
            r#"{"t":"past","re":1,"camera":"door","from":0,"to":7258118400000001}"#,
            r#"{"t":"picture","re":1,"camera":"door","at":-1,"width":640}"#,
            r#"{"t":"picture","re":1,"camera":"door","at":9223372036854775807,"width":640}"#,
            r#"{"t":"picture","re":1,"camera":"door","at":5,"width":159}"#,
            r#"{"t":"picture","re":1,"camera":"door","at":5,"width":4294967295}"#,
            r#"{"t":"play","re":1,"camera":"door","from":-9223372036854775808}"#,
            r#"{"t":"play","re":1,"camera":"door","from":5,"to":5}"#,
            r#"{"t":"play","re":1,"camera":"door","from":5,"to":9223372036854775807,"follow":true}"#,
            r#"{"t":"export","re":1,"camera":"door","from":6,"to":5}"#,
            r#"{"t":"record","re":1,"camera":"door","seconds":0}"#,
            r#"{"t":"record","re":1,"camera":"door","seconds":18446744073709551615}"#,
        ] {
            assert_eq!(asked(&[Role::Admin], message), Err(RefusedWhy::Invalid), "{message}");
        }
    }

    #[test]
    fn a_camera_that_went_can_be_looked_back_at_and_not_recorded() {
        assert_eq!(asked(&[Role::Admin], r#"{"t":"play","re":1,"camera":"attic","from":5}"#), Ok(()));
        for message in [r#"{"t":"record","re":1,"camera":"attic"}"#, r#"{"t":"record_stop","re":1,"camera":"attic"}"#] {
            assert_eq!(asked(&[Role::Admin], message), Err(RefusedWhy::UnknownCamera), "{message}");
        }
    }
}
