//! Colours, type and spacing as one table of tokens, and the style made of them. Text over a picture has colours of its
//! own ([`OVER_PICTURE`]), the same in both themes.

use egui::style::{Selection, WidgetVisuals};
use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme, Visuals};

/// The tokens of one theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    pub background: Color32,
    pub surface: Color32,
    pub raised: Color32,
    pub text: Color32,
    pub muted: Color32,
    /// Borders of controls.
    pub border: Color32,
    pub accent: Color32,
    pub on_accent: Color32,
    pub live: Color32,
    pub motion: Color32,
    pub warning: Color32,
    pub danger: Color32,
    pub on_danger: Color32,
    /// What is not live but recorded.
    pub past: Color32,
}

pub const DARK: Palette = Palette {
    background: rgb(0x000E_1116),
    surface: rgb(0x0017_1B22),
    raised: rgb(0x0022_2934),
    text: rgb(0x00E9_EDF3),
    muted: rgb(0x00A9_B3C1),
    border: rgb(0x007A_8798),
    accent: rgb(0x007C_B7FF),
    on_accent: rgb(0x0006_213F),
    live: rgb(0x005B_D68A),
    motion: rgb(0x00FF_C24B),
    warning: rgb(0x00FF_B066),
    danger: rgb(0x00FF_7A7A),
    on_danger: rgb(0x002A_0508),
    past: rgb(0x00C9_A6FF),
};

pub const LIGHT: Palette = Palette {
    background: rgb(0x00F5_F6F8),
    surface: rgb(0x00FF_FFFF),
    raised: rgb(0x00E9_ECF1),
    text: rgb(0x0012_161C),
    muted: rgb(0x004A_5563),
    border: rgb(0x006B_7686),
    accent: rgb(0x000B_5CAD),
    on_accent: rgb(0x00FF_FFFF),
    live: rgb(0x000A_6B35),
    motion: rgb(0x007A_5000),
    warning: rgb(0x008A_4300),
    danger: rgb(0x00B3_202A),
    on_danger: rgb(0x00FF_FFFF),
    past: rgb(0x006B_3FB0),
};

/// Behind text over a picture: black at 70 %, on which white keeps 7:1 over pure white.
pub const OVER_PICTURE: Color32 = Color32::from_black_alpha(179);
/// What surrounds a picture, in both themes.
pub const SURROUND: Color32 = rgb(0x0008_0A0D);

/// The scale of type, in points.
pub const SMALL: f32 = 12.0;
pub const LABEL: f32 = 14.0;
pub const BODY: f32 = 16.0;
pub const TITLE: f32 = 20.0;

/// The scale of distances, in points.
pub const SPACE: [f32; 6] = [4.0, 8.0, 12.0, 16.0, 24.0, 32.0];
/// Corners of controls and of cards; pictures have none.
pub const CONTROL_RADIUS: u8 = 6;
pub const CARD_RADIUS: u8 = 12;
/// Height of a control; nothing that can be clicked is smaller than [`LEAST_TARGET`].
pub const CONTROL: f32 = 32.0;
pub const LEAST_TARGET: f32 = 24.0;
/// Width of the focus ring, and the gap inside it.
pub const FOCUS: f32 = 2.0;

const fn rgb(code: u32) -> Color32 {
    Color32::from_rgb((code >> 16) as u8, (code >> 8) as u8, code as u8)
}

/// The tokens of what is drawn now.
pub fn palette(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Gives both of a context's themes this look. Which of them is used is the caller's choice.
pub fn apply(ctx: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, style(theme));
    }
}

