//! Models inside the binary: whole checkpoint directories, so that a fresh build answers without a download.

/// A checkpoint directory in memory.
pub struct Bundled {
    /// The name for `-m`.
    pub name: &'static str,
    /// File names with their bytes.
    files: &'static [(&'static str, &'static [u8])],
}

/// All of them; the first is the default model.
pub static BUNDLED: &[Bundled] = &[];

impl Bundled {
    /// The model of that name.
    pub fn find(name: &str) -> Option<&'static Bundled> {
        BUNDLED.iter().find(|model| model.name == name)
    }

    /// The bytes of one of its files.
    pub fn file(&self, name: &str) -> Option<&'static [u8]> {
        self.files.iter().find(|(file, _)| *file == name).map(|(_, bytes)| *bytes)
    }
}
