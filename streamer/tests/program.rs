//! The program as others script against it, and the same thing started inside a process.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use athome_streamer::app::{App, Options, StartError};
use athome_streamer::config::{CameraConfig, Config};

const PROGRAM: &str = env!("CARGO_BIN_EXE_athome-streamer");
const PATIENCE: Duration = Duration::from_secs(30);

fn program(data: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(data).args(["--camera", "test", "--size", "320x180", "--api", "127.0.0.1:0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("LC_ALL", "C.UTF-8")
        .env("LANG", "C");
    command
}

/// A running program, ended with the test whatever happens: a missing line must not hang the test, nor a failed one leave
/// it running.
struct Running {
    child: Child,
    _watch: mpsc::SyncSender<()>,
}

fn run(mut command: Command) -> Running {
    let child = command.spawn().expect("starts");
    let (watch, over) = mpsc::sync_channel::<()>(1);
    let id = child.id().to_string();
    std::thread::spawn(move || {
        if over.recv_timeout(2 * PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _gone = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    Running { child, _watch: watch }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn ended(child: &mut Child) -> Option<i32> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the program did not end in time");
}

fn interrupt(child: &Child) {
    signal(child, "-INT");
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill is there");
    assert!(killed.success());
}

/// Starts, and waits until it obeys signals.
fn ready(mut command: Command) -> (Running, impl Iterator<Item = String>) {
    command.args(["--listen", "127.0.0.1:0", "--json"]);
    let mut running = run(command);
    let mut lines = BufReader::new(running.child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let first = lines.next().expect("a line");
    assert!(first.contains("\"ready\""), "{first}");
    (running, lines)
}

#[test]
fn a_closed_terminal_stops_it_in_order_but_not_under_nohup() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (mut running, lines) = ready(program(data.path()));
    signal(&running.child, "-HUP");
    assert!(lines.last().is_some_and(|line| line.contains("\"stopped\"")));
    assert_eq!(ended(&mut running.child), Some(0));
    if !cfg!(target_os = "linux") {
        return;
    }
    let plain = program(data.path());
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(plain.get_program()).args(plain.get_args());
    nohup.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut running, lines) = ready(nohup);
    signal(&running.child, "-HUP");
    signal(&running.child, "-INT");
    // Had the first been obeyed, this would be a second one: left at once, with 130 and without a word.
    assert!(lines.last().is_some_and(|line| line.contains("\"stopped\"")));
    assert_eq!(ended(&mut running.child), Some(0));
}

#[test]
fn it_starts_however_often_it_was_killed_before() {
    let data = tempfile::tempdir().expect("a temporary folder");
    // Each start before a first device makes a code, and only so many may be open.
    for _ in 0..20 {
        let (running, _lines) = ready(program(data.path()));
        signal(&running.child, "-KILL");
    }
}

#[test]
fn a_second_signal_leaves_at_once() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (mut running, lines) = ready(program(data.path()));
    // Both are waiting when it goes on, so that it can't be done with the first.
    for name in ["-STOP", "-INT", "-TERM", "-CONT"] {
        signal(&running.child, name);
    }
    assert!(lines.last().is_none_or(|line| !line.contains("\"stopped\"")));
    assert_eq!(ended(&mut running.child), Some(130));
}

#[test]
fn a_script_gets_a_ready_line_and_a_clean_stop() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut command = program(data.path());
    command.args(["--listen", "127.0.0.1:0", "--json"]);
    let mut running = run(command);
    let child = &mut running.child;
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))
    };
    let ready = next();
    assert_eq!(ready["event"], "ready");
    let page = ready["page"].as_str().expect("a page");
    assert!(page.starts_with("http://127.0.0.1:") && page.ends_with('/'), "{page}");
    assert!(ready["link"].as_str().is_some_and(|link| link.starts_with(&format!("{page}#1"))));
    assert!(ready["api"].as_str().is_some_and(|api| api.starts_with("http://127.0.0.1:")));
    assert_eq!(next()["event"], "camera_online");
    interrupt(child);
    assert_eq!(next()["event"], "stopped");
    assert_eq!(ended(child), Some(0));
}

#[test]
fn a_pipe_never_sees_a_code() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut command = program(data.path());
    command.args(["--listen", "127.0.0.1:0"]);
    let mut running = run(command);
    let child = &mut running.child;
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut said = String::new();
    while !said.contains("is live") {
        said.push_str(&lines.next().expect("a line").expect("text"));
        said.push('\n');
    }
    interrupt(child);
    said.extend(lines.map_while(Result::ok));
    assert!(said.contains("Run athome-streamer pair to add a device.") && !said.contains("/#1"), "{said}");
    assert!(said.ends_with("Stopped cleanly."), "{said}");
    assert_eq!(ended(child), Some(0));
}

