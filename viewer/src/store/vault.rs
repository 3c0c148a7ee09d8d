//! Where a key for the store's file is kept, and sealing with it. Which keystore that is, is no business of this file.

use std::sync::{Mutex, PoisonError};

use athome_shared::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{Store, StoreError, text};

/// Holds keys by name. May take as long as it says; never called where a window is drawn.
pub trait Vault: Send + Sync {
    fn read(&self, entry: &str) -> Result<Secret<32>, Trouble>;
    fn write(&self, entry: &str, key: &Secret<32>) -> Result<(), Trouble>;
    fn remove(&self, entry: &str) -> Result<(), Trouble>;
}

/// Why a vault gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("it holds no such key")]
    Missing,
    #[error("it is locked")]
    Locked,
    #[error("it does not answer")]
    Silent,
    #[error("there is none: {0}")]
    Absent(String),
    #[error("{0}")]
    Failed(String),
}

/// No keystore at all.
pub struct NoVault;

impl Vault for NoVault {
    fn read(&self, _: &str) -> Result<Secret<32>, Trouble> {
        Err(Trouble::Absent("none was asked".to_owned()))
    }

    fn write(&self, _: &str, _: &Secret<32>) -> Result<(), Trouble> {
        Err(Trouble::Absent("none was asked".to_owned()))
    }

    fn remove(&self, _: &str) -> Result<(), Trouble> {
        Err(Trouble::Absent("none was asked".to_owned()))
    }
}

/// A key of the vault's and its name there.
#[derive(Clone)]
pub struct Seal {
    entry: String,
    key: Secret<32>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    /// A new key under a new name: two viewers that seal at the same time never overwrite each other's.
    fn new() -> Option<Self> {
        let random = SystemRandom::new();
        let (mut name, mut key) = ([0; 16], [0; 32]);
        random.fill(&mut name).ok()?;
        random.fill(&mut key).ok()?;
        Some(Self { entry: text(&name), key: Secret::new(key) })
    }

    pub(super) fn from_vault(vault: &dyn Vault, entry: String) -> Result<Self, Trouble> {
        let key = vault.read(&entry)?;
        Ok(Self { entry, key })
    }

    pub(super) fn entry(&self) -> &str {
        &self.entry
    }

    /// AES-256-GCM under a random nonce, which stands before it: `nonce ‖ ciphertext ‖ tag`, as base64url text. The
    /// entry's name is authenticated with it.
    pub(super) fn close(&self, plain: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut bytes = Zeroizing::new(plain.to_vec());
        let key = self.aead()?;
        let aad = Aad::from(self.entry.as_bytes());
        let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).ok()?;
        Some(text(&[&nonce[..], bytes.as_slice(), tag.as_ref()].concat()))
    }

    pub(super) fn open(&self, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(self.entry.as_bytes());
        let length = self.aead()?.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }

    fn aead(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.key.expose()).ok().map(LessSafeKey::new)
    }
}

/// Brings a plain store's key into the vault: write there, read it again, then seal the file. Whenever this stops, the file
/// can be opened; all that may be left over is a key that nobody uses.
pub fn move_in(store: &Mutex<Store>, vault: &dyn Vault) -> Result<(), MoveError> {
    let lock = || store.lock().unwrap_or_else(PoisonError::into_inner);
    if lock().seal.is_some() {
        return Ok(());
    }
    let seal = Seal::new().ok_or_else(|| Trouble::Failed("the system gives no random numbers".to_owned()))?;
    vault.write(&seal.entry, &seal.key)?;
    let kept = vault.read(&seal.entry);
    if kept.as_ref().is_ok_and(|key| *key == seal.key) {
        // After a fault the file may be sealed all the same: then the key must stay.
        if !lock().seal(seal.clone())? {
            let _ = vault.remove(&seal.entry);
        }
        return Ok(());
    }
    let _ = vault.remove(&seal.entry);
    kept?;
    Err(Trouble::Failed("it gave back another key than it was given".to_owned()).into())
}

