//! `penseur inspect`: what a model is, and whether it fits here.

use model::Config;
use model::checkpoint::TrainingRecord;
use model::inspect::Inspection;
use model::presets;
use model::source::Source;
use model::weights::{INDEX_FILE, SINGLE_FILE, Weights};
use serde_json::{Value, json};

use crate::cli::InspectArgs;
use crate::loaded;
use crate::output::{self, gb, si};

/// All that is shown.
struct Report {
    name: String,
    figures: Inspection,
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
            let figures = Inspection::new(&config, sys::memory::available_bytes());
            return Ok(Report { name: name.to_owned(), figures, stored_bytes: None, tokenizer: None, record: None });
        }
    };
    let (config, stored_bytes) = match &source {
        Source::Dir(dir) => {
            // What cannot run (quantized, an older generation, only a configuration) can still be counted.
            let config = Config::from_file(&dir.join("config.json"))?;
            let has_weights = dir.join(SINGLE_FILE).exists() || dir.join(INDEX_FILE).exists();
            if has_weights && config.check_runnable().is_ok() {
                source.config()?;
            }
            (config, if has_weights { Some(Weights::open(dir)?.n_bytes()) } else { None })
        }
        Source::Bundled(bundled) => {
            (source.config()?, bundled.file("model.safetensors").map(|bytes| bytes.len() as u64))
        }
    };
    let figures = Inspection::new(&config, sys::memory::available_bytes());
    let has_template = source.chat_template().is_ok();
    // Weights without a tokenizer are still a model that `logprobs` can run.
    let tokenizer = source.tokenizer()?.map(|tokenizer| (tokenizer.vocab_size(), has_template));
    Ok(Report { name: source.name(), figures, stored_bytes, tokenizer, record: source.record()? })
}

impl Report {
    fn json(&self) -> Value {
        let mut value = json!(self.figures);
        value["name"] = json!(self.name);
        value["stored_bytes"] = json!(self.stored_bytes);
        value["tokenizer_vocab_size"] = json!(self.tokenizer.map(|(size, _)| size));
        value["chat_template"] = json!(self.tokenizer.map(|(_, has_template)| has_template));
        value["training"] = json!(self.record);
        value
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.name, self.figures.architecture)];
        lines.extend(self.figures.text().lines().map(|line| format!("  {line}")));
        let stored = self.stored_bytes.map_or("not here".to_owned(), |bytes| gb(bytes as f64));
        let stored_type = self.figures.stored_type.as_deref().unwrap_or("type not said");
        lines.push(format!("  weights     {stored}, {stored_type}"));
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
