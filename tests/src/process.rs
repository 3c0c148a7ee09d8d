//! A process's memory, descriptors, threads and CPU time, from Linux's `/proc`.

use std::fs;
use std::time::Duration;

/// Figures of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    pub rss_bytes: u64,
    pub descriptors: usize,
    pub threads: usize,
    pub cpu: Duration,
}

/// Of a process of ours; `None` where there is no `/proc` (not Linux) or no such process.
pub fn usage(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Some(Usage {
        rss_bytes: field("VmRSS:")? * 1024,
        descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count(),
        threads: field("Threads:")? as usize,
        cpu: cpu(pid)?,
    })
}

impl Usage {
    /// What has grown since `before` that should not have: more than two descriptors or threads (a pool's last changes), more
    /// memory than allowed.
    pub fn leaks(&self, before: &Self, allowed_bytes: u64) -> Vec<&'static str> {
        let more = [
            ("descriptors", self.descriptors > before.descriptors + 2),
            ("threads", self.threads > before.threads + 2),
            ("memory", self.rss_bytes > before.rss_bytes + allowed_bytes),
        ];
        more.into_iter().filter(|(_, grown)| *grown).map(|(what, _)| what).collect()
    }
}

/// User and system time of a process.
pub fn cpu(pid: u32) -> Option<Duration> {
    // Clock ticks of /proc are 100 a second on every Linux that this runs on (USER_HZ).
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything; fields count on from its closing parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<u32>().ok());
    Some(TICK * (ticks(11)? + ticks(12)?))
}