fn style(theme: Theme) -> Style {
    let palette = match theme {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    };
    let mut style = theme.default_style();
    style.text_styles = [
        (TextStyle::Small, SMALL),
        (TextStyle::Body, LABEL),
        (TextStyle::Button, LABEL),
        (TextStyle::Heading, TITLE),
        (TextStyle::Monospace, LABEL),
    ]
    .map(|(name, size)| {
        let family = if name == TextStyle::Monospace { FontFamily::Monospace } else { FontFamily::Proportional };
        (name, FontId::new(size, family))
    })
    .into();
    let [s4, s8, s12, ..] = SPACE;
    style.spacing.item_spacing = egui::vec2(s8, s8);
    style.spacing.button_padding = egui::vec2(s12, s4);
    style.spacing.interact_size = egui::vec2(CONTROL, CONTROL);
    style.spacing.icon_width = LEAST_TARGET;
    style.spacing.window_margin = Margin::same(16);
    style.spacing.menu_margin = Margin::same(8);
    // The scale's longest motion is 200 ms; nothing here needs it.
    style.animation_time = 0.0;
    style.visuals = visuals(theme, palette);
    style
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let mut visuals = theme.default_visuals();
    let radius = CornerRadius::same(CONTROL_RADIUS);
    let control = |fill: Color32, border: Stroke, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: border,
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let border = Stroke::new(1.0, palette.border);
    let focus = Stroke::new(FOCUS, palette.accent);
    let widgets = &mut visuals.widgets;
    widgets.noninteractive = control(palette.surface, Stroke::new(1.0, palette.raised), palette.text);
    widgets.inactive = control(palette.raised, border, palette.text);
    // egui draws a focused control as a hovered one, so this border is the focus ring.
    widgets.hovered = WidgetVisuals { expansion: 1.0, ..control(palette.raised, focus, palette.text) };
    // Its text is also that of emphasised words.
    widgets.active = WidgetVisuals { expansion: 1.0, ..control(palette.background, focus, palette.text) };
    widgets.open = control(palette.raised, focus, palette.text);
    // The stroke is also the border of a text field that has the focus.
    let selected = palette.surface.lerp_to_gamma(palette.accent, 0.25);
    visuals.selection = Selection { bg_fill: selected, stroke: focus };
    visuals.handle_shape = egui::style::HandleShape::Circle;
    visuals.slider_trailing_fill = true;
    visuals.hyperlink_color = palette.accent;
    visuals.weak_text_color = Some(palette.muted);
    visuals.faint_bg_color = palette.raised;
    visuals.extreme_bg_color = palette.background;
    visuals.text_edit_bg_color = Some(palette.background);
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.danger;
    visuals.panel_fill = palette.surface;
    visuals.window_fill = palette.surface;
    visuals.window_stroke = Stroke::new(1.0, palette.raised);
    visuals.window_corner_radius = CornerRadius::same(CARD_RADIUS);
    visuals.menu_corner_radius = CornerRadius::same(CARD_RADIUS);
    visuals
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::{DARK, LIGHT, OVER_PICTURE, Palette};

    /// WCAG 2.2, "relative luminance".
    fn luminance(colour: Color32) -> f64 {
        let channel = |value: u8| {
            let c = f64::from(value) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b, _] = colour.to_array();
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
    }

    fn contrast(one: Color32, other: Color32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The least contrast that each pair must have; what falls short is named.
    fn failures(palette: &Palette) -> Vec<(&'static str, f64)> {
        let behind = [palette.background, palette.surface, palette.raised];
        let texts = [
            ("text", palette.text),
            ("muted", palette.muted),
            ("accent", palette.accent),
            ("live", palette.live),
            ("motion", palette.motion),
            ("warning", palette.warning),
            ("danger", palette.danger),
        ];
        let mut pairs = Vec::new();
        for back in behind {
            pairs.extend(texts.map(|(name, colour)| (name, contrast(colour, back), 4.5)));
            pairs.push(("border", contrast(palette.border, back), 3.0));
        }
        pairs.push(("on accent", contrast(palette.on_accent, palette.accent), 4.5));
        pairs.push(("on danger", contrast(palette.on_danger, palette.danger), 4.5));
        pairs.into_iter().filter(|(_, is, least)| is < least).map(|(name, is, _)| (name, is)).collect()
    }

    #[test]
    fn text_and_controls_can_be_told_from_what_is_behind_them() {
        assert_eq!(failures(&DARK), []);
        assert_eq!(failures(&LIGHT), []);
        // The check itself: dark text on the dark theme falls short.
        let broken = Palette { muted: DARK.border, text: LIGHT.text, ..DARK };
        let names: Vec<_> = failures(&broken).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"text") && names.contains(&"muted"), "{names:?}");
    }

    #[test]
    fn figures_are_those_of_the_formula() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 1e-9);
        assert!((contrast(DARK.text, DARK.background) - 16.1).abs() < 0.05);
        assert!((contrast(LIGHT.muted, LIGHT.raised) - 6.4).abs() < 0.05);
    }

    #[test]
    fn white_text_over_a_white_picture_keeps_seven_to_one() {
        let [.., alpha] = OVER_PICTURE.to_array();
        let shade = 255 - alpha;
        assert!(contrast(Color32::WHITE, Color32::from_gray(shade)) >= 7.0);
    }
}
