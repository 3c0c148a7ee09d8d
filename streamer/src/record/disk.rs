//! The disk as the recorder sees it: few calls, each of which may fail. Behind a trait, so that a test can make any of them
//! fail; nothing else in this room touches a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Entries of one folder that are looked at: more than ten years of files a minute apart would need are elsewhere.
const MOST_ENTRIES: usize = 100_000;

/// An open file.
pub trait DiskFile: Read + Write + Seek + Send {
    /// What was written is on the disk when this returns.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts it.
    fn set_len(&mut self, length: u64) -> io::Result<()>;
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub folder: bool,
}

/// The calls.
pub trait Disk: Send + Sync {
    /// A file that is not there yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// One that is there, to be read and written.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// One that is there, to be read.
    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Names that were made or removed in a folder are on the disk when this returns.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Never over another file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// What is in a folder, in the order of the names.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    fn exists(&self, path: &Path) -> bool;
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// Bytes that are free for us where `path` is; `None` where the platform doesn't say.
    fn free(&self, path: &Path) -> io::Result<Option<u64>>;
}

/// The machine's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnDisk;

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }
}

impl Disk for OwnDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        Ok(Box::new(options.open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
        }
        #[cfg(not(unix))]
        fs::create_dir_all(path)
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// A folder can't be opened as a file there, and its journal keeps names in order.
    #[cfg(not(unix))]
    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if to.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path)?.take(MOST_ENTRIES) {
            let entry = entry?;
            // Ours are plain ASCII; what can't be named as text is none of ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Of a link, what it is and not what it points to: links are not followed.
            let kind = entry.file_type()?;
            if kind.is_dir() || kind.is_file() {
                found.push(Entry { name, folder: kind.is_dir() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    #[cfg(unix)]
    fn free(&self, path: &Path) -> io::Result<Option<u64>> {
        let found = rustix::fs::statvfs(path)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    #[cfg(not(unix))]
    fn free(&self, _path: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// Whether the disk said that there is no room.
pub fn is_full(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// The folder that a path lies in.
pub(super) fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
