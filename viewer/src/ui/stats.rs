//! Where a picture's time goes, hop by hop, in a sentence first.

use std::time::Duration;

use athome_shared::look::fmt;
use athome_shared::look::icon::Icon;
use athome_shared::look::theme;
use egui::{Color32, Grid, Rect, Sense, Ui, vec2};

use super::control::{self, State};
use super::toolbar;
use super::view::{Scene, Side, View, Wish};
use crate::controller::model::{Hops, Stats};
use crate::words::{Label, Lang};

/// A picture older than this in the mean is called slow.
const GOOD_MS: f64 = 500.0;
/// How long "Copied" stays.
const COPIED: Duration = Duration::from_secs(2);

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    if control::heading(ui, &Label::Stats.text(scene.lang), &Label::Close.text(scene.lang)) {
        toolbar::toggle(view, Side::Stats, wishes);
    }
    let Some(stats) = &scene.model.stats else {
        control::muted(ui, Label::NoPicture.text(scene.lang));
        return;
    };
    let name = stats.camera.as_ref().and_then(|key| scene.model.camera(key)).map(|camera| camera.name.clone());
    if let Some(name) = name {
        control::muted(ui, name);
    }
    ui.add(egui::Label::new(sentence(scene.lang, stats)).wrap());
    if let Some(hops) = &stats.hops {
        bar(ui, scene.lang, hops);
    }
    Grid::new("figures").num_columns(2).min_row_height(0.0).spacing([16.0, 6.0]).show(ui, |ui| {
        for (label, value) in figures(scene.lang, stats) {
            let colour = theme::palette(ui.visuals()).muted;
            ui.add(egui::Label::new(egui::RichText::new(label.text(scene.lang)).color(colour)).extend());
            ui.label(value);
            ui.end_row();
        }
    });
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        if control::icon_button(ui, Icon::Copy, &Label::Copy.text(scene.lang), State::Ready).clicked() {
            wishes.push(Wish::Copy(text(scene.lang, stats)));
            view.copied = Some(scene.now);
        }
        if view.copied.is_some_and(|at| scene.now.saturating_duration_since(at) < COPIED) {
            ui.label(Label::Copied.text(scene.lang));
            view.ages = true;
        }
    });
}

fn sentence(lang: Lang, stats: &Stats) -> String {
    let path = match stats.path {
        Some("relay") => Label::PathRelay,
        Some("srflx") => Label::PathSrflx,
        Some("host") => Label::PathDirect,
        Some(_) | None => Label::PathUnknown,
    };
    let Some(hops) = &stats.hops else { return Label::NoPicture.text(lang) };
    let total = hops.total();
    let age = format!("{} s", fmt::number(total / 1_000.0, 2, lang.decimal()));
    let label = if total < GOOD_MS { Label::Good } else { Label::Slow };
    label.with(lang, &[("path", &path.text(lang)), ("age", &age)])
}

fn hops(hops: &Hops) -> [(Label, f64); 6] {
    [
        (Label::HopCapture, hops.capture),
        (Label::HopEncode, hops.encode),
        (Label::HopSend, hops.send),
        (Label::HopNetwork, hops.network),
        (Label::HopDecode, hops.decode),
        (Label::HopShow, hops.show),
    ]
}

