//! Starting with the person's session. On Linux by the XDG autostart folder (Desktop Application Autostart Specification);
//! elsewhere it is not known yet, and the window does not offer it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::model::Login;

const FILE: &str = "athome-streamer.desktop";

/// How the program is started again.
#[derive(Clone, Debug)]
pub struct Autostart {
    /// `None` where the system's way is not known.
    folder: Option<PathBuf>,
    program: PathBuf,
    /// Relative paths among the arguments start from here.
    from: PathBuf,
    args: Vec<OsString>,
}

impl Autostart {
    /// This process, started as it was started now.
    pub fn of_process() -> Self {
        Self {
            folder: if cfg!(target_os = "linux") { folder() } else { None },
            program: std::env::current_exe().unwrap_or_default(),
            from: std::env::current_dir().unwrap_or_default(),
            args: std::env::args_os().skip(1).collect(),
        }
    }

    /// A program with its arguments, for tests.
    pub fn new(folder: Option<PathBuf>, program: &Path, from: &Path, args: &[&str]) -> Self {
        let args = args.iter().map(Into::into).collect();
        Self { folder, program: program.to_owned(), from: from.to_owned(), args }
    }

    /// Whether it starts with the session.
    pub fn state(&self) -> Login {
        match &self.folder {
            None => Login::Unknown,
            Some(folder) if folder.join(FILE).is_file() => Login::On,
            Some(_) => Login::Off,
        }
    }

    /// Switches it on or off; what it is then.
    pub fn set(&self, login: Login) -> io::Result<Login> {
        let Some(folder) = &self.folder else { return Ok(Login::Unknown) };
        let file = folder.join(FILE);
        match login {
            Login::On => {
                std::fs::create_dir_all(folder)?;
                std::fs::write(file, self.entry()?)?;
            }
            Login::Off => match std::fs::remove_file(file) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            },
            Login::Unknown => {}
        }
        Ok(self.state())
    }

    fn entry(&self) -> io::Result<String> {
        let window = OsString::from("--window");
        let args = self.args.iter().filter(|arg| **arg != window).chain([&window]);
        let words: Option<Vec<String>> = std::iter::once(self.program.as_os_str())
            .chain(args.map(OsString::as_os_str))
            .map(|w| quoted(w.to_str()?))
            .collect();
        let (Some(words), Some(from)) = (words, self.from.to_str().filter(|from| !from.contains(char::is_control)))
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path or an option can't be written down"));
        };
        let from = from.replace('\\', "\\\\");
        Ok(format!(
            "[Desktop Entry]\nType=Application\nVersion=1.5\nName=AtHome\nComment=Home camera\nExec={}\nPath={from}\nTerminal=false\n",
            words.join(" ")
        ))
    }
}

/// A word of the `Exec` key: quoted, with what the specification reserves escaped, once for the quotes and once for the value
/// as a string; `%` would begin a field code. `None` for what no line can hold.
fn quoted(word: &str) -> Option<String> {
    if word.contains(char::is_control) {
        return None;
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '`' | '$' => text.extend(['\\', '\\', c]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            _ => text.push(c),
        }
    }
    text.push('"');
    Some(text)
}

fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")))?.join("autostart"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Autostart, FILE, Login, quoted};

    #[test]
    fn it_is_switched_on_with_the_arguments_of_now_and_off_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("autostart");
        let args = ["--camera", "file:my clip.mp4", "--window"];
        let start = Autostart::new(
            Some(inside.clone()),
            Path::new("/opt/At Home/athome-streamer"),
            Path::new("/home/a"),
            &args,
        );
        assert_eq!(start.state(), Login::Off);
        assert_eq!(start.set(Login::On).expect("written"), Login::On);
        let text = std::fs::read_to_string(inside.join(FILE)).expect("a file");
        let exec = text.lines().find_map(|line| line.strip_prefix("Exec=")).expect("a line");
        assert_eq!(exec, r#""/opt/At Home/athome-streamer" "--camera" "file:my clip.mp4" "--window""#);
        assert!(text.starts_with("[Desktop Entry]\n") && text.contains("\nPath=/home/a\n"), "{text}");
        assert_eq!(start.set(Login::Off).expect("removed"), Login::Off);
        assert_eq!(start.set(Login::Off).expect("twice is no trouble"), Login::Off);
    }

    #[test]
    fn what_is_special_in_such_a_line_stays_text() {
        assert_eq!(quoted("a b").as_deref(), Some("\"a b\""));
        assert_eq!(quoted(r#"$HOME`x`"%f\"#).as_deref(), Some(r#""\\$HOME\\`x\\`\\"%%f\\\\""#));
        assert_eq!(quoted("a\nExec=b"), None);
        let folder = tempfile::tempdir().expect("a folder");
        let start = Autostart::new(Some(folder.path().to_owned()), Path::new("/a"), Path::new("/"), &["x\ny"]);
        assert!(start.set(Login::On).is_err());
        assert_eq!(start.state(), Login::Off, "nothing is left behind");
    }

    #[test]
    fn where_no_way_is_known_it_is_not_offered() {
        let start = Autostart::new(None, Path::new("/a"), Path::new("/"), &[]);
        assert_eq!((start.state(), start.set(Login::On).expect("nothing")), (Login::Unknown, Login::Unknown));
    }
}
