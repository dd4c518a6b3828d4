//! What a model is and what it needs, from its configuration alone: the figures to know before downloading 400 GB.

use serde::Serialize;

use crate::config::Config;
use crate::count::{KvForm, PartCounts, count_params, kv_bytes_per_token_bf16};

/// A model's figures beside this machine's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// `model_type` in `config.json`.
    pub architecture: &'static str,
    /// Why it cannot run here whatever the machine, where that is so.
    pub not_runnable: Option<String>,
    /// Parameters of the main model.
    pub params_total: u64,
    /// Parameters that one token meets, embedding included.
    pub params_active: u64,
    /// Parameters of the MTP layers, beside the main model.
    pub params_mtp: u64,
    /// Parameters of the main model by what they do.
    pub params_by_part: PartCounts,
    /// Transformer layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Positions that the model is made for.
    pub context: usize,
    /// Type of the stored weights, as `torch` names it.
    pub stored_type: Option<String>,
    /// Bytes in memory for inference, without a KV cache: bf16 weights stay bf16, others become f32.
    pub memory_bytes: u64,
    /// Bytes of KV cache for each token in bf16, as the engine keeps it: MLA's latent as key and as value.
    pub kv_bytes_per_token: u64,
    /// The same with the latent once, as the papers count.
    pub kv_bytes_per_token_latent: u64,
    /// Memory that is free here now, in bytes, where the system says.
    pub available_bytes: Option<u64>,
    /// Whether the weights fit into it.
    pub fits: Option<bool>,
    /// The longest context that fits beside them, at most the model's own.
    pub longest_context: Option<u64>,
}

impl Inspection {
    /// The figures of `config` on a machine with `available_bytes` of free memory.
    pub fn new(config: &Config, available_bytes: Option<u64>) -> Inspection {
        let counts = count_params(config);
        let bytes_per_value = if config.torch_dtype() == Some("bfloat16") { 2 } else { 4 };
        let memory_bytes = counts.total() * bytes_per_value;
        let kv_bytes_per_token = kv_bytes_per_token_bf16(config, KvForm::Kept);
        let context = config.max_position_embeddings();
        let room = available_bytes.map(|available| available.saturating_sub(memory_bytes));
        Inspection {
            architecture: config.model_type(),
            not_runnable: config.check_runnable().err().map(|e| e.to_string()),
            params_total: counts.total(),
            params_active: counts.active(),
            params_mtp: counts.mtp.total(),
            params_by_part: counts.main,
            layers: config.num_hidden_layers(),
            hidden_size: config.hidden_size(),
            vocab_size: config.vocab_size(),
            context,
            stored_type: config.torch_dtype().map(str::to_owned),
            memory_bytes,
            kv_bytes_per_token,
            kv_bytes_per_token_latent: kv_bytes_per_token_bf16(config, KvForm::Latent),
            available_bytes,
            fits: available_bytes.map(|available| memory_bytes < available),
            longest_context: room.map(|room| (room / kv_bytes_per_token.max(1)).min(context as u64)),
        }
    }

    /// The figures as lines of text, without a name or a last line break.
    pub fn text(&self) -> String {
        let count = |n: u64| scaled(n as f64, "");
        let mut lines = vec![format!(
            "{:<12}{} ({} active a token)",
            "parameters",
            count(self.params_total),
            count(self.params_active)
        )];
        for (part, n) in self.params_by_part.named().into_iter().filter(|(_, n)| *n > 0) {
            lines.push(format!("  {part:<19}{}", count(n)));
        }
        if self.params_mtp > 0 {
            lines.push(format!("  {:<19}{} (beside the main model)", "mtp layers", count(self.params_mtp)));
        }
        lines.push(format!(
            "{:<12}{} layers, width {}, vocabulary {}, context {}",
            "shape", self.layers, self.hidden_size, self.vocab_size, self.context
        ));
        // The papers count the latent once (V3: 70,272 bytes); the engine keeps it as key and as value.
        let once = match self.kv_bytes_per_token_latent == self.kv_bytes_per_token {
            true => String::new(),
            false => {
                format!(" ({} bytes with the latent once, as published)", thousands(self.kv_bytes_per_token_latent))
            }
        };
        lines.push(format!(
            "{:<12}{} and {} a token of context{once}{}",
            "memory",
            scaled(self.memory_bytes as f64, "B"),
            scaled(self.kv_bytes_per_token as f64, "B"),
            self.verdict()
        ));
        if let Some(why) = &self.not_runnable {
            lines.push(format!("{:<12}{why}", "cannot run"));
        }
        lines.join("\n")
    }

