//! The flags of `penseur keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, for the only time; a server with a key demands one of every request
    Add {
        /// Whose it is, or what for
        name: String,
        #[command(flatten)]
        limits: KeyLimitArgs,

        /// May also load and unload models
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        dir: KeysDir,
    },
    /// The keys, their limits, and what each has used
    List {
        #[command(flatten)]
        dir: KeysDir,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// Change what a key may use; a limit that is left out is lifted
    Limit {
        /// The key's name
        name: String,
        #[command(flatten)]
        limits: KeyLimitArgs,
        #[command(flatten)]
        dir: KeysDir,
    },
    /// Take a key out of use; what it used stays on record
    Rm {
        /// The key's name
        name: String,
        #[command(flatten)]
        dir: KeysDir,
    },
    /// Tokens, seconds and dollars by key, day and model
    Usage {
        #[command(flatten)]
        dir: KeysDir,
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
}

/// Where the server keeps its keys.
#[derive(Args, Debug)]
pub struct KeysDir {
    /// The --data-dir of `penseur serve`; by default the same as there
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct KeyLimitArgs {
    /// Most requests within any minute
    #[arg(long, value_name = "N")]
    pub requests_per_minute: Option<u64>,

    /// Most tokens within any minute, of prompts and completions
    #[arg(long, value_name = "N")]
    pub tokens_per_minute: Option<u64>,

    /// Most dollars in all
    #[arg(long, value_name = "D")]
    pub dollars: Option<f64>,
}
