//! `config.json` of architectures that are counted, for plans and inspection, and not run: decoders with multi-head or
//! grouped-query attention, dense or with experts, under the key names that their makers chose.
//!
//! What is counted is their matrices. Position embeddings, norms beside the two of a layer, biases of feed-forwards and
//! sinks are left out (below a thousandth), windows of attention are taken as the whole context, and layers that run side
//! by side as one after the other. Of a model that also sees, the part that reads text is counted. Layers with experts
//! between layers without are refused. Key names and defaults: `transformers` 5.23, and DBRX's and Arctic's own.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};

use super::dense::{DenseConfig, DenseModelType, ExpertsConfig};
use super::fields::Fields;
use super::{Config, RopeScaling};
use crate::error::{Error, Result};

/// `model_type`, and whether its feed-forward has a gate (three matrices) or not (two).
const KNOWN: [(&str, bool); 40] = [
    ("apertus", false),
    ("arctic", true),
    ("bloom", false),
    ("cohere", true),
    ("dbrx", true),
    ("dots1", true),
    ("exaone", true),
    ("exaone4", true),
    ("falcon", false),
    ("gemma", true),
    ("gemma2", true),
    ("gemma3", true),
    ("gemma3_text", true),
    ("glm4", true),
    ("glm4_moe", true),
    ("gpt2", false),
    ("gpt_bigcode", false),
    ("gpt_neox", false),
    ("gpt_oss", true),
    ("granite", true),
    ("internlm2", true),
    ("llama4", true),
    ("llama4_text", true),
    ("mistral", true),
    ("mistral3", true),
    ("mixtral", true),
    ("mpt", false),
    ("nemotron", false),
    ("olmo", true),
    ("olmo2", true),
    ("olmo3", true),
    ("olmoe", true),
    ("opt", false),
    ("phi", false),
    ("phi3", true),
    ("qwen2_moe", true),
    ("qwen3_moe", true),
    ("seed_oss", true),
    ("smollm3", true),
    ("starcoder2", false),
];

/// The counted architecture that is called `model_type`, if it is one.
pub(super) fn known(model_type: &str) -> Option<DenseModelType> {
    KNOWN.iter().find(|(name, _)| *name == model_type).map(|(name, _)| DenseModelType::Counted(name))
}

/// The values of `model_type` of all of them.
pub(super) fn names() -> [&'static str; KNOWN.len()] {
    KNOWN.map(|(name, _)| name)
}

/// Those whose head is the embedding unless the file says otherwise.
const TIED: [&str; 13] = [
    "bloom",
    "cohere",
    "falcon",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "gpt2",
    "gpt_bigcode",
    "mpt",
    "opt",
    "smollm3",
    "starcoder2",
];

/// Sizes that published files leave out, because the class has them.
const UNSAID: [(&str, &str, usize); 12] = [
    ("gemma3_text", "vocab_size", 262_208),
    ("gemma3_text", "num_attention_heads", 8),
    ("gemma3_text", "num_key_value_heads", 4),
    ("gemma3_text", "head_dim", 256),
    ("gemma3_text", "max_position_embeddings", 131_072),
    ("llama4_text", "vocab_size", 202_048),
    ("llama4_text", "num_attention_heads", 40),
    ("llama4_text", "num_key_value_heads", 8),
    ("llama4_text", "head_dim", 128),
    ("gemma", "head_dim", 256),
    ("gemma2", "head_dim", 256),
    ("arctic", "moe_layer_frequency", 2),
];

/// Keys that change what running computes, and neither the matrices nor the operations that are counted.
const OF_RUNNING: [&str; 12] = [
    "hidden_act",
    "mlp_bias",
    "use_mrope",
    "rope_scaling",
    "rope_parameters",
    "partial_rotary_factor",
    "layer_types",
    "use_sliding_window",
    "sliding_window",
    "max_window_layers",
    "scoring_func",
    "topk_method",
];

impl Config {
    /// Reads the text of a `config.json` to count it, not to run it: what only running the model cares about (its
    /// activation, rotary scaling, windows) refuses nothing, and a size may be written `4096.0`.
    ///
    /// # Errors
    /// As [`Config::from_json`], for what changes the count.
    pub fn to_count(text: &str) -> Result<Config> {
        let strict = Config::from_json(text);
        let mut map = match serde_json::from_str(text) {
            Ok(Value::Object(map)) if strict.is_err() => map,
            _ => return strict,
        };
        for key in OF_RUNNING {
            map.remove(key);
        }
        let mut value = Value::Object(map);
        make_whole(&mut value);
        Config::from_json(&value.to_string())
    }

    /// [`Config::to_count`] of the file at `path`.
    ///
    /// # Errors
    /// As there, with the path in the message; or the file cannot be read.
    pub fn file_to_count(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Config::to_count(&text).map_err(|e| e.in_file(path))
    }
}

