//! The binary: the command line, and nothing that another crate could do.
//!
//! | file | what |
//! |---|---|
//! | [`cli`] | every flag, its help and its examples |
//! | [`commands`] | one short file a command |
//! | [`loaded`] | a model by directory or name, its tokenizer and template, ready to answer |
//! | [`answer`] | from messages to a request, from its events to text |
//! | [`output`] | results on stdout, styles, closed pipes |
//! | [`usage`] | errors that are the user's typing, and exit codes |
#![forbid(unsafe_code)]

mod answer;
mod cli;
mod commands;
mod loaded;
mod output;
mod usage;
mod workshop;

use std::process::ExitCode;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: sys::huge_pages::Allocator = sys::huge_pages::Allocator;

fn main() -> ExitCode {
    let cli = Cli::read();
    usage::exit_code(start(&cli).and_then(|()| run(cli)))
}

/// What holds for every command: where logs go, how many threads compute.
fn start(cli: &Cli) -> anyhow::Result<()> {
    output::log_to_stderr(cli.verbose);
    if let Some(n_threads) = cli.threads {
        kernels::pool::choose_n_threads(n_threads);
        rayon::ThreadPoolBuilder::new().num_threads(n_threads.get()).build_global()?; // for tokenizing
    }
    // A misspelt instruction set is reported now and not in the middle of the work.
    kernels::isa::choose(std::env::var("PENSEUR_ISA").ok().as_deref()).map_err(usage::error)?;
    Ok(())
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => commands::serve::run(args),
        Command::Chat(args) => commands::chat::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Logprobs(args) => commands::logprobs::run(&args),
        Command::Tokenize(args) => commands::tokenize::run(&args),
        Command::Detokenize(args) => commands::detokenize::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Keys(command) => commands::keys::run(command),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Tasks(args) => commands::tasks::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Runs(args) => commands::runs::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::ReadPdf => commands::read_pdf::run(),
    }
}
