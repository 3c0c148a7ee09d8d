//! Keys in the system's keystore: the real keyring daemon of GNOME, one that never answers, and none.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use athome_shared::secret::Secret;
use athome_viewer::desktop::keystore::System;
use athome_viewer::store::vault::{Trouble, Vault, move_in};
use athome_viewer::store::{Keystore, Store, StoreError};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use crate::bus::{Bus, has, inside};

const SECRETS: &str = "org.freedesktop.secrets";
/// For answers that come.
const LONG: Duration = Duration::from_secs(30);
/// For answers that never come.
const SHORT: Duration = Duration::from_secs(2);

/// The keyring daemon, ended with the test.
struct Daemon(Child);

impl Daemon {
    /// With a keyring that is unlocked, as after a login.
    fn start() -> Self {
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets", "--unlock"]).stdin(Stdio::piped());
        let mut daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(b"password\n").unwrap();
        let end = Instant::now() + LONG;
        while call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", &(SECRETS,)).is_err() {
            assert!(Instant::now() < end, "the keyring did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn call<B: serde::Serialize + zbus::zvariant::DynamicType>(
    to: &str,
    path: &str,
    interface: &str,
    method: &str,
    body: &B,
) -> zbus::Result<zbus::Message> {
    zbus::blocking::Connection::session()?.call_method(Some(to), path, Some(interface), method, body)
}

#[test]
fn keys_move_into_a_real_keyring_and_a_locked_one_is_said() {
    if !inside("keystore::keys_move_into_a_real_keyring_and_a_locked_one_is_said", Bus::Private) {
        return;
    }
    if !has("gnome-keyring-daemon") {
        println!("SKIP the real keyring: gnome-keyring-daemon is not installed (apt-get install gnome-keyring)");
        return;
    }
    let _daemon = Daemon::start();
    let keystore = System::with_patience(LONG);
    let key = Secret::new([0x5a; 32]);
    assert_eq!(keystore.read("nobody"), Err(Trouble::Missing));
    keystore.write("one", &key).unwrap();
    assert_eq!(keystore.read("one"), Ok(key));
    keystore.remove("one").unwrap();
    assert_eq!(keystore.read("one"), Err(Trouble::Missing));

    let dir = tempfile::tempdir().unwrap();
    let store = Mutex::new(Store::open_with(dir.path(), Arc::new(keystore.clone())).unwrap());
    let device = store.lock().unwrap().key().clone();
    move_in(&store, &keystore).unwrap();
    let again = Store::open_with(dir.path(), Arc::new(keystore.clone())).unwrap();
    assert_eq!((again.keystore(), again.key()), (Keystore::System, &device));

    // Locked, as on a desktop that logs in by itself; nobody is there to type the password.
    let file = std::fs::read(dir.path().join("viewer.json")).unwrap();
    let collections: Vec<OwnedObjectPath> = vec!["/org/freedesktop/secrets/collection/login".try_into().unwrap()];
    call(SECRETS, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service", "Lock", &(collections,)).unwrap();
    let started = Instant::now();
    let locked = Store::open_with(dir.path(), Arc::new(System::with_patience(SHORT))).unwrap_err();
    assert!(matches!(locked, StoreError::KeystoreSilent { .. }), "{locked}");
    assert!(started.elapsed() < SHORT + LONG, "{:?}", started.elapsed());
    assert_eq!(std::fs::read(dir.path().join("viewer.json")).unwrap(), file, "left as it was");
    println!("the locked keyring: {locked}");
}

/// Has the keystore's name and answers nothing.
struct Deaf;

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Deaf {
    async fn open_session(&self, _algorithm: String, _input: OwnedValue) -> (OwnedValue, OwnedObjectPath) {
        std::future::pending().await
    }
}

#[test]
fn a_keystore_that_never_answers_holds_nobody_up() {
    if !inside("keystore::a_keystore_that_never_answers_holds_nobody_up", Bus::Private) {
        return;
    }
    let service = zbus::blocking::connection::Builder::session().unwrap().name(SECRETS).unwrap();
    let _service = service.serve_at("/org/freedesktop/secrets", Deaf).unwrap().build().unwrap();
    let keystore = System::with_patience(SHORT);
    let dir = tempfile::tempdir().unwrap();
    let store = Mutex::new(Store::open_with(dir.path(), Arc::new(keystore.clone())).unwrap());
    let started = Instant::now();
    let error = move_in(&store, &keystore).unwrap_err();
    assert_eq!(error.to_string(), "the keystore: it does not answer");
    assert!(started.elapsed() >= SHORT, "it was asked");
    assert!(started.elapsed() < SHORT + LONG, "{:?}", started.elapsed());
    assert_eq!(Store::open(dir.path()).unwrap().keystore(), Keystore::File);
}

#[test]
fn without_a_keystore_the_keys_stay_in_their_file() {
    if !inside("keystore::without_a_keystore_the_keys_stay_in_their_file", Bus::None) {
        return;
    }
    let keystore = System::with_patience(LONG);
    let dir = tempfile::tempdir().unwrap();
    let store = Mutex::new(Store::open_with(dir.path(), Arc::new(keystore.clone())).unwrap());
    let started = Instant::now();
    let error = move_in(&store, &keystore).unwrap_err().to_string();
    assert!(error.starts_with("the keystore: there is none"), "{error}");
    assert!(started.elapsed() < LONG, "said at once, not after the whole patience");
    assert_eq!(Store::open(dir.path()).unwrap().keystore(), Keystore::File);
}
