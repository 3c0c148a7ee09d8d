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
