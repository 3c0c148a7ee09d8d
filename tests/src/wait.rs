//! Waiting for something to become true, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// How long a test waits for what should take a moment. Machines that test are slow and shared.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Waits until `condition` holds; panics with `what` after [`PATIENCE`].
pub async fn eventually(what: &str, condition: impl FnMut() -> bool) {
    within(PATIENCE, what, condition).await;
}

/// Waits until `condition` holds; panics with `what` after `limit`. Says how long it took.
pub async fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(STEP).await;
    }
    start.elapsed()
}

/// Waits for a future; panics with `what` after [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
