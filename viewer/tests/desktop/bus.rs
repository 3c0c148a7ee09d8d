//! A test's own session bus. The libraries find the bus by the environment, which a test must not change for its
//! neighbours: so the test runs itself again, alone, in a process of its own.

use std::path::Path;
use std::process::Command;

const INSIDE: &str = "ATHOME_TEST_INSIDE";

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(program).is_file())
}

/// Runs the named test again under a bus of its own, or without any. True inside; false in the outer process, whose part
/// is done.
pub(crate) fn inside(test: &str, bus: Bus) -> bool {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        return true;
    }
    if bus == Bus::Private && !has("dbus-run-session") {
        println!("SKIP {test}: dbus-run-session is not installed (apt-get install dbus)");
        return false;
    }
    let home = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let mut command = match bus {
        Bus::Private => {
            let mut command = Command::new("dbus-run-session");
            command.arg("--").arg(&itself);
            command
        }
        Bus::None => Command::new(&itself),
    };
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test);
    private(&mut command, home.path());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the test did not run: {said}");
    for skipped in said.lines().filter(|line| line.starts_with("SKIP")) {
        println!("{skipped}");
    }
    false
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bus {
    Private,
    None,
}

/// Nothing of the person's own desktop is seen or changed.
fn private(command: &mut Command, home: &Path) {
    for name in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL"] {
        command.env_remove(name);
    }
    for (name, below) in
        [("HOME", ""), ("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config")]
    {
        let dir = home.join(below);
        std::fs::create_dir_all(&dir).unwrap();
        command.env(name, dir);
    }
}
