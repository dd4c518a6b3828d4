//! Published runs of others, each derived, beside what was published: how far a plan may be off, and to which side.
//!
//! The runs are in `published/runs.toml`, which people can read; nothing is fitted to them. What is planned is a run that
//! goes well; published chip-hours hold restarts, longer contexts and whatever else their makers counted, and the table
//! says what.

use model::Config;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec};
use crate::page::{Bar, Chart, Page, Table, hours};
use crate::plan::{Cluster, Line, plan_training, usual_batch};
use crate::questions::Answer;
use crate::text::si;

const RUNS: &str = include_str!("published/runs.toml");

/// A run as it was published, or a speed at which its makers say that it goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRun {
    /// Its model.
    pub name: String,
    model: Option<String>,
    config: Option<toml::Table>,
    /// Tokens of the run.
    pub tokens: f64,
    seq_len: u64,
    batch: Option<u64>,
    /// The chip, by the catalogue's name.
    pub chip: String,
    /// How many.
    pub count: u64,
    /// Whether the number of chips was published.
    #[serde(default = "told")]
    pub is_count_told: bool,
    layout: Option<String>,
    /// Chip-hours that were published.
    pub hours: f64,
    /// What they hold.
    pub holds: String,
    /// Who says so.
    pub source: String,
}

fn told() -> bool {
    true
}

/// What is published: whole runs, and speeds that were measured for minutes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Chip-hours of whole runs, with what befell them.
    pub run: Vec<PublishedRun>,
    /// Chip-hours at a measured speed, without.
    pub speed: Vec<PublishedRun>,
    /// Both, looked up when the planner was done.
    pub later: Vec<PublishedRun>,
}

/// All that is published.
pub fn published() -> Published {
    toml::from_str(RUNS).unwrap_or_else(|e| panic!("runs.toml: {e}"))
}

/// All whole runs.
pub fn published_runs() -> Vec<PublishedRun> {
    published().run
}

impl PublishedRun {
    /// The model's configuration.
    ///
    /// # Panics
    /// A configuration that is none: a mistake in `runs.toml`, which a test reads.
    pub fn config(&self) -> Config {
        let read = match (&self.model, &self.config) {
            (Some(name), _) => model::presets::published(name),
            (None, Some(keys)) => Config::from_json(&json!(keys).to_string()),
            (None, None) => panic!("{}: a model or a config", self.name),
        };
        read.unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// Chip-hours as the planner derives them, failures included.
    ///
    /// # Errors
    /// A layout that does not divide or fit.
    pub fn derived_hours(&self, catalogue: &Catalogue) -> Result<f64> {
        let config = self.config();
        let batch = self.batch.unwrap_or_else(|| usual_batch(&config, self.seq_len, self.count));
        let job = Job { config, tokens: self.tokens, seq_len: self.seq_len, batch, mtp: true };
        let cluster = Cluster::new(catalogue.chip(&self.chip)?, self.count, Some(1.0))?;
        let spec = self.layout.as_deref().map(LayoutSpec::parse).transpose()?.unwrap_or_default();
        Ok(plan_training(&self.name, &job, &cluster, &spec)?.gpu_hours)
    }
}

impl PublishedRun {
    /// How its row comes about.
    fn line(&self, derived: f64) -> Line {
        let batch =
            self.batch.map_or("as many sequences a step as are usual".to_owned(), |n| format!("{n} sequences a step"));
        let layout = self.layout.as_deref().unwrap_or("the quickest layout");
        let how = format!(
            "{} published / {} derived; {} tokens, {batch}, of {} tokens each, on {} x {} in {layout}",
            hours(self.hours),
            hours(derived),
            si(self.tokens),
            self.seq_len,
            self.count,
            self.chip
        );
        Line::new(&self.name, format!("{:.2}", self.hours / derived), how, &self.source)
    }
}

/// How many times as long as derived runs took: one in ten was below the first, half below the second, nine in ten below
/// the third.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The tenth.
    pub low: f64,
    /// The middle.
    pub middle: f64,
    /// The ninth tenth.
    pub high: f64,
}

impl Spread {
    fn of(mut ratios: Vec<f64>) -> Spread {
        ratios.sort_by(f64::total_cmp);
        let at = |share: f64| ratios[(share * (ratios.len() - 1) as f64).round() as usize];
        Spread { low: at(0.1), middle: at(0.5), high: at(0.9) }
    }
}

/// The spreads of what is published, runs and speeds together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spreads {
    /// Of dense models.
    pub dense: Spread,
    /// Of models with experts.
    pub with_experts: Spread,
}

/// What was derived of published runs or speeds.
#[derive(Default)]
struct Derived {
    rows: Vec<Vec<String>>,
    bars: Vec<Bar>,
    json: Vec<Value>,
    lines: Vec<Line>,
    notes: Vec<String>,
    dense: Vec<f64>,
    with_experts: Vec<f64>,
}

impl Derived {
    fn of(runs: &[PublishedRun], catalogue: &Catalogue) -> Result<Derived> {
        let mut all = Derived::default();
        for run in runs {
            let derived = run.derived_hours(catalogue)?;
            let ratio = run.hours / derived;
            let chips = format!("{}{} x {}", if run.is_count_told { "" } else { "~" }, run.count, run.chip);
            let (shown, tokens) = (percent(ratio), si(run.tokens));
            let [by_us, by_them] = [derived, run.hours].map(hours);
            all.rows.push(vec![run.name.clone(), chips, tokens, by_us, by_them, shown.clone()]);
            all.bars.push(Bar { label: run.name.clone(), value: ratio, shown });
            all.json.push(
                json!({ "name": run.name, "chip": run.chip, "count": run.count, "tokens": run.tokens, "derived": derived,
                "published": run.hours, "ratio": ratio, "holds": run.holds, "source": run.source }),
            );
            all.lines.push(run.line(derived));
            all.notes.push(format!("{}: {}. {}.", run.name, run.holds, run.source));
            if run.config().experts().is_some() { &mut all.with_experts } else { &mut all.dense }.push(ratio);
        }
        Ok(all)
    }
}

