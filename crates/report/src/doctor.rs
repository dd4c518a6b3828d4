//! Why is nothing learned? Reads a run and says in words what stands in the way, with the figures, where in the run, and
//! which keys of the recipe to change. A run without a fault is told so.
//!
//! Each check looks for one fault and is silent without evidence: trends are tested ([`crate::stats`]), levels are taken
//! over the last third of a run, so that what a run overcame is not held against it.

mod answers;
mod case;
mod learning;
mod rewards;
mod spending;
#[cfg(test)]
mod tests;
mod update;

use crate::chain::Chain;
use crate::error::Result;
use crate::run::{Run, Sample};
use case::Case;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Stands in the way of learning.
    Problem,
    /// Wastes something, or may become a problem.
    Warning,
    /// Worth knowing; nothing is wrong.
    Note,
}

/// One change that may help.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The recipe's key; empty where the advice is about something else.
    pub key: &'static str,
    /// What to do with it.
    pub change: String,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name for programs: `reward_hack`, `all_groups_wrong`, ..
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The stage.
    pub stage: String,
    /// In one line.
    pub title: String,
    /// In words, with the figures.
    pub text: String,
    /// The figures by name.
    pub figures: BTreeMap<String, f64>,
    /// First and last step that it is about.
    pub steps: Option<(u64, u64)>,
    /// What to change.
    pub advice: Vec<Advice>,
    /// Answers that show it.
    pub samples: Vec<Sample>,
}

impl Finding {
    fn new(code: &'static str, severity: Severity, title: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding {
            code,
            severity,
            stage: String::new(),
            title: title.into(),
            text: text.into(),
            figures: BTreeMap::new(),
            steps: None,
            advice: Vec::new(),
            samples: Vec::new(),
        }
    }

    fn figure(mut self, name: &str, value: f64) -> Finding {
        self.figures.insert(name.to_owned(), value);
        self
    }

    fn over(mut self, steps: (u64, u64)) -> Finding {
        self.steps = Some(steps);
        self
    }

    fn advise(mut self, key: &'static str, change: impl Into<String>) -> Finding {
        self.advice.push(Advice { key, change: change.into() });
        self
    }

    fn show(mut self, samples: Vec<Sample>) -> Finding {
        self.samples = samples;
        self
    }
}

/// The judgement over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No fault was found.
    Healthy,
    /// It works, with something to look at.
    Warnings,
    /// Something stands in the way of learning.
    Problems,
    /// Too few steps to tell.
    TooEarly,
}

/// What the doctor says about a run, of one stage or several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The run's directory.
    pub run: PathBuf,
    /// The judgement.
    pub verdict: Verdict,
    /// It in a sentence.
    pub summary: String,
    /// What was found, the weightiest first.
    pub findings: Vec<Finding>,
}

/// A check: silent, or one finding or more.
type Check = fn(&Case) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    update::not_finite,
    update::learning_rate_is_zero,
    update::zero_gradient,
    update::mismatch,
    update::ratio_exploded,
    update::kl_runaway,
    update::gradient_exploded,
    update::experts_unbalanced,
    rewards::equal_groups,
    rewards::hack,
    rewards::ignores_verdict,
    rewards::cannot_judge,
    answers::truncated,
    answers::entropy,
    answers::all_alike,
    answers::thinking_vanished,
    learning::accuracy_falls,
    learning::nothing_learned,
    learning::overfit,
    learning::loss,
    learning::data,
    spending::slow_phase,
    spending::lost_work,
];

