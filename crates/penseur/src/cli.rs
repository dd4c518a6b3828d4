//! Every command and flag. Doc comments are the help text that users read.

mod answer;
mod eval;
mod keys;
mod models;
mod plan;
mod runs;
mod serve;
mod tasks;
mod tokens;
mod train;

pub use answer::{AnswerArgs, ChatArgs, EffortArg, GenerateArgs, OnOff};
pub use eval::{EndpointArgs, EvalArgs};
pub use keys::{KeyLimitArgs, KeysCommand, KeysDir};
pub use models::{BenchArgs, ConvertArgs, InspectArgs};
pub use plan::PlanArgs;
pub use runs::{RunsArgs, RunsCommand};
pub use serve::ServeArgs;
pub use tasks::{SampleArgs, ScoreArgs, SplitArg, TasksArgs, TasksCommand, VerifyArgs};
pub use tokens::{DetokenizeArgs, LogprobsArgs, TokenInput, TokenizeArgs};
pub use train::TrainArgs;

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
  penseur train recipes/arithmetic.toml --dry-run    what a run would take and cost
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
    /// Run a recipe: pretraining, fine-tuning, reinforcement learning, distillation
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

    #[command(flatten)]
    pub options: ModelOptionArgs,
}

/// How a model is held in memory.
#[derive(Args, Clone, Debug)]
pub struct ModelOptionArgs {
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
