//! What this device keeps: its own key and the places it is paired with, in one JSON file that only its owner can read
//! (`DATA/viewer.json`, 0600). Written to a new file, flushed and renamed, under a lock, so that neither a power cut nor
//! a second viewer on the same folder loses a pairing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use athome_shared::id::MailboxId;
use athome_shared::protocol::control::Role;
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const FILE: &str = "viewer.json";
const LOCK: &str = "viewer.lock";

/// Largest file that is read: some hundred places; a larger one is not ours.
const MAX_FILE: u64 = 1024 * 1024;

/// Of the file's layout.
const FORMAT: u8 = 1;

/// Which place: the streamer's public key, as base64url text on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceId(pub [u8; 32]);

impl std::fmt::Display for PlaceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl std::fmt::Debug for PlaceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whose camera it is, is nobody's business who reads a log: enough to tell two apart.
        write!(f, "PlaceId({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Serialize for PlaceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PlaceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bytes(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not the id of a place"))
    }
}

/// Where this device's keys are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keystore {
    /// In the data folder's file, which only its owner can read.
    #[default]
    File,
    /// Sealed with a key that the operating system's keystore holds.
    System,
}

/// A streamer that this device is paired with.
#[derive(Clone)]
pub struct Place {
    /// What the streamer calls itself ("Home").
    pub name: String,
    /// Its public key `S`, by which places are told apart.
    pub streamer: [u8; 32],
    pub mailbox: MailboxId,
    /// Shown to the signaling server when ringing.
    pub cap: Secret<16>,
    /// The session handshakes' pre-shared key.
    pub psk: Secret<32>,
    /// Signaling servers in the order to try, `ws(s)://…/ws`.
    pub servers: Vec<String>,
    pub roles: Vec<Role>,
    /// The name under which this device is listed there.
    pub device: String,
    /// The last join counter used.
    pub counter: u64,
}

impl Place {
    pub fn id(&self) -> PlaceId {
        PlaceId(self.streamer)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("mailbox", &self.mailbox).field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {detail}", path.display())]
    Damaged { path: PathBuf, detail: String },
}

impl StoreError {
    /// The file, and what is wrong with it in a few words.
    pub fn parts(&self) -> (&Path, String) {
        match self {
            Self::Io { path, source } => (path, source.to_string()),
            Self::Damaged { path, detail } => (path, detail.clone()),
        }
    }
}

/// The file's contents in memory.
pub struct Store {
    dir: PathBuf,
    key: Secret<32>,
    places: Vec<Place>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of a data folder; makes folder, file and this device's key where there are none.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: dir.to_owned(), source };
        make_private_dir(dir).map_err(io)?;
        let _lock = lock(dir)?;
        match load(dir)? {
            Some(store) => Ok(store),
            None => {
                let mut key = [0; 32];
                SystemRandom::new()
                    .fill(&mut key)
                    .map_err(|_| io(io::Error::other("the system gives no random numbers")))?;
                let store = Self { dir: dir.to_owned(), key: Secret::new(key), places: Vec::new() };
                save(&store)?;
                Ok(store)
            }
        }
    }

    /// This device's private X25519 key `V`.
    pub fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// Where this device is paired, in the order of pairing.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where the keys are.
    pub fn keystore(&self) -> Keystore {
        Keystore::File
    }

    /// A place, or this device there, has another name.
    pub fn rename(&mut self, id: PlaceId, name: &str, device: &str) -> Result<(), StoreError> {
        self.change(|places| {
            if let Some(place) = places.iter_mut().find(|p| p.id() == id) {
                name.clone_into(&mut place.name);
                device.clone_into(&mut place.device);
            }
        })
    }

    /// Keeps a pairing; an earlier one with the same streamer is replaced.
    pub fn add(&mut self, place: Place) -> Result<(), StoreError> {
        self.change(|places| {
            places.retain(|p| p.streamer != place.streamer);
            places.push(place);
        })
    }

    /// Forgets a pairing.
    pub fn remove(&mut self, streamer: &[u8; 32]) -> Result<(), StoreError> {
        self.change(|places| places.retain(|p| p.streamer != *streamer))
    }

    /// The join counter for a new session, larger than every earlier one even if the clock went back
    /// (`docs/protocol.md`, "Sealed payloads").
    pub fn next_counter(&mut self, streamer: &[u8; 32], now: WallTime) -> Result<u64, StoreError> {
        let mut counter = join_counter(0, now);
        self.change(|places| {
            if let Some(place) = places.iter_mut().find(|p| p.streamer == *streamer) {
                counter = join_counter(place.counter, now);
                place.counter = counter;
            }
        })?;
        Ok(counter)
    }

    /// Applies a change to what is on disk now, which another viewer may have written meanwhile.
    fn change(&mut self, change: impl FnOnce(&mut Vec<Place>)) -> Result<(), StoreError> {
        let _lock = lock(&self.dir)?;
        if let Some(current) = load(&self.dir)? {
            self.key = current.key;
            self.places = current.places;
        }
        change(&mut self.places);
        save(self)
    }
}

/// `max(last + 1, unix_ms * 1024)`.
fn join_counter(last: u64, now: WallTime) -> u64 {
    let by_clock = u64::try_from(now.unix_ms()).unwrap_or(0).saturating_mul(1024);
    by_clock.max(last.saturating_add(1))
}

