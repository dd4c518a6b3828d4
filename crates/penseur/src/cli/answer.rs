//! How answers are asked for: what `chat` and `generate` share, and their own flags.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::tokens::token_id;
use super::{ModelArgs, count};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    On,
    Off,
}

/// Named amounts of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EffortArg {
    None,
    Low,
    Medium,
    High,
}

impl OnOff {
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// How an answer is drawn.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Answers")]
pub struct AnswerArgs {
    /// Think before answering, or answer at once; by default as the model's template does
    #[arg(long, value_enum, value_name = "on|off")]
    pub think: Option<OnOff>,

    /// Most tokens of thinking; then the answer is asked for
    #[arg(long, value_name = "N")]
    pub think_budget: Option<usize>,

    /// Fewest tokens of thinking: a model that stops earlier is told to wait and look again
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub think_min: usize,

    /// How much to think: none, low (a quarter of the tokens at most), medium (half) or high
    #[arg(long, value_enum, value_name = "EFFORT", conflicts_with_all = ["think", "think_budget"])]
    pub effort: Option<EffortArg>,

    /// Let thinking repeat itself word for word; otherwise it is closed
    #[arg(long)]
    pub no_loop_guard: bool,

    /// Most tokens, thinking included; by default to the end of the context
    #[arg(long, value_name = "N", value_parser = count)]
    pub max_tokens: Option<NonZeroUsize>,

    /// 0 always takes the most probable token; by default as the model's generation_config.json says
    #[arg(long, value_name = "T")]
    pub temperature: Option<f32>,

    /// Draw from the fewest tokens that together have this probability; 0 for the most probable one alone
    #[arg(long, value_name = "P")]
    pub top_p: Option<f32>,

    /// Draw from the K most probable tokens; 0 for all
    #[arg(long, value_name = "K")]
    pub top_k: Option<usize>,

    /// Draw from tokens at least this fraction as probable as the most probable one
    #[arg(long, value_name = "P")]
    pub min_p: Option<f32>,

    /// Draw from the tokens whose surprise is nearest to the expected one, up to this probability
    #[arg(long, value_name = "P")]
    pub typical_p: Option<f32>,

    /// Make tokens that were seen before less probable; 1 changes nothing
    #[arg(long, value_name = "R", default_value_t = 1.0, hide_default_value = true)]
    pub repetition_penalty: f32,

    /// Taken from the logit of each token that the answer already holds
    #[arg(long, value_name = "X", default_value_t = 0.0, hide_default_value = true, allow_negative_numbers = true)]
    pub presence_penalty: f32,

    /// The same for each time that it holds the token
    #[arg(long, value_name = "X", default_value_t = 0.0, hide_default_value = true, allow_negative_numbers = true)]
    pub frequency_penalty: f32,

    /// Add to the logit of a token; -inf rules it out; may be given several times
    #[arg(long, value_name = "ID=BIAS", value_parser = logit_bias, allow_hyphen_values = true)]
    pub logit_bias: Vec<(u32, f32)>,

    /// The answer must be JSON of this schema: a file, or the schema itself
    #[arg(long, value_name = "SCHEMA", group = "constraint")]
    pub json_schema: Option<String>,

    /// The answer must match this regular expression as a whole
    #[arg(long, value_name = "REGEX", group = "constraint")]
    pub regex: Option<String>,

    /// The answer must be of this grammar (Lark): a file, or the grammar itself
    #[arg(long, value_name = "GRAMMAR", group = "constraint")]
    pub grammar: Option<String>,

    /// End the answer at this text; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,

    /// What the model is told before the conversation
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "In the chat: /help, /new, /think on|off, /quit. Ctrl-C stops an answer; at the prompt it leaves.

Examples:
  penseur chat
  penseur chat -m ./my-model --temperature 0.6 --system 'Answer in French.'"
)]
pub struct ChatArgs {
    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub answer: AnswerArgs,

    /// Repeats the same conversation with the same answers; by default drawn anew
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur generate -p 'What is 347 + 588?'
  penseur generate -p '47 * 86 =' --think off --temperature 0
  penseur generate -p 'The product of 47 and 86?' -n 4 --seed 7 --json
  penseur generate -p '12 * 12 =' --regex '12 × 12 = [0-9]{1,5}'
  penseur generate -m ./base-model --raw -p 'Once upon a time' --max-tokens 100

With --json, stdout is one value:
  {\"prompt_tokens\", \"completions\": [{\"reasoning\", \"content\", \"tokens\", \"token_ids\", \"finish_reason\",
   \"thinking_stop_reason\"}], \"timings\": {\"prefill_tok_s\", \"decode_tok_s\"}}")]
pub struct GenerateArgs {
    #[command(flatten)]
    pub model: ModelArgs,

    /// What to answer; `-` reads it from stdin
    #[arg(short, long, value_name = "TEXT")]
    pub prompt: String,

    #[command(flatten)]
    pub answer: AnswerArgs,

    /// The same seed gives the same answer
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// Continue the text as it stands: no chat template; control tokens in it count
    #[arg(long, conflicts_with_all = ["think", "think_budget", "effort", "system"])]
    pub raw: bool,

    /// Number of answers
    #[arg(short = 'n', default_value_t = NonZeroUsize::MIN, value_name = "K", value_parser = count)]
    pub n: NonZeroUsize,

    /// Print one JSON value instead of streaming text
    #[arg(long)]
    pub json: bool,

    /// With --json: each token's log-probability in the model's own distribution, and the K most probable ones
    #[arg(long, value_name = "K", requires = "json")]
    pub logprobs: Option<usize>,
}

/// `ID=BIAS`, for example `17=-100` or `17=-inf`.
fn logit_bias(text: &str) -> Result<(u32, f32), String> {
    let expected = || format!("expected ID=BIAS, such as 17=-5 or 17=-inf, found {text}");
    let (id, bias) = text.split_once('=').ok_or_else(expected)?;
    let bias: f32 = bias.trim().parse().map_err(|_| expected())?;
    if bias.is_nan() || bias == f32::INFINITY {
        return Err(expected());
    }
    Ok((token_id(id.trim()).map_err(|_| expected())?, bias))
}
