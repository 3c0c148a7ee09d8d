//! The streamer's own window, driven by a real streamer with test cards: what it shows is what others see, and what is chosen
//! in it happens, for them too, and is remembered.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::media::clock;
use athome_shared::protocol::control::CameraState;
use athome_streamer::window::login::Autostart;
use athome_streamer::window::model::{Code, Login, Model, OnClose, Request};
use athome_streamer::window::remembered::Remembered;
use athome_streamer::window::run::{Controller, Handle, Setup, WantTray};
use athome_streamer::words::Lang;
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::{eventually, soon};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const FILE: &str = "# my house\n\n# the old one\n[[camera]]\nname = \"Hall\" # by the stairs\nsource = \"test:1\" # for now\n\
                    size = \"640x360\"\nfps = 30\naudio = \"tone\"\n\n[[camera]]\nname = \"Yard\"\nsource = \"test:2\"\n\
                    size = \"640x360\"\naudio = \"none\"\n";

/// The window's task without a window: what it would draw, and what a person would choose.
struct Window {
    handle: Handle,
    quit: CancellationToken,
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Window {
    fn open(house: &House, folder: &Path) -> Self {
        let quit = CancellationToken::new();
        let controller = Controller::new(
            house.app(),
            Setup {
                lang: Lang::English,
                remembered: Remembered::new(folder),
                autostart: Autostart::new(Some(folder.join("autostart")), Path::new("/bin/true"), folder, &[]),
                wake: Arc::new(|| {}),
                // It is there as soon as it is asked for.
                open: Box::new(|handle| handle.send(Request::Opened)),
                tray: WantTray::No,
                quit: quit.clone(),
            },
        );
        let (handle, stopping) = (controller.handle(), CancellationToken::new());
        let task = tokio::spawn(controller.run(stopping.clone()));
        handle.send(Request::Open);
        Self { handle, quit, stopping, task }
    }

    async fn until(&self, what: &str, seen: impl Fn(&Model) -> bool) {
        eventually(what, || seen(&self.handle.model())).await;
    }

    /// The mark in the newest picture of a camera: which source made it.
    fn mark(&self, camera: &CameraId) -> Option<u8> {
        let image = self.handle.glass().newest(camera)?.image;
        let luma: Vec<u8> = image.pixels.iter().map(|pixel| pixel.g()).collect();
        clock::read_mark(&luma, image.size[0], image.size[0], image.size[1])
    }

    async fn close(self) {
        self.stopping.cancel();
        soon("the window's task ends", self.task).await.expect("its task");
    }
}

fn state(model: &Model) -> Option<CameraState> {
    model.camera().map(|camera| camera.state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_shows_what_others_see_and_what_is_chosen_happens_for_all_and_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("athome.toml");
    std::fs::write(&file, FILE).expect("written");
    let house = House::start_with(|plan| plan.configured(&file)).await;
    let window = Window::open(&house, folder.path());
    let [hall, yard] = ["hall", "yard"].map(|id| CameraId::new(id).expect("an id"));
    window.until("both cameras are live", |model| model.cameras.iter().all(|c| c.state == CameraState::Live)).await;
    eventually("the picture of the first", || window.mark(&hall) == Some(1)).await;
    window.until("the level of its tone", |model| model.level.is_some_and(|level| level.dbfs > -30.0)).await;

    // Another camera, another picture; the one that nobody looks at is not encoded any more.
    window.handle.send(Request::Select(yard.clone()));
    eventually("the picture of the second", || window.mark(&yard) == Some(2)).await;
    window.until("no level: it has no sound", |model| model.level.is_none()).await;
    window.handle.send(Request::Select(hall.clone()));

    // A code, and who used it.
    window.handle.send(Request::ShowCode);
    window.until("a code", |model| matches!(model.code, Some(Code::Shown { .. }))).await;
    let Some(Code::Shown { modules, .. }) = window.handle.model().code.clone() else { panic!("the code is shown") };
    let device = Device::new();
    soon("pairing", device.pair(modules.link(), "Anna's phone")).await.expect("paired");
    window
        .until(
            "by whom it was used",
            |model| matches!(&model.code, Some(Code::Used { device, .. }) if device == "Anna's phone"),
        )
        .await;
    let viewer = device.watch();
    viewer.see(5).await;
    window.until("who watches", |model| model.watching == ["Anna's phone"]).await;
    window.until("and watches still", |model| matches!(model.code, Some(Code::Used { watching: true, .. }))).await;
    window.handle.send(Request::HideCode);
    window.until("the device in the list", |model| model.devices.iter().any(|device| device.watching)).await;

    // Another source: the viewer's picture changes without a new connection.
    window.handle.send(Request::Source("test:7".to_owned()));
    eventually("the new source in the window", || window.mark(&hall) == Some(7)).await;
    eventually("and at the viewer", || viewer.newest(0).is_some_and(|seen| seen.mark == Some(7))).await;
    window.handle.send(Request::Size(Some((320, 180))));
    window.until("the new size", |model| model.camera().is_some_and(|camera| camera.width == 320)).await;
    eventually("the new size at the viewer", || viewer.newest(0).is_some_and(|seen| seen.width == 320)).await;
    assert!(viewer.story().ended.is_empty(), "the same session all along");
    window.handle.send(Request::Microphone("none".to_owned()));
    window.until("silence", |model| model.level.is_none() && model.camera().is_some_and(|c| !c.audio)).await;
    let wanted = FILE
        .replacen("\"test:1\"", "\"test:7\"", 1)
        .replacen("\"640x360\"", "\"320x180\"", 1)
        .replacen("\"tone\"", "\"none\"", 1);
    // Between two sizes there is no sound either: the file tells when the last wish was carried out.
    eventually("three values changed, every comment kept", || {
        std::fs::read_to_string(&file).expect("the file") == wanted
    })
    .await;

    // Paused is really closed, for everybody.
    window.handle.send(Request::Pause(hall.clone()));
    window.until("paused", |model| state(model) == Some(CameraState::Stopped)).await;
    window.until("its device is closed", |model| model.camera().is_some_and(|camera| camera.released)).await;
    eventually("paused at the viewer", || {
        viewer.story().cameras.first().is_some_and(|camera| camera.state == CameraState::Stopped)
    })
    .await;
    assert!(std::fs::read_to_string(&file).expect("the file").contains("active = false"));
    window.handle.send(Request::Resume(hall.clone()));
    window.until("live again", |model| state(model) == Some(CameraState::Live)).await;
    window.until("the control: a device in use is not closed", |model| !model.cameras[0].released).await;

    // Removed: the picture ends, and the list is empty.
    let id = window.handle.model().devices[0].id.clone();
    window.handle.send(Request::Remove(id));
    window.until("nobody", |model| model.devices.is_empty() && model.watching.is_empty()).await;
    eventually("the viewer is told", || viewer.story().over).await;

    window.handle.send(Request::Login(Login::On));
    window.until("it starts at login", |model| model.login == Login::On).await;
    window.handle.send(Request::OnClose(OnClose::Stop));
    eventually("the answer is kept", || Remembered::new(folder.path()).read().on_close == OnClose::Stop).await;
    assert!(!window.quit.is_cancelled());
    window.handle.send(Request::Quit);
    soon("the wish to stop", window.quit.cancelled()).await;
    viewer.leave().await;
    window.close().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_looking_at_the_window_costs_no_encoder() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start().await;
    let window = Window::open(&house, folder.path());
    let id = CameraId::new(&house.camera_id(0)).expect("an id");
    let number = || window.handle.glass().newest(&id).map_or(0, |shown| shown.number);
    eventually("pictures", || number() > 5).await;
    window.until("bits flow", |model| model.cameras[0].bits > 0).await;
    for (hide, show) in [
        (Request::Visible(false), Request::Visible(true)),
        (Request::Closed, Request::Open),
        (Request::ShowCode, Request::HideCode),
    ] {
        window.handle.send(hide);
        window.until("no bits any more", |model| model.cameras[0].bits == 0).await;
        window.handle.send(show);
        window.until("bits again", |model| model.cameras[0].bits > 0).await;
        eventually("a fresh picture", || {
            let newest = window.handle.glass().newest(&id);
            newest.is_some_and(|shown| shown.captured.elapsed() < Duration::from_secs(1))
        })
        .await;
    }
    window.close().await;
    house.stop().await;
}
