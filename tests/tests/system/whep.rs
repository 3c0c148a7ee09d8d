//! The local interface lets only this machine's programs with the token in. (A whole exchange with a client that is not
//! ours is in `whep_aiortc.py`.)

use athome_streamer::api::client::raw;
use athome_tests::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whep_needs_the_token_a_loopback_host_and_no_foreign_origin() {
    let house = House::start().await;
    let api = house.api();
    let token = house.token();
    let ask = async |path: &str, headers: &str, body: &str| {
        let method = if path.ends_with("whep") { "POST" } else { "GET" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{headers}Content-Type: application/sdp\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        raw(api, request.as_bytes()).await.expect("the interface answers").status
    };
    let host = format!("Host: {api}\r\n");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let camera = house.camera_id(0);
    let whep = format!("/api/v1/cameras/{camera}/whep");

    assert_eq!(ask(&whep, &host, "v=0").await, 401, "no token");
    assert_eq!(ask(&whep, &format!("{host}Authorization: Bearer {}\r\n", "A".repeat(43)), "v=0").await, 401);
    assert_eq!(ask(&whep, &format!("Host: evil.example\r\n{bearer}"), "v=0").await, 403, "a rebound name");
    let foreign = format!("{host}{bearer}Origin: https://evil.example\r\n");
    assert_eq!(ask(&whep, &foreign, "v=0").await, 403, "a page of another origin");
    assert_eq!(ask("/api/v1/cameras/nowhere/whep", &format!("{host}{bearer}"), "v=0").await, 404);
    let garbage = ask(&whep, &format!("{host}{bearer}"), "this is no offer").await;
    assert!((400..500).contains(&garbage), "{garbage}");
    let long = ask(&whep, &format!("{host}{bearer}"), &"a=x\r\n".repeat(20_000)).await;
    assert!((400..500).contains(&long), "{long}");
    // Controls: with token, host and no origin the interface answers, and health needs no token.
    assert_eq!(ask("/api/v1/cameras", &format!("{host}{bearer}"), "").await, 200);
    assert_eq!(ask("/health", &host, "").await, 200);
    house.stop().await;
}
