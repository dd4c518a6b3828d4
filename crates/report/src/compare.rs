//! Runs side by side: what each reached and cost, in which keys their recipes differ, and their curves in one drawing.
//! Runs whose recipes differ in nothing but the seed form a group and are drawn as one band.

#[cfg(test)]
mod tests;

use crate::chain::Chain;
use crate::curves::{Curve, Curves};
use crate::error::Result;
use crate::html;
use crate::plot::{Chart, Line, Unit, escape};
use crate::run::{Run, Status};
use crate::stats::{mean, wilson};
use cost::text::{dollars, duration, percent, si, thousands, value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Keys that name a run or bill it, and change nothing that it learns.
const NAMES: [&str; 4] = ["name", "run_dir", "cost.", "checkpoint."];

/// An accuracy with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The step.
    pub step: u64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One of the runs.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its directory.
    pub path: PathBuf,
    /// What it is called here.
    pub label: String,
    /// The stage that is compared: the last one.
    pub stage: String,
    /// Its kind.
    pub kind: String,
    /// Where the run stands.
    pub status: Status,
    /// Steps of that stage.
    pub steps: u64,
    /// Its last accuracy.
    pub last: Option<Score>,
    /// Its best accuracy. The best of many is flattered by chance: compare the last ones.
    pub best: Option<Score>,
    /// Last held-out bits per byte.
    pub val_bpb: Option<f64>,
    /// Last reward.
    pub reward: Option<f64>,
    /// Tokens of all stages.
    pub tokens: u64,
    /// Seconds of all stages.
    pub seconds: f64,
    /// Dollars of all stages.
    pub dollars: f64,
    /// Number of its group.
    pub group: usize,
}

/// Runs that differ in nothing but the seed.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What it is called: by its keys that differ from other groups'.
    pub label: String,
    /// Seeds.
    pub seeds: Vec<i64>,
    /// Mean of the last accuracies.
    pub accuracy: Option<f64>,
    /// Lowest and highest of them.
    pub range: Option<(f64, f64)>,
}

/// The comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The runs in the order in which they were named.
    pub runs: Vec<Entry>,
    /// Groups of seeds.
    pub groups: Vec<Group>,
    /// Keys in which the recipes differ, with each run's value.
    pub differences: BTreeMap<String, Vec<String>>,
    #[serde(skip)]
    curves: Vec<Curves>,
}

impl Comparison {
    /// Reads and compares.
    ///
    /// # Errors
    /// A directory that holds no run, files that cannot be read.
    pub fn of(paths: &[PathBuf]) -> Result<Comparison> {
        let chains: Vec<Chain> = paths.iter().map(|path| Chain::open(path)).collect::<Result<_>>()?;
        let recipes: Vec<BTreeMap<String, String>> = chains.iter().map(recipe_of).collect();
        let differences = differences(&recipes);
        let mut kinds: Vec<BTreeMap<&String, &String>> = Vec::new();
        let mut runs = Vec::new();
        for (chain, recipe) in chains.iter().zip(&recipes) {
            let without_seed = recipe.iter().filter(|(key, _)| !is_seed(key)).collect();
            let group = kinds.iter().position(|kind| *kind == without_seed).unwrap_or_else(|| {
                kinds.push(without_seed);
                kinds.len() - 1
            });
            runs.push(entry(chain, group));
        }
        distinguish(&mut runs);
        let groups = (0..kinds.len()).map(|group| group_of(group, &runs, &chains, &differences)).collect();
        let curves = chains.iter().map(|chain| chain.last().metrics.clone()).collect();
        Ok(Comparison { runs, groups, differences, curves })
    }

