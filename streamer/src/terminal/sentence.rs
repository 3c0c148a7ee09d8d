//! An event in words, and as an object for scripts.

use athome_shared::protocol::control::{Camera, CameraReason};
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;
use serde_json::{Value, json};

use crate::events::{DiskTrouble, Event, Kind, Outage, View};
use crate::words::{Lang, Word};

/// The event as a person is told it. A camera goes by its name in `cameras`.
pub fn words(event: &Event, cameras: &[Camera], lang: Lang) -> String {
    let id = event.camera.as_ref();
    let cam = id.map_or("", |id| cameras.iter().find(|c| c.id == *id).map_or(id.as_str(), |c| c.name.as_str()));
    match &event.kind {
        Kind::Online => Word::CameraBack.fill(lang, &[("cam", cam)]),
        Kind::Offline { reason } => {
            let seen = cameras.iter().find(|c| Some(&c.id) == id).is_none_or(|camera| camera.last_frame.is_some());
            trouble(*reason, seen).fill(lang, &[("cam", cam)])
        }
        Kind::SoundOnline => Word::MicBack.fill(lang, &[("cam", cam)]),
        Kind::SoundOffline { reason } => silence(*reason).fill(lang, &[("cam", cam)]),
        Kind::MotionBegan { zones, .. } if zones.is_empty() => Word::Motion.fill(lang, &[("cam", cam)]),
        Kind::MotionBegan { zones, .. } => Word::MotionIn.fill(lang, &[("cam", cam), ("zones", &zones.join(", "))]),
        Kind::MotionEnded { .. } => Word::MotionOver.fill(lang, &[("cam", cam)]),
        Kind::ViewChanged { view } => view_word(*view).fill(lang, &[("cam", cam)]),
        Kind::ViewerJoined { name } => Word::NowWatching.fill(lang, &[("device", name)]),
        Kind::ViewerLeft { name } => Word::Left.fill(lang, &[("device", name)]),
        Kind::DevicePaired { name } => Word::Paired.fill(lang, &[("device", name)]),
        Kind::ModeChanged { mode } => mode_word(*mode).text(lang).to_owned(),
        Kind::CodeExpired => Word::CodeOld.text(lang).to_owned(),
        Kind::Tampered { count } => Word::Tampered.fill(lang, &[("n", &count.to_string())]),
        Kind::SignalingUp { server } => Word::SignalingUp.fill(lang, &[("server", server)]),
        Kind::SignalingDown { server, why } => outage_word(*why).fill(lang, &[("server", server)]),
        Kind::RecordingBegan { .. } => Word::RecordingBegan.fill(lang, &[("cam", cam)]),
        Kind::RecordingClosed { file, .. } => Word::RecordingClosed.fill(lang, &[("cam", cam), ("file", file)]),
        Kind::RecordingFailed { why } => disk_word(*why).fill(lang, &[("cam", cam)]),
        Kind::MadeRoom { files, .. } => Word::MadeRoom.fill(lang, &[("n", &files.to_string())]),
    }
}

/// The event as one JSON object with `event` and `at` (Unix time in microseconds).
pub fn object(event: &Event) -> Value {
    let mut object = match &event.kind {
        Kind::Online => json!({"event": "camera_online"}),
        Kind::Offline { reason } => json!({"event": "camera_offline", "reason": reason}),
        Kind::SoundOnline => json!({"event": "sound_online"}),
        Kind::SoundOffline { reason } => json!({"event": "sound_offline", "reason": reason}),
        Kind::MotionBegan { began, zones } => json!({"event": "motion_began", "began": began, "zones": zones}),
        Kind::MotionEnded { began, peak } => json!({"event": "motion_ended", "began": began, "peak": peak}),
        Kind::ViewChanged { view } => json!({"event": "view_changed", "view": view}),
        Kind::ViewerJoined { name } => json!({"event": "viewer_joined", "name": name}),
        Kind::ViewerLeft { name } => json!({"event": "viewer_left", "name": name}),
        Kind::DevicePaired { name } => json!({"event": "device_paired", "name": name}),
        Kind::ModeChanged { mode } => json!({"event": "mode_changed", "mode": mode}),
        Kind::CodeExpired => json!({"event": "code_expired"}),
        Kind::Tampered { count } => json!({"event": "tampered", "count": count}),
        Kind::SignalingUp { server } => json!({"event": "signaling", "server": server, "up": true}),
        Kind::SignalingDown { server, why } => {
            json!({"event": "signaling", "server": server, "up": false, "why": why})
        }
        Kind::RecordingBegan { why } => json!({"event": "recording_began", "why": why}),
        Kind::RecordingClosed { file, began, ended, bytes, why } => json!({
            "event": "recording_closed", "file": file, "began": began, "ended": ended, "bytes": bytes, "why": why,
        }),
        Kind::RecordingFailed { why } => json!({"event": "recording_failed", "why": why}),
        Kind::MadeRoom { files, bytes } => json!({"event": "made_room", "files": files, "bytes": bytes}),
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert("at".to_owned(), json!(event.at.0));
        if let Some(camera) = &event.camera {
            fields.insert("camera".to_owned(), json!(camera));
        }
    }
    object
}

