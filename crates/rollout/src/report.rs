//! What results come to: by task and difficulty, with intervals, tokens, time and money; and two of them beside each other.

use crate::results::{Record, Results};
use crate::statistics::{self, Comparison, Estimate, Tally};
use crate::vote::{ballot, is_number, majority};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use tasks::Verdict;

#[cfg(test)]
mod tests;

/// The figures of some samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Problems, judged or not.
    pub n_problems: usize,
    /// Samples, judged or not.
    pub n_samples: usize,
    /// Samples that are right.
    pub n_right: u64,
    /// pass@1; `None` where nothing could be judged.
    pub accuracy: Option<Estimate>,
    /// pass@k for powers of 2 up to the number of samples, and that number.
    pub pass_at: Vec<(u64, f64)>,
    /// cons@k for all k samples.
    pub cons: Option<(u64, f64)>,
    /// Tokens of a sample, on average.
    pub mean_tokens: f64,
    /// Time for one answer, on average.
    pub seconds: f64,
    /// Dollars for one answer, on average.
    pub dollars: f64,
    /// Share of samples that ran out of tokens.
    pub truncated: f64,
    /// Share of samples that could not be judged.
    pub cannot_judge: f64,
    /// Share of samples whose thinking is closed and followed by an answer.
    pub well_formed: f64,
}

/// Figures by task and difficulty.
#[derive(Clone, Debug)]
pub struct Report {
    /// Of everything.
    pub overall: Figures,
    /// Of each task.
    pub tasks: Vec<TaskFigures>,
    settings: Value,
}

/// Figures of one task.
#[derive(Clone, Debug)]
pub struct TaskFigures {
    /// The task.
    pub task: String,
    /// Of all its samples.
    pub figures: Figures,
    /// By difficulty.
    pub levels: Vec<(u8, Figures)>,
}

impl Report {
    /// Adds results up.
    pub fn new(results: &Results) -> Report {
        let mut by_task = BTreeMap::<&str, Vec<&Record>>::new();
        let mut order = Vec::new();
        for record in &results.records {
            let group = by_task.entry(&record.task).or_default();
            if group.is_empty() {
                order.push(record.task.as_str());
            }
            group.push(record);
        }
        let share = Shares::of(results);
        let task = |name: &str| {
            let records = &by_task[name];
            let mut by_level = BTreeMap::<u8, Vec<&Record>>::new();
            records.iter().for_each(|record| by_level.entry(record.difficulty).or_default().push(record));
            let levels = by_level.into_iter().map(|(level, records)| (level, figures(&records, &share))).collect();
            TaskFigures { task: name.to_owned(), figures: figures(records, &share), levels }
        };
        Report {
            overall: figures(&results.records.iter().collect::<Vec<_>>(), &share),
            tasks: order.into_iter().map(task).collect(),
            settings: json!(results.settings),
        }
    }

    /// One JSON value: the figures of everything, `tasks` with their `difficulties`, and the `settings`.
    pub fn to_json(&self) -> Value {
        let mut all = object(&self.overall);
        let task = |TaskFigures { task, figures, levels }: &TaskFigures| {
            let mut entry = Map::from_iter([("task".to_owned(), json!(task))]);
            entry.extend(object(figures));
            let level = |(level, figures): &(u8, Figures)| {
                let mut entry = Map::from_iter([("difficulty".to_owned(), json!(level))]);
                entry.extend(object(figures));
                Value::Object(entry)
            };
            entry.insert("difficulties".to_owned(), levels.iter().map(level).collect());
            Value::Object(entry)
        };
        all.insert("tasks".to_owned(), self.tasks.iter().map(task).collect());
        all.insert("settings".to_owned(), self.settings.clone());
        Value::Object(all)
    }

    /// A table for people.
    pub fn render(&self) -> String {
        let mut rows = Vec::new();
        for TaskFigures { task, figures, levels } in &self.tasks {
            rows.push((task.clone(), figures));
            if levels.len() > 1 {
                rows.extend(levels.iter().map(|(level, figures)| (format!("  difficulty {level}"), figures)));
            }
        }
        if self.tasks.len() > 1 {
            rows.push(("all".to_owned(), &self.overall));
        }
        let k = self.overall.cons.map_or(1, |(k, _)| k);
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(4);
        let mut text = format!("{:width$}  problems  pass@1   95% interval   ", "task");
        if k > 1 {
            let _ = write!(text, "{:>8}  {:>8}  ", format!("pass@{k}"), format!("cons@{k}"));
        }
        text += " tokens     time    dollars  cut off  no verdict\n";
        for (name, figures) in rows {
            let pad = " ".repeat(width - name.chars().count());
            let _ = writeln!(text, "{name}{pad}  {}", row(figures, k > 1));
        }
        let all = &self.overall;
        let _ = writeln!(
            text,
            "\nTime, dollars and tokens are those of one answer. One right answer takes {} and {}.",
            all.per_solved(all.seconds).map_or("-".to_owned(), seconds),
            all.per_solved(all.dollars).map_or("-".to_owned(), dollars),
        );
        text + &self.render_settings()
    }

