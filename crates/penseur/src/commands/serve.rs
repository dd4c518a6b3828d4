//! `penseur serve`: the app and the API.

use server::{Limits, ServeConfig, ServedModel, serve};

use crate::cli::ServeArgs;
use crate::loaded::Loaded;

/// Whole contexts that fit the pool at once, memory permitting; further requests wait or take turns.
const N_PARALLEL: usize = 8;

pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    let loaded = Loaded::open(&args.model, N_PARALLEL)?;
    let name = loaded.name.clone();
    let model = ServedModel {
        name: loaded.name,
        engine: loaded.engine,
        format: loaded.format,
        description: loaded.description,
        examples: loaded.examples,
        sampling: loaded.sampling,
        scorer: Some(loaded.scorer),
    };
    let config = ServeConfig {
        host: args.host,
        port: args.port,
        api_key_file: args.api_key_file,
        data_dir: args.data_dir,
        models: vec![model],
        limits: Limits::default(),
    };
    serve(config, |address| eprintln!("penseur serves {name} at http://{address} (Ctrl-C stops it)"))?;
    Ok(())
}
