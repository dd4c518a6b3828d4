//! `penseur inspect`: what a model is, and whether it fits here.

use model::Config;
use model::checkpoint::{RECORD_FILE, TrainingRecord};
use model::count::{KvForm, count_params, kv_bytes_per_token_bf16};
use model::presets;
use model::source::Source;
use model::weights::Weights;
use serde_json::{Value, json};

use crate::cli::InspectArgs;
use crate::loaded;
use crate::output::{self, gb, si};

/// All that is shown.
struct Report {
    name: String,
    config: Config,
    /// Bytes of the stored weights; `None` for a published model that is not here.
    stored_bytes: Option<u64>,
    tokenizer: Option<(usize, bool)>,
    record: Option<TrainingRecord>,
}

pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let report = examine(&args.model)?;
    match args.json {
        true => output::print_json(&report.json())?,
        false => output::print_line(report.text())?,
    }
    Ok(())
}

fn examine(name: &str) -> anyhow::Result<Report> {
    let source = match loaded::find(name) {
        Ok(source) => source,
        Err(error) => {
            let known = presets::names().iter().any(|preset| preset == name);
            let config = if known { presets::published(name)? } else { return Err(error) };
            return Ok(Report { name: name.to_owned(), config, stored_bytes: None, tokenizer: None, record: None });
        }
    };
    let config = source.config()?;
    let stored_bytes = match &source {
        Source::Dir(dir) => Weights::open(dir)?.n_bytes(),
        Source::Bundled(bundled) => bundled.file("model.safetensors").map_or(0, |bytes| bytes.len() as u64),
    };
    let record = source.file(RECORD_FILE)?.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    let has_template = source.chat_template().is_ok();
    // Weights without a tokenizer are still a model that `logprobs` can run.
    let tokenizer = source.tokenizer()?.map(|tokenizer| (tokenizer.vocab_size(), has_template));
    Ok(Report { name: source.name(), config, stored_bytes: Some(stored_bytes), tokenizer, record: record? })
}

impl Report {
    /// Bytes in memory for inference, without keys and values.
    fn memory_bytes(&self) -> f64 {
        let per_value = if self.config.torch_dtype() == Some("bfloat16") { 2.0 } else { 4.0 };
        count_params(&self.config).total() as f64 * per_value
    }

    /// Bytes of keys and values for one token in bf16, as the exact forward keeps them.
    fn kv_bytes(&self) -> u64 {
        kv_bytes_per_token_bf16(&self.config, KvForm::Expanded)
    }

    fn fits(&self) -> Option<bool> {
        Some(self.memory_bytes() < sys::memory::available_bytes()? as f64)
    }

    fn json(&self) -> Value {
        let counts = count_params(&self.config);
        json!({
            "name": self.name,
            "architecture": self.config.model_type(),
            "params_total": counts.total(),
            "params_active": counts.active(),
            "params_mtp": counts.mtp.total(),
            "params_by_part": counts.main,
            "layers": self.config.num_hidden_layers(),
            "hidden_size": self.config.hidden_size(),
            "vocab_size": self.config.vocab_size(),
            "context": self.config.max_position_embeddings(),
            "stored_type": self.config.torch_dtype(),
            "stored_bytes": self.stored_bytes,
            "memory_bytes": self.memory_bytes(),
            "kv_bytes_per_token": self.kv_bytes(),
            "fits": self.fits(),
            "tokenizer_vocab_size": self.tokenizer.map(|(size, _)| size),
            "chat_template": self.tokenizer.map(|(_, has_template)| has_template),
            "training": self.record,
        })
    }

    fn text(&self) -> String {
        let counts = count_params(&self.config);
        let config = &self.config;
        let mut lines = vec![
            format!("{}: {}", self.name, config.model_type()),
            format!("  parameters  {} ({} active a token)", si(counts.total() as f64), si(counts.active() as f64)),
        ];
        for (part, n) in counts.main.named().into_iter().filter(|(_, n)| *n > 0) {
            lines.push(format!("    {part:<18} {}", si(n as f64)));
        }
        if counts.mtp.total() > 0 {
            lines.push(format!("    {:<18} {} (beside the main model)", "mtp layers", si(counts.mtp.total() as f64)));
        }
        lines.push(format!(
            "  shape       {} layers, width {}, vocabulary {}, context {}",
            config.num_hidden_layers(),
            config.hidden_size(),
            config.vocab_size(),
            config.max_position_embeddings()
        ));
        let stored = self.stored_bytes.map_or("not here".to_owned(), |bytes| gb(bytes as f64));
        lines.push(format!("  weights     {stored}, {}", config.torch_dtype().unwrap_or("type not said")));
        let fits = match self.fits() {
            Some(true) => "fits this machine",
            Some(false) => "more than this machine has free",
            None => "free memory unknown",
        };
        lines.push(format!(
            "  memory      {} and {} B a token of context: {fits}",
            gb(self.memory_bytes()),
            self.kv_bytes()
        ));
        lines.push(match self.tokenizer {
            Some((size, true)) => format!("  tokenizer   {size} ids, with a chat template"),
            Some((size, false)) => format!("  tokenizer   {size} ids, no chat template"),
            None => "  tokenizer   none".to_owned(),
        });
        if let Some(record) = &self.record {
            lines.push(format!(
                "  training    {} to step {}, {} tokens, ${:.4}",
                record.stage,
                record.step,
                si(record.tokens as f64),
                record.cost.dollars
            ));
        }
        lines.join("\n")
    }
}
