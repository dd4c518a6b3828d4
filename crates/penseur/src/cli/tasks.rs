//! The flags of `penseur tasks` and `verify`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
