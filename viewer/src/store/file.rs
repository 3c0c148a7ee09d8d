//! The store's file: its layout, plain or sealed, and how it is replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use athome_shared::id::MailboxId;
use athome_shared::protocol::control::Role;
use athome_shared::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::vault::{Seal, Trouble, Vault};
use super::{Place, Store, StoreError, bytes, text};

pub(super) const FILE: &str = "viewer.json";
const LOCK: &str = "viewer.lock";

/// Largest file that is read: some hundred places; a larger one is not ours.
const MAX_FILE: u64 = 1024 * 1024;

/// Of the file's layout: plain, and sealed.
const PLAIN: u8 = 1;
const SEALED: u8 = 2;

/// Read before anything else of the file.
#[derive(Deserialize)]
struct Head {
    format: u8,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    format: u8,
    key: String,
    places: Vec<PlaceOnDisk>,
}

/// A [`Plain`] under a key of the system's keystore.
#[derive(Serialize, Deserialize)]
struct Sealed {
    format: u8,
    /// Under which name the keystore holds the key.
    entry: String,
    sealed: String,
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

/// What was on disk.
pub(super) struct Loaded {
    pub(super) key: Secret<32>,
    pub(super) places: Vec<Place>,
    pub(super) seal: Option<Seal>,
}

/// Reads the file; `None` where there is none. The keystore is asked for the key of a sealed one unless it is `known`.
pub(super) fn load(dir: &Path, vault: &dyn Vault, known: Option<&Seal>) -> Result<Option<Loaded>, StoreError> {
    let path = dir.join(FILE);
    let Some(file) = read(&path)? else { return Ok(None) };
    let damaged = |detail: &str| StoreError::Damaged { path: path.clone(), detail: detail.to_owned() };
    let head: Head = parse(&path, &file)?;
    let (plain, seal) = match head.format {
        PLAIN => (file, None),
        SEALED => {
            let Sealed { entry, sealed, .. } = parse(&path, &file)?;
            let seal = match known.filter(|seal| seal.entry() == entry) {
                Some(seal) => seal.clone(),
                None => Seal::from_vault(vault, entry).map_err(|trouble| match trouble {
                    Trouble::Missing => StoreError::KeyMissing { path: path.clone() },
                    other => StoreError::KeystoreSilent { path: path.clone(), detail: other.to_string() },
                })?,
            };
            let plain = seal.open(&sealed).ok_or_else(|| damaged("its key does not fit"))?;
            (plain, Some(seal))
        }
        _ => return Err(damaged("it was written by a newer AtHome")),
    };
    let disk: Plain = parse(&path, &plain)?;
    let key = bytes(&disk.key).map(Secret::new).ok_or_else(|| damaged("this device's key is damaged"))?;
    let places = disk.places.into_iter().map(place).collect::<Option<Vec<_>>>();
    let places = places.ok_or_else(|| damaged("a pairing in it is damaged"))?;
    Ok(Some(Loaded { key, places, seal }))
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE {
        let detail = "it is larger than a list of pairings can be".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    Ok(Some(text))
}

/// serde's message may quote a value, so only the position is passed on.
fn parse<'de, T: Deserialize<'de>>(path: &Path, json: &'de [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|e| {
        let detail = format!("not what was written there (line {}, column {})", e.line(), e.column());
        StoreError::Damaged { path: path.to_owned(), detail }
    })
}

fn place(p: PlaceOnDisk) -> Option<Place> {
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
}

/// Writes the file whole or not at all.
pub(super) fn save(store: &Store) -> Result<(), StoreError> {
    let path = store.dir.join(FILE);
    let disk = Plain {
        format: PLAIN,
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
        let plain = Zeroizing::new(serde_json::to_vec_pretty(&disk)?);
        let json = match &store.seal {
            None => plain.clone(),
            Some(seal) => {
                let sealed = seal.close(&plain).ok_or_else(|| io::Error::other("it could not be sealed"))?;
                let sealed = Sealed { format: SEALED, entry: seal.entry().to_owned(), sealed };
                Zeroizing::new(serde_json::to_vec_pretty(&sealed)?)
            }
        };
        let new = store.dir.join(format!("{FILE}.new"));
        let mut file = private_file(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
        file.write_all(&json)?;
        file.sync_all()?;
        if let Some(seal) = &store.seal {
            check(&new, seal, &plain)?;
        }
        fs::rename(&new, &path)?;
        sync_dir(&store.dir)
    };
    write().map_err(|source| StoreError::Io { path: path.clone(), source })
}

/// What was sealed can be opened again: only then it may take the place of what was there.
fn check(new: &Path, seal: &Seal, plain: &[u8]) -> io::Result<()> {
    let written: Sealed = serde_json::from_slice(&fs::read(new)?)?;
    let again = seal.open(&written.sealed);
    let same = again.is_some_and(|again| again.as_slice() == plain);
    if same { Ok(()) } else { Err(io::Error::other("what was sealed can't be opened again")) }
}

/// Held until dropped; another viewer on the same folder waits for its few milliseconds.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
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

/// A folder that is closed to others, where there is none yet.
#[cfg(unix)]
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
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
