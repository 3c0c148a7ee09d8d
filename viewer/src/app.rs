//! The window: reads the controller's model, draws it, and sends what was wished. Closing it ends the controller.

mod losses;
mod tempo;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::look::theme::{self, SURROUND};
use athome_shared::pair::link::Link;
use egui::{Context, ViewportBuilder, ViewportCommand};
use tracing::{error, warn};

use crate::controller::model::Model;
use crate::controller::request::Request;
use crate::controller::{Controller, Desktop, Handle, Setup};
use crate::desktop::instance::First;
use crate::desktop::keystore;
use crate::outside::Outside;
use crate::play::hold::Holds;
use crate::play::stage::Stage;
use crate::report::Report;
use crate::session::client::SharedStore;
use crate::settings::{CameraKey, Settings, Theme};
use crate::ui::shader::{self, Shader};
use crate::ui::wall::Wall;
use crate::ui::{Scene, View, Wish};
use crate::words::{Label, Lang, Sentence};
use losses::{Losses, Then};
use tempo::Tempo;

/// What is on the screen has to stay the same for this long before it is asked for.
const SETTLED: Duration = Duration::from_millis(200);
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
    /// Collects figures of what is shown, where somebody wants them.
    pub report: Option<Arc<Report>>,
    /// Asked after each frame; true pretends that the graphics driver lost the window.
    pub probe: Probe,
}

/// See [`Window::probe`].
pub type Probe = Box<dyn Fn() -> bool + Send + Sync>;