fn percent(ratio: f64) -> String {
    format!("{:+.0}%", 100.0 * (ratio - 1.0))
}

/// Everything published, derived, beside what was published.
///
/// # Errors
/// As [`PublishedRun::derived_hours`].
pub fn against_published(catalogue: &Catalogue) -> Result<(Answer, Spreads)> {
    let all = published();
    let [runs, speeds, later] = [&all.run, &all.speed, &all.later].map(|facts| Derived::of(facts, catalogue));
    let (runs, speeds, later) = (runs?, speeds?, later?);
    let table = |title: &str, of: &Derived| {
        let mut table = Table::new(title, &["", "chips", "tokens", "derived", "published", "published to derived"]);
        table.rows.clone_from(&of.rows);
        table
    };
    let tables = vec![
        table("Chip-hours of whole runs", &runs),
        table("Chip-hours at measured speeds", &speeds),
        table("Both, looked up when the planner was done", &later),
    ];
    let with_experts = [runs.with_experts.as_slice(), &speeds.with_experts, &later.with_experts].concat();
    let dense = [runs.dense.as_slice(), &speeds.dense, &later.dense].concat();
    if dense.is_empty() || with_experts.is_empty() {
        return Err(Error::Question("no published run is known".to_owned()));
    }
    let counts = [dense.len(), with_experts.len()];
    let spreads = Spreads { dense: Spread::of(dense), with_experts: Spread::of(with_experts) };
    let told = "~: the number of chips was not published. Layouts are the makers' where told, else the quickest.";
    let page = Page {
        title: "Published runs and speeds that nothing was fitted to".to_owned(),
        headline: format!(
            "Of {} dense runs and speeds, the middle one took {} against what is derived, four in five between {} and \
             {}; of {} with experts, the middle one {}, four in five between {} and {}.",
            counts[0],
            percent(spreads.dense.middle),
            percent(spreads.dense.low),
            percent(spreads.dense.high),
            counts[1],
            percent(spreads.with_experts.middle),
            percent(spreads.with_experts.low),
            percent(spreads.with_experts.high)
        ),
        tables,
        charts: vec![
            Chart::Bars { title: "Published chip-hours of runs over derived ones".to_owned(), bars: runs.bars },
            Chart::Bars { title: "Chip-hours at measured speeds over derived ones".to_owned(), bars: speeds.bars },
            Chart::Bars { title: "Those that were looked up later, over derived ones".to_owned(), bars: later.bars },
        ],
        lines: [runs.lines, speeds.lines, later.lines].concat(),
        notes: [vec![told.to_owned()], runs.notes, speeds.notes, later.notes].concat(),
        ..Page::default()
    };
    let of = |spread: Spread| json!({ "low": spread.low, "middle": spread.middle, "high": spread.high });
    let json = json!({ "runs": runs.json, "speeds": speeds.json, "later": later.json, "dense": of(spreads.dense),
        "with_experts": of(spreads.with_experts) });
    Ok((Answer { page, json }, spreads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assumptions::{SPREAD_DENSE, SPREAD_WITH_EXPERTS};

    /// The spreads that plans tell are those of what is published; three runs in five are within 15%.
    #[test]
    fn plans_are_off_as_they_say() {
        let (answer, spreads) = against_published(&Catalogue::shipped()).unwrap();
        eprintln!("{}", answer.page.text(false));
        let of = |spread: Spread, told: [f64; 2]| [(spread.low, told[0]), (spread.high, told[1])];
        let all = [of(spreads.dense, SPREAD_DENSE), of(spreads.with_experts, SPREAD_WITH_EXPERTS)].concat();
        for (found, told) in all {
            assert!((found - told).abs() < 0.02, "{spreads:?}, told {told}");
        }
        let rows = answer.json["runs"].as_array().unwrap();
        let number = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
        let is_near = |row: &&serde_json::Value| (number(row, "derived") / number(row, "published") - 1.0).abs() < 0.15;
        // Those of which more is known than that they were run: within 15%.
        let known = [
            "Llama 7B",
            "Llama 65B",
            "Llama 2 7B",
            "Llama 2 13B",
            "Llama 2 70B",
            "BLOOM 176B",
            "GPT-3 175B in Megatron-LM",
            "DeepSeek 67B",
            "DeepSeek-V2",
            "Llama 3.1 405B",
        ];
        for name in known {
            let row = rows.iter().find(|row| row["name"] == name).unwrap();
            assert!(is_near(&row), "{row}");
        }
        let n_near = rows.iter().filter(is_near).count();
        assert!(5 * n_near >= 3 * rows.len(), "{n_near} of {} within 15%", rows.len());
        // Whoever looks up another run finds it about as near: of those that were looked up later half are within 20%, and
        // of either kind the middle one of all is within 15%.
        let later = answer.json["later"].as_array().unwrap();
        let is_near = |row: &&serde_json::Value| (number(row, "ratio") - 1.0).abs() < 0.20;
        let n_near = later.iter().filter(is_near).count();
        assert!(2 * n_near >= later.len(), "{n_near} of {} within 20%", later.len());
        for middle in [spreads.dense.middle, spreads.with_experts.middle] {
            assert!((middle - 1.0).abs() < 0.15, "{spreads:?}");
        }
    }
}