/// Why a key stays in its file.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("the keystore: {0}")]
    Vault(#[from] Trouble),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use athome_shared::secret::Secret;
    use athome_shared::time::WallTime;

    use super::super::file::FILE;
    use super::super::tests::place;
    use super::{NoVault, Seal, Store, StoreError, Trouble, Vault, move_in};
    use crate::store::Keystore;

    /// What a pretend keystore does wrong.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Fault {
        None,
        Locked,
        /// Takes keys and does not keep them.
        Forgets,
        /// Gives back something else.
        Lies,
    }

    struct Pretend {
        keys: Mutex<HashMap<String, Secret<32>>>,
        fault: Fault,
    }

    impl Pretend {
        fn new(fault: Fault) -> Arc<Self> {
            Arc::new(Self { keys: Mutex::default(), fault })
        }
    }

    impl Vault for Pretend {
        fn read(&self, entry: &str) -> Result<Secret<32>, Trouble> {
            let key = self.keys.lock().unwrap().get(entry).cloned().ok_or(Trouble::Missing)?;
            match self.fault {
                Fault::Lies => Ok(Secret::new([1; 32])),
                Fault::None | Fault::Locked | Fault::Forgets => Ok(key),
            }
        }

        fn write(&self, entry: &str, key: &Secret<32>) -> Result<(), Trouble> {
            match self.fault {
                Fault::Locked => return Err(Trouble::Locked),
                Fault::Forgets => {}
                Fault::None | Fault::Lies => {
                    self.keys.lock().unwrap().insert(entry.to_owned(), key.clone());
                }
            }
            Ok(())
        }

        fn remove(&self, entry: &str) -> Result<(), Trouble> {
            self.keys.lock().unwrap().remove(entry).map(drop).ok_or(Trouble::Missing)
        }
    }

    fn paired(dir: &Path, vault: &Arc<Pretend>) -> Mutex<Store> {
        let mut store = Store::open_with(dir, Arc::clone(vault) as Arc<dyn Vault>).unwrap();
        store.add(place(1, "Home")).unwrap();
        Mutex::new(store)
    }

    #[test]
    fn a_sealed_store_opens_with_the_keystore_and_only_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Pretend::new(Fault::None);
        let store = paired(dir.path(), &vault);
        let key = store.lock().unwrap().key().clone();
        assert_eq!(store.lock().unwrap().keystore(), Keystore::File);
        let plain = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(plain.contains("Home"), "control: the plain file holds the name");
        move_in(&store, vault.as_ref()).unwrap();
        assert_eq!((store.lock().unwrap().keystore(), vault.keys.lock().unwrap().len()), (Keystore::System, 1));
        move_in(&store, vault.as_ref()).unwrap();
        assert_eq!(vault.keys.lock().unwrap().len(), 1, "moved once");
        let sealed = fs::read_to_string(dir.path().join(FILE)).unwrap();
        for secret in ["Home", "\"places\"", super::text(key.expose()).as_str()] {
            assert!(!sealed.contains(secret), "{secret}");
        }
        // What is changed afterwards stays sealed, and another viewer on the folder sees it.
        store.lock().unwrap().add(place(2, "Cabin")).unwrap();
        store.lock().unwrap().next_counter(&[1; 32], WallTime(1_700_000_000_000_000)).unwrap();
        let again = Store::open_with(dir.path(), Arc::clone(&vault) as _).unwrap();
        let names: Vec<_> = again.places().iter().map(|p| p.name.as_str()).collect();
        assert_eq!((names, again.key(), again.keystore()), (vec!["Home", "Cabin"], &key, Keystore::System));
        // Without its key the file stays as it is: never a fresh start.
        let now = fs::read(dir.path().join(FILE)).unwrap();
        let none = Store::open_with(dir.path(), Arc::new(NoVault)).unwrap_err();
        assert!(matches!(none, StoreError::KeystoreSilent { .. }), "{none}");
        let empty = Store::open_with(dir.path(), Pretend::new(Fault::None)).unwrap_err();
        assert!(matches!(empty, StoreError::KeyMissing { .. }), "{empty}");
        let wrong = Pretend::new(Fault::Lies);
        *wrong.keys.lock().unwrap() = vault.keys.lock().unwrap().clone();
        let wrong = Store::open_with(dir.path(), wrong).unwrap_err();
        assert!(matches!(wrong, StoreError::Damaged { .. }), "{wrong}");
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), now);
    }

    #[test]
    fn a_viewer_that_was_open_before_the_file_was_sealed_follows() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Pretend::new(Fault::None);
        let store = paired(dir.path(), &vault);
        let other = Mutex::new(Store::open_with(dir.path(), Arc::clone(&vault) as _).unwrap());
        move_in(&store, vault.as_ref()).unwrap();
        other.lock().unwrap().add(place(2, "Cabin")).unwrap();
        assert_eq!(other.lock().unwrap().keystore(), Keystore::System);
        // One that seals too late keeps the seal that is there, and takes its own key back.
        let late = Mutex::new(Store::open_with(dir.path(), Arc::clone(&vault) as _).unwrap());
        late.lock().unwrap().seal = None;
        move_in(&late, vault.as_ref()).unwrap();
        assert_eq!(vault.keys.lock().unwrap().len(), 1);
        assert_eq!(Store::open_with(dir.path(), vault).unwrap().places().len(), 2);
    }

    #[test]
    fn a_keystore_that_fails_costs_nothing() {
        for fault in [Fault::Locked, Fault::Forgets, Fault::Lies] {
            let dir = tempfile::tempdir().unwrap();
            let vault = Pretend::new(fault);
            let store = paired(dir.path(), &vault);
            let before = fs::read(dir.path().join(FILE)).unwrap();
            assert!(move_in(&store, vault.as_ref()).is_err(), "{fault:?}");
            assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before, "{fault:?}");
            assert!(vault.keys.lock().unwrap().is_empty(), "nothing is left behind: {fault:?}");
            store.lock().unwrap().add(place(2, "Cabin")).unwrap();
            assert_eq!(Store::open(dir.path()).unwrap().places().len(), 2, "{fault:?}");
        }
    }

    /// Every state in which a kill can leave the folder: the key kept and the file plain, a half-written new file, and the
    /// new file whole beside the old one.
    #[test]
    fn whenever_it_is_killed_the_pairings_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Pretend::new(Fault::None);
        let store = paired(dir.path(), &vault);
        let plain = fs::read(dir.path().join(FILE)).unwrap();
        move_in(&store, vault.as_ref()).unwrap();
        let sealed = fs::read(dir.path().join(FILE)).unwrap();
        let new = dir.path().join(format!("{FILE}.new"));
        for (file, beside) in [
            (&plain, None),
            (&plain, Some(&sealed[..sealed.len() / 2])),
            (&plain, Some(sealed.as_slice())),
            (&sealed, None),
        ] {
            fs::write(dir.path().join(FILE), file).unwrap();
            match beside {
                Some(bytes) => fs::write(&new, bytes).unwrap(),
                None => drop(fs::remove_file(&new)),
            }
            let again = Mutex::new(Store::open_with(dir.path(), Arc::clone(&vault) as _).unwrap());
            assert_eq!(again.lock().unwrap().places()[0].name, "Home");
            move_in(&again, vault.as_ref()).unwrap();
            assert_eq!(Store::open_with(dir.path(), Arc::clone(&vault) as _).unwrap().places().len(), 1);
        }
    }

    #[test]
    fn a_changed_file_is_refused_and_a_seal_shows_nothing() {
        let seal = Seal::new().unwrap();
        let closed = seal.close(b"pairings").unwrap();
        assert_eq!(seal.open(&closed).unwrap().as_slice(), b"pairings");
        assert_ne!(seal.close(b"pairings").unwrap(), closed, "another nonce each time");
        for at in 0..closed.len() {
            let mut bytes = closed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed == closed || seal.open(&changed).is_none(), "at {at}");
        }
        assert!(seal.open("").is_none() && seal.open("AAAA").is_none());
        let renamed = Seal { entry: "another".to_owned(), key: seal.key.clone() };
        assert!(renamed.open(&closed).is_none(), "the name belongs to it");
        assert_eq!(format!("{seal:?}"), "Seal { .. }");
    }
}
