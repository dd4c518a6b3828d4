//! Every command and flag. Doc comments are the help text that users read.

mod answer;
mod eval;
mod keys;

pub use answer::{AnswerArgs, ChatArgs, EffortArg, GenerateArgs, OnOff};
pub use eval::{EndpointArgs, EvalArgs};
pub use keys::{KeyLimitArgs, KeysCommand, KeysDir};

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

/// An open reasoning model at a fraction of the cost: train it, run it, and know what it cost.
///
/// Without a command, penseur serves the app and its API at http://127.0.0.1:8080.
#[derive(Parser)]
#[command(
    name = "penseur",
    version,
    after_help = "Examples:
  penseur                                            the app, in the browser
  penseur chat                                       the same in the terminal
  penseur generate -p 'What is 347 + 588?'           one answer
  penseur train recipes/mini.toml --dry-run          what a run would take and cost
  penseur inspect mini                               what a model is, and whether it fits here

Results go to stdout, logs and progress to stderr. Exit codes: 0 done, 1 failed, 2 bad usage.
`penseur COMMAND --help` teaches each command."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub serve: ServeArgs,

    /// Threads that compute; by default one a core
    #[arg(long, global = true, value_name = "N", value_parser = count, help_heading = "Everywhere")]
    pub threads: Option<NonZeroUsize>,

    /// More on stderr about what happens; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
}

impl Cli {
    /// Reads the process's arguments; bad usage ends the process with code 2.
    ///
    /// `penseur` alone is `penseur serve`, so serve's flags may stand there too, but not before another command, where
    /// they would do nothing.
    pub fn read() -> Cli {
        let mut command = Cli::command();
        let matches = command.get_matches_mut();
        if let Some(name) = matches.subcommand_name() {
            let serve = ServeArgs::augment_args(clap::Command::new("serve"));
            let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            if let Some(flag) = serve.get_arguments().find(|arg| given(arg.get_id().as_str())) {
                let flag = flag.get_long().unwrap_or_default();
                let message = format!("--{flag} stands before the command: write it after `penseur {name}`");
                command.error(ErrorKind::ArgumentConflict, message).exit();
            }
        }
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// A number of things, at least one.
fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

fn token_id(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "expected token ids, such as 17,42".to_owned())
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve the app and the API (what penseur does without a command)
    Serve(ServeArgs),
    /// Chat in the terminal, with the thinking dimmed
    Chat(ChatArgs),
    /// Answer one prompt
    Generate(GenerateArgs),
    /// Log-probabilities of given tokens, by teacher forcing in f32
    Logprobs(LogprobsArgs),
    /// Text to token ids
    Tokenize(TokenizeArgs),
    /// Token ids to text
    Detokenize(DetokenizeArgs),
    /// Run a recipe: pretraining, fine-tuning
    Train(TrainArgs),
    /// Put a model to the test: accuracy with its interval, tokens, time and dollars
    Eval(EvalArgs),
    /// A run before it starts: hours, dollars, what limits it, and why
    Plan(PlanArgs),
    /// API keys: make, list, limit and remove them, and see what each has used
    #[command(subcommand)]
    Keys(KeysCommand),
    /// What a model is, and whether it fits this machine
    Inspect(InspectArgs),
    /// A model into another directory: an adapter merged, the type changed, large files divided
    Convert(ConvertArgs),
    /// Families of problems with answers that can be checked
    Tasks(TasksArgs),
    /// Does an answer equal the gold one?
    #[command(
        after_help = "The answer may be a whole solution: the last \\boxed{..}, <answer>..</answer> or \"the answer is ..\" in it counts,
else its last line. Numbers are compared exactly, whatever their spelling. A line of output is
{\"verdict\": \"right\"|\"wrong\"|\"cannot_judge\", \"reason\": ..}; a verdict never changes the exit code.

Examples:
  penseur verify --gold 1/2 --answer 'So it is \\boxed{0.5}.'
  penseur verify --jsonl answers.jsonl"
    )]
    Verify(VerifyArgs),
    /// The runs so far: what they reached and what they cost
    Runs(RunsArgs),
    /// The text of a PDF: standard input to standard output, in bounded memory and time
    #[command(hide = true)]
    ReadPdf,
    /// Prefill, decode and training speed beside this machine's limits
    Bench(BenchArgs),
}

