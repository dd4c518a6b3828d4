//! What an answer earns: each reward on its own, and their sum by the recipe's weights.
//!
//! A verdict of cannot-judge is no reward at all (ARCHITECTURE.md, invariant 6): the answer is left out of its group.

#[cfg(test)]
mod tests;

use super::objective::overlong_penalty;
use crate::recipe::{GrpoSpec, OverlongKind, RewardSpec};
use rollout::Parts;
use tasks::{Rng, Verdict};

/// The rewards of one answer, each before its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rewards {
    /// 1 for right, 0 for wrong; `None` where the task cannot say.
    pub accuracy: Option<f64>,
    /// 1 where thinking is closed, an answer follows, and the model ended it.
    pub format: f64,
    /// Share of the thinking that is in the prompt's language.
    pub language: f64,
    /// For a right answer, the share of the allowed length that it did not need.
    pub length: f64,
    /// A coin's.
    pub random: f64,
    /// A judge's grade from 0 to 1; `None` where it gave none.
    pub judge: Option<f64>,
    /// The soft penalty for length, at most 0.
    pub overlong: f64,
}

/// What rewards are computed from.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// What was asked.
    pub prompt: &'a str,
    /// Thinking and answer.
    pub parts: &'a Parts,
    /// The verdict.
    pub verdict: Verdict,
    /// Tokens, the stop token included.
    pub n_tokens: usize,
    /// Whether the model ended it.
    pub is_stopped: bool,
}

impl Rewards {
    /// Of one answer, no judge asked yet; `coin` draws the random reward.
    pub fn of(spec: &GrpoSpec, answer: &Answered, coin: &mut Rng) -> Rewards {
        let is_right = answer.verdict == Verdict::Right;
        let share = answer.n_tokens as f64 / spec.max_new_tokens as f64;
        Rewards {
            accuracy: (answer.verdict != Verdict::CannotJudge).then_some(f64::from(u8::from(is_right))),
            format: f64::from(u8::from(answer.is_stopped && answer.parts.is_well_formed())),
            language: language_consistency(answer.prompt, &answer.parts.reasoning),
            length: if is_right { (1.0 - share).max(0.0) } else { 0.0 },
            random: f64::from(u8::from(coin.chance(0.5))),
            judge: None,
            overlong: match spec.overlong {
                OverlongKind::Soft => overlong_penalty(answer.n_tokens, spec.max_new_tokens, spec.overlong_buffer),
                OverlongKind::Keep | OverlongKind::Mask => 0.0,
            },
        }
    }

    /// The weighted sum; `None` where a reward that counts is missing, and where the verifier cannot judge although no judge
    /// is asked in its place: such an answer earns nothing for its form either.
    pub fn total(&self, weights: &RewardSpec) -> Option<f64> {
        if self.accuracy.is_none() && weights.judge == 0.0 {
            return None;
        }
        let known = self.named(weights).map(|(_, weight, value)| value.map(|value| weight * value));
        known.sum::<Option<f64>>().map(|sum| sum + self.overlong)
    }

    /// The rewards in use by name, with weight and value.
    pub fn named(&self, weights: &RewardSpec) -> impl Iterator<Item = (&'static str, f64, Option<f64>)> + use<> {
        let all = [
            ("accuracy", weights.accuracy, self.accuracy),
            ("format", weights.format, Some(self.format)),
            ("language", weights.language, Some(self.language)),
            ("length", weights.length, Some(self.length)),
            ("random", weights.random, Some(self.random)),
            ("judge", weights.judge, self.judge),
        ];
        all.into_iter().filter(|(_, weight, _)| *weight != 0.0)
    }
}

/// Share of the words of `text` that are in the language of `prompt` (DeepSeek-R1, section 2.3.2). Chinese counts by
/// character, everything else by run of letters; what has neither is consistent.
pub fn language_consistency(prompt: &str, text: &str) -> f64 {
    let (chinese, other) = words(text);
    let wanted = if words(prompt).0 > 0 { chinese } else { other };
    if chinese + other == 0 { 1.0 } else { wanted as f64 / (chinese + other) as f64 }
}

/// Chinese characters, and words of other letters.
fn words(text: &str) -> (usize, usize) {
    let is_chinese = |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}');
    let n_chinese = text.chars().filter(|c| is_chinese(*c)).count();
    let runs = text.split(|c: char| !c.is_alphabetic() || is_chinese(c)).filter(|run| !run.is_empty());
    (n_chinese, runs.count())
}
