//! Files that their owner alone can read: conversations, keys, and what was used are nobody else's.
//!
//! Modes are set when something is made, and once more when it is opened: earlier versions left both to the umask. What a
//! system without modes does is its own affair.

use std::io;
use std::path::Path;

/// What penseur keeps in its data directory; SQLite's own files have these as the beginnings of their names.
const OURS: [&str; 4] = ["conversations.sqlite3", "keys.sqlite", "lan-key", "ledger.jsonl"];

/// Makes a directory that its owner alone can enter. One that exists is closed to others if nothing but our files is in it: any
/// other (`--data-dir .`) is the user's, and the files protect themselves.
pub fn directory(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        if holds_ours_alone(dir) {
            close(dir, 0o700);
        }
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn holds_ours_alone(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    let is_ours = |entry: io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| OURS.iter().any(|name| entry.file_name().to_string_lossy().starts_with(name)))
    };
    let entries: Vec<bool> = entries.map(is_ours).collect();
    !entries.is_empty() && entries.into_iter().all(|ours| ours)
}

/// Makes an empty file that its owner alone can read.
///
/// # Errors
/// The system's; `AlreadyExists` among them.
pub fn new_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Sees to it that a SQLite file, there or not yet, can be read by its owner alone. SQLite takes an empty file for a new
/// database, and gives the files that it makes beside one the same mode.
pub fn database(path: &Path) -> io::Result<()> {
    match new_file(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        if Path::new(&name).is_file() {
            close(Path::new(&name), 0o600);
        }
    }
    Ok(())
}

/// Takes away what others may do. Whoever may not do that is not the owner, who chose the mode.
#[cfg(unix)]
fn close(path: &Path, most: u32) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = std::fs::metadata(path) else { return };
    let mode = found.permissions().mode() & 0o777;
    if mode & !most == 0 {
        return;
    }
    if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & most)) {
        tracing::warn!("others on this machine can read {}: {error}", path.display());
    }
}

#[cfg(not(unix))]
fn close(_: &Path, _: u32) {}

#[cfg(all(test, unix))]
mod tests {
    //! Modes of what is made, and of what was there.

    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::Accounts;
    use crate::app::store::Store;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    }

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("penseur-private-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_data_directory_is_its_owners_alone_from_the_first_file_on() {
        let (base, dir) = (place("new"), place("new").join("deep/penseur"));
        // Whichever comes first; the server opens the accounts first.
        let open = (Accounts::open(Some(&dir)).expect("opened"), Store::open(Some(&dir)).expect("opened"));
        open.0.add("ann", crate::KeyLimits::default()).expect("added");
        assert_eq!((mode(&dir), mode(&base)), (0o700, 0o700));
        let entries: Vec<PathBuf> = std::fs::read_dir(&dir).expect("read").map(|e| e.expect("read").path()).collect();
        assert!(entries.len() >= 4, "{entries:?}");
        for entry in entries {
            assert_eq!(mode(&entry), 0o600, "{}", entry.display());
        }
        std::fs::remove_dir_all(base).expect("removed");
    }

    #[test]
    fn what_an_earlier_version_left_open_is_closed() {
        let dir = place("old");
        drop((Accounts::open(Some(&dir)).expect("opened"), Store::open(Some(&dir)).expect("opened")));
        std::fs::write(dir.join("ledger.jsonl"), "").expect("written");
        let file = dir.join("conversations.sqlite3");
        set(&dir, 0o755);
        set(&file, 0o644);
        drop((Accounts::open(Some(&dir)).expect("opened"), Store::open(Some(&dir)).expect("opened")));
        assert_eq!((mode(&dir), mode(&file)), (0o700, 0o600));
        // A directory of the user's own stays as it is, and the files in it are closed all the same.
        std::fs::write(dir.join("thesis.txt"), "").expect("written");
        set(&dir, 0o755);
        set(&file, 0o644);
        drop(Store::open(Some(&dir)).expect("opened"));
        assert_eq!((mode(&dir), mode(&file)), (0o755, 0o600));
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
