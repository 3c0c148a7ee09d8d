//! What is asked over plain HTTP.

mod support;

use athome_signaling::{BindError, Config, Server};
use support::TestServer;

#[tokio::test]
async fn health_and_metrics_are_readable_by_machines() {
    let server = TestServer::start(support::config()).await;
    let health = server.http("GET /health").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"ok\""), "{health}");
    let _camera = server.camera(1, &[1]).await;
    let metrics = server.http("GET /metrics").await;
    assert!(metrics.contains("\nathome_signaling_cameras 1\n"), "{metrics}");
    assert!(metrics.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn metrics_are_for_this_machine_unless_they_are_public() {
    for (public_metrics, status) in [(false, "403"), (true, "200")] {
        let config = Config { trust_forwarded_for: true, public_metrics, ..support::config() };
        let server = TestServer::start(config).await;
        let answer = server.http("GET /metrics HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Rest:").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        server.stop().await;
    }
}

#[tokio::test]
async fn the_page_is_served_only_where_it_shall_be_and_with_its_headers() {
    let server = TestServer::start(Config { serve_page: true, ..support::config() }).await;
    let page = server.http("GET /").await.to_lowercase();
    assert!(page.starts_with("http/1.1 200"), "{page}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'self';",
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "microphone=(self)",
        "cache-control: no-store",
    ] {
        assert!(page.contains(header), "{header} is missing in {page}");
    }
    let none = server.http("GET /../Cargo.toml").await;
    assert!(none.starts_with("HTTP/1.1 404") && none.to_lowercase().contains("content-security-policy"), "{none}");
    assert!(server.http("POST /").await.starts_with("HTTP/1.1 405"));
    server.stop().await;

    let server = TestServer::start(support::config()).await;
    let none = server.http("GET /").await;
    assert!(none.starts_with("HTTP/1.1 404") && none.contains("serves no page"), "{none}");
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_next_free_one() {
    let server = TestServer::start(support::config()).await;
    let config = Config { listen: server.address, ..support::config() };
    match Server::bind(config).await {
        Err(error @ BindError::InUse { free: Some(free), .. }) => {
            let text = error.to_string();
            assert!(text.contains(&server.address.port().to_string()), "{text}");
            assert!(text.contains(&format!("--listen 127.0.0.1:{free}")), "{text}");
        }
        other => panic!("{other:?}"),
    }
    server.stop().await;
}

#[tokio::test]
async fn impossible_settings_are_refused_before_the_port_is_taken() {
    let error = Server::bind(Config { max_frame: 1, ..support::config() }).await.expect_err("no frame fits");
    assert!(error.to_string().contains("max_frame"), "{error}");
}
