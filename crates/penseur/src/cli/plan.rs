//! The flags of `penseur plan`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
#[command(
    allow_negative_numbers = true,
    after_help = "Presets: v3-pretrain, v3, r1-zero, r1 (published runs, derived from their layouts).

Examples:
  penseur plan v3                                    what DeepSeek-V3 took, derived
  penseur plan v3-pretrain --explain                 the arithmetic of every number
  penseur plan --model llama-3.1-405b --tokens 15.6T --on h100 --count 16384
  penseur plan --model deepseek-v3 --tokens 14.8T --on h800 --count 2048 --layout pp=16,ep=64 --html plan.html
  penseur plan recipes/arithmetic.toml               a recipe on this machine
  penseur plan v3-pretrain --compare h800,h100,h20 --price 2
  penseur plan --model qwen2.5-72b --tokens 2T --within 30
  penseur plan --published
  penseur plan --budget 1M --on h100
  penseur plan --serve --model deepseek-r1 --on h800
  penseur plan --reach 0.8 --run runs/my-grpo

A layout is KEY=VALUE,..: pp, vpp, ep, tp, cp, dp, zero, schedule (1f1b, zb1p, dualpipe), micro_batch, precision (fp8,
bf16), recompute (none, selective, full), comm_sm, imbalance, hide_dp, zigzag. Without one the quickest that fits is
found among those that are tried; docs/plan.md tells which, and explains the model behind the numbers. A preset's keys
are laid over its own layout; --model deepseek-v3 with --tokens begins without one."
)]
pub struct PlanArgs {
    /// A preset, or a recipe
    #[arg(value_name = "PRESET|RECIPE.toml")]
    pub target: Option<String>,

    /// The model: a published one's name, a directory, a config.json, or a bundled model
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,

    /// Tokens of the run, such as 14.8T
    #[arg(long, value_name = "N", value_parser = cost::text::parse_count)]
    pub tokens: Option<f64>,

    /// The chip, as the catalogue names it; `this` is this machine
    #[arg(long, value_name = "CHIP")]
    pub on: Option<String>,

    /// How many chips
    #[arg(long, value_name = "N", value_parser = cost::text::parse_whole)]
    pub count: Option<u64>,

    /// How the step is spread over them
    #[arg(long, value_name = "KEY=N,..")]
    pub layout: Option<String>,

    /// Sequences of a step; by default as published runs of the model's size
    #[arg(long, value_name = "N", value_parser = cost::text::parse_whole)]
    pub batch: Option<u64>,

    /// Tokens of a sequence; by default 4096
    #[arg(long, value_name = "N", value_parser = cost::text::parse_whole)]
    pub seq_len: Option<u64>,

    /// Dollars for a chip-hour; by default the catalogue's, with its source
    #[arg(long, value_name = "DOLLARS")]
    pub price: Option<f64>,

    /// A file with chips of your own, which join the catalogue
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,

    /// Of a recipe: set one key; may be given several times
    #[arg(long, value_name = "a.b=VALUE")]
    pub set: Vec<String>,

    /// Which chip? The run on each of these, and what V3's engineering wins back
    #[arg(long, value_delimiter = ',', value_name = "CHIP,..", help_heading = "Questions")]
    pub compare: Vec<String>,

    /// Which layout? The quickest that divide and fit
    #[arg(long, help_heading = "Questions")]
    pub layouts: bool,

    /// How far is the planner off? Published runs that nothing was fitted to, derived
    #[arg(long, help_heading = "Questions")]
    pub published: bool,

    /// The cheapest chips and number of them that are done within these days
    #[arg(long, value_name = "DAYS", help_heading = "Questions")]
    pub within: Option<f64>,

    /// How big a model for this many dollars, by published scaling laws
    #[arg(long, value_name = "DOLLARS", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub budget: Option<f64>,

    /// What a run of reinforcement learning would take to this accuracy; needs --run
    #[arg(long, value_name = "ACCURACY", requires = "run", help_heading = "Questions")]
    pub reach: Option<f64>,

    /// The run whose metrics.jsonl is extrapolated: a directory, or a name below runs/
    #[arg(long, value_name = "DIR", help_heading = "Questions")]
    pub run: Option<PathBuf>,

    /// What serving costs: a million tokens, a solved problem; buy, rent or API
    #[arg(long, help_heading = "Questions")]
    pub serve: bool,

    /// With --serve: tokens a second that each user sees
    #[arg(long, value_name = "N", requires = "serve", help_heading = "Questions")]
    pub speed: Option<f64>,

    /// With --serve: tokens of a prompt
    #[arg(long, value_name = "N", requires = "serve", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub prompt_tokens: Option<f64>,

    /// With --serve: tokens of an answer, thinking included
    #[arg(long, value_name = "N", requires = "serve", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub answer_tokens: Option<f64>,

    /// With --serve: tokens of a sequence while it is decoded, on average; by default prompt and half the answer
    #[arg(long, value_name = "N", requires = "serve", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub context: Option<f64>,

    /// With --serve: share of input tokens whose cache is found
    #[arg(long, value_name = "SHARE", requires = "serve", help_heading = "Questions")]
    pub hits: Option<f64>,

    /// With --serve: tokens of a decode step, 1 without speculation; V3's MTP makes 1.8
    #[arg(long, value_name = "N", requires = "serve", help_heading = "Questions")]
    pub mtp: Option<f64>,

    /// With --serve: chips over which a unit that reads prompts is spread; --count sets both
    #[arg(long, value_name = "N", requires = "serve", help_heading = "Questions")]
    pub prefill_chips: Option<u64>,

    /// With --serve: chips over which a unit that decodes is spread
    #[arg(long, value_name = "N", requires = "serve", help_heading = "Questions")]
    pub decode_chips: Option<u64>,

    /// With --serve: share of problems that an answer solves
    #[arg(long, value_name = "SHARE", requires = "serve", help_heading = "Questions")]
    pub solves: Option<f64>,

    /// With --serve: output tokens a day, around which buying, renting and APIs are compared
    #[arg(long, value_name = "N", requires = "serve", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub per_day: Option<f64>,

    /// Show the arithmetic and the sources of every number
    #[arg(long)]
    pub explain: bool,

    /// Also write the page as one HTML file, with plots
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Also write the step's timeline as Chrome's trace JSON
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Print one JSON value
    #[arg(long)]
    pub json: bool,
}