#[test]
fn a_taken_port_is_named_with_one_that_works() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("bound");
    let output = program(data.path()).args(["--listen", &addr.to_string()]).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    let start = format!("Port {} is in use by another program. Try --listen 127.0.0.1:", addr.port());
    assert!(last.starts_with(&start) && last.ends_with('.'), "{said}");
    let other = last.trim_end_matches('.').rsplit(' ').next().unwrap_or_default();
    assert!(TcpListener::bind(other.parse::<SocketAddr>().expect("an address")).is_ok(), "{other} is free");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn refusals_are_one_sentence_and_fail() {
    let data = tempfile::tempdir().expect("a temporary folder");
    for (args, part) in [
        (&["--camra", "test"][..], "Did you mean --camera?"),
        (&["pair"], "No streamer has run with the data folder"),
        (&["viewers", "revoke", "../x"], "is no device"),
        (&["check-config"], "Name the file to check"),
        (&["check-config", "--config", "/nonexistent/athome.toml"], "/nonexistent/athome.toml"),
    ] {
        let output = Command::new(PROGRAM).args(args).arg("--data").arg(data.path()).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(part), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
}

/// A clip that can be opened and closed: two frames of grey.
fn clip(path: &Path) {
    let mut y4m = b"YUV4MPEG2 W64 H36 F10:1 C420jpeg\n".to_vec();
    for _ in 0..2 {
        y4m.extend_from_slice(b"FRAME\n");
        y4m.resize(y4m.len() + 64 * 36 * 3 / 2, 128);
    }
    std::fs::write(path, y4m).expect("a folder of ours");
}

/// Whether a process has a file open (Linux's /proc).
fn has_open(pid: u32, path: &Path) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.into_iter().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == path))
}

#[cfg(target_os = "linux")]
#[test]
fn a_paused_camera_is_closed_and_the_configuration_remembers_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().canonicalize().expect("there");
    let (yard, config) = (folder.join("yard.y4m"), folder.join("athome.toml"));
    clip(&yard);
    let text = "# my house\n[[camera]]\nname = \"Door\" # by the tree\nsource = \"test\"\nsize = \"320x180\"\n\n\
                [[camera]]\nname = \"The Yard\"\n# a clip, for now\nsource = \"file:yard.y4m\"\nactive = true # for now\n\n\
                [webrtc]\nstun_servers = [] # nobody\n";
    std::fs::write(&config, text).expect("a folder of ours");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let common = |command: &mut Command| {
        command.args(["--api", &free.to_string(), "--config"]).arg(&config).arg("--data").arg(folder.join("data"));
        command.env("LC_ALL", "C.UTF-8").env("LANG", "C").stdin(Stdio::null());
    };
    let mut command = Command::new(PROGRAM);
    common(&mut command);
    command.env("ATHOME_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::null());
    let (mut running, lines) = ready(command);
    let ask = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        common(command.args(args));
        command.output().expect("runs")
    };
    let mut lines = lines;
    let mut online = |camera: &str| {
        let line = lines.find(|line| line.contains("camera_online") && line.contains(camera));
        assert!(line.is_some(), "{camera} comes online");
    };
    online("the-yard");
    let pid = running.child.id();
    assert!(has_open(pid, &yard), "the control: a camera that runs has its device open");

    let said = ask(&["cameras", "pause", "the yard"]);
    let words = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert_eq!(
        words.trim_end(),
        "The Yard is really off. It stays so after a restart: the configuration file says so too."
    );
    let until = Instant::now() + PATIENCE;
    while has_open(pid, &yard) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!has_open(pid, &yard), "its device is closed");
    let written = std::fs::read_to_string(&config).expect("there");
    assert_eq!(
        written,
        text.replace("active = true # for now", "active = false # for now"),
        "comments and all else stay"
    );

    // A name that is none changes nothing, and says which there are.
    let said = ask(&["cameras", "pause", "gate"]);
    assert_eq!(String::from_utf8_lossy(&said.stderr).trim_end(), "There is no camera gate. There are: Door, The Yard.");
    assert_eq!(std::fs::read_to_string(&config).expect("there"), written);

    assert!(ask(&["cameras", "resume", "the-yard"]).status.success());
    online("the-yard");
    assert!(has_open(pid, &yard));
    assert_eq!(std::fs::read_to_string(&config).expect("there"), text);
    interrupt(&running.child);
    // The other camera went on all the while.
    assert!(!lines.any(|line| line.contains("camera_offline") && line.contains("door")));
    assert_eq!(ended(&mut running.child), Some(0));
}

