//! Where a person's pictures go, by the customs of each system.

use std::path::PathBuf;

/// The folder for pictures: what the desktop's own settings say (`XDG_PICTURES_DIR` in `user-dirs.dirs`), else `Pictures`
/// in the home folder, else the working folder.
pub fn pictures() -> PathBuf {
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    let Some(home) = home.filter(|home| home.is_absolute()) else { return PathBuf::from(".") };
    let config = std::env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let named = std::fs::read_to_string(config.join("user-dirs.dirs")).ok().and_then(|text| named(&text, &home));
    named.unwrap_or_else(|| home.join("Pictures"))
}

/// `XDG_PICTURES_DIR="$HOME/Bilder"`: absolute, or below the home folder.
fn named(text: &str, home: &std::path::Path) -> Option<PathBuf> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("XDG_PICTURES_DIR="))?.trim_matches('"');
    match value.strip_prefix("$HOME/") {
        Some(below) => Some(home.join(below)),
        None => Some(PathBuf::from(value)).filter(|path| path.is_absolute()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::named;

    #[test]
    fn the_desktops_own_folder_is_used() {
        let home = Path::new("/home/anna");
        let text = "# written by the desktop\nXDG_MUSIC_DIR=\"$HOME/Musik\"\nXDG_PICTURES_DIR=\"$HOME/Bilder\"\n";
        assert_eq!(named(text, home), Some(PathBuf::from("/home/anna/Bilder")));
        assert_eq!(named("XDG_PICTURES_DIR=\"/data/p\"", home), Some(PathBuf::from("/data/p")));
        assert_eq!(named("XDG_PICTURES_DIR=\"p\"", home), None);
        assert_eq!(named("", home), None);
    }
}
