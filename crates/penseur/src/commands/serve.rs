//! `penseur serve`: the app and the API.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use engine::EngineConfig;
use server::{Limits, ModelCard, Offer, ServeConfig, ServedModel, TlsFiles, lan, serve};

use super::ledger::{self, Engines, Meter};
use crate::cli::ServeArgs;
use crate::loaded::{Found, Loaded};
use crate::workshop::Workshop;

/// Whole contexts that fit the pool at once, memory permitting; further requests wait or take turns.
const N_PARALLEL: usize = 8;

/// Positions of a usual answer with its prompt and a block to grow into: where contexts are short, as many of these fit as
/// the engine runs together.
const USUAL_POSITIONS: usize = 320;

pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    let found: Vec<Found> = args.model.iter().map(|name| Found::new(name, &args.options)).collect::<Result<_, _>>()?;
    let names = found.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", ");
    let configs = found.iter().map(|model| (model.name.clone(), model.config.clone())).collect();
    let engines = Engines::default();
    let workshop = Workshop { runs: args.runs, models: configs };
    let data_dir = data_dir(args.data_dir)?;
    let api_key_file = match (args.api_key_file, args.lan) {
        (None, true) => Some(lan::key_file(&data_dir).context("cannot write the key that --lan needs")?),
        (given, _) => given,
    };
    let invited = match &api_key_file {
        Some(path) if args.lan => lan::first_key(path).ok(),
        _ => None,
    };
    let tls = args.tls_cert.zip(args.tls_key).map(|(cert, key)| TlsFiles { cert, key });
    let scheme = if tls.is_some() { "https" } else { "http" };
    let ledger = ledger::path(&data_dir);
    let config = ServeConfig {
        host: if args.lan { "0.0.0.0".into() } else { args.host },
        port: args.port,
        api_key_file,
        cors_origins: args.cors_origin,
        public_origin: args.public_origin,
        tls,
        data_dir: Some(data_dir),
        pdf_reader: vec![std::env::current_exe()?.into(), "read-pdf".into()],
        dollars_per_second: cost::Price::default().dollars(sys::cpu::physical_cores() as f64),
        workshop: Some(Arc::new(workshop)),
        models: found.into_iter().map(|model| offer(model, &engines)).collect::<Result<_, _>>()?,
        free_memory: sys::memory::available_bytes,
        limits: Limits { model_idle: Duration::from_secs(args.unload_after.max(1) * 60), ..Limits::default() },
    };
    let meter = Meter::start(&names, engines.clone(), ledger.clone());
    let served = serve(config, |address| {
        if let Some(key) = invited {
            eprintln!("{}", lan::invitation(address, scheme == "https", &key));
        }
        eprintln!("penseur serves {names} at {scheme}://{address} (Ctrl-C stops it)");
    });
    meter.close();
    served?;
    // Whoever read the first lines may have gone.
    let _ = writeln!(std::io::stderr(), "what it cost: penseur runs show {}", ledger.display());
    Ok(())
}

/// What the server may load.
fn offer(found: Found, engines: &Engines) -> anyhow::Result<Offer> {
    let card = ModelCard {
        name: found.name.clone(),
        description: found.description.clone(),
        examples: found.examples.clone(),
        context_length: found.context(),
        thinking: found.has_think_tags()?,
        temperature: found.sampling.temperature,
    };
    let memory_bytes = found.memory_bytes();
    let (engines, flops_per_token) = (engines.clone(), ledger::flops_per_token(&found.config));
    let n_parallel = (EngineConfig::default().max_running * USUAL_POSITIONS).div_ceil(found.context()).max(N_PARALLEL);
    let load = move || {
        let Loaded { engine, format, sampling, scorer } =
            found.load(n_parallel).map_err(|error| format!("{error:#}"))?;
        engines.add(&engine, flops_per_token);
        Ok(ServedModel { name: found.name.clone(), engine, format, sampling, scorer: Some(scorer) })
    };
    Ok(Offer { card, memory_bytes, load: Box::new(load) })
}

/// The directory of conversations, keys and usage: the one given, or where the system keeps a program's data for its user.
pub fn data_dir(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir);
    }
    let from = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_DATA_HOME")
        .or_else(|| from("LOCALAPPDATA"))
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .context("there is no home directory to keep conversations in: give one with --data-dir")?;
    Ok(base.join("penseur"))
}
