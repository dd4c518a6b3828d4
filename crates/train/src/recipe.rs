//! A recipe: all that decides what a training run does, in one TOML file.
//!
//! Three layers, the later wins: the stage's defaults, the file, `--set a.b=v`. A file holds one stage, or a chain of
//! `[[stage]]` tables that share the sections written outside them. A misspelt key is an error that names the nearest
//! known one. The structs here are a stage with every default filled in; they are what a run directory's
//! `recipe.toml` holds, which is itself a recipe.

mod check;
mod grpo;
mod keys;
mod load;
mod sample;
#[cfg(test)]
mod tests;

pub use grpo::{
    ClipKind, CurriculumSpec, GrpoSpec, JudgeSpec, KlKind, LossKind, OverlongKind, RatioKind, RewardSpec, ScaleKind,
};
pub use load::Recipe;
pub use sample::{SampleSpec, TeacherSpec};

use crate::error::{Result, TrainError};
use model::adapter::{AdapterConfig, Targets};
use serde::{Deserialize, Serialize};

/// What a stage does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Next-token prediction from random weights, or from a checkpoint.
    #[default]
    Pretrain,
    /// Supervised fine-tuning of a checkpoint, or of a fresh student: only completions are learnt.
    Sft,
    /// Reinforcement learning of a checkpoint on problems whose answers are verified (DeepSeekMath, arXiv:2402.03300).
    Grpo,
    /// Rejection sampling: answers to problems, of which the right ones become data for later stages.
    Sample,
}

/// One stage, every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecipe {
    /// Names the stage and its directory.
    pub name: String,
    /// What the stage does.
    pub kind: StageKind,
    /// Seed of the initial weights and of the order of the data.
    pub seed: u64,
    /// The model.
    pub model: ModelSpec,
    /// The tokenizer.
    pub tokenizer: TokenizerSpec,
    /// What is learnt from.
    pub data: DataSpec,
    /// How it is learnt.
    pub train: TrainSpec,
    /// How it is reinforced; with `kind = "grpo"` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpo: Option<GrpoSpec>,
    /// How it is sampled, and what is kept; with `kind = "sample"` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSpec>,
    /// What is measured meanwhile.
    pub eval: EvalSpec,
    /// What is kept.
    pub checkpoint: CheckpointSpec,
    /// What the machine costs.
    pub cost: CostSpec,
}

/// Type of activations and matrix products; sums, norms, losses and gradients of parameters are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionSpec {
    /// bfloat16 with f32 accumulation and f32 master weights.
    #[default]
    Bf16,
    /// Everything in f32.
    F32,
}

/// `[model]`: give `from`, or `depth`, or `config`; `config` also changes single keys of the preset that `depth` gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// A checkpoint directory, a bundled model's name, or `stage:NAME` for an earlier stage of the chain (the default after the first stage).
    pub from: Option<String>,
    /// The one dial of the presets: layers; widths follow.
    pub depth: Option<usize>,
    /// With `depth`: whether layers after the first have experts.
    pub experts: bool,
    /// With `depth`: whether the output head is the embedding.
    pub tied: bool,
    /// With `depth`: `deepseek_v3`, `llama`, `qwen2` or `qwen3`.
    pub architecture: String,
    /// Positions that the model is made for; by default `train.seq_len`, or those of `model.from`.
    pub max_positions: Option<usize>,
    /// Hugging Face's `config.json` keys.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub config: toml::Table,
    /// Type of activations and matrix products.
    pub precision: PrecisionSpec,
    /// How the model asks to be sampled (`generation_config.json`); R1's values, or the parent's.
    pub temperature: Option<f32>,
    /// Nucleus of that sampling.
    pub top_p: Option<f32>,
}

/// `[tokenizer]`: by default that of the checkpoint in `model.from`; otherwise `path`, or one is trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSpec {
    /// A `tokenizer.json`, a directory that holds one, or `stage:NAME` for that of an earlier stage's model.
    pub path: Option<String>,
    /// Train a byte-level BPE of this many entries on this stage's data.
    pub vocab_size: Option<usize>,
    /// Bytes of the data, all sources in their mixture, that it is trained on.
    #[serde(deserialize_with = "keys::count")]
    pub sample_bytes: u64,
    /// The chat template shows the model a conversation's last question alone: for data without dialogues.
    pub single_turn: bool,
}

/// `[data]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Share of the documents of files that is held out for validation. Tasks have their own validation problems.
    pub validation: f64,
    /// `[[data.source]]`, mixed by weight.
    #[serde(default)]
    pub source: Vec<SourceSpec>,
}

/// Where a source's documents come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Plain text files.
    #[default]
    Text,
    /// JSON lines with `text`, `messages`, or `prompt` and `response`.
    Jsonl,
    /// Generated problems with worked thinking.
    Task,
    /// What an earlier stage of `kind = "sample"` kept.
    Stage,
}

/// Which tokens of a document are learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    /// Every token.
    All,
    /// What the assistant says, its stop token included.
    Completion,
}

