//! Files that are there completely or not at all, and how much room the disk has.
//!
//! A rename is atomic, but neither the new file's bytes nor the directory entry survive a power cut unless both the
//! file and its directory are flushed. The functions here do the steps in the order that matters.

use std::fs::{File, OpenOptions};
use std::io::{Result, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes that an ordinary user may still write to the file system that holds `path` (which must exist).
pub fn free_bytes(path: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: `path` is a NUL-terminated string that outlives the call; all-zero bytes are a valid `statvfs` (integers
    // only), and the pointer is to that local, valid for a write.
    let stat = unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &mut stat) == 0).then_some(stat)
    }?;
    #[allow(clippy::unnecessary_cast, reason = "the fields' types differ between systems")]
    (stat.f_bavail as u64).checked_mul(stat.f_frsize as u64)
}

/// Flushes a directory's entries, so that files created in it or renamed into it survive a power cut.
///
/// # Errors
/// The system's own.
pub fn fsync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Writes a new file and flushes it to the disk. The directory entry still needs [`fsync_dir`].
///
/// # Errors
/// The system's own; [`std::io::ErrorKind::StorageFull`] when the disk is full.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames `from` to `to` in the same directory tree and flushes the directory of `to`: after a power cut there is
/// either the old state or the new one. What `from` holds must have been flushed before.
///
/// # Errors
/// The system's own.
pub fn rename_synced(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to)?;
    match to.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => fsync_dir(dir),
        None => fsync_dir(Path::new(".")),
    }
}

/// Replaces the file at `path` by `bytes`, completely or not at all: a reader sees the old file or the new one, also
/// after a crash in between.
///
/// # Errors
/// The system's own; the old file is then still there.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let tmp = path.with_file_name(name);
    let written = write_synced(&tmp, bytes).and_then(|()| rename_synced(&tmp, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&tmp);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_behind() {
        let dir = std::env::temp_dir().join(format!("penseur-disk-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.json");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        assert!(free_bytes(&dir).unwrap() > 0);
        assert!(free_bytes(&dir.join("no such")).is_none());
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(replace_file(&path, b"three").is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_says_so() {
        let error = write_synced(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