/// Writes whole numbers as such, wherever they are.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(n) if n.is_f64() => {
            if let Some(x) = n.as_f64().filter(|x| x.fract() == 0.0 && (0.0..9e15).contains(x)) {
                *value = Value::from(x as u64);
            }
        }
        Value::Object(map) => map.values_mut().for_each(make_whole),
        Value::Array(all) => all.iter_mut().for_each(make_whole),
        _ => {}
    }
}

/// Reads one; `model_type` is of [`known`]. The sizes of a model that also sees are in its `text_config`.
pub(super) fn read(fields: &Fields, model_type: DenseModelType) -> Result<DenseConfig> {
    let Some(text) = fields.object("text_config")? else {
        return read_text(&Sizes::of(fields, model_type.name())?, model_type);
    };
    let inner = Fields::new(text);
    let own = match model_type.name() {
        "gemma3" => "gemma3_text",
        "llama4" => "llama4_text",
        outer => inner.text("model_type")?.filter(|own| known(own).is_some()).unwrap_or(outer),
    };
    let sizes = Sizes::of(&inner, own)?;
    let mut config = read_text(&sizes, model_type)?;
    // The head is said to be tied beside the part for text or in it.
    let outer = fields.flag("tie_word_embeddings", config.tie_word_embeddings)?;
    config.tie_word_embeddings = inner.flag("tie_word_embeddings", outer)?;
    Ok(config)
}

/// The keys of a model's sizes, under whichever name its makers chose.
struct Sizes<'a> {
    name: &'a str,
    fields: &'a Fields<'a>,
    /// DBRX's and MPT's keys of attention and feed-forward.
    attention: Fields<'a>,
    ffn: Fields<'a>,
}

impl<'a> Sizes<'a> {
    fn of(fields: &'a Fields<'a>, name: &'a str) -> Result<Sizes<'a>> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let part = |key: &str| Ok::<_, Error>(Fields::new(fields.object(key)?.unwrap_or(&EMPTY)));
        Ok(Sizes { name, fields, attention: part("attn_config")?, ffn: part("ffn_config")? })
    }

    /// The first of `keys` that is there, or what its class has for one.
    fn any(&self, keys: &[&str]) -> Result<Option<usize>> {
        for key in keys {
            let said = self.fields.optional_count(key)?;
            let unsaid = || UNSAID.iter().find(|(name, of, _)| *name == self.name && of == key).map(|(_, _, n)| *n);
            if let Some(n) = said.or_else(unsaid) {
                return Ok(Some(n));
            }
        }
        Ok(None)
    }

    fn required(&self, keys: &[&str]) -> Result<usize> {
        self.any(keys)?.ok_or_else(|| Error::config(format!("no `{}`", keys.join("` or `"))))
    }

    fn kv_heads(&self, num_attention_heads: usize) -> Result<usize> {
        let stated = self.any(&["num_key_value_heads", "num_kv_heads", "n_head_kv"])?;
        match self.name {
            // Falcon's older form has one head of keys for all, whatever else it says; its newer one says how many.
            "falcon" if !self.fields.flag("new_decoder_architecture", false)? => {
                let is_multi_query = self.fields.flag("multi_query", stated.is_none())?;
                Ok(if is_multi_query { 1 } else { stated.unwrap_or(num_attention_heads) })
            }
            "gpt_bigcode" if self.fields.flag("multi_query", true)? => Ok(1),
            "mpt" if self.attention.text("attn_type")? == Some("multiquery_attention") => Ok(1),
            "mpt" | "dbrx" => self.attention.count("kv_n_heads", num_attention_heads),
            _ if stated.is_none() && self.fields.flag("multi_query", false)? => Ok(1),
            _ => Ok(stated.unwrap_or(num_attention_heads)),
        }
    }

    fn intermediate_size(&self, hidden_size: usize) -> Result<usize> {
        let keys = ["intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"];
        // A dense layer between Llama 4's experts, of which only models without such layers are counted.
        let stated = match self.name {
            "dbrx" => self.ffn.optional_count("ffn_hidden_size")?,
            "llama4_text" => self.any(&["intermediate_size_mlp", "intermediate_size"])?,
            _ => self.any(&keys)?,
        };
        let times = self.fields.float("expansion_ratio", 4.0)?;
        Ok(stated.unwrap_or((times * hidden_size as f64).round() as usize))
    }
}

