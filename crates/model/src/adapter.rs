//! LoRA (Hu et al. 2021, arXiv:2106.09685): a frozen matrix W [out, in] with a trained product of rank r beside it,
//! `y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ`, and adapters on disk in PEFT's layout (`adapter_config.json`, `adapter_model.safetensors`
//! with its tensor names).
//!
//! Routed experts carry no adapter: they are one stacked parameter here, and PEFT has no name for a part of it.

use crate::model::Model;
use crate::weights::{OutTensor, OutValues, StoredType, Weights, to_bytes};
use crate::{Error, Result};
use kernels::gemm::{Compute, Gemm, Layout, gemm};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tensor::{DType, ParamId, Params, Role, Tensor};

#[cfg(test)]
mod tests;

/// PEFT's file of settings.
pub const CONFIG_FILE: &str = "adapter_config.json";
/// PEFT's file of matrices.
pub const WEIGHTS_FILE: &str = "adapter_model.safetensors";
/// What PEFT puts before the model's own names.
const PREFIX: &str = "base_model.model.";

/// Which matrices carry an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Every projection of attention and dense feed-forward (shared experts too): PEFT's `all-linear` without experts.
    AllLinear,
    /// Modules by the last part of their name, such as `q_proj`.
    Named(Vec<String>),
    /// Modules by their whole name, as an adapter on disk lists them.
    Paths(BTreeSet<String>),
}

/// The shape of an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterConfig {
    /// r
    pub rank: usize,
    /// The product is scaled by alpha / r.
    pub alpha: f64,
    /// Scaled by alpha / √r instead (Kalajdzievski 2023, arXiv:2312.03732).
    pub use_rslora: bool,
    /// Which matrices.
    pub targets: Targets,
}

impl AdapterConfig {
    /// s
    pub fn scale(&self) -> f32 {
        let rank = self.rank as f64;
        (self.alpha / if self.use_rslora { rank.sqrt() } else { rank }) as f32
    }

    fn covers(&self, module: &str) -> bool {
        match &self.targets {
            Targets::AllLinear => true,
            Targets::Named(names) => names.iter().any(|name| module.rsplit('.').next() == Some(name)),
            Targets::Paths(paths) => paths.contains(module),
        }
    }

    /// Reads the settings of an adapter directory; the tensors in it say which modules it is for.
    ///
    /// # Errors
    /// Files that are missing or no adapter, and what would change the arithmetic: DoRA, trained biases, ranks that differ.
    pub fn read(dir: &Path) -> Result<(AdapterConfig, Weights)> {
        let path = dir.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let value: Value =
            serde_json::from_str(&text).map_err(|e| Error::config(format!("not valid JSON: {e}")).in_file(&path))?;
        let weights = Weights::open(&dir.join(WEIGHTS_FILE))?;
        let config = Self::from_json(&value, &weights).map_err(|e| e.in_file(&path))?;
        Ok((config, weights))
    }

    fn from_json(value: &Value, weights: &Weights) -> Result<AdapterConfig> {
        if value["peft_type"] != json!("LORA") {
            return Err(Error::unsupported("peft_type", value["peft_type"].to_string(), "\"LORA\""));
        }
        let is_plain = |v: &Value| match v {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        let changing = [
            "use_dora",
            "fan_in_fan_out",
            "modules_to_save",
            "rank_pattern",
            "alpha_pattern",
            "trainable_token_indices",
        ];
        if let Some(key) = changing.into_iter().find(|key| !is_plain(&value[key])) {
            return Err(Error::unsupported(key, value[key].to_string(), "a plain LoRA"));
        }
        if !matches!(value["bias"].as_str(), None | Some("none")) {
            return Err(Error::unsupported("bias", value["bias"].to_string(), "\"none\""));
        }
        let rank = value["r"].as_u64().filter(|r| *r > 0);
        let rank = rank.ok_or_else(|| Error::invalid("r", format!("found {}, expected a rank above 0", value["r"])))?;
        let alpha = value["lora_alpha"].as_f64().unwrap_or(8.0);
        let paths = weights.names().filter_map(|name| name.strip_prefix(PREFIX)?.strip_suffix(".lora_A.weight"));
        let targets = Targets::Paths(paths.map(str::to_owned).collect());
        Ok(AdapterConfig { rank: rank as usize, alpha, use_rslora: value["use_rslora"] == json!(true), targets })
    }

    fn to_json(&self, modules: &BTreeSet<String>, base: Option<&str>) -> Value {
        json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "use_rslora": self.use_rslora,
            "use_dora": false,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "modules_to_save": null,
            "target_modules": modules,
        })
    }
}

/// A matrix and the adapter beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lora {
    pub(crate) weight: ParamId,
    pub(crate) a: ParamId,
    pub(crate) b: ParamId,
    pub(crate) scale: f32,
}

/// Where a model's parameters are added while it is built, and which of its matrices get an adapter.
pub(crate) struct Builder<'p> {
    params: &'p mut Params,
    adapter: Option<&'p AdapterConfig>,
    pub(crate) loras: Vec<Lora>,
}

