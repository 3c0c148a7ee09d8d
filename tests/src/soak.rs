//! The same tests, longer: `make soak` sets `ATHOME_SOAK`.

use std::time::Duration;

/// How often, or for how long: the first in a test, the second in a soak.
pub fn either<T>(test: T, soak: T) -> T {
    if std::env::var_os("ATHOME_SOAK").is_some() { soak } else { test }
}

/// How long a soak watches: twenty minutes, or `ATHOME_SOAK_MINUTES`.
pub fn watching() -> Duration {
    let minutes = std::env::var("ATHOME_SOAK_MINUTES").ok().and_then(|text| text.parse::<u32>().ok());
    Duration::from_secs(60) * minutes.unwrap_or(20).clamp(1, 24 * 60)
}