/// Which model, and how it is held in memory.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// A directory in Hugging Face layout, or the name of a bundled model
    #[arg(short, long, default_value = "mini", value_name = "MODEL")]
    pub model: String,

    /// Longest prompt and answer together, in tokens; by default what the model allows, at most 8192
    #[arg(long, value_name = "N", value_parser = count)]
    pub ctx: Option<NonZeroUsize>,

    /// Type of weights and activations; by default bf16 for models stored in it, else f32
    #[arg(long, value_enum, value_name = "TYPE")]
    pub precision: Option<PrecisionArg>,

    /// A LoRA adapter for the model: a directory in PEFT's layout
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArg {
    F32,
    Bf16,
}

#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  penseur serve                                      at http://127.0.0.1:8080
  penseur serve -m ./runs/mini/checkpoints/step_2000 --port 9000
  penseur serve --host 0.0.0.0 --api-key-file keys   beyond this machine a key is needed

The API is OpenAI's chat completions with DeepSeek's reasoning_content:
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{\"model\": \"mini\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 347 + 588?\"}]}'")]
pub struct ServeArgs {
    #[command(flatten)]
    pub model: ModelArgs,

    /// Address to listen on; beyond loopback an API key is demanded
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST")]
    pub host: String,

    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub port: u16,

    /// Let phones in this network in: listens on every address, prints address, key and QR code
    #[arg(long, conflicts_with = "host")]
    pub lan: bool,

    /// A certificate chain in PEM, for encrypted connections
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Where the app keeps conversations [default: penseur in the system's directory for data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// A file with one API key a line; every request then needs one
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// The training runs that the app shows
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub runs: PathBuf,
}

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

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur train recipes/mini.toml --dry-run          parameters, memory, expected time and cost
  penseur train recipes/mini.toml                    into runs/NAME
  penseur train recipes/mini.toml --set train.lr=3e-4 --set train.minutes=5 --run-dir runs/try
  penseur train recipes/mini.toml --resume           go on after a kill, bit for bit

Settings: defaults < recipe < --set.")]
pub struct TrainArgs {
    /// The recipe
    #[arg(value_name = "RECIPE.toml")]
    pub recipe: PathBuf,

    /// Set one key of the recipe; may be given several times
    #[arg(long, value_name = "a.b=VALUE")]
    pub set: Vec<String>,

    /// Where the run's files go; by default runs/NAME
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,

    /// Go on where an earlier run of this recipe stopped
    #[arg(long)]
    pub resume: bool,

    /// Go on even if the run was begun by other code or on another instruction set; its numbers then differ
    #[arg(long, requires = "resume")]
    pub allow_other_code: bool,

    /// Print the resolved recipe and what it would take, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Lines instead of a dashboard, on a terminal too
    #[arg(long)]
    pub plain: bool,

    /// Print one JSON value: the stages' plans or results
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Presets: v3-pretrain, v3, r1-zero, r1 (published runs, derived from their layouts).

Examples:
  penseur plan v3                                    what DeepSeek-V3 took, derived
  penseur plan v3-pretrain --explain                 the arithmetic of every number
  penseur plan --model llama-3.1-405b --tokens 15.6T --on h100 --count 16384
  penseur plan --model deepseek-v3 --tokens 14.8T --on h800 --count 2048 --layout pp=16,ep=64 --html plan.html
  penseur plan recipes/mini.toml                     a recipe on this machine
  penseur plan v3-pretrain --compare h800,h100,h20 --price 2
  penseur plan --model qwen2.5-72b --tokens 2T --within 30
  penseur plan --budget 1M --on h100
  penseur plan --serve --model deepseek-r1 --on h800
  penseur plan --reach 0.8 --run runs/my-grpo

A layout is KEY=VALUE,..: pp, vpp, ep, tp, cp, dp, zero, schedule (1f1b, zb1p, dualpipe), micro_batch, precision (fp8,
bf16), recompute (none, selective, full), comm_sm, imbalance, hide_dp. Without one the quickest that fits is found.
docs/plan.md explains the model behind the numbers.")]
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
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,

