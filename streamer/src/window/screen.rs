//! The window itself: reads the task's model, draws it, and sends what was wished.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::look::theme;
use athome_shared::time::WallTime;
use egui::{Context, ViewportBuilder, ViewportCommand};
use tracing::error;

use super::model::{Model, Request, Said, Theme};
use super::run::Handle;
use super::ui::{Scene, View, Wish};
use crate::words::window::Label;

const SIZE: [f32; 2] = [1_120.0, 760.0];
const LEAST: [f32; 2] = [640.0, 480.0];
/// After a part of the window failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Why there is no window; for the log.
pub(super) struct NoWindow(String);

impl fmt::Display for NoWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Opens the window and returns once it is closed.
pub(super) fn show(handle: &Handle, context: &Mutex<Option<Context>>) -> Result<(), NoWindow> {
    let viewport = ViewportBuilder::default()
        .with_title(title(&handle.model()))
        .with_app_id("athome-streamer")
        .with_inner_size(SIZE)
        .with_min_inner_size(LEAST);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let of_app = handle.clone();
    let open = || {
        eframe::run_native(
            "AtHome",
            options,
            Box::new(move |cc| {
                theme::apply(&cc.egui_ctx);
                *context.lock().unwrap_or_else(PoisonError::into_inner) = Some(cc.egui_ctx.clone());
                of_app.tell(Request::Opened);
                Ok(Box::new(Screen { handle: of_app, view: View::default(), visible: true, raised: None, failed: 0 }))
            }),
        )
    };
    // The libraries of a display are loaded when they are needed, and some of their wrappers panic where one is missing. That
    // must not end what is recorded and watched.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|why| NoWindow(why.to_string())),
        Err(_) => Err(NoWindow("a library of the display is missing, or failed".to_owned())),
    }
}

fn title(model: &Model) -> String {
    format!("AtHome · {}", model.place)
}

struct Screen {
    handle: Handle,
    view: View,
    visible: bool,
    /// The last request to come to the front that was followed.
    raised: Option<u64>,
    /// Consecutive frames in which a panel panicked.
    failed: u32,
}

impl Screen {
    fn draw(&mut self, ui: &mut egui::Ui, model: &Model, wishes: &mut Vec<Wish>) {
        let scene = Scene {
            model,
            picture: model.selected.as_ref().and_then(|camera| self.handle.glass().newest(camera)),
            now: Instant::now(),
            wall: WallTime::now(),
        };
        // A mistake in a panel must not end the pictures that others rely on.
        let drawn = catch_unwind(AssertUnwindSafe(|| super::ui::show(ui, &scene, &mut self.view, wishes)));
        match drawn {
            Ok(()) => self.failed = 0,
            Err(_) => {
                self.failed += 1;
                error!(times = self.failed, "a part of the window failed");
                self.view = View::default();
                wishes.clear();
                if self.failed == 1 {
                    self.handle.send(Request::Say(Said::plain(Label::WindowFailed)));
                }
                ui.ctx().request_repaint_after(AGAIN);
            }
        }
    }

    /// The window's manager wants it closed: that is the streamer's end, the tray, or a question.
    fn close_requested(&mut self, ctx: &Context, model: &Model) {
        if !self.view.may_close(model) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            // The question has to be seen.
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(ViewportCommand::Focus);
        } else if self.view.stops(model) {
            self.handle.send(Request::Quit);
        }
    }
}

impl eframe::App for Screen {
    /// Runs while the window is small or hidden, too.
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        let model = self.handle.model();
        let (close, minimised) = ctx.input(|input| {
            let viewport = input.viewport();
            (viewport.close_requested(), viewport.minimized.unwrap_or(false))
        });
        if close {
            self.close_requested(ctx, &model);
        } else if model.ending {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        if self.raised.replace(model.raised).is_some_and(|before| before != model.raised) {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(ViewportCommand::Focus);
        }
        if std::mem::replace(&mut self.visible, !minimised) == minimised {
            self.handle.send(Request::Visible(!minimised));
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let model = self.handle.model();
        let ctx = ui.ctx().clone();
        ctx.set_theme(match model.kept.theme {
            Theme::System => egui::ThemePreference::System,
            Theme::Dark => egui::ThemePreference::Dark,
            Theme::Light => egui::ThemePreference::Light,
        });
        let mut wishes = Vec::new();
        self.draw(ui, &model, &mut wishes);
        for wish in wishes {
            match wish {
                Wish::Ask(request) => self.handle.send(request),
                Wish::Close => ctx.send_viewport_cmd(ViewportCommand::Close),
                Wish::Minimise => ctx.send_viewport_cmd(ViewportCommand::Minimized(true)),
            }
        }
        if let Some(after) = self.view.again_after(&model) {
            ctx.request_repaint_after(after);
        }
    }
}
