//! Reading, refusing and writing back.

use std::path::Path;

use athome_shared::id::CameraId;

use super::{Added, Change, Config, ConfigError, Detection, Storage, check_config, parse, save, save_all};
use crate::motion::zones::{Zone, ZoneKind};
use crate::record::trigger::Mode;
use crate::source::{CameraSpec, Login, MicSpec, Transport};

const EXAMPLE: &str = include_str!("../../../athome.example.toml");

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, Path::new("conf/athome.toml"), &|name| (name == "ATHOME_TURN").then(|| "hunter2".to_owned()))
}

fn refusal(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

#[test]
fn the_example_documents_the_defaults() {
    assert_eq!(read(EXAMPLE).unwrap(), Config::default());
    assert_eq!(read("").unwrap(), Config::default());
    // Control: a documented value that differs is noticed.
    assert_ne!(read(&EXAMPLE.replace("max_viewers = 16", "max_viewers = 17")).unwrap(), Config::default());
}

#[test]
fn the_example_with_all_its_keys_is_valid_and_names_each() {
    let all: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = read(&all).unwrap();
    assert_eq!(config.cameras.len(), 2);
    let camera = &config.cameras[0];
    assert_eq!((camera.id.as_str(), &camera.source), ("front-door", &CameraSpec::Webcam));
    assert!(camera.active, "the documented default of `active`");
    assert_eq!(camera.bitrate_bps, Some(crate::encode::h264::suitable_bitrate(1280, 720, 30.0)));
    assert_eq!(config.storage.path.as_deref(), Some(Path::new("/media/disk/recordings")));
    let storage = Storage { path: None, ..config.storage.clone() };
    assert_eq!(Config { cameras: Vec::new(), storage, ..config }, Config::default());
    // Every key that the code knows stands in the example: the code lists them when it meets a stranger.
    let tables = [
        "",
        "[[camera]]\n",
        "[[camera]]\n[[camera.zone]]\n",
        "[detection]\n",
        "[signaling]\n",
        "[webrtc]\n",
        "[recording]\n",
        "[storage]\n",
    ];
    for table in tables {
        let refused = refusal(&format!("{table}qqqqqqqqqqqq = 1"));
        let known = refused.split("There are: ").nth(1).expect("the list of keys");
        for key in known.split(", ") {
            let ways = ["\nKEY = ", "\n[KEY]\n", "\n[[KEY]]\n", "\n[[camera.KEY]]\n"];
            assert!(
                ways.iter().any(|way| all.contains(&way.replace("KEY", key))),
                "{key} of {table:?} is not in the example"
            );
        }
    }
}

#[test]
fn recording_can_be_said_and_nonsense_is_refused() {
    let config = read(
        r#"
        [[camera]]
        name = "Door"
        source = "test"
        record = "always"
        [recording]
        mode = "schedule"
        pre_seconds = 0.5
        post_seconds = 60
        segment_minutes = 1
        schedule = ["Mon-Fri 08:00-18:00", "22:00-06:00"]
        [storage]
        path = "films"
        max_size_gb = 1.5
        retention_days = 0
        min_free_gb = 0.1
        "#,
    )
    .unwrap();
    assert_eq!(config.cameras[0].record, Some(Mode::Always));
    assert_eq!((config.recording.rules.mode, config.recording.schedule.len()), (Mode::Schedule, 2));
    assert_eq!(config.recording.longest.as_secs(), 60);
    assert_eq!(config.storage.path.as_deref(), Some(Path::new("conf/films")));
    let limits = config.storage.limits;
    assert_eq!((limits.size, limits.age, limits.floor), (Some(1_500_000_000), None, 100_000_000));
    for (text, part) in [
        ("[recording]\nmode = \"sometimes\"", "one of \"manual\""),
        ("[recording]\nmode = \"schedule\"", "give its hours"),
        ("[detection]\nactive = false\n[recording]\nmode = \"motion\"", "nobody looks for motion"),
        (
            "[detection]\nactive = false\n[[camera]]\nname = \"a\"\nsource = \"test\"\nrecord = \"motion\"",
            "nobody looks for motion",
        ),
        ("[[camera]]\nname = \"a\"\nsource = \"test\"\nrecord = \"schedule\"", "give its hours"),
        ("[recording]\nschedule = [\"8-18\"]", "write it as"),
        ("[recording]\npre_seconds = 31", "0 to 30 seconds"),
        ("[recording]\npre_seconds = nan", "0 to 30 seconds"),
        ("[recording]\nsegment_minutes = 0", "5 to 86400 seconds"),
        ("[storage]\nmax_size_gb = -1", "a number from 0"),
        ("[storage]\nretention = 3", "There are"),
    ] {
        assert!(refusal(text).contains(part), "{text}: {}", refusal(text));
    }
}

#[test]
fn everything_can_be_said() {
    let config = read(
        r#"
        place = "Maison"
        [[camera]]
        name = "Clip"
        source = "file:clips/a.mp4"
        audio = "file:/abs/a.wav"
        active = false
        [[camera]]
        name = "clip"
        source = "test:3"
        size = "640x360"
        fps = 12.5
        audio = "none"
        [signaling]
        listen = "off"
        servers = ["wss://signal.example.org/ws"]
        names = ["Home.Example.org:8080"]
        [webrtc]
        stun_servers = []
        turn_servers = [{ url = "turn:turn.example.org", username = "home", credential_env = "ATHOME_TURN" }]
        bind = ["192.168.1.20", "::1"]
        max_viewers = 3
        [api]
        listen = "[::1]:9000"
        "#,
    )
    .unwrap();
    let [clip, card] = &config.cameras[..] else { panic!("two cameras") };
    assert_eq!(clip.source, CameraSpec::File("conf/clips/a.mp4".into()), "from the file's own folder");
    assert_eq!(clip.audio, Some(MicSpec::File("/abs/a.wav".into())));
    assert_eq!((clip.active, card.id.as_str()), (false, "clip-2"));
    assert_eq!((card.wish.size, card.wish.fps), (Some((640, 360)), Some(12.5)));
    assert_eq!(config.signaling.listen, None);
    assert_eq!(config.signaling.names, ["home.example.org:8080"]);
    assert_eq!((config.webrtc.stun_servers.len(), config.webrtc.bind.len(), config.webrtc.max_viewers), (0, 2, 3));
    assert_eq!(config.webrtc.turn_servers[0].credential.expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn refusals_say_where_what_and_what_instead() {
    for (text, expected) in [
        ("plaec = \"x\"", "conf/athome.toml:1: there is no key `plaec` here. Did you mean `place`?"),
        (
            "\n\n[webrtc]\nmax_viewer = 3",
            "conf/athome.toml:4: there is no key `max_viewer` here. Did you mean `max_viewers`?",
        ),
        (
            "[[camera]]\nname = \"a\"\nsoruce = \"test\"",
            "conf/athome.toml:3: there is no key `soruce` here. Did you mean `source`?",
        ),
        ("[offsite]\nmode = 1", "conf/athome.toml:1: there is no key `offsite` here. There are: place, camera, "),
        ("[[camera]]\nname = \"a\"", "conf/athome.toml:1: the key `source` is missing"),
        (
            "[[camera]]\nname = \"a\"\nsource = \"wbecam\"",
            "conf/athome.toml:3: `wbecam` is not a camera. Did you mean `webcam`?",
        ),
        ("[[camera]]\nname = \"\"\nsource = \"test\"", "conf/athome.toml:2: a name of 1 to 60 characters"),
        (
            "[[camera]]\nname = \"a\"\nsource = \"test\"\nsize = \"1280\"",
            "conf/athome.toml:4: write it as \"1280x720\"",
        ),
        (
            "[[camera]]\nname = \"a\"\nsource = \"test\"\nsize = \"4000x3000\"",
            "conf/athome.toml:4: even numbers, at most 3840x2160",
        ),
        ("[[camera]]\nname = \"a\"\nsource = \"test\"\nfps = nan", "conf/athome.toml:4: a number from 1 to 120"),
        ("[[camera]]\nname = \"a\"\nsource = \"test\"\nbitrate = -1", "conf/athome.toml:4: "),
        (
            "[[camera]]\nname = \"a\"\nsource = \"test\"\nbitrate = 5",
            "conf/athome.toml:4: bits a second, from 50000 to 50000000",
        ),
        ("[signaling]\nlisten = \"8080\"", "conf/athome.toml:2: write it as 0.0.0.0:8080, or \"off\""),
        ("[signaling]\nservers = [\n\"https://x\"]", "conf/athome.toml:3: write it as wss://HOST/ws"),
        ("[webrtc]\nstun_servers = [\"turn:x\"]", "conf/athome.toml:2: write it as stun:HOST:PORT"),
        ("[webrtc]\nbind = [\"eth0\"]", "conf/athome.toml:2: write it as 192.168.1.20"),
        ("[webrtc]\nmax_viewers = 0", "conf/athome.toml:2: a number from 1 to 256"),
        ("[api]\nlisten = \"0.0.0.0:8081\"", "conf/athome.toml:2: only a loopback address"),
        ("place = ", "conf/athome.toml:1: "),
        ("place = 3", "conf/athome.toml:1: invalid type"),
        (
            "[webrtc]\nturn_servers = [{ url = \"turn:x\", username = \"a\" }]",
            "conf/athome.toml:2: give the password by",
        ),
        (
            "[webrtc]\nturn_servers = [{ url = \"turn:x\", username = \"a\", credential_env = \"NONE\" }]",
            "conf/athome.toml:2: the environment variable NONE is not set",
        ),
        (
            "[webrtc]\nturn_servers = [{ url = \"turn:x\", username = \"a\", credential_file = \"none.txt\" }]",
            "conf/athome.toml:2: the secret in conf/none.txt can't be read",
        ),
    ] {
        let refused = refusal(text);
        assert!(refused.starts_with(expected), "{text:?}\n gave {refused}\n  not {expected}");
    }
}

#[test]
fn a_refusal_never_repeats_a_password() {
    for text in [
        "[[camera]]\nname = \"a\"\nsource = \"rstp://anna:hunter2@cam/\"",
        "[webrtc]\nturn_servers = [{ url = \"turn:x\", username = \"a\", credential = \"hunter2\" }]",
        "[webrtc]\nturn_servers = [{ url = \"turn:a:hunter2@x\", username = \"a\", credential_env = \"ATHOME_TURN\" }]",
        "[signaling]\nservers = [\"ws://anna:hunter2@host/ws\"]",
    ] {
        let refused = read(text).unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("hunter2") && !told.contains("713705"), "{refused}");
    }
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = check_config(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.contains("none.toml: there is no such file"), "{missing}");
    let path = folder.path().join("athome.toml");
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(check_config(&path).unwrap_err().to_string().contains("larger"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(check_config(&path).unwrap_err().to_string().contains("text"));
    assert!(check_config(folder.path()).is_err());
    std::fs::write(folder.path().join("turn.secret"), "hunter2\n").unwrap();
    std::fs::write(
        &path,
        "[webrtc]\nturn_servers = [{ url = \"turn:x\", username = \"a\", credential_file = \"turn.secret\" }]",
    )
    .unwrap();
    assert_eq!(check_config(&path).unwrap().webrtc.turn_servers[0].credential.expose(), "hunter2");
}

fn id(text: &str) -> CameraId {
    CameraId::new(text).unwrap()
}

#[test]
fn changes_keep_comments_and_other_cameras() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("athome.toml");
    let text = "# my house\nplace = \"Home\" # where we live\n\n# the old one\n[[camera]]\nname = \"Door\"   # by the tree\nsource = 'test'\n\n\
                [[camera]]\n# keep me\nname = \"Yard\"\nsource = \"test:2\"\n\n[webrtc]\nmax_viewers = 4 # enough\n";
    std::fs::write(&path, text).unwrap();
    let renamed = save(&path, &Change::Rename { camera: id("door"), name: "Gate".into() }).unwrap();
    assert_eq!(renamed.cameras[0].id, id("gate"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text.replace("\"Door\"", "\"Gate\""));
    save(&path, &Change::Rename { camera: id("gate"), name: "Door".into() }).unwrap();
    let stopped = save(&path, &Change::Active { camera: id("yard"), active: false }).unwrap();
    assert!(stopped.cameras[0].active && !stopped.cameras[1].active);
    let expected = text.replace("\"test:2\"\n", "\"test:2\"\nactive = false\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    save(&path, &Change::Place("Cabin".into())).unwrap();
    let added = save(&path, &Change::Add(added("Attic", "test:9"))).unwrap();
    assert_eq!(added.cameras.iter().map(|camera| camera.id.as_str()).collect::<Vec<_>>(), ["door", "yard", "attic"]);
    let removed = save(&path, &Change::Remove { camera: id("yard") }).unwrap();
    assert_eq!(removed.cameras.len(), 2);
    let now = std::fs::read_to_string(&path).unwrap();
    for kept in
        ["# my house\nplace = \"Cabin\" # where we live", "# the old one", "# by the tree", "max_viewers = 4 # enough"]
    {
        assert!(now.contains(kept), "{kept} is gone:\n{now}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_camera_is_changed_in_its_values_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("athome.toml");
    let text = "[[camera]]\nname = \"Door\" # a\nsource = \"webcam\" # b\nsize = \"640x360\" # c\nfps = 15 # d\naudio = 'default' # e\n";
    std::fs::write(&path, text).unwrap();
    let door = || id("door");
    let changes = [
        Change::Source { camera: door(), source: "test:3".into() },
        Change::Audio { camera: door(), audio: "none".into() },
        Change::Size { camera: door(), size: Some((1280, 720)) },
        Change::Fps { camera: door(), fps: Some(29.5) },
    ];
    let after = save_all(&path, &changes).unwrap().cameras.remove(0);
    assert_eq!((after.source.to_string(), after.audio.unwrap().to_string()), ("test:3".into(), "none".into()));
    assert_eq!((after.wish.size, after.wish.fps), (Some((1280, 720)), Some(29.5)));
    let expected = "[[camera]]\nname = \"Door\" # a\nsource = \"test:3\" # b\nsize = \"1280x720\" # c\nfps = 29.5 # d\naudio = \"none\" # e\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    // A wish that is taken back leaves no line, and a whole number is written as one.
    save_all(&path, &[Change::Size { camera: door(), size: None }, Change::Fps { camera: door(), fps: Some(30.0) }])
        .unwrap();
    let now = std::fs::read_to_string(&path).unwrap();
    assert!(!now.contains("size") && now.contains("fps = 30 # d\n"), "{now}");
    // All of them or none.
    let half =
        [Change::Fps { camera: door(), fps: Some(10.0) }, Change::Source { camera: door(), source: "nonsense".into() }];
    assert!(save_all(&path, &half).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), now);
}

#[test]
fn a_change_that_would_break_the_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("athome.toml");
    let text = "[[camera]]\nname = \"Door\"\nsource = \"test\"\n";
    std::fs::write(&path, text).unwrap();
    for change in [
        Change::Rename { camera: id("door"), name: String::new() },
        Change::Rename { camera: id("none"), name: "x".into() },
        Change::Add(added("x", "nonsense")),
        Change::Remove { camera: id("none") },
    ] {
        assert!(save(&path, &change).is_err(), "{change:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    let created = folder.path().join("new.toml");
    save(&created, &Change::Add(added("Attic", "test"))).unwrap();
    assert_eq!(check_config(&created).unwrap().cameras[0].id, id("attic"));
}

#[cfg(unix)]
#[test]
fn a_link_and_the_permissions_survive() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
    std::fs::write(&real, "").unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o600)).unwrap();
    symlink(&real, &link).unwrap();
    save(&link, &Change::Place("Cabin".into())).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(check_config(&real).unwrap().place, "Cabin");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
}

const ZONE: &str = "[[camera]]\nname = \"a\"\nsource = \"test\"\n[[camera.zone]]\nname = \"Path\"\n";

#[test]
fn zones_are_read_into_final_types() {
    let config = read(&format!(
        "[detection]\nsensitivity = 70\n{ZONE}kind = \"privacy\"\npoints = [[0, 0], [0.5, 0], [0.5, 1]]\nsensitivity = 3\n\
         min_size = 2\nmin_duration = 1.5\n[[camera.zone]]\nname = \"Rest\"\npoints = [[0, 0], [1, 0], [1, 1], [0, 1]]\n"
    ))
    .unwrap();
    assert_eq!(config.cameras[0].detection, Detection { sensitivity: 70, ..Detection::default() });
    let [path, rest] = &config.cameras[0].zones[..] else { panic!("two zones") };
    assert_eq!((path.kind, path.sensitivity, path.min_size), (ZoneKind::Privacy, Some(3), Some(0.02)));
    assert_eq!((path.corners.clone(), path.min_duration), (vec![(0.0, 0.0), (0.5, 0.0), (0.5, 1.0)], 1.5));
    assert_eq!((rest.kind, rest.sensitivity, rest.min_size, rest.min_duration), (ZoneKind::Watch, None, None, 0.0));
}

#[test]
fn zones_that_make_no_sense_are_refused_at_their_line() {
    let good = "points = [[0, 0], [1, 0], [1, 1]]";
    for (text, why) in [
        ("points = [[0, 0], [1, 0]]", ":6: 3 to 20 corners"),
        ("points = [[0, 0], [1, 0], [1.5, 1]]", ":6: corners are from 0 to 1"),
        ("points = [[0, 0], [1, 0], [nan, 1]]", ":6: corners are from 0 to 1"),
        ("points = [[0, 0], [1, 1], [1, 0], [0, 1]]", ":6: its edges cross"),
        (&format!("{good}\nkind = \"wach\""), ":7: one of \"watch\""),
        (&format!("{good}\nsensitivity = 0"), ":7: a number from 1 to 100"),
        (&format!("{good}\nsensitivity = 300"), ":7: "),
        (&format!("{good}\nmin_size = inf"), ":7: percent of the picture"),
        (&format!("{good}\nmin_duration = -1"), ":7: 0 to 60 seconds"),
        (&format!("{good}\ncolour = 1"), ":7: there is no key `colour`"),
        (&format!("{good}\n[[camera.zone]]\nname = \"Path\"\n{good}"), ":8: two zones are called Path"),
        ("points = 7", ":6: "),
    ] {
        let refused = refusal(&format!("{ZONE}{text}"));
        assert!(refused.contains(why), "{text}: {refused}");
    }
    assert!(read(&format!("{ZONE}{good}")).is_ok(), "the control");
    let many: String = (0..17).map(|n| format!("[[camera.zone]]\nname = \"{n}\"\n{good}\n")).collect();
    assert!(refusal(&format!("[[camera]]\nname = \"a\"\nsource = \"test\"\n{many}")).contains("at most 16 zones"));
    let corners = "[0, 0], ".repeat(21);
    assert!(refusal(&format!("{ZONE}points = [{corners}]")).contains("3 to 20 corners"));
}

#[test]
fn zones_are_written_back_with_their_comments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("athome.toml");
    std::fs::write(&path, format!("# mine\n{ZONE}points = [[0, 0], [1, 0], [1, 1]] # the gate\n# below\n[api]\n"))
        .unwrap();
    let camera = CameraId::slug("a");
    let mut zones = check_config(&path).unwrap().cameras[0].zones.clone();
    zones[0].corners.push((0.125, 0.75));
    zones[0].sensitivity = Some(80);
    zones[0].min_size = Some(0.02);
    zones.push(Zone { name: "Tree".to_owned(), kind: ZoneKind::Ignore, ..zones[0].clone() });
    let saved = save(&path, &Change::Zones { camera: camera.clone(), zones: zones.clone() }).unwrap();
    assert_eq!(saved.cameras[0].zones, zones);
    assert_eq!(check_config(&path).unwrap().cameras[0].zones, zones);
    let text = std::fs::read_to_string(&path).unwrap();
    for kept in ["# mine", "# the gate", "# below", "[api]"] {
        assert!(text.contains(kept), "{kept} is gone: {text}");
    }
    // What can't be read back is not written.
    let mut crossed = zones.clone();
    crossed[0].corners = vec![(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)];
    assert!(save(&path, &Change::Zones { camera: camera.clone(), zones: crossed }).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let none = save(&path, &Change::Zones { camera, zones: Vec::new() }).unwrap();
    assert!(none.cameras[0].zones.is_empty());
}

fn added(name: &str, source: &str) -> Added {
    Added { name: name.into(), source: source.into(), ..Added::default() }
}

#[test]
fn a_network_camera_s_login_is_read_from_one_place_and_never_printed() {
    let camera = |rest: &str| format!("[[camera]]\nname = \"Yard\"\n{rest}");
    let login =
        |config: &Config| config.cameras[0].login.as_ref().map(|l| (l.user().to_owned(), l.password().to_owned()));
    let anna = Some(("anna".to_owned(), "hunter2".to_owned()));
    for text in [
        "source = \"rtsp://anna:hunter2@cam/1\"",
        "source = \"http://cam/1\"\nuser = \"anna\"\npassword = \"hunter2\"",
        "source = \"rtsp://cam/1\"\nsub_source = \"rtsp://anna:hunter2@cam/2\"",
    ] {
        let config = parse(&camera(text), Path::new("athome.toml"), &|_| None).expect(text);
        assert_eq!(login(&config), anna, "{text}");
        assert!(!format!("{config:?} {}", config.cameras[0].source).contains("hunter2"), "{text}");
    }
    for (text, line) in [
        ("source = \"rtsp://anna:hunter2@cam/1\"\nuser = \"anna\"\npassword = \"hunter2\"", 4),
        ("source = \"test\"\nuser = \"anna\"", 4),
        ("source = \"rtsp://cam/1\"\npassword = \"hunter2\"", 4),
        ("source = \"http://cam/1\"\nsub_source = \"rtsp://cam/2\"", 4),
        ("source = \"test\"\ntransport = \"udp\"", 4),
        ("source = \"rtsp://cam/1\"\ntransport = \"carrier pigeon\"", 4),
        ("source = \"rtsp://cam/1\"\nuser = \"a\\u0007\"", 4),
        // Control of the last line: TOML itself would name the value.
        ("source = \"rtsp://cam/1\"\nuser = \"a\"\npassword = 713705", 5),
    ] {
        let refused = parse(&camera(text), Path::new("athome.toml"), &|_| None).unwrap_err();
        assert_eq!(refused.line, Some(line), "{text}: {refused}");
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("hunter2") && !told.contains("713705"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn a_password_is_written_into_a_file_of_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("athome.toml");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    std::fs::write(&path, "# mine\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    save(&path, &Change::Add(added("Attic", "test"))).unwrap();
    assert_eq!(mode(), 0o644, "nothing secret, nothing changed");
    let login = Some(Login::new("anna".into(), "hunter2".into()));
    let yard = Added {
        sub_source: Some("rtsp://cam/2".into()),
        transport: Some("udp"),
        login,
        ..added("Yard", "rtsp://cam/1?x=1")
    };
    let config = save(&path, &Change::Add(yard)).unwrap();
    assert_eq!(mode(), 0o600);
    let yard = &config.cameras[1];
    assert_eq!((yard.source.written().as_str(), yard.transport), ("rtsp://cam/1?x=1", Transport::Udp));
    assert!(yard.login.is_some() && yard.sub_source.is_some());
    let without = save(&path, &Change::Login { camera: id("yard"), login: None }).unwrap();
    assert_eq!(without.cameras[1].login, None);
    assert!(std::fs::read_to_string(&path).unwrap().contains("# mine\n"));
}
