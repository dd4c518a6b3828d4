//! `penseur convert`: a model into another directory, with an adapter merged or the type of its matrices changed.

use anyhow::Context;
use model::checkpoint::{self, Contents};
use model::names::all_tensor_parts;
use model::source::Source;
use model::weights::{OutTensor, OutValues, StoredType};
use model::{Config, Model, ModelOptions};
use std::collections::BTreeMap;
use tensor::{DType, Device, ParamId, Precision, Role, Tensor};

use crate::cli::{ConvertArgs, PrecisionArg};
use crate::loaded;
use crate::usage;

/// What a model brings along beside configuration and weights.
const FILES: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
    "vocab.json",
    "merges.txt",
    "README.md",
];

pub fn run(args: &ConvertArgs) -> anyhow::Result<()> {
    if args.dst.exists() {
        return Err(usage::error(format!("{} exists already: choose a new directory", args.dst.display())));
    }
    let source = loaded::find(&args.src)?;
    let model = open(&source, args)?;
    let params = model.params();
    let merged: BTreeMap<ParamId, Tensor> = params.ids().filter_map(|id| Some((id, model.merged(id)?))).collect();
    let stored = |id| match (params.role(id), params.precision()) {
        (Role::Matrix, Precision::Bf16) => StoredType::Bf16,
        _ => StoredType::F32,
    };
    let tensors = all_tensor_parts(params).into_iter().map(|(id, part)| {
        let place = part.offset..part.offset + part.shape.iter().product::<usize>();
        let tensor = merged.get(&id).unwrap_or_else(|| params.value(id));
        let values = match tensor.dtype() {
            DType::F32 => OutValues::F32(&tensor.slice()[place]),
            DType::Bf16 => OutValues::Bf16(&tensor.slice()[place]),
        };
        OutTensor { name: part.name, shape: part.shape, values, stored: stored(id) }
    });
    let mut files = Vec::new();
    for name in FILES {
        files.extend(source.file(name)?.map(|bytes| (name.to_owned(), bytes)));
    }
    let contents =
        Contents { config: model.config(), tensors: tensors.collect(), files, record: None, states: Vec::new() };
    checkpoint::write(&args.dst, &contents)?;
    let n_merged = merged.len();
    let what = if n_merged > 0 { format!(", {n_merged} matrices merged with the adapter") } else { String::new() };
    eprintln!("{} written{what}", args.dst.display());
    if matches!(model.config(), Config::DeepseekV3(c) if c.num_nextn_predict_layers > 0) {
        eprintln!("the MTP module, which only training uses, was left out");
    }
    Ok(())
}

/// The model without its MTP module, which only training uses.
fn open(source: &Source, args: &ConvertArgs) -> anyhow::Result<Model> {
    let config = source.config()?;
    let precision = match args.dtype {
        Some(PrecisionArg::F32) => Precision::F32,
        Some(PrecisionArg::Bf16) => Precision::Bf16,
        None => loaded::stored_precision(&config),
    };
    let n_positions = config.max_position_embeddings();
    let options = ModelOptions { device: Device::cpu(), precision, trainable: false, n_positions };
    let model = source.load_with_adapter(&options, args.adapter.as_deref());
    model.with_context(|| format!("cannot convert {}", args.src))
}