/// Examines every stage of a run.
///
/// # Errors
/// Files that cannot be read.
pub fn examine(chain: &Chain) -> Result<Diagnosis> {
    let mut findings = Vec::new();
    let mut judged = Vec::new();
    for run in &chain.stages {
        let (verdict, stage_findings) = examine_stage(run)?;
        judged.push((run, verdict));
        findings.extend(stage_findings);
    }
    findings.sort_by_key(|finding| finding.severity);
    let rank = |verdict: Verdict| match verdict {
        Verdict::Problems => 0,
        Verdict::Warnings => 1,
        Verdict::TooEarly => 2,
        Verdict::Healthy => 3,
    };
    let verdict = judged.iter().map(|(_, verdict)| *verdict).min_by_key(|v| rank(*v)).unwrap_or(Verdict::TooEarly);
    let summary = judged.iter().map(|(run, verdict)| sentence(run, *verdict, &findings)).collect::<Vec<_>>().join(" ");
    Ok(Diagnosis { run: chain.path.clone(), verdict, summary, findings })
}

fn examine_stage(run: &Run) -> Result<(Verdict, Vec<Finding>)> {
    let case = Case::of(run)?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&case)).collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in &mut findings {
        finding.stage = run.stage().to_owned();
    }
    let has = |severity| findings.iter().any(|finding| finding.severity == severity);
    let verdict = match (has(Severity::Problem), case.is_too_early(), has(Severity::Warning)) {
        (true, _, _) => Verdict::Problems,
        (_, true, _) => Verdict::TooEarly,
        (_, _, true) => Verdict::Warnings,
        _ => Verdict::Healthy,
    };
    Ok((verdict, findings))
}

fn sentence(run: &Run, verdict: Verdict, findings: &[Finding]) -> String {
    let (stage, steps) = (run.stage(), run.step());
    let count = |severity| findings.iter().filter(|f| f.severity == severity && f.stage == stage).count();
    match verdict {
        Verdict::Healthy => format!("{stage}: {steps} steps, and no fault found.{}", case::progress_in_words(run)),
        Verdict::TooEarly => {
            format!("{stage}: {steps} steps are too few to tell; ask again after {}.", case::ENOUGH_STEPS)
        }
        Verdict::Warnings => {
            format!(
                "{stage}: it works; {} to look at.{}",
                things(count(Severity::Warning)),
                case::progress_in_words(run)
            )
        }
        Verdict::Problems => format!("{stage}: {} in the way of learning.", stand(count(Severity::Problem))),
    }
}

fn things(n: usize) -> String {
    if n == 1 { "one thing".to_owned() } else { format!("{n} things") }
}

fn stand(n: usize) -> String {
    if n == 1 { "one thing stands".to_owned() } else { format!("{n} things stand") }
}

impl Diagnosis {
    /// The diagnosis for a terminal.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n{}\n", self.run.display(), self.summary);
        for finding in &self.findings {
            let mark = match finding.severity {
                Severity::Problem => "PROBLEM",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let place = finding.steps.map(|(a, b)| format!(", steps {a} to {b}")).unwrap_or_default();
            let _ = write!(text, "\n{mark}: {} [{}{place}]\n", finding.title, finding.stage);
            let _ = writeln!(text, "{}", indented(&finding.text));
            for advice in &finding.advice {
                let key = if advice.key.is_empty() { String::new() } else { format!("{}: ", advice.key) };
                let _ = writeln!(text, "    -> {key}{}", advice.change);
            }
            for sample in &finding.samples {
                let _ = writeln!(text, "{}", shown(sample));
            }
        }
        text.trim_end().to_owned()
    }
}

/// A sample in a few lines.
fn shown(sample: &Sample) -> String {
    let reward = sample.reward.map(|r| format!(", reward {}", cost::text::value(r))).unwrap_or_default();
    let head = format!("step {}, {}, {}{reward}", sample.step, sample.task, sample.verdict.replace('_', " "));
    format!(
        "    | {head}\n    |   asked     {}\n    |   thought   {}\n    |   answered  {}\n    |   right is  {}",
        shortened(&sample.prompt),
        shortened(&sample.reasoning),
        shortened(&sample.content),
        shortened(&sample.answer_text())
    )
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} ..", &line[..at]),
        None => line,
    }
}

/// Wraps at the width of a terminal, four spaces in.
fn indented(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("never empty");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            last.push_str(if last.is_empty() { "" } else { " " });
            last.push_str(word);
        }
    }
    lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