    /// How the step is spread over them
    #[arg(long, value_name = "KEY=N,..")]
    pub layout: Option<String>,

    /// Sequences of a step; by default as published runs of the model's size
    #[arg(long, value_name = "N")]
    pub batch: Option<u64>,

    /// Tokens of a sequence; by default 4096
    #[arg(long, value_name = "N")]
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

    /// With --serve: tokens of an answer, thinking included
    #[arg(long, value_name = "N", requires = "serve", value_parser = cost::text::parse_count, help_heading = "Questions")]
    pub answer_tokens: Option<f64>,

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

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur inspect mini
  penseur inspect ./model --json
  penseur inspect deepseek-r1                        a published model's figures, from its configuration alone")]
pub struct InspectArgs {
    /// A directory in Hugging Face layout, the name of a bundled model, or of a published one
    #[arg(default_value = "mini", value_name = "MODEL")]
    pub model: String,

    /// Print one JSON value
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur convert ./Qwen2.5-0.5B ./merged --adapter runs/specialist/checkpoints/step_200/adapter
  penseur convert mini ./mini                        the bundled model as files
  penseur convert ./model ./model-bf16 --dtype bf16")]
pub struct ConvertArgs {
    /// A directory in Hugging Face layout, or the name of a bundled model
    #[arg(value_name = "SRC")]
    pub src: String,

    /// The directory to write; it must not exist
    #[arg(value_name = "DST")]
    pub dst: PathBuf,

    /// A LoRA adapter to merge into the weights: a directory in PEFT's layout
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,

    /// Type of the stored matrices; by default the source's own
    #[arg(long, value_enum, value_name = "TYPE")]
    pub dtype: Option<PrecisionArg>,
}

#[derive(Args, Debug)]
pub struct TasksArgs {
    #[command(subcommand)]
    pub command: TasksCommand,
}

#[derive(Subcommand, Debug)]
pub enum TasksCommand {
    /// The families by name
    List {
        /// Print one JSON value a line: {"name", "about", "levels", "demonstrations"}
        #[arg(long)]
        json: bool,
    },
    /// Problems of one family
    #[command(
        after_help = "A file of your own problems has a JSON object a line: {\"prompt\": \"..\", \"answer\": \"..\"}; optional keys are
\"reasoning\", \"verifier\" and \"split\".

Examples:
  penseur tasks sample addition -n 3
  penseur tasks sample file:problems.jsonl --verifier integer
  penseur tasks sample word_problems --seed 7 -n 100 --json > problems.jsonl"
    )]
    Sample(SampleArgs),
    /// Verdicts on answers
    #[command(
        after_help = "Each line of the file is {\"problem\": .., \"answer\": \"..\"}, with the problem as `tasks sample --json`
gives it and any text as the answer. Each line of the output is {\"verdict\": \"right\"|\"wrong\"|\"cannot_judge\", \"reason\": ..}.

Example:
  penseur tasks score addition --jsonl answers.jsonl"
    )]
    Score(ScoreArgs),
}

#[derive(Args, Debug)]
pub struct SampleArgs {
    /// A family, as `penseur tasks list` names it, or file:PATH for problems of your own
    pub name: String,

    /// How answers to a problem file are checked; by default `answer`, which reads numbers, choices, lists and words
    #[arg(long, value_name = "NAME")]
    pub verifier: Option<String>,

    /// The same seed gives the same problems
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// Number of problems
    #[arg(short = 'n', default_value_t = 1, value_name = "K")]
    pub n: u64,

