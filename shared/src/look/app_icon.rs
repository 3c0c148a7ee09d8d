//! The program's own icon, as SVG: the camera of [`Icon::Camera`] on the dark ground, with the mark of what is live.

use egui::Color32;

use super::icon::Icon;
use super::theme::DARK;

/// The whole file.
pub fn svg() -> String {
    let hex = |colour: Color32| format!("#{:02x}{:02x}{:02x}", colour.r(), colour.g(), colour.b());
    let (ground, camera, live) = (hex(DARK.background), hex(DARK.accent), hex(DARK.live));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"256\" height=\"256\" viewBox=\"-4 -4 32 32\">\n\
         <rect x=\"-4\" y=\"-4\" width=\"32\" height=\"32\" rx=\"7\" fill=\"{ground}\"/>\n\
         {}\n\
         <circle cx=\"6\" cy=\"11\" r=\"1.7\" fill=\"{live}\"/>\n</svg>\n",
        Icon::Camera.svg(&camera)
    )
}

#[cfg(test)]
mod tests {
    use super::svg;

    /// `ATHOME_WRITE_ICON=1 cargo test app_icon` writes it anew.
    #[test]
    fn the_installed_icon_is_the_windows_own() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../viewer/desktop/athome-viewer.svg");
        if std::env::var_os("ATHOME_WRITE_ICON").is_some() {
            std::fs::write(&path, svg()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), svg());
    }
}
