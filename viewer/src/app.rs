//! The window: reads the controller's model, draws it, and sends what was wished. Closing it ends the controller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use athome_shared::look::theme;
use athome_shared::pair::link::Link;
use egui::{Context, ViewportBuilder, ViewportCommand};
use tracing::{error, warn};

use crate::controller::model::Model;
use crate::controller::request::Request;
use crate::controller::{Controller, Desktop, Handle, Media, Setup};
use crate::desktop::instance::First;
use crate::desktop::keystore;
use crate::outside::Outside;
use crate::play::hold::Holds;
use crate::play::stage::Stage;
use crate::session::client::SharedStore;
use crate::settings::{CameraKey, Settings, Theme};
use crate::ui::wall::Wall;
use crate::ui::{Scene, View, Wish};
use crate::words::{Label, Lang, Sentence};

/// What is on the screen has to stay the same for this long before it is asked for.
const SETTLED: Duration = Duration::from_millis(200);
/// Between two frames of the window: what several cameras bring within this time is drawn together.
const PACE: Duration = Duration::from_millis(12);
/// How long closing waits for goodbyes and the ends of recordings.
const GOODBYE: Duration = Duration::from_secs(5);
const SIZE: [f32; 2] = [1_280.0, 800.0];
const LEAST: [f32; 2] = [480.0, 400.0];

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
    /// Where later starts of the program are heard.
    pub first: First,
    pub desktop: Arc<dyn Desktop>,
}

/// Opens the window and returns once it is closed.
pub fn run(mut window: Window) -> Result<(), Sentence> {
    let unusable = |error: &dyn std::fmt::Display| {
        error!(%error, "no window");
        Sentence::NoDisplay
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| unusable(&e))?;
    let size = window.settings.window.unwrap_or(SIZE);
    let viewport = ViewportBuilder::default()
        .with_title("AtHome")
        .with_app_id("athome-viewer")
        .with_inner_size(size)
        .with_min_inner_size(LEAST)
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    // The loudspeaker's word for the person reaches the controller, which is made after it.
    let handle = Arc::new(OnceLock::<Handle>::new());
    let pace = Arc::new(Pace::new());
    let holds = Arc::new(Holds::default());
    let mut running = None;
    let spawner = runtime.handle().clone();
    let started = &mut running;
    let store = Arc::clone(&window.store);
    let mut first = std::mem::take(&mut window.first);
    let later = &mut first;
    let result = eframe::run_native(
        "AtHome",
        options,
        Box::new(move |cc| {
            let (of_wall, ctx) = (Arc::clone(&pace), cc.egui_ctx.clone());
            let wall = Wall::new(Arc::clone(&holds), move |hold| of_wall.repaint(&ctx, hold));
            let told = Arc::clone(&handle);
            let say = Box::new(move |sentence| {
                if let Some(handle) = told.get() {
                    handle.send(Request::Say(sentence));
                }
            });
            let stage = Stage::new(Arc::new(Arc::clone(&wall)), holds, say)?;
            let (app, controller) = App::new(&cc.egui_ctx, window, wall, pace, Arc::new(stage));
            keystore::move_in(store, keystore::System::default(), controller.handle());
            let to_controller = controller.handle();
            later.listen(move |wish| to_controller.send(wish));
            let _ = handle.set(controller.handle());
            *started = Some(spawner.spawn(controller.run()));
            Ok(Box::new(app))
        }),
    );
    first.deafen();
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
    outside: Outside,
    pace: Arc<Pace>,
    /// How often the window has come to the front when it was asked to.
    forward: u64,
    /// Consecutive frames in which a panel panicked.
    failed: u32,
}

impl App {
    fn new(
        ctx: &Context,
        window: Window,
        wall: Arc<Wall>,
        pace: Arc<Pace>,
        media: Arc<dyn Media>,
    ) -> (Self, Controller) {
        theme::apply(ctx);
        let (of_model, model_ctx, outside_ctx) = (Arc::clone(&pace), ctx.clone(), ctx.clone());
        let controller = Controller::new(Setup {
            store: window.store,
            data: window.data,
            settings: window.settings,
            notice: window.notice,
            device: window.device,
            media,
            desktop: window.desktop,
            wake: Arc::new(move || of_model.repaint(&model_ctx, Duration::ZERO)),
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
            outside: Outside::new(Arc::new(move || outside_ctx.request_repaint())),
            pace,
            forward: 0,
            failed: 0,
        };
        (app, controller)
    }

    fn draw(&mut self, ui: &mut egui::Ui, model: &Model, lang: Lang, wishes: &mut Vec<Wish>) {
        let webcam = self.outside.preview();
        let scene = Scene {
            model,
            wall: &self.wall,
            lang,
            now: Instant::now(),
            full_screen: ui.ctx().input(|input| input.viewport().fullscreen.unwrap_or(false)),
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
        match wish {
            Wish::Ask(request) => self.handle.send(request),
            Wish::FullScreen(on) => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(on)),
            Wish::Paste => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
            Wish::LinkUsed(link) => self.outside.link_used(link, &self.handle),
            Wish::Copy(text) => ctx.copy_text(text),
            Wish::Image(path) => self.outside.image(path, &self.handle),
            Wish::OpenImage => self.outside.open_image(&self.handle),
            Wish::Webcam(wanted) => self.outside.webcam(wanted, &self.handle),
            Wish::ChooseFolder => self.outside.choose_folder(&self.handle),
        }
    }

    /// Comes to the front when asked. Where a system lets no window do so by itself, it asks for attention.
    fn come_forward(&mut self, ctx: &Context, model: &Model) {
        if std::mem::replace(&mut self.forward, model.forward) != model.forward {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(ViewportCommand::Focus);
            ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
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
    /// Runs while the window is hidden, too.
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        let model = self.handle.model();
        self.come_forward(ctx, &model);
    }

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

    /// Asks for a repaint as soon as the pace allows, and not before `hold` is over.
    fn repaint(&self, ctx: &Context, hold: Duration) {
        let since = self.now_us().saturating_sub(self.painted_us.load(Ordering::Relaxed));
        let rest = PACE.saturating_sub(Duration::from_micros(since)).max(hold);
        if rest.is_zero() {
            ctx.request_repaint();
        } else {
            ctx.request_repaint_after(rest);
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