    /// Difficulty, from 1 up; by default all of the family's in turn
    #[arg(long, value_name = "LEVEL")]
    pub difficulty: Option<u8>,

    /// Which share of the problems to draw from
    #[arg(long, value_enum, default_value = "test")]
    pub split: SplitArg,

    /// Print one JSON value a line: {"id", "prompt", "problem", "answer"}
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SplitArg {
    Train,
    Validation,
    Test,
}

impl From<SplitArg> for tasks::Split {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Train => Self::Train,
            SplitArg::Validation => Self::Validation,
            SplitArg::Test => Self::Test,
        }
    }
}

#[derive(Args, Debug)]
pub struct ScoreArgs {
    /// A family, as `penseur tasks list` names it, or file:PATH for problems of your own
    pub name: String,

    /// How answers to a problem file are checked; by default `answer`, which reads numbers, choices, lists and words
    #[arg(long, value_name = "NAME")]
    pub verifier: Option<String>,

    /// A file of {"problem", "answer"} lines; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub jsonl: PathBuf,
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The right answer
    #[arg(
        long,
        value_name = "TEXT",
        requires = "answer",
        required_unless_present = "jsonl",
        allow_hyphen_values = true
    )]
    pub gold: Option<String>,

    /// The answer to be judged, or a solution that ends in it
    #[arg(long, value_name = "TEXT", requires = "gold", allow_hyphen_values = true)]
    pub answer: Option<String>,

    /// A file of {"gold", "answer"} lines, judged one by one; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["gold", "answer"])]
    pub jsonl: Option<PathBuf>,

    /// JSON is what this command always prints
    #[arg(long, hide = true)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub command: RunsCommand,
}

#[derive(Subcommand, Debug)]
pub enum RunsCommand {
    /// All runs below a directory
    List {
        /// Where runs are kept
        #[arg(long, default_value = "runs", value_name = "DIR")]
        dir: PathBuf,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// One run: progress, metrics, bill
    Show {
        /// The run's directory, or its name below runs/
        run: PathBuf,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// A run on one page: curves, sample answers, bill and recipe in a file that needs nothing else
    #[command(after_help = "Examples:
  penseur runs report zero-1f2e3d4c
  penseur runs report runs/r1 --out r1.html")]
    Report {
        /// The run's directory, or its name below runs/
        run: PathBuf,
        /// Where the page goes; by default report.html in the run's directory
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Runs side by side: what they reached and cost, and in which keys their recipes differ
    #[command(after_help = "Examples:
  penseur runs compare zero-1f2e3d4c zero-5a6b7c8d
  penseur runs compare runs/seed-* --html seeds.html

Runs whose recipes differ in nothing but the seed are drawn as one band.")]
    Compare {
        /// The runs' directories, or their names below runs/
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Write a page with the curves over one another
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// Why is nothing learned? Says in words what stands in the way, and what to change
    #[command(after_help = "Examples:
  penseur runs doctor zero-1f2e3d4c
  penseur runs doctor runs/r1 --json

The exit code is 0 whatever the verdict.")]
    Doctor {
        /// The run's directory, or its name below runs/
        run: PathBuf,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// The metrics as event files for TensorBoard, also while the run goes on
    #[command(after_help = "Examples:
  penseur runs export-tensorboard zero-1f2e3d4c
  penseur runs export-tensorboard zero-1f2e3d4c --follow &
  tensorboard --logdir runs")]
    ExportTensorboard {
        /// The run's directory, or its name below runs/
        run: PathBuf,
        /// Where the event files go; by default tensorboard/ in the run's directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Go on until the run ends
        #[arg(long)]
        follow: bool,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur bench
  penseur bench -m ./model --json")]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,

    /// Also add this machine to your catalogue of chips, for `penseur plan --on this`
    #[arg(long)]
    pub save: bool,

    /// Print one JSON value
    #[arg(long)]
    pub json: bool,
}
