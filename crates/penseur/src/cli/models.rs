//! The flags of what looks at a model or changes its files: `penseur inspect`, `convert` and `bench`.

use std::path::PathBuf;

use clap::Args;

use super::{ModelArgs, PrecisionArg};

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
