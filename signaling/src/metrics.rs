//! Counters, and their text for Prometheus (exposition format 0.0.4). No addresses, no mailboxes, no names.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use athome_shared::protocol::signal::ErrorCode;

use crate::directory::Counts;

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters of one server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Counter,
    pub(crate) refused: Counter,
    pub(crate) messages: Counter,
    pub(crate) relayed: Counter,
    pub(crate) relayed_bytes: Counter,
    pub(crate) opened: Counter,
    pub(crate) open_refused: Counter,
    pub(crate) too_slow: Counter,
    pub(crate) signed_in: Counter,
    ended: [Counter; 9],
}

impl Metrics {
    /// A connection was ended with an ERROR.
    pub(crate) fn ended(&self, code: ErrorCode) {
        if let Some(counter) = self.ended.get(usize::from(u8::from(code))) {
            counter.add(1);
        }
    }

    /// The text of `/metrics`.
    pub(crate) fn render(&self, counts: Counts) -> String {
        let mut out = String::new();
        for (name, help, counter) in [
            ("connections", "TCP connections accepted", &self.connections),
            ("refused", "TCP connections refused because of a limit", &self.refused),
            ("messages", "WebSocket messages received", &self.messages),
            ("relayed", "DATA frames passed on", &self.relayed),
            ("relayed_bytes", "bytes of DATA frames passed on", &self.relayed_bytes),
            ("opened", "channels opened", &self.opened),
            ("open_refused", "channels refused", &self.open_refused),
            ("too_slow", "channels closed because an end did not read", &self.too_slow),
            ("signed_in", "cameras that proved their mailbox", &self.signed_in),
        ] {
            head(&mut out, &format!("{name}_total"), help, "counter");
            line(&mut out, &format!("{name}_total"), counter.value());
        }
        head(&mut out, "ended_total", "connections ended with an error", "counter");
        for code in 1..=8 {
            let label = format!("{:?}", ErrorCode::from(code)).to_lowercase();
            let value = self.ended.get(usize::from(code)).map_or(0, Counter::value);
            line(&mut out, &format!("ended_total{{code=\"{label}\"}}"), value);
        }
        for (name, help, value) in [
            ("cameras", "cameras signed in", counts.cameras),
            ("viewers", "viewers connected", counts.viewers),
            ("channels", "channels open", counts.channels),
            ("watches", "watches for a camera being online", counts.watches),
        ] {
            head(&mut out, name, help, "gauge");
            line(&mut out, name, value as u64);
        }
        out
    }
}

// Writing to a String can't fail.
fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP athome_signaling_{name} {help}\n# TYPE athome_signaling_{name} {kind}");
}

fn line(out: &mut String, name: &str, value: u64) {
    let _ = writeln!(out, "athome_signaling_{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_name_and_a_number() {
        let metrics = Metrics::default();
        metrics.relayed.add(3);
        metrics.ended(ErrorCode::TooLarge);
        metrics.ended(ErrorCode::Unknown(200));
        let text = metrics.render(Counts { cameras: 2, ..Counts::default() });
        for expected in [
            "athome_signaling_relayed_total 3\n",
            "athome_signaling_cameras 2\n",
            "athome_signaling_ended_total{code=\"toolarge\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.split_once(' ').expect("name and value");
            assert!(name.starts_with("athome_signaling_") && value.parse::<u64>().is_ok(), "{line}");
        }
        assert!(text.ends_with('\n'));
    }
}