/// How the house is watched over.
pub fn mode_word(mode: HouseMode) -> Word {
    match mode {
        HouseMode::Home => Word::ModeHome,
        HouseMode::Away => Word::ModeAway,
        HouseMode::Privacy => Word::ModePrivacy,
    }
}

/// What a camera's trouble is called; `seen` tells whether it ever gave a picture.
pub fn trouble(reason: CameraReason, seen: bool) -> Word {
    match reason {
        CameraReason::Gone if !seen => Word::NotFound,
        CameraReason::Gone => Word::Gone,
        CameraReason::Busy => Word::Busy,
        CameraReason::Stalled => Word::Stalled,
        CameraReason::Format => Word::Format,
        CameraReason::File => Word::File,
        CameraReason::Unreachable => Word::Unreachable,
        CameraReason::Auth => Word::Auth,
        CameraReason::Other => Word::Other,
    }
}

/// What a microphone's trouble is called.
fn silence(reason: CameraReason) -> Word {
    match reason {
        CameraReason::Gone => Word::MicGone,
        CameraReason::Busy => Word::MicBusy,
        _ => Word::MicTrouble,
    }
}

/// What became of a camera's view.
fn view_word(view: View) -> Word {
    match view {
        View::Clear => Word::ViewClear,
        View::Covered => Word::ViewCovered,
        View::Blinded => Word::ViewBlinded,
        View::Moved => Word::ViewMoved,
    }
}

/// What an outage is called.
fn outage_word(why: Outage) -> Word {
    match why {
        Outage::Lost => Word::SignalingDown,
        Outage::Unreachable => Word::SignalingUnreachable,
        Outage::Refused => Word::SignalingRefused,
        Outage::Replaced => Word::SignalingReplaced,
    }
}

/// What trouble with the disk is called.
fn disk_word(why: DiskTrouble) -> Word {
    match why {
        DiskTrouble::Full => Word::DiskFull,
        DiskTrouble::Failed => Word::DiskFailed,
        DiskTrouble::Slow => Word::DiskSlow,
    }
}

/// Local time of day, `14:03`.
pub fn time_of_day(at: WallTime) -> String {
    let Ok(at) = jiff::Timestamp::from_microsecond(at.0) else { return String::new() };
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M").to_string()
}

