//! The repository's files, read once into memory, so that every check is a pure function that a
//! test can feed with files that do not exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// One file. `path` is relative to the root, with `/` between its parts.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) n_bytes: u64,
    /// `None` when it is not UTF-8.
    pub(crate) text: Option<String>,
}

/// All files that git tracks or would track.
pub(crate) struct Repository {
    pub(crate) files: Vec<File>,
}

/// The workspace's folder: the parent of this crate's.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}

impl Repository {
    /// Reads the working tree: what git tracks and what is neither tracked nor ignored.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("git is needed to list the repository's files")?;
        if !listing.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr).trim());
        }
        let names = String::from_utf8(listing.stdout).context("a file name is not UTF-8")?;
        let mut files = Vec::new();
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let path = root.join(name);
            // Deleted but still in the index, or a link to a folder.
            if !path.is_file() {
                continue;
            }
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
            let n_bytes = bytes.len() as u64;
            files.push(File { path: name.to_owned(), n_bytes, text: String::from_utf8(bytes).ok() });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Rust sources of our own (nothing below a `third_party` folder).
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&File, &str)> {
        self.ours().filter(|(file, _)| file.path.ends_with(".rs"))
    }

    /// Text files of our own.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&File, &str)> {
        self.files.iter().filter(|file| !file.is_third_party()).filter_map(|file| Some((file, file.text.as_deref()?)))
    }

    /// Names of the folders below `crates/`, each with its manifest.
    pub(crate) fn crates(&self) -> Vec<(String, toml::Table)> {
        let manifest_of = |file: &File| {
            let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            let table = file.text.as_deref()?.parse().ok()?;
            (!name.contains('/')).then(|| (name.to_owned(), table))
        };
        self.files.iter().filter_map(manifest_of).collect()
    }
}

impl File {
    /// The crate (its folder below `crates/`, or `xtask`) that this file belongs to.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        if self.path.starts_with("xtask/") {
            return Some("xtask");
        }
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Made by others and kept as it came.
    pub(crate) fn is_third_party(&self) -> bool {
        self.path.split('/').any(|part| part == "third_party")
    }
}
