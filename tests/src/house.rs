//! A streamer in this process: the test card in a small size, on free ports of the loopback interface, with a data folder
//! of its own that goes when it goes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use athome_signaling as signaling;
use athome_streamer::api::auth::Token;
use athome_streamer::api::client::{Answer, Request, ask};
use athome_streamer::app::{App, Options};
use athome_streamer::config::{CameraConfig, Config, check_config};
use athome_streamer::events::Listener;
use athome_streamer::record::trigger::Mode;
use athome_streamer::source::{CameraSpec, MicSpec, Wish};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::wait::{PATIENCE, soon};

/// How a house differs from the usual one.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    outside: bool,
}

impl Plan {
    fn new() -> Self {
        let mut config = Config::default();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        config.signaling.listen = Some(loopback);
        config.webrtc.stun_servers.clear();
        config.webrtc.bind = vec![loopback.ip()];
        config.api.listen = loopback;
        config.cameras = vec![camera(0)];
        Self { config, outside: false }
    }

    /// Pixels of every camera; 640x360 otherwise.
    pub fn size(mut self, size: (u32, u32)) -> Self {
        for camera in &mut self.config.cameras {
            camera.wish.size = Some(size);
        }
        self
    }

    /// This many cameras, each with its own mark; only the first has sound.
    pub fn cameras(mut self, count: u8) -> Self {
        self.config.cameras = (0..count).map(camera).collect();
        self
    }

    /// Records by this mode, in files of this length.
    pub fn recorded(mut self, mode: Mode, longest: Duration) -> Self {
        self.config.recording.rules.mode = mode;
        self.config.recording.longest = longest;
        // Whatever room the machine that tests has.
        self.config.storage.limits.floor = 0;
        self
    }

    /// The cameras of a configuration file, to which changes are written back.
    pub fn configured(mut self, file: &Path) -> Self {
        let read = check_config(file).expect("a configuration");
        (self.config.cameras, self.config.file) = (read.cameras, read.file);
        self
    }

    /// Viewers at a time.
    pub fn max_viewers(mut self, most: u32) -> Self {
        self.config.webrtc.max_viewers = most;
        self
    }

