//! `[grpo]`: reinforcement learning on verifiable rewards. R1's form (DeepSeek-R1, arXiv:2501.12948, section 2.2.1) and
//! its successors, each a value of a key.

use super::keys;
use kernels::distribution::Filter;
use rollout::endpoint::Prices;
use serde::{Deserialize, Serialize};

/// `[grpo]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpoSpec {
    /// Problems of one step, each the prompt of one group (R1: 32).
    pub prompts: usize,
    /// Answers sampled for a problem (R1: 16).
    pub group_size: usize,
    /// Longest answer in tokens, thinking included.
    #[serde(deserialize_with = "keys::length")]
    pub max_new_tokens: usize,
    /// Temperature of the rollouts. The update scores them at the same one.
    pub temperature: f64,
    /// Nucleus of the rollouts.
    pub top_p: f64,
    /// Most probable tokens that rollouts draw from; 0 for all.
    pub top_k: usize,
    /// Least probability of a drawn token relative to the most probable one; 0 for any.
    pub min_p: f64,
    /// Updates that a step's rollouts are divided into; from the second on the policy has moved (R1: 16).
    pub minibatches: usize,
    /// Times that each rollout is learnt from.
    pub epochs: usize,
    /// What is clipped.
    pub clip: ClipKind,
    /// How far below 1 a ratio may fall.
    pub epsilon_low: f64,
    /// How far above 1 a ratio may rise; above `epsilon_low`, this is DAPO's clip-higher.
    pub epsilon_high: f64,
    /// What the ratio is of.
    pub ratio: RatioKind,
    /// How tokens' losses become one.
    pub loss: LossKind,
    /// What advantages are divided by.
    pub scale_rewards: ScaleKind,
    /// Divergence from the reference.
    pub kl: KlKind,
    /// Its weight (R1: 1e-3).
    pub beta: f64,
    /// Steps after which the reference becomes the policy (R1: 400); 0 keeps the first.
    pub reference_every: u64,
    /// Leaves groups whose rewards are all equal out of the update: they have no advantage.
    pub zero_variance_filter: bool,
    /// Rounds in which such groups are replaced by fresh ones (DAPO's dynamic sampling); 0 for none.
    pub dynamic_sampling: usize,
    /// What is done with answers cut at `max_new_tokens`.
    pub overlong: OverlongKind,
    /// `overlong = "soft"`: tokens before the limit over which the penalty grows to 1.
    #[serde(deserialize_with = "keys::length")]
    pub overlong_buffer: usize,
    /// Leaves out answers of negative advantage whose mean log-ratio fell below minus this (V3.2's off-policy mask).
    pub off_policy_mask: Option<f64>,
    /// What is rewarded.
    pub reward: RewardSpec,
    /// Which difficulties are drawn.
    pub curriculum: CurriculumSpec,
    /// A judge, for `reward.judge`.
    pub judge: Option<JudgeSpec>,
}

/// How the ratio of new to old probability is kept near 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipKind {
    /// PPO's: beyond the bounds a token has no gradient.
    #[default]
    Ppo,
    /// CISPO's: the weight is bounded, every token keeps its gradient (MiniMax-M1, arXiv:2506.13585).
    Cispo,
}

/// What a ratio is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioKind {
    /// Each token has its own.
    #[default]
    Token,
    /// An answer has one, the geometric mean over its tokens (GSPO, arXiv:2507.18071).
    Sequence,
}

/// How tokens' losses are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Mean over answers of the mean over their tokens (DeepSeekMath, arXiv:2402.03300, equation 3).
    #[default]
    Grpo,
    /// Mean over all tokens (DAPO, arXiv:2503.14476).
    Token,
    /// Sum over tokens, divided by answers and `max_new_tokens` (Dr. GRPO, arXiv:2503.20783).
    DrGrpo,
}

/// What a centred reward is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleKind {
    /// The group's standard deviation.
    #[default]
    Group,
    /// The standard deviation over the step.
    Batch,
    /// Nothing (Dr. GRPO).
    None,
}

/// The penalty for leaving the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlKind {
    /// None; no reference is kept.
    #[default]
    Off,
    /// Schulman's k3 estimator, in the loss (DeepSeekMath, equation 4).
    K3,
    /// k3 weighted by the ratio, whose gradient has no bias (DeepSeek-V3.2, arXiv:2512.02556, section 3.1).
    Unbiased,
}

/// What happens to answers that were cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlongKind {
    /// They earn what they earn.
    #[default]
    Keep,
    /// They are not learnt from (DAPO's overlong filtering).
    Mask,
    /// Length is punished before the limit (DAPO's soft overlong punishment).
    Soft,
}

/// `[grpo.reward]`: the weights whose sum over an answer's rewards is its reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardSpec {
    /// 1 for a right answer.
    pub accuracy: f64,
    /// 1 for thinking that is closed, followed by an answer that ends by itself.
    pub format: f64,
    /// Share of the thinking's words that are in the prompt's language (R1, section 2.3.2).
    pub language: f64,
    /// For a right answer, the share of `max_new_tokens` that it did not need; wrong answers get 0.
    pub length: f64,
    /// 0 or 1 by a coin: a control, from which nothing can be learnt.
    pub random: f64,
    /// What the judge of `[grpo.judge]` says, from 0 to 1.
    pub judge: f64,
}