    /// The comparison for a terminal.
    pub fn render(&self) -> String {
        let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
        rows.extend(self.runs.iter().map(row));
        let mut text = table(&rows);
        if !self.differences.is_empty() {
            text += "\nRecipes differ in:\n";
            let mut rows =
                vec![std::iter::once("key".to_owned()).chain(self.runs.iter().map(|r| r.label.clone())).collect()];
            rows.extend(
                self.differences.iter().map(|(key, values)| {
                    std::iter::once(key.clone()).chain(values.iter().cloned()).collect::<Vec<_>>()
                }),
            );
            text += &table(&rows);
        }
        for group in self.groups.iter().filter(|group| group.seeds.len() > 1) {
            let _ = writeln!(text, "\n{}", group_line(group));
        }
        text.trim_end().to_owned()
    }

    /// The comparison as a page with overlaid curves.
    pub fn page(&self) -> String {
        let names: Vec<&str> = self.runs.iter().map(|run| run.label.as_str()).collect();
        let mut body = format!("<header><h1>{}</h1></header>\n<section>", escape(&names.join(" · ")));
        let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
        rows.extend(self.runs.iter().map(row));
        body += &html_table(&rows);
        body += "<p class=\"note\">Intervals are 95%. The best of many evaluations is flattered by chance; compare the last.</p>";
        for group in self.groups.iter().filter(|group| group.seeds.len() > 1) {
            let _ = write!(body, "<p>{}</p>", escape(&group_line(group)));
        }
        if !self.differences.is_empty() {
            body += "</section><section><h2>Recipes differ in</h2>";
            let mut rows =
                vec![std::iter::once("key".to_owned()).chain(names.iter().map(|n| (*n).to_owned())).collect()];
            rows.extend(
                self.differences.iter().map(|(key, values)| {
                    std::iter::once(key.clone()).chain(values.iter().cloned()).collect::<Vec<_>>()
                }),
            );
            body += &html_table(&rows);
        }
        body += "</section><section><h2>Curves</h2><div class=\"charts\">";
        for chart in self.charts() {
            body += &chart.figure();
        }
        body += "</div></section>\n";
        html::document(&names.join(" · "), &body)
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn write_page(&self, path: &Path) -> Result<()> {
        html::replace(path, &self.page())
    }

    /// One chart a metric, one line a group.
    fn charts(&self) -> Vec<Chart> {
        const SHOWN: [(&str, &str, Unit); 10] = [
            ("val/accuracy", "Accuracy", Unit::Share),
            ("reward", "Reward", Unit::Plain),
            ("completions/mean_thinking_length", "Thinking, tokens", Unit::Plain),
            ("completions/mean_length", "Answer, tokens", Unit::Plain),
            ("entropy", "Entropy", Unit::Plain),
            ("kl", "KL", Unit::Plain),
            ("loss", "Loss", Unit::Plain),
            ("val/bpb", "Held-out bits per byte", Unit::Plain),
            ("grad_norm", "Norm of the gradient", Unit::Plain),
            ("seconds", "Time", Unit::Seconds),
        ];
        let chart = |(name, title, unit): &(&str, &str, Unit)| {
            let lines = (0..self.groups.len()).map(|group| self.line(group, name)).collect();
            Chart { title: (*title).to_owned(), note: String::new(), unit: *unit, lines }
        };
        SHOWN.iter().map(chart).filter(|chart| !chart.is_empty()).collect()
    }

    /// A run's own curve, or the mean of a group's seeds in the band of their lowest and highest.
    fn line(&self, group: usize, name: &str) -> Line {
        let members: Vec<usize> = (0..self.runs.len()).filter(|run| self.runs[*run].group == group).collect();
        let curves: Vec<&Curve> = members.iter().map(|run| self.curves[*run].get(name)).collect();
        let label =
            if members.len() == 1 { self.runs[members[0]].label.clone() } else { self.groups[group].label.clone() };
        let is_sparse = name.starts_with("val/");
        let line = |curve: &Curve| Line { is_sparse, colour: Some(group), ..Line::dense(&label, curve) };
        if let [only] = curves.as_slice() {
            let (low, high) =
                (self.curves[members[0]].get("val/accuracy_low"), self.curves[members[0]].get("val/accuracy_high"));
            return if name == "val/accuracy" { line(only).with_band(low, high) } else { line(only) };
        }
        let (middle, low, high) = envelope(&curves);
        line(&middle).with_band(&low, &high)
    }
}

const HEADINGS: [&str; 10] =
    ["run", "stage", "steps", "accuracy (95%)", "best", "reward", "bits/byte", "tokens", "time", "dollars"];

fn row(run: &Entry) -> Vec<String> {
    let score =
        |score: &Score| format!("{} ({:.0} to {:.0})", percent(score.accuracy), 100.0 * score.low, 100.0 * score.high);
    let state = if run.status == Status::Finished { String::new() } else { format!(" ({})", run.status.word()) };
    vec![
        format!("{}{state}", run.label),
        format!("{} ({})", run.stage, run.kind),
        thousands(run.steps),
        run.last.as_ref().map(score).unwrap_or_default(),
        run.best
            .as_ref()
            .map(|best| format!("{} at {}", percent(best.accuracy), thousands(best.step)))
            .unwrap_or_default(),
        run.reward.map(value).unwrap_or_default(),
        run.val_bpb.map(value).unwrap_or_default(),
        si(run.tokens as f64),
        duration(run.seconds),
        dollars(run.dollars),
    ]
}

fn group_line(group: &Group) -> String {
    let seeds: Vec<String> = group.seeds.iter().map(i64::to_string).collect();
    let reached = group.accuracy.zip(group.range).map(|(mean, (low, high))| {
        format!(": accuracy {} on average, {} to {}", percent(mean), percent(low), percent(high))
    });
    format!("{} over seeds {}{}", group.label, seeds.join(", "), reached.unwrap_or_default())
}

fn entry(chain: &Chain, group: usize) -> Entry {
    let run = chain.last();
    let total = chain.bill().total();
    let scores = scores(run);
    let best = scores.iter().copied().fold(None, |best: Option<Score>, score| match best {
        Some(best) if best.accuracy >= score.accuracy => Some(best),
        _ => Some(score),
    });
    Entry {
        path: chain.path.clone(),
        label: chain.label(),
        stage: run.stage().to_owned(),
        kind: run.kind().to_owned(),
        status: chain.status(),
        steps: run.step(),
        last: scores.last().copied(),
        best,
        val_bpb: run.metrics.last("val/bpb"),
        reward: run.metrics.last("reward"),
        tokens: chain.stages.iter().map(Run::tokens).sum(),
        seconds: total.usage.wall_s,
        dollars: total.dollars,
        group,
    }
}

/// The accuracies of a run, with the intervals that it wrote, or Wilson's.
fn scores(run: &Run) -> Vec<Score> {
    let metrics = &run.metrics;
    let n = run.recipe_number("eval.problems").unwrap_or(0.0);
    let interval = |step: u64, accuracy: f64| {
        let written = metrics.get("val/accuracy_low").at(step).zip(metrics.get("val/accuracy_high").at(step));
        written.unwrap_or_else(|| wilson(accuracy * n, n))
    };
    let score = |(step, accuracy): (u64, f64)| {
        let (low, high) = interval(step, accuracy);
        Score { step, accuracy, low, high }
    };
    metrics.get("val/accuracy").points().map(score).collect()
}

/// Directories of the same name are told apart by their parents'.
fn distinguish(runs: &mut [Entry]) {
    let labels: Vec<String> = runs.iter().map(|run| run.label.clone()).collect();
    for run in runs.iter_mut().filter(|run| labels.iter().filter(|label| **label == run.label).count() > 1) {
        let parent = run.path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        run.label = format!("{}/{}", parent.unwrap_or_default(), run.label);
    }
}

fn group_of(group: usize, runs: &[Entry], chains: &[Chain], differences: &BTreeMap<String, Vec<String>>) -> Group {
    let members: Vec<usize> = (0..runs.len()).filter(|run| runs[*run].group == group).collect();
    let accuracies: Vec<f64> = members.iter().filter_map(|run| Some(runs[*run].last?.accuracy)).collect();
    let low = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let high = accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let keys: Vec<String> = differences
        .iter()
        .filter(|(key, _)| !is_seed(key))
        .map(|(key, values)| format!("{key} {}", values[members[0]]))
        .take(3)
        .collect();
    let stage = chains[members[0]].last().stage();
    Group {
        label: if keys.is_empty() { stage.to_owned() } else { keys.join(", ") },
        seeds: members.iter().map(|run| chains[*run].last().recipe_number("seed").unwrap_or(0.0) as i64).collect(),
        accuracy: (!accuracies.is_empty()).then(|| mean(&accuracies)),
        range: (!accuracies.is_empty()).then_some((low, high)),
    }
}

fn is_seed(key: &str) -> bool {
    key == "seed" || key.ends_with(".seed")
}

/// The recipe as dotted keys. A chain's keys carry the stage's name.
fn recipe_of(chain: &Chain) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for run in &chain.stages {
        let prefix = if chain.is_chain() { format!("{}.", run.stage()) } else { String::new() };
        let mut own = BTreeMap::new();
        flatten("", &toml::Value::Table(run.recipe.clone()), &mut own);
        own.retain(|key, _| !NAMES.iter().any(|name| key == name || name.ends_with('.') && key.starts_with(name)));
        keys.extend(own.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    keys
}

fn flatten(path: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| flatten(&join(key), value, out)),
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            items.iter().enumerate().for_each(|(idx, value)| flatten(&join(&idx.to_string()), value, out));
        }
        toml::Value::String(text) => drop(out.insert(path.to_owned(), text.clone())),
        other => drop(out.insert(path.to_owned(), other.to_string())),
    }
}