/// The folder for this user's data where none is given: `XDG_DATA_HOME`, `~/Library/Application Support` or `APPDATA`.
pub fn default_dir() -> Option<PathBuf> {
    let env = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        env("APPDATA")
    } else if cfg!(target_os = "macos") {
        env("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        env("XDG_DATA_HOME")
            .filter(|dir| dir.is_absolute())
            .or_else(|| env("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|dir| dir.join("athome-viewer"))
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    format: u8,
    key: String,
    places: Vec<PlaceOnDisk>,
}

#[derive(Serialize, Deserialize)]
struct PlaceOnDisk {
    name: String,
    streamer: String,
    mailbox: String,
    cap: String,
    psk: String,
    servers: Vec<String>,
    roles: Vec<Role>,
    device: String,
    counter: u64,
}

fn load(dir: &Path) -> Result<Option<Store>, StoreError> {
    let path = dir.join(FILE);
    let io = |source| StoreError::Io { path: path.clone(), source };
    let damaged = |detail: &str| StoreError::Damaged { path: path.clone(), detail: detail.to_owned() };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE {
        return Err(damaged("it is larger than a list of pairings can be"));
    }
    // serde's message may quote a value, so only the position is passed on.
    let disk: OnDisk = serde_json::from_slice(&text)
        .map_err(|e| damaged(&format!("not what was written there (line {}, column {})", e.line(), e.column())))?;
    if disk.format != FORMAT {
        return Err(damaged("it was written by a newer AtHome"));
    }
    let key = bytes(&disk.key).map(Secret::new).ok_or_else(|| damaged("this device's key is damaged"))?;
    let places = disk
        .places
        .into_iter()
        .map(|p| {
            Some(Place {
                name: p.name,
                streamer: bytes(&p.streamer)?,
                mailbox: MailboxId(bytes(&p.mailbox)?),
                cap: Secret::new(bytes(&p.cap)?),
                psk: Secret::new(bytes(&p.psk)?),
                servers: p.servers,
                roles: p.roles,
                device: p.device,
                counter: p.counter,
            })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| damaged("a pairing in it is damaged"))?;
    Ok(Some(Store { dir: dir.to_owned(), key, places }))
}

fn save(store: &Store) -> Result<(), StoreError> {
    let path = store.dir.join(FILE);
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let disk = OnDisk {
        format: FORMAT,
        key: text(store.key.expose()),
        places: store
            .places
            .iter()
            .map(|p| PlaceOnDisk {
                name: p.name.clone(),
                streamer: text(&p.streamer),
                mailbox: text(&p.mailbox.0),
                cap: text(p.cap.expose()),
                psk: text(p.psk.expose()),
                servers: p.servers.clone(),
                roles: p.roles.clone(),
                device: p.device.clone(),
                counter: p.counter,
            })
            .collect(),
    };
    let write = || -> io::Result<()> {
        let json = Zeroizing::new(serde_json::to_vec_pretty(&disk)?);
        let new = store.dir.join(format!("{FILE}.new"));
        let mut file = private_file(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_dir(&store.dir)
    };
    write().map_err(|source| StoreError::Io { path: path.clone(), source })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?).as_slice().try_into().ok()
}

/// Held until dropped; another viewer on the same folder waits for its few milliseconds.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let open = || -> io::Result<File> {
        let file = private_file(OpenOptions::new().write(true).create(true).truncate(false)).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|source| StoreError::Io { path: path.clone(), source })
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    // A user's own folder is closed to other users there by default.
    options
}

#[cfg(unix)]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use athome_shared::id::MailboxId;
    use athome_shared::protocol::control::Role;
    use athome_shared::secret::Secret;
    use athome_shared::time::WallTime;

    use super::{FILE, Place, Store, StoreError};

    fn place(streamer: u8, name: &str) -> Place {
        Place {
            name: name.to_owned(),
            streamer: [streamer; 32],
            mailbox: MailboxId([streamer; 16]),
            cap: Secret::new([7; 16]),
            psk: Secret::new([0x41; 32]),
            servers: vec!["ws://127.0.0.1:8080/ws".to_owned()],
            roles: vec![Role::View],
            device: "Anna's phone".to_owned(),
            counter: 0,
        }
    }

    #[test]
    fn pairings_outlive_the_program_and_two_viewers_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = Store::open(dir.path()).unwrap();
        let mut two = Store::open(dir.path()).unwrap();
        assert_eq!(one.key(), two.key());
        one.add(place(1, "Home")).unwrap();
        two.add(place(2, "Cabin")).unwrap();
        one.add(place(1, "Home, renamed")).unwrap();
        let again = Store::open(dir.path()).unwrap();
        let names: Vec<_> = again.places().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["Cabin", "Home, renamed"]);
        assert_eq!(again.places()[1].psk, Secret::new([0x41; 32]));
        two.remove(&[2; 32]).unwrap();
        assert_eq!(Store::open(dir.path()).unwrap().places().len(), 1);
    }

    #[test]
    fn counters_grow_when_the_clock_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.add(place(1, "Home")).unwrap();
        let first = store.next_counter(&[1; 32], WallTime(1_700_000_000_000_000)).unwrap();
        assert_eq!(first, 1_700_000_000_000 * 1024);
        let mut store = Store::open(dir.path()).unwrap();
        assert_eq!(store.next_counter(&[1; 32], WallTime(5)).unwrap(), first + 1);
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let file = dir.path().join(FILE);
        for bad in ["", "{", r#"{"format":1,"key":"AAAA","places":[]}"#, r#"{"format":9,"key":"","places":[]}"#] {
            fs::write(&file, bad).unwrap();
            let error = Store::open(dir.path()).unwrap_err();
            assert!(matches!(&error, StoreError::Damaged { path, .. } if *path == file), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), bad);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it_and_debug_shows_no_secret() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("new/folder")).unwrap();
        store.add(place(1, "Home")).unwrap();
        let mode = fs::metadata(dir.path().join("new/folder").join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let shown = format!("{store:?} {:?}", store.places());
        assert!(!shown.contains("65") && !shown.contains("Anna") && !shown.contains("Home"), "{shown}");
    }
}