/// One `[[data.source]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSpec {
    /// Where documents come from.
    pub kind: SourceKind,
    /// This source's share of all tokens, relative to the others'.
    pub weight: f64,
    /// `text`, `jsonl`: paths; `*` and `?` match within a file or directory name. Relative to the working directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// `text`: what separates the documents in a file. Without it a file is one document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// `stage`: the name of the earlier stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// `task`: the mixture `reasoning` (every family whose answers are judged), or one family at all its difficulties, or
    /// `file:PATH#VERIFIER`: problems of one's own (docs/adding-a-task.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixture: Option<String>,
    /// `task`: families, each with its weight (a share of this source's problems) and difficulty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<tasks::MixtureEntry>,
    /// `task`: share of problems that are answered with thinking on; the rest are answered at once.
    pub think: f64,
    /// `task`: share of problems that are thought about with the bare answer, no step shown: what a corpus of questions
    /// and answers teaches of thinking.
    pub guess: f64,
    /// `task`: what varies in prompts and demonstrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<tasks::Options>,
    /// Which tokens are learnt. By default all of a plain text, and completions of everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learn: Option<Learn>,
}

impl Default for SourceSpec {
    fn default() -> Self {
        SourceSpec {
            kind: SourceKind::Text,
            weight: 1.0,
            files: Vec::new(),
            separator: None,
            stage: None,
            mixture: None,
            tasks: Vec::new(),
            think: 1.0,
            guess: 0.0,
            options: None,
            learn: None,
        }
    }
}

/// The learning rate's shape after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Warm-up, stable, then a linear decay to `min_lr` over the last `decay` of the run.
    #[default]
    Wsd,
    /// Half a cosine from `lr` to `min_lr`.
    Cosine,
    /// `lr` to the end.
    Constant,
}

/// The key of an endpoint from the environment, where a recipe's `key` names a variable.
///
/// # Errors
/// A variable that is not set, or empty.
pub(crate) fn key_of(key: &str, variable: Option<&str>) -> Result<Option<String>> {
    let Some(name) = variable else { return Ok(None) };
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    let missing = || TrainError::Run(format!("{key} names {name}, which is not set: export it, or leave it out"));
    value.ok_or_else(missing).map(Some)
}

/// `[train.lora]`: the model stands still and a low-rank adapter beside its matrices is trained (LoRA, arXiv:2106.09685).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraSpec {
    /// Rank of the adapter's matrices.
    pub rank: usize,
    /// The adapter is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Matrices that get one, by the last part of their names (`q_proj`); empty for every projection of attention and
    /// dense feed-forward.
    pub targets: Vec<String>,
}

impl Default for LoraSpec {
    fn default() -> Self {
        LoraSpec { rank: 16, alpha: 32.0, targets: Vec::new() }
    }
}

impl LoraSpec {
    /// The adapter that it describes.
    pub fn adapter(&self) -> AdapterConfig {
        let targets = if self.targets.is_empty() { Targets::AllLinear } else { Targets::Named(self.targets.clone()) };
        AdapterConfig { rank: self.rank, alpha: self.alpha, use_rslora: false, targets }
    }
}

/// `train.batch_ramp`: the batch grows linearly from `from` to `batch_tokens` (V3 report, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRamp {
    /// Tokens of the first batch.
    #[serde(deserialize_with = "keys::count")]
    pub from: u64,
    /// Tokens of training over which the batch grows.
    #[serde(deserialize_with = "keys::count")]
    pub tokens: u64,
}

/// `[train]`. Exactly one of `tokens`, `steps` and `minutes` ends the stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// End after this many tokens.
    #[serde(default, deserialize_with = "keys::optional_count")]
    pub tokens: Option<u64>,
    /// End after this many optimizer steps.
    #[serde(default, deserialize_with = "keys::optional_count")]
    pub steps: Option<u64>,
    /// End after this many minutes. What the clock said is written down, so that a resumed run repeats it.
    pub minutes: Option<f64>,
    /// Longest document in tokens.
    #[serde(deserialize_with = "keys::length")]
    pub seq_len: usize,
    /// Tokens of one optimizer step.
    #[serde(deserialize_with = "keys::count")]
    pub batch_tokens: u64,
    /// Tokens that go through the model at once.
    #[serde(deserialize_with = "keys::length")]
    pub micro_batch_tokens: usize,
    /// A smaller batch at first.
    pub batch_ramp: Option<BatchRamp>,
    /// Trains an adapter in place of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSpec>,
    /// Highest learning rate.
    pub lr: f64,
    /// Learning rate at the end.
    pub min_lr: f64,
    /// The learning rate's shape.
    pub schedule: ScheduleKind,
    /// Steps over which the learning rate rises from 0.
    pub warmup_steps: u64,
    /// `wsd`: share of the run that decays.
    pub decay: f64,
    /// AdamW's decay rates of the two moments.
    pub betas: [f64; 2],
    /// AdamW's epsilon.
    pub eps: f64,
    /// AdamW's decoupled weight decay, on matrices only.
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0 for no clipping.
    pub clip: f64,
    /// Decay of an exponential moving average of the weights, which is then what the checkpoint's weights are.
    pub ema: Option<f64>,
    /// Weight of the multi-token-prediction loss (V3 report, section 4.2: 0.3, then 0.1).
    pub mtp_weight: f64,
    /// Its weight after `mtp_switch`.
    pub mtp_weight_late: f64,
    /// Share of the run after which `mtp_weight_late` holds (V3: 10T of 14.8T tokens).
    pub mtp_switch: f64,
    /// Weight of the sequence-wise balance loss of the experts.
    pub balance_alpha: f64,
    /// Step of the experts' correction bias (the aux-loss-free balance).
    pub bias_gamma: f64,
    /// Share of the run after which the correction bias stays as it is (V3: 14.3T of 14.8T tokens).
    pub bias_freeze: f64,
}

