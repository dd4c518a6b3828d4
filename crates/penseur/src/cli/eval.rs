//! The flags of `penseur eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{ModelArgs, OnOff, SplitArg, count};

#[derive(Args, Debug)]
#[command(
    after_help = "A TASK is a family (`penseur tasks list`), `all` families, or a file of problems: FILE.jsonl with a line
{\"prompt\", \"answer\"} each (GSM8K's own files too), judged by the verifier in FILE.jsonl:VERIFIER. Families give their test
problems, as many at every difficulty; a file all it has. Settings are those of R1's report: temperature 0.6, top-p 0.95.

Examples:
  penseur eval addition word_problems                      the bundled model on 100 test problems of each
  penseur eval all -m runs/a/checkpoints/step_500 --samples 8 --limit 50 --out a.jsonl
  penseur eval gsm8k.jsonl:integer --endpoint http://127.0.0.1:8000/v1 --endpoint-model qwen --concurrency 16
  penseur eval all --endpoint https://api.deepseek.com --endpoint-model deepseek-reasoner \\
    --price-in 0.55 --price-out 2.19 --max-dollars 2       never more than $2; nothing is paid for twice
  penseur eval --compare a.jsonl b.jsonl                   two results on the same problems, with a p-value
  penseur eval --rescore a.jsonl                           the same answers by today's verifiers

With --json, stdout is one value: {\"problems\", \"samples\", \"right\", \"pass@1\", \"pass@1_low\", \"pass@1_high\", \"pass@K\" and \"cons@K\",
\"mean_tokens\", \"seconds_per_problem\", \"dollars_per_problem\", \"seconds_per_solved\", \"dollars_per_solved\", \"truncated\",
\"cannot_judge\", \"well_formed\", \"tasks\": [the same of each, with its \"difficulties\"], \"settings\"}"
)]
pub struct EvalArgs {
    /// What is asked
    #[arg(value_name = "TASK", required_unless_present_any = ["rescore", "compare"])]
    pub tasks: Vec<String>,

    #[command(flatten)]
    pub model: ModelArgs,

    /// Samples of each problem
    #[arg(long, default_value_t = NonZeroUsize::MIN, value_name = "K", value_parser = count)]
    pub samples: NonZeroUsize,

    /// Most problems of a task; by default 100 of a family and all of a file
    #[arg(long, value_name = "N", value_parser = count)]
    pub limit: Option<NonZeroUsize>,

    /// The same seed gives the same problems and the same samples
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// Difficulties of families, from 1 up; by default all
    #[arg(long, value_name = "LEVEL,..", value_delimiter = ',')]
    pub difficulty: Vec<u8>,

    /// Which share of the problems; by default test of a family and everything of a file
    #[arg(long, value_enum)]
    pub split: Option<SplitArg>,

    /// 0 always takes the most probable token
    #[arg(long, default_value_t = 0.6, value_name = "T")]
    pub temperature: f64,

    /// Draw from the fewest tokens that together have this probability
    #[arg(long, default_value_t = 0.95, value_name = "P")]
    pub top_p: f64,

    /// Most tokens of an answer, thinking included; a local model's context bounds it too
    #[arg(long, default_value = "32768", value_name = "N", value_parser = count)]
    pub max_tokens: NonZeroUsize,

    /// Think before answering, or answer at once; by default as the model's template does
    #[arg(long, value_enum, value_name = "on|off")]
    pub think: Option<OnOff>,

    /// What the model is told before the question
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,

    /// Print one JSON value
    #[arg(long)]
    pub json: bool,

    /// Keep every sample in this file; the same command goes on where it stopped
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Judge the samples of a results file again; with --out, write the new verdicts there
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tasks", "compare", "endpoint"])]
    pub rescore: Option<PathBuf>,

    /// Compare two results files on the problems that both have
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["tasks", "endpoint", "out"])]
    pub compare: Vec<PathBuf>,

    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// A model behind an API.
#[derive(Args, Debug)]
#[command(next_help_heading = "Endpoint")]
pub struct EndpointArgs {
    /// Ask an OpenAI-compatible API in place of a local model
    #[arg(long, value_name = "URL", requires = "endpoint_model")]
    pub endpoint: Option<String>,

    /// Name of the model there
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    pub endpoint_model: Option<String>,

    /// Environment variable that holds the API key
    #[arg(long, default_value = "PENSEUR_API_KEY", value_name = "NAME")]
    pub api_key_env: String,

    /// Requests at once
    #[arg(long, default_value = "8", value_name = "N", value_parser = count)]
    pub concurrency: NonZeroUsize,

    /// Most requests begun in a minute
    #[arg(long, value_name = "N")]
    pub requests_per_minute: Option<f64>,

    /// Longest wait for one answer, in seconds
    #[arg(long, default_value_t = 1200, value_name = "S")]
    pub timeout: u64,

    /// Dollars for a million tokens of prompts
    #[arg(long, value_name = "$", requires = "price_out")]
    pub price_in: Option<f64>,

    /// Dollars for a million tokens of answers
    #[arg(long, value_name = "$", requires = "price_in")]
    pub price_out: Option<f64>,

    /// The most that may be spent; needs the prices
    #[arg(long, value_name = "$", requires = "price_in")]
    pub max_dollars: Option<f64>,

    /// A key of the request, such as reasoning_effort=high or max_tokens=null; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub request: Vec<String>,
}