/// The picture's way as one bar, and under it each part in words: the colours are no legend.
fn bar(ui: &mut Ui, lang: Lang, all: &Hops) {
    let palette = theme::palette(ui.visuals());
    let colours = [palette.accent, palette.live, palette.motion, palette.warning, palette.danger, palette.muted];
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let total = all.total().max(0.001);
    let mut x = rect.left();
    for ((_, ms), colour) in hops(all).into_iter().zip(colours) {
        let width = rect.width() * (ms / total) as f32;
        let part = Rect::from_min_size(egui::pos2(x, rect.top()), vec2((width - 1.0).max(0.0), rect.height()));
        ui.painter().rect_filled(part, 0, colour);
        x += width;
    }
    Grid::new("hops").num_columns(3).min_col_width(12.0).min_row_height(0.0).spacing([8.0, 4.0]).show(ui, |ui| {
        for ((label, ms), colour) in hops(all).into_iter().zip(colours) {
            let (mark, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
            ui.painter().rect_filled(mark, 2, colour);
            ui.label(label.text(lang));
            milliseconds(ui, lang, ms, palette.text);
            ui.end_row();
        }
        ui.label("");
        ui.strong(Label::HopTotal.text(lang));
        milliseconds(ui, lang, all.total(), palette.text);
        ui.end_row();
    });
}

fn milliseconds(ui: &mut Ui, lang: Lang, ms: f64, colour: Color32) {
    ui.colored_label(colour, Label::Ms.with(lang, &[("n", &fmt::number(ms, 1, lang.decimal()))]));
}

fn figures(lang: Lang, stats: &Stats) -> Vec<(Label, String)> {
    let decimal = lang.decimal();
    let rate = fmt::number(stats.bitrate_bps / 1e6, 1, decimal);
    let mut all = vec![
        (Label::StSize, format!("{}×{}", stats.width, stats.height)),
        (Label::StFps, fmt::number(stats.fps, 1, decimal)),
        (Label::StRate, Label::Mbit.with(lang, &[("n", &rate)])),
        (Label::StLoss, format!("{}\u{a0}%", fmt::number(stats.lost_percent, 1, decimal))),
        (Label::StFreezes, stats.freezes.to_string()),
    ];
    if let Some(ms) = stats.round_trip_ms {
        all.push((Label::StRound, Label::Ms.with(lang, &[("n", &fmt::number(ms, 1, decimal))])));
    }
    all
}

/// What is copied: figures only, no address and no name.
fn text(lang: Lang, stats: &Stats) -> String {
    let mut lines = vec![sentence(lang, stats)];
    if let Some(all) = &stats.hops {
        let ms = |ms: f64| Label::Ms.with(lang, &[("n", &fmt::number(ms, 1, lang.decimal()))]);
        lines.extend(hops(all).into_iter().map(|(label, n)| format!("{}: {}", label.text(lang), ms(n))));
        lines.push(format!("{}: {}", Label::HopTotal.text(lang), ms(all.total())));
    }
    lines.extend(figures(lang, stats).into_iter().map(|(label, value)| format!("{}: {value}", label.text(lang))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;

    use super::{sentence, text};
    use crate::controller::model::{Hops, Stats};
    use crate::settings::CameraKey;
    use crate::store::PlaceId;
    use crate::words::Lang;

    fn stats() -> Stats {
        Stats {
            camera: Some(CameraKey { place: PlaceId([0x41; 32]), camera: CameraId::slug("nursery") }),
            path: Some("host"),
            hops: Some(Hops { capture: 100.0, encode: 20.0, send: 5.0, network: 15.0, decode: 10.0, show: 30.0 }),
            width: 1_280,
            height: 720,
            fps: 29.97,
            ..Stats::default()
        }
    }

    #[test]
    fn what_is_copied_holds_figures_and_no_name() {
        let copied = text(Lang::En, &stats());
        assert!(copied.contains("total: 180.0 ms") && copied.contains("1280×720"), "{copied}");
        assert!(!copied.contains("nursery") && !copied.contains("QUFB"), "{copied}");
    }

    #[test]
    fn the_sentence_comes_first() {
        assert_eq!(sentence(Lang::En, &stats()), "Good: direct, 0.18 s");
        assert_eq!(sentence(Lang::Fr, &stats()), "Bon\u{a0}: direct, 0,18 s");
        let slow = Stats { hops: Some(Hops { network: 900.0, ..Hops::default() }), ..stats() };
        assert_eq!(sentence(Lang::En, &slow), "Slow: direct, 0.90 s");
    }
}
