//! The window: reads the controller's model, draws it, and sends what was wished. Closing it ends the controller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athome_shared::look::theme;
use athome_shared::pair::link::Link;
use egui::{Context, ViewportBuilder, ViewportCommand};
use tracing::{error, warn};

use crate::controller::model::Model;
use crate::controller::request::{Request, Wanted};
use crate::controller::{Controller, Desktop, Handle, Media, Setup};
use crate::session::client::SharedStore;
use crate::settings::{CameraKey, Settings, Theme};
use crate::ui::wall::Wall;
use crate::ui::{Scene, View, Webcam, Wish};
use crate::words::{Label, Lang, Sentence};

/// What is on the screen has to stay the same for this long before it is asked for.
const SETTLED: Duration = Duration::from_millis(200);
/// Between two frames of the window: what several cameras bring within this time is drawn together.
const PACE: Duration = Duration::from_millis(12);
/// How long closing waits for goodbyes and the ends of recordings.
const GOODBYE: Duration = Duration::from_secs(5);
const SIZE: [f32; 2] = [1_280.0, 800.0];
const LEAST: [f32; 2] = [480.0, 400.0];

/// What the window asks of the desktop beside the controller. Nothing in here may wait: answers come as requests through
/// the handle, or as the webcam's next picture.
pub trait Outside: Send + Sync {
    /// Looks for a code in this picture.
    fn image(&self, path: PathBuf, requests: &Handle);
    /// Asks which picture, then looks for a code in it.
    fn open_image(&self, requests: &Handle);
    /// Looks for a code with the webcam, or stops that.
    fn webcam(&self, wanted: Wanted, requests: &Handle);
    /// What the webcam sees; `None` while it is off.
    fn preview(&self) -> Option<Webcam>;
    /// Asks for the folder of pictures and recordings.
    fn choose_folder(&self, requests: &Handle);
}

/// What the window is made of.
pub struct Window {
    pub store: SharedStore,
    pub data: PathBuf,
    pub settings: Settings,
    pub notice: Option<Sentence>,
    /// What this device calls itself when it pairs.
    pub device: String,
    /// A link to pair with at once.
    pub link: Option<Link>,
    pub desktop: Arc<dyn Desktop>,
    pub outside: Option<Arc<dyn Outside>>,
    /// Makes what plays; pictures go to the wall.
    pub media: fn(Arc<Wall>) -> Arc<dyn Media>,
}

/// Opens the window and returns once it is closed.
pub fn run(window: Window) -> Result<(), Sentence> {
    let unusable = |error: &dyn std::fmt::Display| Sentence::NoDisplay { detail: error.to_string() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| unusable(&e))?;
    let size = window.settings.window.unwrap_or(SIZE);
    let viewport = ViewportBuilder::default()
        .with_title("AtHome")
        .with_app_id("athome-viewer")
        .with_inner_size(size)
        .with_min_inner_size(LEAST)
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let mut running = None;
    let spawner = runtime.handle().clone();
    let started = &mut running;
    let result = eframe::run_native(
        "AtHome",
        options,
        Box::new(move |cc| {
            let (app, controller) = App::new(&cc.egui_ctx, window);
            *started = Some(spawner.spawn(controller.run()));
            Ok(Box::new(app))
        }),
    );
    if let Some(running) = running {
        let ended = runtime.block_on(async { tokio::time::timeout(GOODBYE, running).await });
        if ended.is_err() {
            warn!("the goodbyes took too long");
        }
    }
    runtime.shutdown_timeout(Duration::from_millis(500));
    result.map_err(|e| unusable(&e))
}

/// The window's side of the program.
struct App {
    handle: Handle,
    wall: Arc<Wall>,
    view: View,
    visible: Settling<Vec<(CameraKey, u32)>>,
    size: Settling<[f32; 2]>,
    outside: Option<Arc<dyn Outside>>,
    pace: Arc<Pace>,
    /// Consecutive frames in which a panel panicked.
    failed: u32,
}

impl App {
    fn new(ctx: &Context, window: Window) -> (Self, Controller) {
        theme::apply(ctx);
        let pace = Arc::new(Pace::new());
        let (of_wall, of_model) = (Arc::clone(&pace), Arc::clone(&pace));
        let (wall_ctx, model_ctx) = (ctx.clone(), ctx.clone());
        let wall = Wall::new(move || of_wall.repaint(&wall_ctx));
        let controller = Controller::new(Setup {
            store: window.store,
            data: window.data,
            settings: window.settings,
            notice: window.notice,
            device: window.device,
            media: (window.media)(Arc::clone(&wall)),
            desktop: window.desktop,
            wake: Arc::new(move || of_model.repaint(&model_ctx)),
        });
        let handle = controller.handle();
        if let Some(link) = window.link {
            handle.send(Request::Pair(link));
        }
        let app = Self {
            handle,
            wall,
            view: View::default(),
            visible: Settling::default(),
            size: Settling::default(),
            outside: window.outside,
            pace,
            failed: 0,
        };
        (app, controller)
    }

