//! A camera that goes away and comes back is told on the desktop, and a click opens it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_viewer::controller::model::Model;
use athome_viewer::controller::{Controller, Desktop, Handle, Media, Setup};
use athome_viewer::desktop::notify::Notifications;
use athome_viewer::play::film::{Film, Start, Tell};
use athome_viewer::play::times::Figures;
use athome_viewer::session::MediaSink;
use athome_viewer::session::client::{Requests, open_store};
use athome_viewer::settings::{CameraKey, Settings};
use athome_viewer::store::PlaceId;
use athome_viewer::words::{Lang, Sentence};
use tokio::task::JoinHandle;
use zbus::zvariant::OwnedValue;

use crate::bus::{Bus, inside};

/// Long enough for a busy machine; nothing waits for it where all is well.
const LONG: Duration = Duration::from_secs(30);

/// What was asked of the pretend service.
#[derive(Debug)]
struct Asked {
    replaces: u32,
    title: String,
    text: String,
    actions: Vec<String>,
    name: u32,
}

/// A desktop's notification service.
struct Service {
    asked: mpsc::SyncSender<Asked>,
    next: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[allow(clippy::too_many_arguments, reason = "the interface's own")]
    fn notify(
        &mut self,
        _app: String,
        replaces: u32,
        _icon: String,
        title: String,
        text: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        let name = if replaces == 0 { self.next } else { replaces };
        self.next += 1;
        self.asked.send(Asked { replaces, title, text, actions, name }).unwrap();
        name
    }
}

struct NoMedia;

impl Media for NoMedia {
    fn sink(&self, _: PlaceId, _: Requests) -> Box<dyn MediaSink> {
        unreachable!("nothing is paired")
    }
    fn hear(&self, _: Option<(CameraKey, f32)>) {}
    fn record(&self, _: &CameraKey, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn stop_recording(&self, _: &CameraKey) -> std::io::Result<()> {
        Ok(())
    }
    fn figures(&self, _: &CameraKey) -> Option<Figures> {
        None
    }
    fn film(&self, _: &CameraKey, _: Start, _: Tell) -> std::io::Result<Film> {
        unreachable!("nothing is paired")
    }
    fn forget(&self, _: PlaceId) {}
}

struct Silent;

impl Desktop for Silent {
    fn notify(&self, _: CameraKey, _: &str, _: &str, _: Handle) {}
}

/// A controller without any place: it carries out what a click asks for.
fn controller(data: &Path) -> (Handle, JoinHandle<()>) {
    let controller = Controller::new(Setup {
        store: open_store(data).unwrap(),
        data: data.to_owned(),
        settings: Settings::default(),
        notice: None,
        device: "Laptop".to_owned(),
        media: Arc::new(NoMedia),
        desktop: Arc::new(Silent),
        wake: Arc::new(|| {}),
    });
    (controller.handle(), tokio::spawn(controller.run()))
}

async fn until(handle: &Handle, what: &str, mut step: impl AsyncFnMut(), seen: impl Fn(&Model) -> bool) {
    let end = Instant::now() + LONG;
    while !seen(&handle.model()) {
        assert!(Instant::now() < end, "{what}: {:?}", handle.model());
        step().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn door() -> CameraKey {
    CameraKey { place: PlaceId([7; 32]), camera: CameraId::slug("Front door") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_a_notification_opens_its_camera() {
    if !inside("notify::a_click_on_a_notification_opens_its_camera", Bus::Private) {
        return;
    }
    let (sender, asked) = mpsc::sync_channel(64);
    let asked = Arc::new(Mutex::new(asked));
    let take = move || {
        let asked = Arc::clone(&asked);
        async move { tokio::task::spawn_blocking(move || asked.lock().unwrap().recv_timeout(LONG)).await.unwrap() }
    };
    let service = zbus::connection::Builder::session().unwrap();
    let service = service.name("org.freedesktop.Notifications").unwrap();
    let service = service.serve_at("/org/freedesktop/Notifications", Service { asked: sender, next: 41 }).unwrap();
    let service = service.build().await.unwrap();
    let signal = async |member: &str, body: (u32, &str)| {
        let at = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications");
        service.emit_signal(None::<&str>, at.0, at.1, member, &body).await.unwrap();
    };
    let data = tempfile::tempdir().unwrap();
    let (handle, running) = controller(data.path());
    let desktop = Notifications::start();
    let names = || ("Front door".to_owned(), "Chez nous <b>".to_owned());

    // French, and nothing in it that a desktop could read as markup.
    let (camera, place) = names();
    let sentence = Sentence::CameraAway { camera, place }.text(Lang::Fr);
    desktop.notify(door(), "Front door", &sentence, handle.clone());
    // At once, before the desktop has a name for the first.
    let (camera, place) = names();
    desktop.notify(door(), "Front door", &Sentence::CameraBack { camera, place }.text(Lang::En), handle.clone());
    let away = take().await.unwrap();
    assert_eq!((away.title.as_str(), away.replaces, away.name), ("Front door", 0, 41));
    assert_eq!(away.text, "Front door (Chez nous ‹b›) ne donne plus d’image. AtHome continue d’essayer.");
    assert_eq!(away.actions, ["default", "Front door"]);

    // What is said next of the same camera takes its place; another camera has its own.
    let back = take().await.unwrap();
    assert_eq!((back.replaces, back.text.as_str()), (41, "Front door at Chez nous ‹b› is live again."));
    let yard = CameraKey { camera: CameraId::slug("Yard"), ..door() };
    desktop.notify(yard.clone(), "Yard", "gone", handle.clone());
    let other = take().await.unwrap();
    assert_eq!(other.replaces, 0);

    // Control: a click on somebody else's notification, and another action, open nothing. They come before the click
    // that does, on the same connection.
    until(
        &handle,
        "the click",
        async || {
            signal("ActionInvoked", (9_999, "default")).await;
            signal("ActionInvoked", (back.name, "other")).await;
            signal("ActionInvoked", (other.name, "default")).await;
        },
        |model| model.forward > 0,
    )
    .await;
    let model = handle.model();
    assert_eq!((model.settings.large.as_ref(), model.forward), (Some(&yard), 1));

    drop(desktop);
    handle.send(athome_viewer::controller::request::Request::Quit);
    running.await.unwrap();
}

/// Neither a bus that is not there nor a service that never answers holds anybody up; the person is told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desktop_without_notifications_is_said_once() {
    if !inside("notify::a_desktop_without_notifications_is_said_once", Bus::None) {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let (handle, running) = controller(data.path());
    let desktop = Notifications::start();
    for _ in 0..200 {
        desktop.notify(door(), "Front door", "gone", handle.clone());
    }
    let said = |model: &Model| model.notice.as_ref().is_some_and(|n| n.sentence == Sentence::NoNotifications);
    until(&handle, "the word", async || {}, said).await;
    handle.send(athome_viewer::controller::request::Request::DismissNotice);
    until(&handle, "its end", async || {}, |model| model.notice.is_none()).await;
    desktop.notify(door(), "Front door", "gone", handle.clone());
    drop(desktop);
    handle.send(athome_viewer::controller::request::Request::Quit);
    running.await.unwrap();
    assert!(handle.model().notice.is_none(), "said a second time");
}
