//! What this device keeps: its own key and the places it is paired with, in one JSON file that only its owner can read
//! (`DATA/viewer.json`, 0600). Written to a new file, flushed and renamed, under a lock, so that neither a power cut nor
//! a second viewer on the same folder loses a pairing. Once the system's keystore holds a key for it ([`vault`]), the
//! file is sealed.

mod file;
pub mod vault;

pub(crate) use file::make_private_dir;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use athome_shared::id::MailboxId;
use athome_shared::protocol::control::Role;
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::words::Sentence;
use vault::{NoVault, Seal, Vault};

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
    /// The file is sealed, and the system's keystore works but holds no key for it.
    #[error("{}: its key is not in the system's keystore", path.display())]
    KeyMissing { path: PathBuf },
    /// The file is sealed, and the keystore gives nothing: it is locked, silent or absent.
    #[error("{}: the system's keystore gives no key: {detail}", path.display())]
    KeystoreSilent { path: PathBuf, detail: String },
}

impl StoreError {
    /// What to say about it.
    pub fn sentence(&self) -> Sentence {
        let unusable =
            |path: &Path, detail: String| Sentence::StoreUnusable { path: path.display().to_string(), detail };
        match self {
            Self::Io { path, source } => unusable(path, source.to_string()),
            Self::Damaged { path, detail } => unusable(path, detail.clone()),
            Self::KeyMissing { path } => Sentence::KeyMissing { path: path.display().to_string() },
            Self::KeystoreSilent { .. } => Sentence::KeystoreSilent,
        }
    }
}

/// The file's contents in memory.
pub struct Store {
    dir: PathBuf,
    key: Secret<32>,
    places: Vec<Place>,
    vault: Arc<dyn Vault>,
    /// What the file on disk is sealed with; `None` while it is plain.
    seal: Option<Seal>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of a data folder; makes folder, file and this device's key where there are none. A sealed file
    /// can't be opened this way.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Arc::new(NoVault))
    }

    /// Opens the store of a data folder, which may be sealed with a key that the vault holds. A sealed file whose key
    /// can't be had is left as it is, and never replaced by an empty one.
    pub fn open_with(dir: &Path, vault: Arc<dyn Vault>) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: dir.to_owned(), source };
        file::make_private_dir(dir).map_err(io)?;
        let _lock = file::lock(dir)?;
        match file::load(dir, vault.as_ref(), None)? {
            Some(file::Loaded { key, places, seal }) => Ok(Self { dir: dir.to_owned(), key, places, vault, seal }),
            None => {
                let mut key = [0; 32];
                SystemRandom::new()
                    .fill(&mut key)
                    .map_err(|_| io(io::Error::other("the system gives no random numbers")))?;
                let key = Secret::new(key);
                let store = Self { dir: dir.to_owned(), key, places: Vec::new(), vault, seal: None };
                file::save(&store)?;
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
        if self.seal.is_some() { Keystore::System } else { Keystore::File }
    }

    /// Seals the file from now on, with a key that the vault holds already. The plain file is replaced in one step, once
    /// the sealed one was written and read again: whenever this stops, one of the two is there whole. False if another
    /// viewer was quicker; its seal is kept.
    pub fn seal(&mut self, seal: Seal) -> Result<bool, StoreError> {
        let _lock = file::lock(&self.dir)?;
        self.reload()?;
        if self.seal.is_some() {
            return Ok(false);
        }
        self.seal = Some(seal);
        let saved = file::save(self);
        if saved.is_err() {
            self.seal = None;
        }
        saved.map(|()| true)
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
        let _lock = file::lock(&self.dir)?;
        self.reload()?;
        change(&mut self.places);
        file::save(self)
    }

    /// Takes over what is on disk. The lock is held.
    fn reload(&mut self) -> Result<(), StoreError> {
        if let Some(current) = file::load(&self.dir, self.vault.as_ref(), self.seal.as_ref())? {
            (self.key, self.places, self.seal) = (current.key, current.places, current.seal);
        }
        Ok(())
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

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?).as_slice().try_into().ok()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use athome_shared::id::MailboxId;
    use athome_shared::protocol::control::Role;
    use athome_shared::secret::Secret;
    use athome_shared::time::WallTime;

    use super::file::FILE;
    use super::{Place, Store, StoreError};

    pub(crate) fn place(streamer: u8, name: &str) -> Place {
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
