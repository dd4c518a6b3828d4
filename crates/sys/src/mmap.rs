//! Read-only memory maps, through which weights are read without copying them first.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// A file's bytes, mapped read-only and shared with every process that maps it.
///
/// The map shows the file as it was opened: replacing the file by rename (which is how checkpoints are written) does
/// not disturb it. A file that somebody *truncates in place* while it is mapped makes the process die with SIGBUS when
/// the lost part is read; no program that maps files can prevent that.
#[derive(Debug)]
pub struct Mmap {
    map: memmap2::Mmap,
}

impl Mmap {
    /// Maps the regular file at `path`.
    ///
    /// # Errors
    /// The system's own, or [`ErrorKind::InvalidInput`] for what is not a regular file (a map of a directory or a
    /// device has no defined length).
    pub fn open(path: &Path) -> Result<Mmap> {
        // Looked at before opening: opening a FIFO would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: the map is private to this struct and read-only. Its bytes are only ever read as `u8`, for which
        // every value is valid, and callers check all structure after reading. The remaining hazard, truncation by
        // another process, is documented above and ends the process rather than corrupting it.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Mmap { map })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Tells the system that the file will be read once from front to back, which makes it read further ahead.
    /// Only a hint: failing to give it changes nothing.
    pub fn expect_sequential(&self) {
        let _ = self.map.advise(memmap2::Advice::Sequential);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_files_and_refuses_the_rest() {
        let path = std::env::temp_dir().join(format!("penseur-mmap-{}", std::process::id()));
        std::fs::write(&path, b"abc").unwrap();
        let map = Mmap::open(&path).unwrap();
        map.expect_sequential();
        assert_eq!(map.bytes(), b"abc");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(Mmap::open(&path).unwrap().bytes(), b"");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Mmap::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Mmap::open(&std::env::temp_dir()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
