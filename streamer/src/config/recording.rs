//! What is recorded, where, and for how long it is kept.

use std::path::PathBuf;
use std::time::Duration;

use crate::record::retain::Limits;
use crate::record::schedule::Hours;
use crate::record::trigger::{Mode, Rules};

/// When cameras record.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub rules: Rules,
    pub schedule: Vec<Hours>,
    /// A longer recording goes on in another file.
    pub longest: Duration,
}

impl Default for Recording {
    fn default() -> Self {
        let (pre, post) = (Duration::from_secs(3), Duration::from_secs(8));
        Self {
            rules: Rules { mode: Mode::Manual, pre, post },
            schedule: Vec::new(),
            longest: Duration::from_secs(10 * 60),
        }
    }
}

/// Where recordings lie, and how many of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// `None` for the folder `recordings` in the data folder.
    pub path: Option<PathBuf>,
    pub limits: Limits,
}

impl Default for Storage {
    fn default() -> Self {
        let age = Some(Duration::from_secs(30 * 24 * 3_600));
        Self { path: None, limits: Limits { size: None, age, floor: 2_000_000_000 } }
    }
}