/// Local day and time, `2026-11-20 14:03`.
pub fn day_and_time(at: WallTime) -> String {
    let Ok(at) = jiff::Timestamp::from_microsecond(at.0) else { return String::new() };
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;
    use athome_shared::protocol::control::CameraReason;
    use athome_shared::protocol::house::HouseMode;
    use athome_shared::time::WallTime;

    use super::{object, trouble, words};
    use crate::events::{Cause, DiskTrouble, Event, Kind, Outage, View};
    use crate::words::{Lang, Word};

    #[test]
    fn a_camera_that_was_never_there_was_not_unplugged() {
        assert_eq!(trouble(CameraReason::Gone, false), Word::NotFound);
        assert_eq!(trouble(CameraReason::Gone, true), Word::Gone);
        assert_eq!(trouble(CameraReason::Busy, false), Word::Busy);
    }

    #[test]
    fn each_event_has_its_name_and_its_sentence() {
        let name = || "Anna's phone".to_owned();
        let server = || "wss://example.org/ws".to_owned();
        let zones = || vec!["Path".to_owned(), "Gate".to_owned()];
        let down = |why| Kind::SignalingDown { server: server(), why };
        let (began, ended) = (WallTime(1), WallTime(2));
        let closed =
            Kind::RecordingClosed { file: "door/a.mp4".to_owned(), began, ended, bytes: 9, why: Cause::Manual };
        let all = [
            (Kind::Online, "camera_online", "door is live."),
            (Kind::Offline { reason: CameraReason::Gone }, "camera_offline", "door was unplugged."),
            (Kind::SoundOnline, "sound_online", "The microphone of door is on."),
            (
                Kind::SoundOffline { reason: CameraReason::Gone },
                "sound_offline",
                "The microphone of door is not there.",
            ),
            (Kind::SoundOffline { reason: CameraReason::Busy }, "sound_offline", "Another program uses the microphone"),
            (Kind::MotionBegan { began: WallTime(4), zones: Vec::new() }, "motion_began", "Motion at door."),
            (
                Kind::MotionBegan { began: WallTime(4), zones: zones() },
                "motion_began",
                "Motion at door, in Path, Gate.",
            ),
            (Kind::MotionEnded { began: WallTime(4), peak: 0.25 }, "motion_ended", "door is still again."),
            (Kind::ViewChanged { view: View::Covered }, "view_changed", "door is covered."),
            (Kind::ViewChanged { view: View::Clear }, "view_changed", "door sees clearly again."),
            (Kind::ViewerJoined { name: name() }, "viewer_joined", "Anna's phone is watching."),
            (Kind::ViewerLeft { name: name() }, "viewer_left", "Anna's phone stopped watching."),
            (Kind::DevicePaired { name: name() }, "device_paired", "Anna's phone is now paired."),
            (Kind::ModeChanged { mode: HouseMode::Home }, "mode_changed", "Home: cameras can be watched"),
            (Kind::ModeChanged { mode: HouseMode::Away }, "mode_changed", "Away: everything records"),
            (Kind::ModeChanged { mode: HouseMode::Privacy }, "mode_changed", "Privacy is on"),
            (Kind::CodeExpired, "code_expired", "This code has expired."),
            (Kind::Tampered { count: 3 }, "tampered", "3 sealed messages were damaged"),
            (Kind::SignalingUp { server: server() }, "signaling", "Registered with wss://example.org/ws."),
            (down(Outage::Lost), "signaling", "No connection to wss://example.org/ws."),
            (down(Outage::Unreachable), "signaling", "No signaling server answers at wss://example.org/ws."),
            (down(Outage::Refused), "signaling", "wss://example.org/ws does not take this streamer."),
            (down(Outage::Replaced), "signaling", "Another streamer with the same keys"),
            (Kind::RecordingBegan { why: Cause::Motion }, "recording_began", "door is being recorded."),
            (closed, "recording_closed", "A recording of door is complete: door/a.mp4."),
            (Kind::RecordingFailed { why: DiskTrouble::Full }, "recording_failed", "The disk is full: door is not"),
            (Kind::RecordingFailed { why: DiskTrouble::Failed }, "recording_failed", "The disk failed: door is not"),
            (Kind::RecordingFailed { why: DiskTrouble::Slow }, "recording_failed", "The disk is too slow"),
            (Kind::MadeRoom { files: 3, bytes: 9 }, "made_room", "Old recordings made room for new ones: 3 files."),
        ];
        for (kind, tag, said) in all {
            let event = Event { camera: CameraId::new("door"), at: WallTime(5), kind };
            let object = object(&event);
            assert_eq!((&object["event"], &object["at"], &object["camera"]), (&tag.into(), &5.into(), &"door".into()));
            assert!(words(&event, &[], Lang::English).starts_with(said), "{tag}");
            assert!(!words(&event, &[], Lang::French).contains('{'), "{tag}");
        }
    }
}
