//! The operating system's keystore (Secret Service, Keychain, Credential Manager): the only file that knows its library.
//! The library waits for as long as the keystore likes, so each question has a thread of its own and a time limit.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use athome_shared::secret::Secret;
use keyring::{Entry, Error};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::controller::Handle;
use crate::controller::request::Request;
use crate::store::Store;
use crate::store::vault::{self, Trouble, Vault};

/// Under which the keystore lists our keys.
const SERVICE: &str = "athome-viewer";
/// How long an answer may take: the desktop may be asking a person for the keystore's password meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// The system's keystore, wherever there is one.
#[derive(Clone, Debug)]
pub struct System {
    patience: Duration,
}

impl Default for System {
    fn default() -> Self {
        Self { patience: PATIENCE }
    }
}

impl System {
    /// With another limit than usual.
    pub fn with_patience(patience: Duration) -> Self {
        Self { patience }
    }

    /// Asks on a thread of its own. One that never gets an answer stays behind; there are as many as questions were
    /// asked: three for a program's run.
    fn ask<T: Send + 'static>(
        &self,
        entry: &str,
        ask: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (sender, answer) = sync_channel(1);
        let entry = entry.to_owned();
        let question = move || {
            let answer = Entry::new(SERVICE, &entry).and_then(|entry| ask(&entry));
            let _ = sender.send(answer.map_err(|error| trouble(&error)));
        };
        let thread = thread::Builder::new().name("keystore".to_owned()).spawn(question);
        thread.map_err(|error| Trouble::Failed(error.to_string()))?;
        answer.recv_timeout(self.patience).map_err(|_| Trouble::Silent)?
    }
}

impl Vault for System {
    fn read(&self, entry: &str) -> Result<Secret<32>, Trouble> {
        let found = self.ask(entry, |entry| entry.get_secret().map(Zeroizing::new))?;
        Secret::from_slice(&found).ok_or_else(|| Trouble::Failed("what it holds is no key of ours".to_owned()))
    }

    fn write(&self, entry: &str, key: &Secret<32>) -> Result<(), Trouble> {
        let key = key.clone();
        self.ask(entry, move |entry| entry.set_secret(key.expose()))
    }

    fn remove(&self, entry: &str) -> Result<(), Trouble> {
        self.ask(entry, Entry::delete_credential)
    }
}

/// Only those texts are passed on that can't hold what is kept.
fn trouble(error: &Error) -> Trouble {
    match error {
        Error::NoEntry => Trouble::Missing,
        Error::NoStorageAccess(_) => Trouble::Locked,
        Error::NoDefaultStore => Trouble::Absent(match Entry::store_status() {
            Err(Error::PlatformFailure(error) | Error::NoStorageAccess(error)) => error.to_string(),
            Err(_) | Ok(()) => "this system has no keystore".to_owned(),
        }),
        Error::PlatformFailure(error) => Trouble::Failed(error.to_string()),
        _ => Trouble::Failed("it gave an answer that was not expected".to_owned()),
    }
}

/// Brings a plain store's key into the system's keystore, while the window is open already, and tells the window. Where
/// that fails the key stays in its file, and is tried again at the next start.
pub fn move_in(store: Arc<Mutex<Store>>, keystore: System, requests: Handle) {
    let run = move || match vault::move_in(&store, &keystore) {
        Ok(()) => {
            let kept = store.lock().unwrap_or_else(PoisonError::into_inner).keystore();
            requests.send(Request::Kept(kept));
        }
        Err(error) => info!(%error, "this device's keys stay in their file"),
    };
    // Nobody waits for it at the end: whenever it stops, the file can be opened.
    if let Err(error) = thread::Builder::new().name("keystore-move".to_owned()).spawn(run) {
        warn!(%error, "no thread for the keystore");
    }
}