impl<'p> Builder<'p> {
    pub(crate) fn new(params: &'p mut Params, adapter: Option<&'p AdapterConfig>) -> Builder<'p> {
        Builder { params, adapter, loras: Vec::new() }
    }

    /// Adds a parameter of zeros.
    pub(crate) fn add(&mut self, name: impl Into<String>, role: Role, shape: &[usize]) -> ParamId {
        self.params.add(name, role, shape)
    }

    /// Adds the adapter of module `name` with weight [out, in], if it is to have one.
    pub(crate) fn add_lora(&mut self, name: &str, weight: ParamId, [out, input]: [usize; 2]) -> Option<Lora> {
        let adapter = self.adapter.filter(|adapter| adapter.covers(name))?;
        let a = self.params.add(format!("{name}.lora_A.weight"), Role::Adapter, &[adapter.rank, input]);
        let b = self.params.add(format!("{name}.lora_B.weight"), Role::Adapter, &[out, adapter.rank]);
        let lora = Lora { weight, a, b, scale: adapter.scale() };
        self.loras.push(lora);
        Some(lora)
    }
}

/// The two matrices' standard deviation at the start: PEFT's (uniform in ±1/√in) for A; B is zero, so that the model
/// begins as its base.
pub(crate) fn initial_std(name: &str, shape: &[usize]) -> f64 {
    if name.ends_with(".lora_A.weight") { 1.0 / (3.0 * shape[1] as f64).sqrt() } else { 0.0 }
}

impl Model {
    /// Fills the adapter's matrices from [`AdapterConfig::read`]'s tensors.
    ///
    /// # Errors
    /// A tensor that is missing, of another shape or not finite, or one for a module that this model does not have.
    pub fn load_adapter(&mut self, weights: &Weights) -> Result<()> {
        let mut known = BTreeSet::new();
        for id in self.adapter_ids().collect::<Vec<_>>() {
            let name = format!("{PREFIX}{}", self.params().name(id));
            let shape = self.params().value(id).shape().to_vec();
            let mut result = Ok(());
            self.params_mut().write(id, |values| result = weights.read_f32(&name, &shape, values));
            result?;
            known.insert(name);
        }
        match weights.names().find(|name| !known.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(Error::tensor(
                name,
                "no projection of this model has that name: the adapter belongs to another model, or adapts what is not \
                 supported here (routed experts, embeddings, the head)",
            )),
        }
    }

    /// The adapter in PEFT's layout: names and contents of its two files. `base` is the model that it belongs to.
    ///
    /// # Errors
    /// A value that is not finite.
    ///
    /// # Panics
    /// Without an adapter.
    pub fn adapter_files(&self, base: Option<&str>) -> Result<[(&'static str, Vec<u8>); 2]> {
        let (config, params) = (self.adapter_config().expect("a model with an adapter"), self.params());
        let values: Vec<(ParamId, Vec<f32>)> =
            self.adapter_ids().map(|id| (id, params.master(id).to_vec_f32())).collect();
        let tensors = values.iter().map(|(id, values)| OutTensor {
            name: format!("{PREFIX}{}", params.name(*id)),
            shape: params.value(*id).shape().to_vec(),
            values: OutValues::F32(values),
            stored: StoredType::F32,
        });
        let tensors: Vec<OutTensor> = tensors.collect();
        let module = |id: ParamId| params.name(id).rsplit('.').nth(2).unwrap_or_default().to_owned();
        let modules: BTreeSet<String> = self.adapter_ids().map(module).collect();
        let text = format!("{:#}\n", config.to_json(&modules, base));
        Ok([(CONFIG_FILE, text.into_bytes()), (WEIGHTS_FILE, to_bytes(&tensors)?)])
    }

    /// Writes the adapter's files into `dir`.
    ///
    /// # Errors
    /// As [`Model::adapter_files`], and the system's own.
    pub fn save_adapter(&self, dir: &Path, base: Option<&str>) -> Result<()> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        for (name, bytes) in self.adapter_files(base)? {
            let path = dir.join(name);
            sys::disk::write_synced(&path, &bytes).map_err(|e| Error::io("write", &path, e))?;
        }
        Ok(())
    }

    /// The parameters of the adapter.
    pub fn adapter_ids(&self) -> impl Iterator<Item = ParamId> + use<'_> {
        self.params().ids().filter(|id| self.params().role(*id) == Role::Adapter)
    }

    /// `W + s·B·A` of a matrix that carries an adapter, computed in f32, in the matrix's type; `None` for every other
    /// parameter.
    pub fn merged(&self, id: ParamId) -> Option<Tensor> {
        let lora = self.loras().iter().find(|lora| lora.weight == id)?;
        let params = self.params();
        let wide = |id: ParamId| params.master(id).to_dtype(DType::F32);
        let (a, mut b, mut merged) = (wide(lora.a), wide(lora.b), wide(id));
        b.slice_mut::<f32>().iter_mut().for_each(|x| *x *= lora.scale);
        let (m, n, k) = (merged.n_rows(), merged.n_cols(), a.n_rows());
        let op = Gemm { layout: Layout::Nn, compute: Compute::F32, m, n, k, accumulate: true };
        gemm::<f32, f32, f32>(op, b.slice(), a.slice(), merged.slice_mut());
        Some(merged.to_dtype(params.value(id).dtype()))
    }
}
