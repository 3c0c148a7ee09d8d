//! The tray's icon on a private session bus, with a pretend StatusNotifierWatcher: what a desktop's panel would see and click.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, Proxy, connection, proxy};
use zbus::interface;
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const PROGRAM: &str = env!("CARGO_BIN_EXE_athome-streamer");
const PATIENCE: Duration = Duration::from_secs(30);

/// Ended with the test, whatever happens.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A bus of our own; `None`, and a line that says so, where there is no program for it.
fn bus() -> Option<(Ended, String)> {
    let started = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        println!("SKIP: no dbus-daemon here, so the tray was not tried");
        return None;
    };
    let mut address = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut address).expect("an address");
    Some((Ended(child), address.trim().to_owned()))
}

/// What a panel's watcher does, as far as an item notices.
struct Watcher(SyncSender<String>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str) {
        // The test may have ended.
        let _gone = self.0.send(service.to_owned());
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

fn panel(address: &str) -> (Connection, Receiver<String>) {
    let (registered, items) = sync_channel(64);
    let connection = connection::Builder::address(address)
        .and_then(|builder| builder.serve_at("/StatusNotifierWatcher", Watcher(registered)))
        .and_then(|builder| builder.name("org.kde.StatusNotifierWatcher"))
        .and_then(connection::Builder::build)
        .expect("a panel on the bus");
    (connection, items)
}

/// The program with `--window` where there is no display: its tray does not depend on one.
fn streamer(data: &Path, address: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(data).args(["--camera", "test", "--size", "320x180", "--listen", "127.0.0.1:0"]);
    command.args(["--api", "127.0.0.1:0", "--json", "--window"]);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    command.env("DBUS_SESSION_BUS_ADDRESS", address).env("LC_ALL", "C.UTF-8").env("ATHOME_LOG", "info");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An object of the program's on the bus; what it says is asked for each time.
fn object<'a>(connection: &Connection, service: &'a str, path: &'a str, interface: &'a str) -> Proxy<'a> {
    let object = proxy::Builder::new(connection)
        .destination(service)
        .and_then(|object| object.path(path))
        .and_then(|object| object.interface(interface))
        .map(|object| object.cache_properties(CacheProperties::No))
        .and_then(proxy::Builder::build);
    object.expect("an object on the bus")
}

/// Id and label of a menu's entries.
fn entries(menu: &Proxy<'_>) -> Vec<(i32, String)> {
    type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
    let (_, (_, _, children)): (u32, Node) =
        menu.call("GetLayout", &(0_i32, -1_i32, Vec::<&str>::new())).expect("a menu");
    let entry = |child: &OwnedValue| {
        let Value::Structure(node) = &**child else { return None };
        let [Value::I32(id), Value::Dict(properties), ..] = node.fields() else { return None };
        let label: Option<String> = properties.get::<&str, String>(&"label").ok().flatten();
        Some((*id, label.unwrap_or_default()))
    };
    children.iter().map(|child| entry(child).expect("an entry")).collect()
}

fn click(menu: &Proxy<'_>, label: &str) {
    try_click(menu, label).expect("clicked");
}

fn try_click(menu: &Proxy<'_>, label: &str) -> zbus::Result<()> {
    let all = entries(menu);
    let (id, _) = all.iter().find(|(_, text)| text == label).unwrap_or_else(|| panic!("no {label} in {all:?}"));
    menu.call::<_, _, ()>("Event", &(*id, "clicked", Value::I32(0), 0_u32))
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let start = Instant::now();
    while !seen() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_icon_tells_what_happens_and_its_menu_pauses_resumes_and_quits() {
    let Some((_bus, address)) = bus() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (connection, items) = panel(&address);
    let mut program = Ended(streamer(data.path(), &address).spawn().expect("starts"));
    let service = items.recv_timeout(PATIENCE).expect("the icon is registered");
    let item = object(&connection, &service, "/StatusNotifierItem", "org.kde.StatusNotifierItem");
    let title = || item.get_property::<String>("Title").expect("a title");
    let pixels = || item.get_property::<Vec<(i32, i32, Vec<u8>)>>("IconPixmap").expect("an icon");
    assert_eq!(item.get_property::<String>("Id").expect("an id"), "athome-streamer");
    let idle = pixels();
    assert_eq!(idle.iter().map(|(width, ..)| *width).collect::<Vec<_>>(), [22, 32, 48]);
    assert!(idle.iter().all(|(width, height, data)| data.len() == (width * height * 4) as usize));
    until("its first words", || title() == "AtHome: Nobody is watching");

    let path: OwnedObjectPath = item.get_property("Menu").expect("a menu");
    let menu = object(&connection, &service, path.as_str(), "com.canonical.dbusmenu");
    let labels = || entries(&menu).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
    assert_eq!(labels(), ["Open the window", "Pause", "Show code", "", "Quit"]);
    click(&menu, "Pause");
    until("paused", || title() == "AtHome: All cameras are paused");
    assert_ne!(pixels(), idle, "another drawing");
    until("the menu of a paused streamer", || labels()[1] == "Resume");
    click(&menu, "Resume");
    until("resumed", || title() == "AtHome: Nobody is watching");
    assert_eq!(pixels(), idle);

    // It may be gone before it can answer.
    let _gone = try_click(&menu, "Quit");
    until("the end", || program.0.try_wait().expect("a child of ours").is_some());
    assert!(program.0.wait().expect("ended").success());
    let (mut out, mut log) = (String::new(), String::new());
    program.0.stdout.take().expect("piped").read_to_string(&mut out).expect("its lines");
    program.0.stderr.take().expect("piped").read_to_string(&mut log).expect("its log");
    assert!(out.trim_end().ends_with(r#"{"event":"stopped"}"#), "{out}");
    assert!(log.contains("No window can be opened here; AtHome goes on without."), "{log}");
}

#[test]
fn a_desktop_without_a_tray_costs_a_line_in_the_log_and_nothing_else() {
    let Some((_bus, address)) = bus() else { return };
    for address in [address.as_str(), "unix:path=/nowhere/at/all"] {
        let data = tempfile::tempdir().expect("a folder");
        let mut program = Ended(streamer(data.path(), address).spawn().expect("starts"));
        let log = BufReader::new(program.0.stderr.take().expect("piped"));
        let (told, lines) = sync_channel(64);
        std::thread::spawn(move || {
            log.lines().map_while(Result::ok).for_each(|line| {
                let _gone = told.send(line);
            });
        });
        let start = Instant::now();
        let mut seen = String::new();
        while !seen.contains("no tray") {
            let left = PATIENCE.saturating_sub(start.elapsed());
            seen.push_str(&lines.recv_timeout(left).unwrap_or_else(|_| panic!("no word of the tray:\n{seen}")));
            seen.push('\n');
        }
        assert!(program.0.try_wait().expect("a child of ours").is_none(), "it goes on");
    }
}
