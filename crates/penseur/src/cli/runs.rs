//! The flags of `penseur runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
        /// The run's directory, its name below runs/, or a ledger.jsonl of evaluations or serving
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