fn read_text(sizes: &Sizes, model_type: DenseModelType) -> Result<DenseConfig> {
    let (name, fields) = (sizes.name, sizes.fields);
    let hidden_size = sizes.required(&["n_embed", "hidden_size", "n_embd", "d_model"])?;
    let num_attention_heads = sizes.required(&["num_attention_heads", "n_head", "n_heads"])?;
    let num_hidden_layers = sizes.required(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"])?;
    let intermediate_size = sizes.intermediate_size(hidden_size)?;
    let is_gated = KNOWN.iter().any(|(known, gated)| *known == name && *gated);
    Ok(DenseConfig {
        model_type,
        vocab_size: sizes.required(&["vocab_size"])?,
        hidden_size,
        intermediate_size,
        num_hidden_layers,
        num_attention_heads,
        num_key_value_heads: sizes.kv_heads(num_attention_heads)?,
        head_dim: sizes.any(&["head_dim"])?.unwrap_or(hidden_size / num_attention_heads.max(1)),
        attention_bias: fields.flag("attention_bias", false)?,
        o_proj_bias: false,
        qk_norm: false,
        gated: is_gated || sizes.ffn.text("ffn_type")? == Some("mptglu"),
        experts: experts(sizes, hidden_size, intermediate_size, num_hidden_layers)?,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: sizes
            .any(&["max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "n_ctx"])?
            .unwrap_or(2048),
        tie_word_embeddings: fields.flag("tie_word_embeddings", TIED.contains(&name))?,
        initializer_range: 0.02,
        bos_token_id: None,
        eos_token_id: Vec::new(),
        pad_token_id: None,
        torch_dtype: fields.torch_dtype()?,
        quantization_config: None,
    })
}

fn experts(
    sizes: &Sizes,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
) -> Result<Option<ExpertsConfig>> {
    let fields = sizes.fields;
    let stated = match sizes.name {
        "dbrx" => sizes.ffn.optional_count("moe_num_experts")?,
        _ => sizes.any(&["num_local_experts", "num_experts", "n_routed_experts"])?,
    };
    let Some(n_routed_experts) = stated.filter(|n| *n > 0) else { return Ok(None) };
    let width = match sizes.name {
        "llama4_text" => sizes.required(&["intermediate_size"])?,
        _ => fields.count("moe_intermediate_size", intermediate_size)?,
    };
    let shared = match sizes.name {
        // One beside the routed ones in each layer.
        "llama4_text" => width,
        // A feed-forward as wide as the model, beside attention and experts.
        "arctic" if fields.flag("use_residual", false)? => hidden_size,
        _ => fields.count("n_shared_experts", 0)? * width,
    };
    let per_token = match sizes.name {
        "dbrx" => sizes.ffn.optional_count("moe_top_k")?,
        _ => sizes.any(&["num_experts_per_tok", "experts_per_token"])?,
    };
    Ok(Some(ExpertsConfig {
        n_routed_experts,
        num_experts_per_tok: per_token.ok_or_else(|| Error::config("no `num_experts_per_tok`"))?,
        moe_intermediate_size: width,
        shared_intermediate_size: fields.count("shared_expert_intermediate_size", shared)?,
        first_k_dense_replace: first_with_experts(sizes, num_hidden_layers)?,
    }))
}

/// How many layers come before the first with experts, whichever keys say which layers have them.
///
/// # Errors
/// Layers without experts after one with them: nothing here counts those.
fn first_with_experts(sizes: &Sizes, num_hidden_layers: usize) -> Result<usize> {
    let n = num_hidden_layers.min(super::fields::MAX_LAYERS);
    let first = sizes.fields.count("first_k_dense_replace", 0)?;
    let mut has: Vec<bool> = (0..n).map(|layer| layer >= first).collect();
    let mut said = Vec::new();
    // The last of each so many layers has experts; DeepSeek's key counts from the first.
    let steps = [
        ("decoder_sparse_step", 1),
        ("interleave_moe_layer_step", 1),
        ("moe_layer_frequency", 1),
        ("moe_layer_freq", 0),
    ];
    for (key, after) in steps {
        if let Some(Value::Array(kinds)) = sizes.fields.get(key) {
            said.push(key);
            has.iter_mut().zip(kinds).for_each(|(has, kind)| *has &= kind.as_u64() != Some(0));
        } else if let Some(step) = sizes.any(&[key])?.filter(|step| *step != 1) {
            said.push(key);
            has.iter_mut()
                .enumerate()
                .for_each(|(layer, has)| *has &= step > 0 && (layer + after).is_multiple_of(step));
        }
    }
    for (key, means) in [("mlp_only_layers", false), ("moe_layers", true)] {
        let Some(Value::Array(layers)) = sizes.fields.get(key) else { continue };
        if layers.is_empty() {
            continue;
        }
        said.push(key);
        let is_named = |layer: usize| layers.iter().any(|named| named.as_u64() == Some(layer as u64));
        has.iter_mut().enumerate().for_each(|(layer, has)| *has &= is_named(layer) == means);
    }
    let before = has.iter().take_while(|has| !**has).count();
    if has[before..].iter().all(|has| *has) {
        return Ok(before);
    }
    Err(Error::unsupported(
        &said.join(", "),
        "layers without experts between layers with them".to_owned(),
        "experts in every layer after the first ones",
    ))
}