    fn verdict(&self) -> String {
        let (Some(available), Some(fits), Some(longest)) = (self.available_bytes, self.fits, self.longest_context)
        else {
            return String::new();
        };
        let free = scaled(available as f64, "B");
        match fits {
            false => format!(": more than this machine has free ({free})"),
            true if longest == self.context as u64 => format!(": fits this machine ({free} free)"),
            true => format!(": fits this machine up to {longest} tokens ({free} free)"),
        }
    }
}

/// `70272` as `70,272`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Three significant digits and a letter: `671B`, `1.25 GB`.
fn scaled(n: f64, unit: &str) -> String {
    let (n, letter) = match n {
        n if n >= 1e12 => (n / 1e12, "T"),
        // People say billions of parameters and gigabytes of memory.
        n if n >= 1e9 => (n / 1e9, if unit.is_empty() { "B" } else { "G" }),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e3 => (n / 1e3, if unit.is_empty() { "K" } else { "k" }),
        n => (n, ""),
    };
    let digits = match n {
        n if n >= 99.95 || n == n.trunc() && letter.is_empty() => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    let space = if unit.is_empty() { "" } else { " " };
    format!("{n:.digits$}{space}{letter}{unit}")
}

#[cfg(test)]
mod tests {
    //! The figures of published models.

    use super::*;
    use crate::presets::published;

    #[test]
    fn a_large_model_does_not_fit_a_small_machine() {
        let r1 = Inspection::new(&published("deepseek-r1").unwrap(), Some(24_000_000_000));
        assert_eq!((r1.params_total, r1.fits, r1.longest_context), (671_026_419_200, Some(false), Some(0)));
        assert_eq!(r1.kv_bytes_per_token_latent, 70_272);
        assert!(r1.text().contains("(70,272 bytes with the latent once"), "{}", r1.text());
        assert!(r1.not_runnable.is_some(), "FP8 files are counted, not yet run");
        let text = r1.text();
        assert!(
            text.contains("671B (37.6B active a token)") && text.contains("more than this machine has free (24.0 GB)"),
            "{text}"
        );
    }

    #[test]
    fn the_context_that_fits_is_what_memory_leaves() {
        let config = published("qwen2.5-0.5b").unwrap();
        let roomy = Inspection::new(&config, Some(24_000_000_000));
        assert_eq!((roomy.fits, roomy.longest_context), (Some(true), Some(32_768)));
        let tight = Inspection::new(&config, Some(roomy.memory_bytes + 100 * roomy.kv_bytes_per_token));
        assert_eq!((tight.fits, tight.longest_context), (Some(true), Some(100)));
        assert!(tight.text().contains("up to 100 tokens"), "{}", tight.text());
        let unknown = Inspection::new(&config, None);
        assert_eq!((unknown.fits, unknown.not_runnable), (None, None));
    }

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (671.026e9, "", "671B"),
            (37.55e9, "", "37.5B"),
            (494e6, "", "494M"),
            (70272.0, "B", "70.3 kB"),
            (12.0, "B", "12 B"),
        ];
        for (n, unit, text) in cases {
            assert_eq!(scaled(n, unit), text);
        }
    }
}
