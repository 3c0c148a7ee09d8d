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
