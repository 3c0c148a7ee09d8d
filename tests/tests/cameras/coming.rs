//! Cameras that are added, changed and removed while another is watched.

use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_streamer::hub::{From, Read, StreamKey};
use athome_tests::house::House;
use athome_tests::pretend::rtsp::{PICTURES, RtspCamera, SIZE, SMALL_SIZE, Way, pictures, start};
use athome_tests::pretend::{Asks, LOGIN};
use athome_tests::soak;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// How long a guest stays as it is.
const STAYS: Duration = Duration::from_millis(200);

pub(crate) fn url(camera: &RtspCamera, path: &str) -> String {
    format!("rtsp://{}/{path}", camera.addr())
}

/// Reads all of a passed-through camera's pictures until told to stop; how many came, and whether all did, in order.
pub(crate) fn watch_all(house: &House, camera: &str, stop: &Arc<Notify>) -> JoinHandle<(usize, bool)> {
    let key = StreamKey::video(&CameraId::slug(camera), Layer::Full);
    let mut reader = house.app().hub().stream(&key).subscribe(From::NewestKey);
    let stop = stop.clone();
    tokio::spawn(async move {
        let (mut count, mut expected, mut whole) = (0, None, true);
        loop {
            let read = tokio::select! {
                read = reader.next() => read,
                () = stop.notified() => return (count, whole),
            };
            let Read::Frame(frame) = read else {
                whole = false;
                continue;
            };
            let number = pictures(SIZE).iter().position(|picture| *picture == frame.data);
            whole &= number.is_some() && expected.is_none_or(|expected| number == Some(expected));
            expected = number.map(|number| (number + 1) % PICTURES);
            count += 1;
        }
    })
}

pub(crate) async fn state(house: &House, id: &str) -> Value {
    let all = house.ask("GET", "/api/v1/cameras", &Value::Null).await;
    all.as_array().and_then(|all| all.iter().find(|camera| camera["id"] == id).cloned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cameras_come_and_go_and_nobody_else_loses_a_frame() {
    let (watched, guest) = (start(Asks::Nothing, Way::Good), start(Asks::Digest, Way::Good));
    let house = House::start().await;
    house.ask("POST", "/api/v1/cameras", &json!({"name": "Watched", "source": url(&watched, "main")})).await;
    assert_eq!(state(&house, "watched").await["state"], "live");
    let stop = Arc::default();
    let watching = watch_all(&house, "watched", &stop);
    let times = soak::either(10, 100);
    for n in 0..times {
        let body = json!({
            "name": "Guest", "source": url(&guest, "main"), "sub_source": url(&guest, "small"),
            "user": LOGIN.0, "password": LOGIN.1,
        });
        let added = house.ask("POST", "/api/v1/cameras", &body).await;
        assert_eq!((&added["id"], &added["state"]), (&json!("guest"), &json!("live")), "{n}: {added}");
        // Long enough for pictures of both.
        tokio::time::sleep(STAYS).await;
        let changed = house.ask("PATCH", "/api/v1/cameras/guest", &json!({"transport": "udp"})).await;
        assert_eq!(changed["id"], "guest");
        tokio::time::sleep(STAYS).await;
        house.ask("DELETE", "/api/v1/cameras/guest", &Value::Null).await;
        assert_eq!(state(&house, "guest").await, Value::Null);
    }
    stop.notify_one();
    let (count, whole) = timeout(PATIENCE, watching).await.expect("told to stop").expect("no panic");
    println!("{count} pictures of the watched camera over {times} rounds");
    assert!(whole, "pictures of the watched camera were lost");
    assert!(count > 5 * times, "{count} pictures in {times} rounds");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_stream_is_the_small_layer() {
    let camera = start(Asks::Nothing, Way::Good);
    let house = House::start().await;
    let body = json!({"name": "Yard", "source": url(&camera, "main"), "sub_source": url(&camera, "small")});
    house.ask("POST", "/api/v1/cameras", &body).await;
    let key = StreamKey::video(&CameraId::slug("yard"), Layer::Small);
    let mut reader = house.app().hub().stream(&key).subscribe(From::NewestKey);
    let small = async {
        loop {
            if let Read::Frame(frame) = reader.next().await {
                return frame;
            }
        }
    };
    let frame = timeout(PATIENCE, small).await.expect("a picture");
    assert!(pictures(SMALL_SIZE).contains(&frame.data), "as the camera sent it");
    let layers = async {
        while state(&house, "yard").await["layers"] != json!(["full", "small"]) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, layers).await.expect("it is named");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_kept_in_the_file_and_told_to_nobody() {
    let camera = start(Asks::Basic, Way::Good);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("athome.toml");
    std::fs::write(&file, "# our house\n[[camera]]\nname = \"Card\" # the test card\nsource = \"test\"\n")
        .expect("ours");
    let house = House::start_with(|plan| plan.configured(&file)).await;
    let read = || std::fs::read_to_string(&file).expect("ours");
    let (user, password) = LOGIN;
    let inside = format!("rtsp://{user}:{password}@{}/main", camera.addr());
    let mut answers = Vec::new();
    for (method, path, body) in [
        ("POST", "/api/v1/cameras", json!({"name": "Yard", "source": inside})),
        ("PATCH", "/api/v1/cameras/yard", json!({"password": "not-hunter2"})),
        ("PATCH", "/api/v1/cameras/yard", json!({"password": password})),
        ("PATCH", "/api/v1/cameras/yard", json!({"password": 713_705})),
        ("GET", "/api/v1/cameras", Value::Null),
        ("GET", "/api/v1/stats", Value::Null),
    ] {
        answers.push(house.told(method, path, &body).await);
    }
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [201, 200, 200, 400, 200, 200]);
    for (_, answer) in &answers {
        assert!(!answer.contains("hunter2") && !answer.contains("713705"), "{answer}");
    }
    let now = read();
    for kept in ["# our house", "# the test card", "password = \"hunter2\"", "user = \"anna\""] {
        assert!(now.contains(kept), "{kept} is not in\n{now}");
    }
    assert!(!now.contains('@'), "the login stands in one place");
    // Another machine does not get the password of this one.
    let other = start(Asks::Nothing, Way::Good);
    house.ask("PATCH", "/api/v1/cameras/yard", &json!({"source": url(&other, "main")})).await;
    assert!(!read().contains("hunter2"));
    house.ask("DELETE", "/api/v1/cameras/yard", &Value::Null).await;
    assert!(!read().contains("Yard") && read().contains("# the test card"));
    house.stop().await;
}
