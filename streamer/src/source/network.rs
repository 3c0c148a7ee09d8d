//! What all network cameras have in common: a runtime of the attempt's own thread, limits, and what a failed connection
//! means.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::time::Duration;

use athome_shared::protocol::control::CameraReason;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use url::{Host, Url};

use super::{SourceError, Stop};
use crate::words::Verdict;

/// One try, from the first packet to the first picture.
pub(super) const TRY: Duration = Duration::from_secs(5);

/// How long an attempt that was stopped may take for its goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// Runs an attempt on a runtime of this thread until it fails or is stopped.
pub(super) fn run(stop: &Stop, attempt: impl Future<Output = Result<(), SourceError>>) -> Result<(), SourceError> {
    run_to_end(async {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = attempt => ended,
        }
    })
}

/// Ends a little after the attempt was stopped.
pub(super) async fn too_long(stop: &Stop) {
    stop.cancelled().await;
    sleep(GOODBYE).await;
}

/// Runs an attempt that ends by itself when it is stopped.
pub(super) fn run_to_end(attempt: impl Future<Output = Result<(), SourceError>>) -> Result<(), SourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| SourceError::new(CameraReason::Other, why))?;
    let ended = runtime.block_on(attempt);
    // A name server that does not answer must hold nobody up.
    runtime.shutdown_background();
    ended
}

/// How far an opening came, so that one that takes too long is told as what it is.
#[derive(Default)]
pub(super) struct Progress {
    connected: Cell<bool>,
}

impl Progress {
    /// Waits for an opening, at most [`TRY`].
    pub(super) async fn within<T>(
        &self,
        host: &str,
        opening: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        timeout(TRY, opening).await.unwrap_or_else(|_| {
            let silent = if self.connected.get() { Verdict::Silent } else { no_answer(host) };
            Err(SourceError::from(silent).because(format_args!("after {} s", TRY.as_secs())))
        })
    }

    /// Connects to an address's host.
    pub(super) async fn connect(&self, url: &Url, usual_port: u16) -> Result<TcpStream, SourceError> {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(usual_port));
        let shown = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        // The address of an IPv6 host is written in brackets.
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addrs: Vec<_> = match lookup_host((name, port)).await {
            Ok(addrs) => addrs.take(MOST_ADDRESSES).collect(),
            Err(why) => {
                let verdict = match url.host() {
                    Some(Host::Domain(_)) => Verdict::UnknownName { host: host.to_owned() },
                    _ => no_answer(&shown),
                };
                return Err(SourceError::from(verdict).because(why));
            }
        };
        let mut failed = None;
        for addr in addrs {
            match TcpStream::connect(addr).await {
                Ok(stream) => {
                    self.connected.set(true);
                    let _only_latency = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(why) => failed = Some(why),
            }
        }
        let why = failed.unwrap_or_else(|| io::Error::other("no address"));
        Err(SourceError::from(no_answer(&shown)).because(why))
    }
}

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

fn no_answer(host: &str) -> Verdict {
    Verdict::NoAnswer { host: host.to_owned() }
}
