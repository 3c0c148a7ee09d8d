//! The same figures for Prometheus (text format 0.0.4).

use std::fmt::Write as _;

use athome_shared::protocol::control::CameraState;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::error::Refusal;
use crate::serve::Counters;

pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Refusal> {
    let counters = api.0.desk.counters().await?;
    let live = api.cameras().iter().filter(|c| c.state == CameraState::Live).count();
    let text = text(counters, api.cameras().len(), live, api.0.whep.sessions(), api.0.started.elapsed().as_secs());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn text(counters: Counters, cameras: usize, live: usize, whep: usize, uptime_s: u64) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string can't fail.
        let _ = write!(text, "# HELP athome_{name} {help}\n# TYPE athome_{name} {kind}\nathome_{name} {value}\n");
    };
    metric("uptime_seconds", "gauge", "Time since the start.", uptime_s);
    metric("cameras", "gauge", "Cameras known.", cameras as u64);
    metric("cameras_live", "gauge", "Cameras that give pictures.", live as u64);
    metric("sessions", "gauge", "Viewer sessions, those being made included.", counters.sessions as u64);
    metric("watching", "gauge", "Devices that watch.", counters.watching as u64);
    metric("whep_sessions", "gauge", "WHEP sessions.", whep as u64);
    metric("sessions_begun_total", "counter", "Sessions begun.", counters.sessions_begun);
    metric("sessions_live_total", "counter", "Sessions whose media ran.", counters.sessions_live);
    metric("refused_busy_total", "counter", "Sessions refused because the house was full.", counters.refused_busy);
    metric("devices_paired_total", "counter", "Devices paired.", counters.devices_paired);
    let away = counters.turned_away;
    metric("bad_knocks_total", "counter", "First messages that did not open.", away.bad_knocks);
    metric("strangers_total", "counter", "First messages of keys that nobody knows.", away.strangers);
    metric("replays_total", "counter", "First messages that were said before.", away.replays);
    metric("rate_limited_total", "counter", "First messages beyond the rate.", away.rate_limited);
    metric("crowded_total", "counter", "Rings beyond the bound.", away.crowded);
    metric("tampered_total", "counter", "Sealed messages that did not open on a channel that stood.", away.tampered);
    text
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::serve::Counters;

    #[test]
    fn every_metric_has_help_type_and_value() {
        let text = text(Counters { sessions: 3, ..Counters::default() }, 2, 1, 0, 9);
        assert!(text.contains("\nathome_sessions 3\n") && text.starts_with("# HELP athome_uptime_seconds"));
        assert_eq!(text.lines().count() % 3, 0);
    }
}