    fn render_settings(&self) -> String {
        let settings = self.settings.as_object();
        let flat = settings.into_iter().flatten().flat_map(|(key, value)| match value {
            Value::Object(inner) => inner.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            value => vec![(key.clone(), value.clone())],
        });
        // The seed stands in both places.
        let mut seen = std::collections::BTreeSet::new();
        let shown = flat.filter(|(key, value)| {
            !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()) && seen.insert(key.clone())
        });
        let text = |value: Value| match value {
            Value::String(text) => text,
            Value::Array(items) => {
                items.iter().map(|i| i.as_str().map_or(i.to_string(), str::to_owned)).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        let parts: Vec<String> = shown.map(|(key, value)| format!("{key} {}", text(value))).collect();
        format!("Settings: {}.", parts.join(", "))
    }
}

/// How time and money are shared out.
struct Shares {
    /// Of our own machine: all that was taken, by the token; an endpoint says it for each answer.
    seconds_per_token: Option<f64>,
    dollars_per_second: f64,
}

impl Shares {
    fn of(results: &Results) -> Shares {
        if results.settings.endpoint.is_some() {
            return Shares { seconds_per_token: None, dollars_per_second: 0.0 };
        }
        // Samples run beside each other, so the time between two ends says little about either; tokens do.
        let seconds: f64 = results.records.iter().map(|record| record.seconds).sum();
        let tokens: u64 = results.records.iter().map(|record| record.tokens).sum();
        Shares {
            seconds_per_token: Some(seconds / tokens.max(1) as f64),
            dollars_per_second: results.settings.dollars_per_hour / 3600.0,
        }
    }
}

fn figures(records: &[&Record], share: &Shares) -> Figures {
    let mut by_problem = BTreeMap::<&str, Vec<&Record>>::new();
    records.iter().for_each(|record| by_problem.entry(&record.id).or_default().push(record));
    let tallies: Vec<Tally> =
        by_problem.values().map(|records| Tally::of(records.iter().map(|record| record.verdict))).collect();
    let n = records.len().max(1) as f64;
    let of = |holds: fn(&Record) -> bool| records.iter().filter(|record| holds(record)).count() as f64 / n;
    let tokens: u64 = records.iter().map(|record| record.tokens).sum();
    let own: f64 = records.iter().map(|record| record.seconds).sum();
    let seconds = share.seconds_per_token.map_or(own, |each| each * tokens as f64);
    let paid: f64 = records.iter().map(|record| record.dollars).sum();
    let k = by_problem.values().map(|records| records.len() as u64).min().unwrap_or(0);
    let ks = (0..).map(|power| 1u64 << power).take_while(|power| *power < k).chain([k]);
    let votes: Vec<f64> = by_problem.values().filter_map(|records| vote(records)).collect();
    Figures {
        n_problems: by_problem.len(),
        n_samples: records.len(),
        n_right: tallies.iter().map(|tally| tally.n_right).sum(),
        accuracy: statistics::accuracy(&tallies),
        pass_at: ks.filter_map(|k| Some((k, statistics::pass_at(k, &tallies)?))).collect(),
        cons: statistics::mean(&votes).map(|cons| (k, cons)),
        mean_tokens: tokens as f64 / n,
        seconds: seconds / n,
        dollars: (paid + seconds * share.dollars_per_second) / n,
        truncated: of(|record| record.finish_reason == "length"),
        cannot_judge: of(|record| record.verdict == Verdict::CannotJudge),
        well_formed: of(|record| record.well_formed),
    }
}

fn vote(records: &[&Record]) -> Option<f64> {
    let ballots = records.iter().map(|record| {
        let says = (record.finish_reason == "stop").then(|| ballot(&record.content, is_number(&record.gold))).flatten();
        (says, record.verdict)
    });
    majority(&ballots.collect::<Vec<_>>())
}

impl Figures {
    /// What one right answer takes, if one answer takes so much.
    pub fn per_solved(&self, of_one: f64) -> Option<f64> {
        (self.n_right > 0).then(|| of_one * self.n_samples as f64 / self.n_right as f64)
    }
}

fn object(figures: &Figures) -> Map<String, Value> {
    let accuracy = figures.accuracy;
    let mut map = Map::from_iter([
        ("problems".to_owned(), json!(figures.n_problems)),
        ("samples".to_owned(), json!(figures.n_samples)),
        ("right".to_owned(), json!(figures.n_right)),
        ("pass@1".to_owned(), json!(accuracy.map(|a| a.mean))),
        ("pass@1_low".to_owned(), json!(accuracy.map(|a| a.low))),
        ("pass@1_high".to_owned(), json!(accuracy.map(|a| a.high))),
    ]);
    let more = figures.pass_at.iter().filter(|(k, _)| *k > 1);
    map.extend(more.map(|(k, pass)| (format!("pass@{k}"), json!(pass))));
    map.extend(figures.cons.map(|(k, cons)| (format!("cons@{k}"), json!(cons))));
    map.extend([
        ("mean_tokens".to_owned(), json!(figures.mean_tokens)),
        ("seconds_per_problem".to_owned(), json!(figures.seconds)),
        ("dollars_per_problem".to_owned(), json!(figures.dollars)),
        ("seconds_per_solved".to_owned(), json!(figures.per_solved(figures.seconds))),
        ("dollars_per_solved".to_owned(), json!(figures.per_solved(figures.dollars))),
        ("truncated".to_owned(), json!(figures.truncated)),
        ("cannot_judge".to_owned(), json!(figures.cannot_judge)),
        ("well_formed".to_owned(), json!(figures.well_formed)),
    ]);
    map
}

fn row(figures: &Figures, has_more: bool) -> String {
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    let (mean, interval) = figures.accuracy.map_or(("-".to_owned(), String::new()), |a| {
        (percent(a.mean), format!("{:.1} to {:.1}", 100.0 * a.low, 100.0 * a.high))
    });
    let mut text = format!("{:>8}  {mean:>6}  {interval:>14}   ", figures.n_problems);
    if has_more {
        let most = figures.pass_at.last().map_or("-".to_owned(), |(_, pass)| percent(*pass));
        let cons = figures.cons.map_or("-".to_owned(), |(_, cons)| percent(cons));
        let _ = write!(text, "{most:>8}  {cons:>8}  ");
    }
    let _ = write!(
        text,
        "{:>7.0}  {:>7}  {:>9}  {:>7}  {:>10}",
        figures.mean_tokens,
        seconds(figures.seconds),
        dollars(figures.dollars),
        percent(figures.truncated),
        percent(figures.cannot_judge)
    );
    text
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

fn dollars(dollars: f64) -> String {
    if dollars >= 0.01 { format!("${dollars:.3}") } else { format!("${dollars:.1e}") }
}

/// Two results on the problems that both have, paired by id; `None` where there is no such problem.
pub fn compare(first: &Results, second: &Results) -> Option<Comparison> {
    let tallies = |results: &Results| {
        let mut tallies = BTreeMap::<String, Tally>::new();
        results.records.iter().for_each(|r| tallies.entry(r.id.clone()).or_default().add(r.verdict));
        tallies
    };
    let (first, second) = (tallies(first), tallies(second));
    let pairs: Vec<(Tally, Tally)> = first.iter().filter_map(|(id, a)| Some((*a, *second.get(id)?))).collect();
    statistics::compare(&pairs)
}

/// A comparison in words.
pub fn render_comparison(first: &str, second: &str, found: &Comparison) -> String {
    let test = match found.test {
        statistics::Test::McnemarExact => "McNemar's exact test",
        statistics::Test::PairedT => "a paired t test",
        statistics::Test::Sign => "an exact sign test",
    };
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    format!(
        "{} problems that both answered\nA  {}  {first}\nB  {}  {second}\nB less A: {:+.1} points, 95% interval {:+.1} to {:+.1}; A is better on {} problems, B on {}\np = {:.4} by {test}: {}",
        found.n_problems,
        percent(found.first),
        percent(found.second),
        100.0 * found.difference,
        100.0 * found.low,
        100.0 * found.high,
        found.n_first_better,
        found.n_second_better,
        found.p_value,
        if found.p_value < 0.05 { "the difference is unlikely to be chance" } else { "chance alone may explain it" }
    )
}
