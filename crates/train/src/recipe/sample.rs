//! `[sample]`: rejection sampling. A model, or a teacher behind an endpoint, answers problems; what is right and reads well
//! becomes data for later stages (DeepSeek-R1, arXiv:2501.12948, section 2.3.3; distillation, section 2.4).

use super::{StageKind, StageRecipe, keys};
use rollout::endpoint::Prices;
use serde::{Deserialize, Serialize};

/// `[sample]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSpec {
    /// Problems that are drawn from the sources, each in other words or with other numbers.
    #[serde(deserialize_with = "keys::length")]
    pub problems: usize,
    /// Answers to each problem.
    pub samples: u64,
    /// Temperature of the answers.
    pub temperature: f64,
    /// Nucleus of the answers.
    pub top_p: f64,
    /// Longest answer in tokens, thinking included; longer ones are cut, and so never kept.
    #[serde(deserialize_with = "keys::length")]
    pub max_new_tokens: usize,
    /// Most answers that are kept of a problem.
    pub max_per_problem: usize,
    /// Keeps only problems of which at least this share of the judged answers is right ...
    pub pass_rate_low: f64,
    /// ... and at most this share. Below 1, problems that are always solved are left out.
    pub pass_rate_high: f64,
    /// Keeps only answers whose thinking is closed and followed by an answer.
    pub format: bool,
    /// Least share of the thinking's words that are in the prompt's language; 0 for any mixture.
    pub language: f64,
    /// Fewest tokens of an answer that is kept.
    pub min_tokens: u64,
    /// Keeps out answers that repeat a passage over and over.
    pub repetition: bool,
    /// Who answers in place of the stage's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<TeacherSpec>,
}

/// `[sample.teacher]`: an OpenAI-compatible endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSpec {
    /// Base of the API, for example `http://127.0.0.1:8080/v1`.
    pub endpoint: String,
    /// Name of the model there.
    pub model: String,
    /// Environment variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// Requests at once.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Dollars for a million tokens: `{ input = 0.55, output = 2.19 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// The most that the stage may spend there; needs prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_dollars: Option<f64>,
}

fn concurrency() -> usize {
    8
}

impl Default for SampleSpec {
    fn default() -> SampleSpec {
        SampleSpec {
            problems: 1000,
            samples: 4,
            temperature: 0.6,
            top_p: 0.95,
            max_new_tokens: 256,
            max_per_problem: 1,
            pass_rate_low: 0.0,
            pass_rate_high: 1.0,
            format: true,
            language: 0.9,
            min_tokens: 1,
            repetition: true,
            teacher: None,
        }
    }
}

impl SampleSpec {
    /// What contradicts itself or lies out of range, in words.
    fn problem(&self) -> Option<String> {
        let counts = [
            ("problems", self.problems),
            ("samples", self.samples as usize),
            ("max_new_tokens", self.max_new_tokens),
            ("max_per_problem", self.max_per_problem),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, n)| *n == 0) {
            return Some(format!("sample.{key} is 0, expected at least 1"));
        }
        let is_share = |x: f64| (0.0..=1.0).contains(&x);
        if !(is_share(self.pass_rate_low) && is_share(self.pass_rate_high) && self.pass_rate_low <= self.pass_rate_high)
        {
            return Some("expected 0 <= sample.pass_rate_low <= sample.pass_rate_high <= 1".to_owned());
        }
        if !is_share(self.language) {
            return Some(format!("sample.language is {}, expected a share from 0 to 1", self.language));
        }
        if !(self.temperature.is_finite() && self.temperature >= 0.0 && self.top_p > 0.0 && self.top_p <= 1.0) {
            return Some("expected sample.temperature of at least 0 and 0 < sample.top_p <= 1".to_owned());
        }
        if self.temperature == 0.0 && self.samples > 1 {
            return Some("sample.temperature is 0: all sample.samples of a problem would be the same".to_owned());
        }
        let teacher = self.teacher.as_ref()?;
        if teacher.max_dollars.is_some() && teacher.prices.is_none() {
            return Some("sample.teacher.max_dollars needs sample.teacher.prices".to_owned());
        }
        (teacher.concurrency == 0).then(|| "sample.teacher.concurrency is 0, expected at least 1".to_owned())
    }
}

/// What is wrong with a stage as one that samples, or with its having `[sample]` at all.
pub(super) fn problem(stage: &StageRecipe) -> Option<String> {
    match (&stage.sample, stage.kind) {
        (None, StageKind::Sample) => Some("no [sample]".to_owned()),
        (None, _) => None,
        (Some(_), kind) if kind != StageKind::Sample => Some("[sample] is for kind = \"sample\"".to_owned()),
        (Some(_), _) if stage.data.source.iter().any(|source| source.kind != super::SourceKind::Task) => {
            Some("sample answers problems: every [[data.source]] has kind = \"task\"".to_owned())
        }
        (Some(spec), _) => spec.problem(),
    }
}