/// `[eval]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalSpec {
    /// Steps between evaluations; 0 for only one at the end.
    pub every: u64,
    /// Tokens of held-out documents that the loss is measured on.
    #[serde(deserialize_with = "keys::count")]
    pub tokens: u64,
    /// Validation problems answered for accuracy and `samples.jsonl`; 0 for none.
    pub problems: usize,
    /// Answers to each.
    pub samples: usize,
    /// Temperature of these answers; 0 takes the most probable token.
    pub temperature: f64,
    /// Longest answer to a problem, in tokens.
    pub max_new_tokens: usize,
}

/// `[checkpoint]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointSpec {
    /// Steps between checkpoints; 0 for none by count.
    pub every: u64,
    /// Minutes between checkpoints; 0 for none by time.
    pub minutes: f64,
    /// How many of the latest are kept.
    pub keep_last: usize,
    /// Whether the one with the lowest held-out loss is kept too.
    pub keep_best: bool,
}

/// `[cost]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostSpec {
    /// Dollars for an hour of one core.
    pub dollars_per_core_hour: f64,
    /// Where the price is from, and of which date.
    pub price_source: String,
}

impl StageRecipe {
    /// A stage in which nothing was chosen. V3's values where they do not depend on size (report, section 4.2).
    pub fn defaults(kind: StageKind) -> StageRecipe {
        let is_base = kind == StageKind::Pretrain;
        let is_grpo = kind == StageKind::Grpo;
        StageRecipe {
            name: "run".to_owned(),
            kind,
            seed: 0,
            model: ModelSpec { tied: true, architecture: "deepseek_v3".to_owned(), ..ModelSpec::default() },
            tokenizer: TokenizerSpec { sample_bytes: 4 << 20, ..TokenizerSpec::default() },
            data: DataSpec { validation: 0.01, source: Vec::new() },
            train: TrainSpec {
                tokens: None,
                steps: None,
                minutes: None,
                seq_len: 512,
                batch_tokens: 8192,
                micro_batch_tokens: 4096,
                batch_ramp: None,
                lora: None,
                lr: match kind {
                    StageKind::Pretrain => 1e-3,
                    StageKind::Sft | StageKind::Sample => 5e-5,
                    StageKind::Grpo => 1e-5,
                },
                min_lr: 0.0,
                schedule: match kind {
                    StageKind::Pretrain => ScheduleKind::Wsd,
                    StageKind::Sft | StageKind::Sample => ScheduleKind::Cosine,
                    StageKind::Grpo => ScheduleKind::Constant,
                },
                warmup_steps: if is_base { 100 } else { 10 },
                decay: 0.3,
                betas: [0.9, 0.95],
                eps: 1e-8,
                weight_decay: if is_base { 0.1 } else { 0.0 },
                clip: 1.0,
                ema: None,
                mtp_weight: if is_grpo { 0.0 } else { 0.3 },
                mtp_weight_late: if is_grpo { 0.0 } else { 0.1 },
                mtp_switch: 10.0 / 14.8,
                balance_alpha: if is_grpo { 0.0 } else { 1e-4 },
                bias_gamma: if is_grpo { 0.0 } else { 1e-3 },
                bias_freeze: 14.3 / 14.8,
            },
            grpo: is_grpo.then(GrpoSpec::default),
            sample: (kind == StageKind::Sample).then(SampleSpec::default),
            eval: EvalSpec {
                every: if is_grpo { 10 } else { 200 },
                tokens: if is_grpo { 0 } else { 32_768 },
                problems: if is_grpo { 128 } else { 0 },
                samples: 1,
                temperature: 0.0,
                max_new_tokens: 512,
            },
            checkpoint: CheckpointSpec { every: 0, minutes: 5.0, keep_last: 2, keep_best: true },
            cost: CostSpec {
                dollars_per_core_hour: cost::Price::default().dollars_per_core_hour,
                price_source: cost::Price::default().source,
            },
        }
    }
}

impl CostSpec {
    /// The price that the ledger uses.
    pub fn price(&self) -> cost::Price {
        let default = cost::Price::default();
        let is_changed = self.dollars_per_core_hour != default.dollars_per_core_hour;
        let source = if is_changed && self.price_source == default.source {
            "stated in the recipe".to_owned()
        } else {
            self.price_source.clone()
        };
        cost::Price { dollars_per_core_hour: self.dollars_per_core_hour, source }
    }
}