    /// Host names under which the embedded signaling server is reached.
    pub fn names(mut self, names: &[&str]) -> Self {
        self.config.signaling.names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Registers with this server as well.
    pub fn server(mut self, url: &str) -> Self {
        self.config.signaling.servers.push(url.parse().expect("a URL"));
        self
    }

    /// With a signaling server of its own instead of the embedded one.
    pub fn outside_signaling(mut self) -> Self {
        self.outside = true;
        self
    }
}

fn camera(n: u8) -> CameraConfig {
    let mut camera = CameraConfig::new(&format!("Camera {}", n + 1), CameraSpec::Test { mark: n + 1 });
    camera.wish = Wish { size: Some((640, 360)), fps: Some(30.0) };
    camera.audio = Some(if n == 0 { MicSpec::Tone } else { MicSpec::None });
    camera
}

/// A running streamer.
pub struct House {
    app: Option<App>,
    config: Config,
    data: tempfile::TempDir,
    signaling: Option<Signaling>,
}

struct Signaling {
    addr: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Signaling {
    async fn start(addr: SocketAddr) -> Self {
        let config = signaling::Config { listen: addr, ..signaling::Config::default() };
        // The port may be held by dying connections of the last server for a moment.
        let start = tokio::time::Instant::now();
        let server = loop {
            match signaling::Server::bind(config.clone()).await {
                Ok(server) => break server,
                Err(error) if start.elapsed() > PATIENCE => panic!("no signaling server: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let (addr, stop) = (server.local_addr(), CancellationToken::new());
        let task = tokio::spawn(server.run(stop.clone()));
        Self { addr, stop, task }
    }

    async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        soon("the signaling server stops", self.task).await.expect("the signaling server's task");
        self.addr
    }
}

impl House {
    /// The usual house: one camera of 640x360 with the tone for its sound.
    pub async fn start() -> Self {
        Self::start_with(|plan| plan).await
    }

    /// A house that differs from the usual one.
    pub async fn start_with(plan: impl FnOnce(Plan) -> Plan) -> Self {
        let Plan { mut config, outside } = plan(Plan::new());
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut server = None;
        if outside {
            let started = Signaling::start(SocketAddr::from(([127, 0, 0, 1], 0))).await;
            config.signaling.listen = None;
            config.signaling.servers = vec![format!("ws://{}/ws", started.addr).parse().expect("a URL")];
            server = Some(started);
        }
        let mut house = Self { app: None, config, data, signaling: server };
        house.open().await;
        house
    }

    async fn open(&mut self) {
        let options = Options { config: self.config.clone(), data: self.data.path().to_owned() };
        self.app = Some(soon("the streamer starts", App::start(options)).await.expect("the streamer starts"));
    }

    /// The streamer itself.
    pub fn app(&self) -> &App {
        self.app.as_ref().expect("the streamer runs")
    }

    /// Where the local interface listens.
    pub fn api(&self) -> SocketAddr {
        self.app().api_addr()
    }

    /// What happened since the start, for the first who asks.
    pub fn events(&self) -> Listener {
        self.app().events()
    }

    /// Whether it says that it can be reached from outside.
    pub fn outside(&self) -> bool {
        self.app().outside()
    }

    /// The local interface's token.
    pub fn token(&self) -> String {
        self.read_token().text()
    }

    fn read_token(&self) -> Token {
        Token::read(self.data.path()).expect("a running streamer has written its token")
    }

    /// A new link for one device.
    pub async fn link(&self) -> String {
        self.link_for(Duration::from_secs(600)).await
    }

    /// A new link for one device that runs out.
    pub async fn link_for(&self, ttl: Duration) -> String {
        self.invite(&json!({ "ttl_s": ttl.as_secs(), "uses": 1 })).await
    }

    /// A new link for one device with these roles.
    pub async fn link_with_roles(&self, roles: &[&str]) -> String {
        self.invite(&json!({ "roles": roles, "uses": 1 })).await
    }

    async fn invite(&self, wanted: &Value) -> String {
        let invitation = self.ask("POST", "/api/v1/invites", wanted).await;
        invitation["link"].as_str().expect("an invitation has a link").to_owned()
    }

    /// Removes a device by its name.
    pub async fn revoke(&self, name: &str) {
        let viewers = self.ask("GET", "/api/v1/viewers", &Value::Null).await;
        let rows = viewers.as_array().expect("a list of devices");
        let row = rows.iter().find(|row| row["name"] == name).expect("a device of that name");
        let id = row["id"].as_str().expect("a device has an id");
        self.ask("DELETE", &format!("/api/v1/viewers/{id}"), &Value::Null).await;
    }

    /// The local interface's statistics.
    pub async fn stats(&self) -> Value {
        self.ask("GET", "/api/v1/stats", &Value::Null).await
    }

    /// The id of a camera by its place in the list.
    pub fn camera_id(&self, n: usize) -> String {
        self.config.cameras[n].id.to_string()
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request { method, path, body: Some(("application/json", text.as_bytes())) };
        let Answer { status, body, .. } =
            soon("the local interface", ask(self.api(), &self.read_token(), request)).await.expect("an answer");
        let text = String::from_utf8_lossy(&body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Stops the outside signaling server.
    pub async fn stop_signaling(&mut self) {
        let addr = self.signaling.take().expect("an outside server").stop().await;
        // Started again where the streamer expects it.
        self.config.signaling.servers = vec![format!("ws://{addr}/ws").parse().expect("a URL")];
    }

    /// Starts it again at the same address.
    pub async fn start_signaling(&mut self) {
        let url = self.config.signaling.servers.first().expect("an outside server");
        let addr = url.socket_addrs(|| None).expect("an address")[0];
        self.signaling = Some(Signaling::start(addr).await);
    }

    /// Stops the streamer and starts it on the same data folder.
    pub async fn restart(&mut self) {
        self.close().await;
        self.open().await;
    }

    async fn close(&mut self) {
        if let Some(app) = self.app.take() {
            soon("the streamer stops", app.shutdown()).await;
        }
    }

    /// Stops everything in order.
    pub async fn stop(mut self) {
        self.close().await;
        if let Some(signaling) = self.signaling.take() {
            signaling.stop().await;
        }
    }
}
