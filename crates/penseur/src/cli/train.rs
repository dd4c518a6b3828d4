//! The flags of `penseur train`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  penseur train recipes/arithmetic.toml --dry-run    parameters, memory, expected time and cost
  penseur train recipes/arithmetic.toml              into runs/NAME
  penseur train recipes/arithmetic.toml --set train.lr=3e-4 --set train.minutes=5 --run-dir runs/try
  penseur train recipes/arithmetic.toml --resume     go on after a kill, bit for bit
  penseur train recipes/zero.toml --stage zero --set stage.zero.model.from=models/Qwen2.5-0.5B --set stage.zero.train.lora.rank=16
                                                     one stage of a chain, from a model that others made

Settings: defaults < recipe < --set.")]
pub struct TrainArgs {
    /// The recipe
    #[arg(value_name = "RECIPE.toml")]
    pub recipe: PathBuf,

    /// Set one key of the recipe; may be given several times
    #[arg(long, value_name = "a.b=VALUE")]
    pub set: Vec<String>,

    /// Only this stage of a chain, and those it needs; may be given several times
    #[arg(long, value_name = "NAME")]
    pub stage: Vec<String>,

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