/// Opens the window and returns once it is closed. Should the graphics driver lose it, it is opened again: what is
/// watched, heard and recorded belongs to the controller, and goes on meanwhile.
pub fn run(mut window: Window) -> Result<(), Sentence> {
    let unusable = |error: &dyn std::fmt::Display| {
        error!(%error, "no window");
        Sentence::NoDisplay
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| unusable(&e))?;
    let size = window.settings.window;
    let (store, mut first) = (Arc::clone(&window.store), std::mem::take(&mut window.first));
    let (core, controller) = Core::new(window).map_err(|e| unusable(&e))?;
    let mut waiting = Some(controller);
    let mut running = None;
    let mut losses = Losses::default();
    let result = loop {
        core.lost.store(false, Ordering::Relaxed);
        let opened = AtomicBool::new(false);
        let size = core.handle.model().settings.window.or(size).unwrap_or(SIZE);
        let open = || {
            eframe::run_native(
                "AtHome",
                options(size),
                Box::new(|cc| {
                    opened.store(true, Ordering::Relaxed);
                    // Nobody is connected to for a window that can't be opened.
                    if let Some(controller) = waiting.take() {
                        keystore::move_in(Arc::clone(&store), keystore::System::default(), controller.handle());
                        let to_controller = controller.handle();
                        first.listen(move |wish| to_controller.send(wish));
                        running = Some(runtime.spawn(controller.run()));
                    }
                    Ok(Box::new(App::new(Arc::clone(&core), cc)))
                }),
            )
        };
        // The libraries of a display are loaded when they are needed, and some of their wrappers panic where one is missing.
        let ended = match catch_unwind(AssertUnwindSafe(open)) {
            Ok(ended) => ended,
            Err(panic) if opened.load(Ordering::Relaxed) => resume_unwind(panic),
            Err(_) => break Err(unusable(&"a library of the display is missing")),
        };
        core.pace.attach(None);
        let lost = core.lost.load(Ordering::Relaxed) || (ended.is_err() && opened.load(Ordering::Relaxed));
        match ended {
            Ok(()) if !lost => break Ok(()),
            Err(error) if !lost => break Err(unusable(&error)),
            Ok(()) => warn!("the graphics driver lost the window"),
            Err(error) => warn!(%error, "the graphics driver lost the window"),
        }
        match losses.handle_loss(Instant::now()) {
            Then::OpenAgain => core.handle.send(Request::Say(Sentence::GraphicsBack)),
            Then::GiveUp => break Err(Sentence::GraphicsGone),
        }
    };
    first.deafen();
    core.handle.send(Request::Quit);
    if let Some(running) = running {
        let ended = runtime.block_on(async { tokio::time::timeout(GOODBYE, running).await });
        if ended.is_err() {
            warn!("the goodbyes took too long");
        }
    }
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

fn options(size: [f32; 2]) -> eframe::NativeOptions {
    let viewport = ViewportBuilder::default()
        .with_title("AtHome")
        .with_app_id("athome-viewer")
        .with_inner_size(size)
        .with_min_inner_size(LEAST)
        .with_drag_and_drop(true);
    // Dithering smooths gradients, of which there are none; without a graphics card it costs a third of all drawing.
    eframe::NativeOptions { viewport, dithering: false, ..Default::default() }
}

/// What lives longer than a window that the graphics driver may lose.
struct Core {
    handle: Handle,
    wall: Arc<Wall>,
    pace: Arc<Pace>,
    report: Option<Arc<Report>>,
    /// Asked after each frame whether the driver lost the context.
    probe: Probe,
    /// Why the window is being closed.
    lost: AtomicBool,
}

impl Core {
    fn new(window: Window) -> std::io::Result<(Arc<Self>, Controller)> {
        let pace = Arc::new(Pace::default());
        let holds = Arc::new(Holds::default());
        let of_wall = Arc::clone(&pace);
        let wall = Wall::new(Arc::clone(&holds), move |hold| of_wall.repaint(hold));
        if let Some(report) = &window.report {
            wall.report_to(Arc::clone(report));
        }
        // The loudspeaker's word for the person reaches the controller, which is made after it.
        let handle = Arc::new(OnceLock::<Handle>::new());
        let told = Arc::clone(&handle);
        let say = Arc::new(move |sentence| {
            if let Some(handle) = told.get() {
                handle.send(Request::Say(sentence));
            }
        });
        let stage = Stage::new(Arc::new(Arc::clone(&wall)), holds, say)?;
        let of_model = Arc::clone(&pace);
        let controller = Controller::new(Setup {
            store: window.store,
            data: window.data,
            settings: window.settings,
            notice: window.notice,
            device: window.device,
            media: Arc::new(stage),
            desktop: window.desktop,
            wake: Arc::new(move || of_model.repaint(Duration::ZERO)),
        });
        let _ = handle.set(controller.handle());
        if let Some(link) = window.link {
            controller.handle().send(Request::Pair(link));
        }
        let lost = AtomicBool::new(false);
        let (handle, report, probe) = (controller.handle(), window.report, window.probe);
        Ok((Arc::new(Self { handle, wall, pace, report, probe, lost }), controller))
    }
}

/// The window's side of the program.
struct App {
    core: Arc<Core>,
    handle: Handle,
    view: View,
    shader: Option<Arc<Shader>>,
    visible: Settling<Vec<(CameraKey, u32)>>,
    size: Settling<[f32; 2]>,
    outside: Outside,
    /// How often the window has come to the front when it was asked to.
    forward: u64,
    /// Consecutive frames in which a panel panicked.
    failed: u32,
}

impl App {
    fn new(core: Arc<Core>, cc: &eframe::CreationContext<'_>) -> Self {
        theme::apply(&cc.egui_ctx);
        core.pace.attach(Some(&cc.egui_ctx));
        let shader = cc.gl.as_deref().map(Shader::new).and_then(|shader| match shader {
            Ok(shader) => Some(Arc::new(shader)),
            Err(error) => {
                warn!(%error, "no shader: pictures are converted without the graphics driver");
                None
            }
        });
        let outside_ctx = cc.egui_ctx.clone();
        Self {
            handle: core.handle.clone(),
            core,
            view: View::new(shader.clone()),
            shader,
            visible: Settling::default(),
            size: Settling::default(),
            outside: Outside::new(Arc::new(move || outside_ctx.request_repaint())),
            forward: 0,
            failed: 0,
        }
    }

    /// Notices whether the driver lost the context; the window is then closed, to be opened again.
    fn probe(&self, ctx: &Context, frame: &eframe::Frame) {
        let Some(gl) = frame.gl() else { return };
        if shader::lost(gl, self.shader.as_deref()) || (self.core.probe)() {
            self.core.lost.store(true, Ordering::Relaxed);
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn draw(&mut self, ui: &mut egui::Ui, model: &Model, lang: Lang, wishes: &mut Vec<Wish>) {
        let webcam = self.outside.preview();
        let scene = Scene {
            model,
            wall: &self.core.wall,
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
                self.view.reset();
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
        self.core.pace.tempo().handle_cameras(visible.len());
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
        // Nothing is painted then, and nothing is to be received.
        if ctx.input(|input| input.viewport().minimized.unwrap_or(false)) {
            self.settle(ctx);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.core.pace.tempo().handle_painted(Instant::now());
        if let Some(report) = &self.core.report {
            report.handle_painted();
        }
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
        self.probe(&ctx, frame);
    }

    /// What lies around the pictures; panels paint over it.
    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        SURROUND.to_normalized_gamma_f32()
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
#[derive(Default)]
struct Pace {
    tempo: Mutex<Tempo>,
    /// The open window's.
    ctx: Mutex<Option<Context>>,
}

impl Pace {
    fn attach(&self, ctx: Option<&Context>) {
        *self.ctx.lock().unwrap_or_else(PoisonError::into_inner) = ctx.cloned();
    }

    fn tempo(&self) -> MutexGuard<'_, Tempo> {
        self.tempo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a repaint as soon as the tempo allows, and not before `hold` is over.
    fn repaint(&self, hold: Duration) {
        let ctx = self.ctx.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(ctx) = ctx else { return };
        let wait = self.tempo().wait(Instant::now(), hold);
        if wait.is_zero() {
            ctx.request_repaint();
        } else {
            ctx.request_repaint_after(wait);
        }
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