    fn draw(&mut self, ui: &mut egui::Ui, model: &Model, lang: Lang, wishes: &mut Vec<Wish>) {
        let webcam = self.outside.as_ref().and_then(|outside| outside.preview());
        let scene = Scene {
            model,
            wall: &self.wall,
            lang,
            now: Instant::now(),
            full_screen: ui.ctx().input(|input| input.viewport().fullscreen.unwrap_or(false)),
            outside: self.outside.is_some(),
            webcam: webcam.as_ref(),
        };
        // A mistake in a panel must not end the pictures of a camera that somebody relies on.
        let drawn = catch_unwind(AssertUnwindSafe(|| crate::ui::show(ui, &scene, &mut self.view, wishes)));
        match drawn {
            Ok(()) => self.failed = 0,
            Err(_) => {
                self.failed += 1;
                error!(times = self.failed, "a part of the window failed");
                self.view = View::default();
                wishes.clear();
                ui.label(Label::PanelFailed.text(lang));
                ui.ctx().request_repaint_after(Duration::from_secs(1));
            }
        }
    }

    fn carry_out(&self, ctx: &Context, wish: Wish) {
        match (wish, &self.outside) {
            (Wish::Ask(request), _) => self.handle.send(request),
            (Wish::FullScreen(on), _) => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(on)),
            (Wish::Paste, _) => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
            (Wish::Copy(text), _) => ctx.copy_text(text),
            (Wish::Image(path), Some(outside)) => outside.image(path, &self.handle),
            (Wish::OpenImage, Some(outside)) => outside.open_image(&self.handle),
            (Wish::Webcam(wanted), Some(outside)) => outside.webcam(wanted, &self.handle),
            (Wish::ChooseFolder, Some(outside)) => outside.choose_folder(&self.handle),
            // Not offered without.
            (Wish::Image(_) | Wish::OpenImage | Wish::Webcam(_) | Wish::ChooseFolder, None) => {}
        }
    }

    /// Tells the controller what is on the screen, once that has settled.
    fn settle(&mut self, ctx: &Context) {
        let now = Instant::now();
        let mut visible = self.view.visible().to_vec();
        if ctx.input(|input| input.viewport().minimized.unwrap_or(false)) {
            visible.clear();
        }
        if let Some(visible) = self.visible.handle(now, visible) {
            self.handle.send(Request::Visible(visible));
        }
        let (rect, full) = ctx.input(|input| (input.content_rect(), input.viewport().fullscreen.unwrap_or(false)));
        let size = [rect.width(), rect.height()];
        if !full && let Some(size) = self.size.handle(now, size) {
            self.handle.send(Request::WindowSize(size));
        }
        let waits = [self.visible.poll_timeout(), self.size.poll_timeout()].into_iter().flatten().min();
        let settles = waits.map(|at| at.saturating_duration_since(now));
        if let Some(after) = [self.view.again_after(), settles].into_iter().flatten().min() {
            ctx.request_repaint_after(after);
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.pace.handle_painted();
        let model = self.handle.model();
        let lang = model.settings.language.as_deref().map_or_else(Lang::of_system, Lang::of_tag);
        let ctx = ui.ctx().clone();
        ctx.set_theme(match model.settings.theme {
            Theme::System => egui::ThemePreference::System,
            Theme::Dark => egui::ThemePreference::Dark,
            Theme::Light => egui::ThemePreference::Light,
        });
        let mut wishes = Vec::new();
        self.draw(ui, &model, lang, &mut wishes);
        for wish in wishes {
            self.carry_out(&ctx, wish);
        }
        self.settle(&ctx);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.handle.send(Request::Quit);
    }
}

/// Passes a value on once it has stayed the same for [`SETTLED`]. Pure.
#[derive(Debug)]
struct Settling<T> {
    sent: Option<T>,
    next: Option<(T, Instant)>,
}

impl<T> Default for Settling<T> {
    fn default() -> Self {
        Self { sent: None, next: None }
    }
}

impl<T: PartialEq + Clone> Settling<T> {
    fn handle(&mut self, now: Instant, value: T) -> Option<T> {
        if self.sent.as_ref() == Some(&value) {
            self.next = None;
            return None;
        }
        match &self.next {
            Some((waiting, since)) if *waiting == value => {
                if now.saturating_duration_since(*since) < SETTLED {
                    return None;
                }
                self.next = None;
                self.sent = Some(value.clone());
                Some(value)
            }
            Some(_) | None => {
                self.next = Some((value, now));
                None
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next.as_ref().map(|(_, since)| *since + SETTLED)
    }
}

/// Joins the repaints that several threads ask for.
struct Pace {
    start: Instant,
    painted_us: AtomicU64,
}

impl Pace {
    fn new() -> Self {
        Self { start: Instant::now(), painted_us: AtomicU64::new(0) }
    }

    fn handle_painted(&self) {
        self.painted_us.store(self.now_us(), Ordering::Relaxed);
    }

    fn repaint(&self, ctx: &Context) {
        let since = self.now_us().saturating_sub(self.painted_us.load(Ordering::Relaxed));
        match PACE.checked_sub(Duration::from_micros(since)) {
            Some(rest) => ctx.request_repaint_after(rest),
            None => ctx.request_repaint(),
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{SETTLED, Settling};

    #[test]
    fn what_changes_all_the_time_is_passed_on_once_it_rests() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut settling = Settling::default();
        for ms in 0..50 {
            assert_eq!(settling.handle(at(ms * 10), ms), None);
        }
        assert_eq!(settling.poll_timeout(), Some(at(490) + SETTLED));
        assert_eq!(settling.handle(at(689), 49), None);
        assert_eq!(settling.handle(at(690), 49), Some(49));
        assert_eq!(settling.handle(at(900), 49), None);
        assert_eq!(settling.poll_timeout(), None);
        // Back before it was passed on: nothing.
        assert_eq!(settling.handle(at(1_000), 50), None);
        assert_eq!(settling.handle(at(1_100), 49), None);
        assert_eq!(settling.poll_timeout(), None);
    }
}
