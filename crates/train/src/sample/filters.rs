//! Which answers become data: R1's filters (section 2.3.3: only right ones; no mixed languages, no endless paragraphs), a
//! window of difficulty, and no text twice. Every answer that is left out has one reason, the first that holds.

use crate::grpo::rewards::language_consistency;
use crate::recipe::SampleSpec;
use rollout::results::Record;
use rollout::statistics::Tally;
use std::collections::{BTreeMap, BTreeSet};
use tasks::Verdict;
use tasks::split::stable_hash;

#[cfg(test)]
mod tests;

/// Longest passage, in words, whose repetition is noticed.
const MAX_PERIOD: usize = 64;

/// Fewest words that must be repeated.
const MIN_REPEATED: usize = 24;

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is data.
    Kept,
    /// The task cannot say whether it is right.
    CannotJudge,
    /// It was cut at the longest length.
    Cut,
    /// It is wrong.
    Wrong,
    /// Its thinking is not closed, or no answer follows.
    Format,
    /// It is too short.
    Short,
    /// Its thinking mixes languages.
    Language,
    /// It repeats itself over and over.
    Repetition,
    /// Its problem is too hard or too easy.
    PassRate,
    /// The same text was kept before.
    Duplicate,
    /// Its problem has enough answers.
    Surplus,
}

impl Fate {
    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::CannotJudge => "cannot_judge",
            Fate::Cut => "cut",
            Fate::Wrong => "wrong",
            Fate::Format => "format",
            Fate::Short => "short",
            Fate::Language => "language",
            Fate::Repetition => "repetition",
            Fate::PassRate => "pass_rate",
            Fate::Duplicate => "duplicate",
            Fate::Surplus => "surplus",
        }
    }

    /// Every fate.
    pub const ALL: [Fate; 11] = [
        Fate::Kept,
        Fate::CannotJudge,
        Fate::Cut,
        Fate::Wrong,
        Fate::Format,
        Fate::Short,
        Fate::Language,
        Fate::Repetition,
        Fate::PassRate,
        Fate::Duplicate,
        Fate::Surplus,
    ];
}

/// The share of right answers of each problem among those judged, by the problem's id.
pub fn pass_rates(records: &[Record]) -> BTreeMap<&str, f64> {
    let mut tallies = BTreeMap::<&str, Tally>::new();
    records.iter().for_each(|record| tallies.entry(&record.id).or_default().add(record.verdict));
    tallies.into_iter().filter_map(|(id, tally)| Some((id, tally.share()?))).collect()
}

/// The fate of each record, in their order: a function of the records and the recipe.
pub fn fates(spec: &SampleSpec, records: &[Record]) -> Vec<Fate> {
    let rates = pass_rates(records);
    let mut kept = BTreeMap::<String, usize>::new();
    let mut seen = BTreeSet::new();
    let fate = |record: &Record| {
        if let Some(fate) = alone(spec, record) {
            return fate;
        }
        let rate = rates.get(record.id.as_str()).copied().unwrap_or(0.0);
        if rate < spec.pass_rate_low || rate > spec.pass_rate_high {
            return Fate::PassRate;
        }
        let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
        let texts = [&record.prompt, &record.reasoning, &record.content].map(|text| stable_hash(&words(text)));
        if seen.contains(&texts) {
            return Fate::Duplicate;
        }
        let n_kept = kept.entry(record.id.clone()).or_default();
        if *n_kept == spec.max_per_problem {
            return Fate::Surplus;
        }
        *n_kept += 1;
        seen.insert(texts);
        Fate::Kept
    };
    records.iter().map(fate).collect()
}

/// What is against an answer whatever the others say.
fn alone(spec: &SampleSpec, record: &Record) -> Option<Fate> {
    let language = || language_consistency(&record.prompt, &record.reasoning);
    let rules: [(bool, Fate); 7] = [
        (record.verdict == Verdict::CannotJudge, Fate::CannotJudge),
        (record.finish_reason == "length", Fate::Cut),
        (record.verdict == Verdict::Wrong, Fate::Wrong),
        (spec.format && !record.well_formed, Fate::Format),
        // An endpoint that does not count says 0.
        (record.tokens > 0 && record.tokens < spec.min_tokens, Fate::Short),
        (language() < spec.language, Fate::Language),
        (spec.repetition && (repeats(&record.reasoning) || repeats(&record.content)), Fate::Repetition),
    ];
    rules.iter().find(|(holds, _)| *holds).map(|(_, fate)| *fate)
}

/// Whether a passage of words follows itself at least three times, over [`MIN_REPEATED`] words or more.
pub fn repeats(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    (1..=MAX_PERIOD.min(words.len())).any(|period| {
        let wanted = MIN_REPEATED.max(3 * period);
        let mut n_same = 0;
        (period..words.len()).any(|at| {
            n_same = if words[at] == words[at - period] { n_same + 1 } else { 0 };
            n_same >= wanted
        })
    })
}
