//! The flags of `penseur logprobs`, `tokenize` and `detokenize`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur logprobs -m ./model --tokens 0,17,42 --json
  penseur logprobs -m ./model --tokens-file ids.txt --top 5 --json
  penseur logprobs --text 'What is 347 + 588?'

With --json: {\"tokens\": [..], \"logprobs\": [null, ..], \"top\": [null, [[id, logprob], ..], ..]}. The first token
has no probability, because nothing stands before it.")]
pub struct LogprobsArgs {
    /// A directory in Hugging Face layout, or the name of a bundled model
    #[arg(short, long, default_value = "mini", value_name = "MODEL")]
    pub model: String,

    /// A LoRA adapter for the model: a directory in PEFT's layout
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,

    #[command(flatten)]
    pub input: TokenInput,

    /// The text's tokens, as `penseur tokenize` gives them
    #[arg(long, value_name = "TEXT", group = "tokens_in")]
    pub text: Option<String>,

    /// Also the K most probable tokens at each place
    #[arg(long, default_value_t = 0, value_name = "K")]
    pub top: usize,

    /// Print one JSON value
    #[arg(long)]
    pub json: bool,
}

/// Token ids on the command line or in a file.
#[derive(Args, Debug)]
#[group(id = "tokens_in", required = true, multiple = false)]
pub struct TokenInput {
    /// Token ids
    #[arg(long, value_delimiter = ',', value_name = "ID,ID,..", value_parser = token_id)]
    pub tokens: Vec<u32>,

    /// A file of token ids with white space between them
    #[arg(long, value_name = "FILE")]
    pub tokens_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur tokenize --text 'What is 347 + 588?'
  penseur tokenize -m ./DeepSeek-R1 --text '<think>' --json
  penseur tokenize --special --text '<think>' --json")]
pub struct TokenizeArgs {
    /// A directory with a tokenizer.json, or the name of a bundled model
    #[arg(short, long, default_value = "mini", value_name = "MODEL")]
    pub model: String,

    /// The text; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    pub text: String,

    /// Read control tokens such as `<think>` in the text as such; otherwise they are plain text
    #[arg(long)]
    pub special: bool,

    /// Print {"tokens": [..]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur detokenize --tokens 51,72,101
  penseur detokenize -m ./DeepSeek-R1 --tokens-file ids.txt --json")]
pub struct DetokenizeArgs {
    /// A directory with a tokenizer.json, or the name of a bundled model
    #[arg(short, long, default_value = "mini", value_name = "MODEL")]
    pub model: String,

    #[command(flatten)]
    pub input: TokenInput,

    /// Leave out the special tokens
    #[arg(long)]
    pub skip_special: bool,

    /// Print {"text": ".."}
    #[arg(long)]
    pub json: bool,
}

pub(super) fn token_id(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "expected token ids, such as 17,42".to_owned())
}