/// `[grpo.curriculum]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurriculumSpec {
    /// Whether difficulties outside the band are drawn less.
    pub enabled: bool,
    /// Lowest success of a group that teaches.
    pub low: f64,
    /// Highest.
    pub high: f64,
    /// Weight that a difficulty keeps outside the band, so that it is noticed when it comes back.
    pub floor: f64,
}

/// `[grpo.judge]`: an OpenAI-compatible endpoint that grades answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeSpec {
    /// Base URL, for example `http://127.0.0.1:8080/v1`.
    pub endpoint: String,
    /// Model there.
    pub model: String,
    /// Environment variable that holds the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Dollars for a million tokens: `{ input = 0.55, output = 2.19 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// The most that the stage may spend there; needs prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_dollars: Option<f64>,
    /// What the judge is asked; `{prompt}`, `{answer}` and `{content}` are filled in. It must end its reply in a number
    /// from 0 to 10.
    #[serde(default)]
    pub instruction: Option<String>,
}

impl Default for GrpoSpec {
    fn default() -> GrpoSpec {
        GrpoSpec {
            prompts: 32,
            group_size: 16,
            max_new_tokens: 256,
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            minibatches: 1,
            epochs: 1,
            clip: ClipKind::Ppo,
            epsilon_low: 0.2,
            epsilon_high: 0.2,
            ratio: RatioKind::Token,
            loss: LossKind::Grpo,
            scale_rewards: ScaleKind::Group,
            kl: KlKind::Off,
            beta: 1e-3,
            reference_every: 400,
            zero_variance_filter: true,
            dynamic_sampling: 0,
            overlong: OverlongKind::Keep,
            overlong_buffer: 64,
            off_policy_mask: None,
            reward: RewardSpec { accuracy: 1.0, format: 0.0, language: 0.0, length: 0.0, random: 0.0, judge: 0.0 },
            curriculum: CurriculumSpec { enabled: true, low: 0.2, high: 0.8, floor: 0.1 },
            judge: None,
        }
    }
}

impl GrpoSpec {
    /// The distribution that answers are drawn from, and scored under in the update.
    pub fn filter(&self) -> Filter {
        let (temperature, top_p, min_p) = (self.temperature as f32, self.top_p as f32, self.min_p as f32);
        Filter { temperature, top_k: self.top_k, top_p, min_p }
    }

    /// What contradicts itself or lies out of range, in words.
    pub(super) fn problem(&self, seq_len: usize) -> Option<String> {
        let counts = [
            ("prompts", self.prompts),
            ("minibatches", self.minibatches),
            ("epochs", self.epochs),
            ("max_new_tokens", self.max_new_tokens),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, n)| *n == 0) {
            return Some(format!("grpo.{key} is 0, expected at least 1"));
        }
        if self.group_size < 2 {
            return Some(format!("grpo.group_size is {}: an advantage needs at least 2 answers", self.group_size));
        }
        if self.minibatches > self.prompts {
            return Some(format!(
                "grpo.minibatches is {}, more than grpo.prompts ({})",
                self.minibatches, self.prompts
            ));
        }
        if self.max_new_tokens >= seq_len {
            return Some(format!(
                "grpo.max_new_tokens ({}) leaves no room for a prompt in train.seq_len ({seq_len})",
                self.max_new_tokens
            ));
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Some(format!("grpo.temperature is {}, expected above 0: rollouts must differ", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0 && (0.0..=1.0).contains(&self.min_p)) {
            return Some("expected 0 < grpo.top_p <= 1 and 0 <= grpo.min_p <= 1".to_owned());
        }
        let r = &self.reward;
        let weights = [
            ("accuracy", r.accuracy),
            ("format", r.format),
            ("language", r.language),
            ("length", r.length),
            ("random", r.random),
            ("judge", r.judge),
        ];
        if let Some((key, x)) = weights.iter().find(|(_, x)| !x.is_finite()) {
            return Some(format!("grpo.reward.{key} is {x}, expected a number"));
        }
        if weights.iter().all(|(_, x)| *x == 0.0) {
            return Some("grpo.reward rewards nothing: give one of its weights a value".to_owned());
        }
        if (r.judge != 0.0) != self.judge.is_some() {
            return Some("grpo.reward.judge and [grpo.judge] go together".to_owned());
        }
        if self.judge.as_ref().is_some_and(|judge| judge.max_dollars.is_some() && judge.prices.is_none()) {
            return Some("grpo.judge.max_dollars needs grpo.judge.prices".to_owned());
        }
        let bounds = [self.epsilon_low, self.epsilon_high, self.beta, self.off_policy_mask.unwrap_or(0.0)];
        if bounds.iter().any(|x| !(x.is_finite() && *x >= 0.0)) {
            return Some("grpo.epsilon_low, epsilon_high, beta and off_policy_mask are at least 0".to_owned());
        }
        if self.overlong == OverlongKind::Soft && !(1..=self.max_new_tokens).contains(&self.overlong_buffer) {
            return Some(format!(
                "grpo.overlong_buffer is {}, expected 1 to grpo.max_new_tokens ({})",
                self.overlong_buffer, self.max_new_tokens
            ));
        }
        let c = &self.curriculum;
        let is_band = 0.0 <= c.low && c.low < c.high && c.high <= 1.0 && c.floor > 0.0 && c.floor <= 1.0;
        (!is_band).then(|| "expected 0 <= grpo.curriculum.low < high <= 1 and 0 < floor <= 1".to_owned())
    }
}
