//! Models inside the binary: whole checkpoint directories, so that a fresh build answers without a download.

/// A checkpoint directory in memory.
pub struct Bundled {
    /// The name for `-m`.
    pub name: &'static str,
    /// File names with their bytes.
    files: &'static [(&'static str, &'static [u8])],
}

/// All of them; the first is the default model.
pub static BUNDLED: &[Bundled] = &[Bundled {
    name: "mini",
    files: &[
        ("config.json", include_bytes!("../assets/mini/config.json")),
        ("generation_config.json", include_bytes!("../assets/mini/generation_config.json")),
        ("model.safetensors", include_bytes!("../assets/mini/model.safetensors")),
        ("penseur.json", include_bytes!("../assets/mini/penseur.json")),
        ("README.md", include_bytes!("../assets/mini/README.md")),
        ("tokenizer.json", include_bytes!("../assets/mini/tokenizer.json")),
        ("tokenizer_config.json", include_bytes!("../assets/mini/tokenizer_config.json")),
    ],
}];

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

#[cfg(test)]
mod tests {
    //! What ships inside the binary is complete and consistent.

    use super::*;
    use crate::chat_template::{PENSEUR_TEMPLATE, single_turn_template};
    use crate::source::Source;

    #[test]
    fn bundled_models_are_whole() {
        for bundled in BUNDLED {
            let source = Source::resolve(bundled.name).expect("found by its name");
            let config = source.config().expect("a sound config.json");
            let tokenizer = source.tokenizer().expect("a sound tokenizer").expect("a tokenizer");
            assert!(tokenizer.vocab_size() <= config.vocab_size(), "{}", bundled.name);
            assert!(!source.card().expect("a card").examples.is_empty(), "{}", bundled.name);
            let bytes: usize = bundled.files.iter().map(|(_, bytes)| bytes.len()).sum();
            assert!(bytes <= 12 << 20, "{} takes {bytes} bytes, more than 12 MiB", bundled.name);
        }
    }

    #[test]
    fn bundled_models_speak_our_template() {
        for bundled in BUNDLED {
            let source = Source::resolve(bundled.name).expect("found by its name");
            let template = source.chat_template().expect("a sound template");
            let ours = [PENSEUR_TEMPLATE.to_owned(), single_turn_template()];
            assert!(ours.contains(&template.source().to_owned()), "{}", bundled.name);
        }
    }
}