/// Keys with more than one value; a run without the key shows a dash.
fn differences(recipes: &[BTreeMap<String, String>]) -> BTreeMap<String, Vec<String>> {
    let keys: BTreeSet<&String> = recipes.iter().flat_map(BTreeMap::keys).collect();
    let values = |key: &String| -> Vec<String> {
        recipes.iter().map(|recipe| recipe.get(key).cloned().unwrap_or_else(|| "-".to_owned())).collect()
    };
    keys.into_iter()
        .map(|key| (key.clone(), values(key)))
        .filter(|(_, values)| values.iter().any(|value| *value != values[0]))
        .collect()
}

/// Mean, lowest and highest at the steps that all curves have.
fn envelope(curves: &[&Curve]) -> (Curve, Curve, Curve) {
    let (mut middle, mut low, mut high) = (Curve::default(), Curve::default(), Curve::default());
    for (step, first) in curves[0].points() {
        let rest: Option<Vec<f64>> = curves[1..].iter().map(|curve| curve.at(step)).collect();
        let Some(mut values) = rest else { continue };
        values.push(first);
        for (curve, value) in [
            (&mut middle, mean(&values)),
            (&mut low, values.iter().copied().fold(f64::INFINITY, f64::min)),
            (&mut high, values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ] {
            curve.steps.push(step);
            curve.values.push(value);
        }
    }
    (middle, low, high)
}

/// Columns as wide as their widest entry; the first one to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let used: Vec<usize> =
        (0..rows[0].len()).filter(|column| rows[1..].iter().any(|row| !row[*column].is_empty())).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let cells = used.iter().map(|column| {
            let (cell, width) = (&row[*column], width(*column));
            if *column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn html_table(rows: &[Vec<String>]) -> String {
    let used: Vec<usize> =
        (0..rows[0].len()).filter(|column| rows[1..].iter().any(|row| !row[*column].is_empty())).collect();
    let line = |row: &Vec<String>, tag: &str| {
        let cells = used.iter().map(|column| format!("<{tag}>{}</{tag}>", escape(&row[*column])));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let body: String = rows[1..].iter().map(|row| line(row, "td")).collect();
    format!("<table><thead>{}</thead><tbody>{body}</tbody></table>", line(&rows[0], "th"))
}