/// What a start that is refused says, in a language.
fn refused(data: &Path, lang: &str, args: &[&str]) -> String {
    let mut command = program(data);
    let output =
        command.args(args).env_remove("LC_ALL").env("LANG", lang).env("ATHOME_LOG", "off").output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{args:?}: {said}");
    said
}

#[test]
fn a_start_that_is_refused_begins_with_what_to_do_in_both_languages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("a folder of ours");
    let config = folder.path().join("athome.toml");
    std::fs::write(&config, "[[camera]]\nname = \"a\"\nsource = \"tset\"\n").expect("a folder of ours");
    let (file, config) = (file.display().to_string(), config.display().to_string());
    let cases: [(&[&str], &str, &str); 2] = [
        (
            &["--listen", "203.0.113.9:8080"],
            "Name an address of this computer with --listen: 203.0.113.9:8080 is none.",
            "Donnez une adresse de cet ordinateur avec --listen\u{a0}: 203.0.113.9:8080 n’en est pas une.",
        ),
        (
            &["--config", &config],
            &format!("{config}:3: `tset` is not a camera. Did you mean `test`?"),
            &format!("{config}:3: `tset` n’est pas une caméra. Vouliez-vous dire `test`\u{202f}?"),
        ),
    ];
    for (args, english, french) in cases {
        let args = [&["--listen", "127.0.0.1:0"][usize::from(args[0] == "--listen") * 2..], args].concat();
        assert_eq!(refused(&data, "en_GB.UTF-8", &args), english);
        assert_eq!(refused(&data, "fr_FR.UTF-8", &args), french);
    }
    let said = refused(Path::new(&file), "C", &["--listen", "127.0.0.1:0"]);
    assert_eq!(said, format!("Name another folder with --data, or mend {file}: not a directory."));
}

#[test]
fn a_data_folder_serves_one_streamer_at_a_time() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (mut running, lines) = ready(program(data.path()));
    let path = data.path().display();
    assert_eq!(
        refused(data.path(), "C", &["--listen", "127.0.0.1:0"]),
        format!("Another athome-streamer runs with the folder {path}. Stop it, or name another folder with --data.")
    );
    assert!(refused(data.path(), "fr", &["--listen", "127.0.0.1:0"]).starts_with("Un autre athome-streamer utilise"));
    interrupt(&running.child);
    assert!(lines.last().is_some_and(|line| line.contains("\"stopped\"")), "the first one was not disturbed");
    assert_eq!(ended(&mut running.child), Some(0));
    let (mut again, _) = ready(program(data.path()));
    interrupt(&again.child);
    assert_eq!(ended(&mut again.child), Some(0));
}

#[test]
fn a_camera_that_gives_nothing_is_told_of_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let notes = folder.path().join("notes.mp4");
    std::fs::write(&notes, "no video at all").expect("a folder of ours");
    for (spec, said) in [
        (
            format!("file:{}", notes.display()),
            "notes can't be read, or holds no video that AtHome knows. Check the file.",
        ),
        ("/dev/video999".to_owned(), "video999 is not there. It starts by itself when plugged in; "),
    ] {
        let mut command = Command::new(PROGRAM);
        command.arg("--data").arg(folder.path().join("data")).args(["--camera", &spec, "--mic", "none"]);
        command.args(["--api", "127.0.0.1:0", "--listen", "127.0.0.1:0"]).env("LANG", "C").env("ATHOME_LOG", "off");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = run(command);
        let out = running.child.stdout.take().expect("piped");
        assert!(BufReader::new(out).lines().map_while(Result::ok).any(|line| line.contains(said)), "{spec}");
        interrupt(&running.child);
        assert_eq!(ended(&mut running.child), Some(0));
    }
}

fn options(data: &Path) -> Options {
    let mut config = Config::default();
    config.signaling.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.webrtc.stun_servers.clear();
    config.cameras = vec![CameraConfig::new("Test card", "test".parse().expect("a camera"))];
    Options { config, data: data.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_and_stopping_leaves_no_task_behind_even_several_at_once() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    for _ in 0..3 {
        let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let first = App::start(options(one.path())).await.expect("starts");
        let second = App::start(options(two.path())).await.expect("starts beside it");
        assert_ne!(first.signal_addr(), second.signal_addr());
        assert!(alive() > before, "the control: running streamers have tasks");
        first.shutdown().await;
        second.shutdown().await;
    }
    let until = Instant::now() + PATIENCE;
    while alive() > before && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(alive(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_leaves_no_task_behind() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let data = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut options = options(data.path());
    options.config.api.listen = taken.local_addr().expect("bound");
    let error = App::start(options).await.err().expect("refused");
    assert!(matches!(error, StartError::PortInUse { option: "--api", .. }), "{error}");
    assert_eq!(alive(), before);
}
