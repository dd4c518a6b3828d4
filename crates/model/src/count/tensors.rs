//! Every tensor of a checkpoint: its name as Hugging Face writes it, its shape, and what it is for.
//!
//! Shapes are those of `torch.nn.Linear`: [out, in]. Names from DeepSeek's published files and `transformers` 5.23;
//! the MTP layer of DeepSeek-V3 is stored as `model.layers.{num_hidden_layers}` (README_WEIGHTS.md).

use crate::config::{Config, DeepseekModelType, DeepseekV3Config, DenseConfig, ExpertsConfig};

/// What a tensor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Input embedding.
    Embedding,
    /// Projections of attention, their biases, and the norms on latents or heads.
    Attention,
    /// Feed-forward of a layer without experts.
    DenseFfn,
    /// Routed experts.
    RoutedExperts,
    /// Shared experts.
    SharedExperts,
    /// Router weight and selection bias.
    Router,
    /// Norms of the residual stream.
    Norm,
    /// An MTP layer's `eh_proj`.
    MtpProjection,
    /// Output head.
    OutputHead,
}

/// Whether a file must have a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The main model does not work without it.
    Main,
    /// Part of an MTP layer. Files written by `transformers` leave them out, all or none.
    Mtp,
    /// An MTP layer's copy of the embedding or the head: in DeepSeek's files, ignored on reading, never written.
    MtpDuplicate,
}

/// One tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Hugging Face's name.
    pub name: String,
    /// `[out, in]` for a matrix, `[n]` for a vector.
    pub shape: Vec<usize>,
    /// What it does.
    pub part: Part,
    /// Whether a file must have it.
    pub role: Role,
    /// Its layer, MTP layers counting on from `num_hidden_layers`.
    pub layer: Option<usize>,
    /// Stored in f32 whatever the type of the rest: the router's selection bias, as DeepSeek and `transformers` keep it.
    pub always_f32: bool,
}

impl TensorSpec {
    /// Number of values.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Every tensor of a checkpoint of `config`, in the order of a forward pass, MTP layers last.
pub fn tensor_specs(config: &Config) -> Vec<TensorSpec> {
    let mut specs = Vec::new();
    let [first, rest @ ..] = head_groups(config);
    first.expand("", None, Role::Main, &mut specs);
    let n_main = config.num_hidden_layers();
    for layer_idx in 0..n_main + n_mtp_layers(config) {
        if layer_idx == n_main {
            rest.iter().for_each(|group| group.expand("", None, Role::Main, &mut specs));
        }
        let role = if layer_idx < n_main { Role::Main } else { Role::Mtp };
        let prefix = format!("model.layers.{layer_idx}.");
        for group in layer_groups(config, layer_idx) {
            group.expand(&prefix, Some(layer_idx), role, &mut specs);
        }
    }
    if n_mtp_layers(config) == 0 {
        rest.iter().for_each(|group| group.expand("", None, Role::Main, &mut specs));
    }
    specs
}

/// Tensors of one name pattern and shape: a single one, or one for each expert. Planners count layers millions of times,
/// so a group is made without an allocation.
pub(super) struct TensorGroup {
    /// The name after the layer's prefix, in parts; `{e}` stands for the expert's index.
    suffix: [&'static str; 3],
    /// Rows, and columns of a matrix.
    shape: (usize, Option<usize>),
    pub(super) part: Part,
    /// `None` for a single tensor.
    pub(super) n_experts: Option<usize>,
    pub(super) is_duplicate: bool,
}

impl TensorGroup {
    fn matrix(suffix: [&'static str; 3], [rows, columns]: [usize; 2], part: Part) -> TensorGroup {
        TensorGroup { suffix, shape: (rows, Some(columns)), part, n_experts: None, is_duplicate: false }
    }

    fn vector(suffix: [&'static str; 3], n: usize, part: Part) -> TensorGroup {
        TensorGroup { suffix, shape: (n, None), part, n_experts: None, is_duplicate: false }
    }

    /// Rows and columns of each, where they are matrices.
    pub(super) fn as_matrix(&self) -> Option<[usize; 2]> {
        self.shape.1.map(|columns| [self.shape.0, columns])
    }

    /// Values of one tensor. Reading a configuration bounds the whole model, so nothing overflows.
    pub(super) fn n_values(&self) -> u64 {
        self.shape.0 as u64 * self.shape.1.unwrap_or(1) as u64
    }

    pub(super) fn n_copies(&self) -> usize {
        self.n_experts.unwrap_or(1)
    }

    pub(super) fn is_router_bias(&self) -> bool {
        self.part == Part::Router && self.as_matrix().is_none()
    }

    /// Matrices that DeepSeek stores in FP8 blocks (README_WEIGHTS.md): all of attention and feed-forward.
    pub(super) fn is_block_quantized(&self) -> bool {
        use Part::{Attention, DenseFfn, RoutedExperts, SharedExperts};
        self.as_matrix().is_some() && matches!(self.part, Attention | DenseFfn | RoutedExperts | SharedExperts)
    }

    fn expand(&self, prefix: &str, layer: Option<usize>, role: Role, specs: &mut Vec<TensorSpec>) {
        let one = |name: String| TensorSpec {
            name,
            shape: std::iter::once(self.shape.0).chain(self.shape.1).collect(),
            part: self.part,
            role: if self.is_duplicate { Role::MtpDuplicate } else { role },
            layer,
            always_f32: self.is_router_bias(),
        };
        let name = format!("{prefix}{}", self.suffix.concat());
        match self.n_experts {
            None => specs.push(one(name)),
            Some(n) => specs.extend((0..n).map(|e| one(name.replace("{e}", &e.to_string())))),
        }
    }
}

pub(super) fn n_mtp_layers(config: &Config) -> usize {
    match config {
        Config::DeepseekV3(c) => c.num_nextn_predict_layers,
        Config::Dense(_) => 0,
    }
}

/// Embedding, last norm, head: the tensors outside the layers. A tied head is a group without tensors.
pub(super) fn head_groups(config: &Config) -> [TensorGroup; 3] {
    let (vocab, hidden) = (config.vocab_size(), config.hidden_size());
    let mut head = TensorGroup::matrix(["lm_head", ".weight", ""], [vocab, hidden], Part::OutputHead);
    if config.tie_word_embeddings() {
        head.n_experts = Some(0);
    }
    [
        TensorGroup::matrix(["model.embed_tokens", ".weight", ""], [vocab, hidden], Part::Embedding),
        TensorGroup::vector(["model.norm", ".weight", ""], hidden, Part::Norm),
        head,
    ]
}

pub(super) fn layer_groups(config: &Config, layer_idx: usize) -> Vec<TensorGroup> {
    let hidden = config.hidden_size();
    let mut groups = vec![TensorGroup::vector(["input_layernorm", ".weight", ""], hidden, Part::Norm)];
    match config {
        Config::DeepseekV3(c) => mla_groups(c, &mut groups),
        Config::Dense(c) => gqa_groups(c, &mut groups),
    }
    groups.push(TensorGroup::vector(["post_attention_layernorm", ".weight", ""], hidden, Part::Norm));
    match config {
        Config::DeepseekV3(c) if c.is_moe_layer(layer_idx) => moe_groups(c, &mut groups),
        Config::DeepseekV3(c) => {
            ffn_groups("mlp.", hidden, c.intermediate_size, Part::DenseFfn, &mut groups);
        }
        Config::Dense(c) => match &c.experts {
            Some(experts) if layer_idx >= experts.first_k_dense_replace => {
                counted_moe_groups(hidden, experts, &mut groups);
            }
            _ if c.gated => ffn_groups("mlp.", hidden, c.intermediate_size, Part::DenseFfn, &mut groups),
            _ => plain_ffn_groups(hidden, c.intermediate_size, &mut groups),
        },
    }
    if layer_idx >= config.num_hidden_layers() {
        mtp_groups(config, &mut groups);
    }
    groups
}

fn mla_groups(c: &DeepseekV3Config, groups: &mut Vec<TensorGroup>) {
    let (hidden, heads) = (c.hidden_size, c.num_attention_heads);
    let matrix = |name, shape| TensorGroup::matrix(["self_attn.", name, ".weight"], shape, Part::Attention);
    let norm = |name, n| TensorGroup::vector(["self_attn.", name, ".weight"], n, Part::Attention);
    match c.q_lora_rank {
        None => groups.push(matrix("q_proj", [heads * c.qk_head_dim(), hidden])),
        Some(rank) => groups.extend([
            matrix("q_a_proj", [rank, hidden]),
            norm("q_a_layernorm", rank),
            matrix("q_b_proj", [heads * c.qk_head_dim(), rank]),
        ]),
    }
    groups.extend([
        matrix("kv_a_proj_with_mqa", [c.kv_lora_rank + c.qk_rope_head_dim, hidden]),
        norm("kv_a_layernorm", c.kv_lora_rank),
        matrix("kv_b_proj", [heads * (c.qk_nope_head_dim + c.v_head_dim), c.kv_lora_rank]),
        matrix("o_proj", [hidden, heads * c.v_head_dim]),
    ]);
}

fn gqa_groups(c: &DenseConfig, groups: &mut Vec<TensorGroup>) {
    let (q_width, kv_width) = (c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim);
    let matrix = |name, shape| TensorGroup::matrix(["self_attn.", name, ".weight"], shape, Part::Attention);
    let vector = |name, kind, n| TensorGroup::vector(["self_attn.", name, kind], n, Part::Attention);
    for (name, width) in [("q_proj", q_width), ("k_proj", kv_width), ("v_proj", kv_width)] {
        groups.push(matrix(name, [width, c.hidden_size]));
        if c.attention_bias {
            groups.push(vector(name, ".bias", width));
        }
    }
    if c.qk_norm {
        groups.extend(["q_norm", "k_norm"].map(|name| vector(name, ".weight", c.head_dim)));
    }
    groups.push(matrix("o_proj", [c.hidden_size, q_width]));
    if c.o_proj_bias {
        groups.push(vector("o_proj", ".bias", c.hidden_size));
    }
}

fn ffn_groups(prefix: &'static str, hidden: usize, width: usize, part: Part, groups: &mut Vec<TensorGroup>) {
    for (name, shape) in [("gate_proj", [width, hidden]), ("up_proj", [width, hidden]), ("down_proj", [hidden, width])]
    {
        groups.push(TensorGroup::matrix([prefix, name, ".weight"], shape, part));
    }
}

/// A feed-forward without a gate.
fn plain_ffn_groups(hidden: usize, width: usize, groups: &mut Vec<TensorGroup>) {
    for (name, shape) in [("up_proj", [width, hidden]), ("down_proj", [hidden, width])] {
        groups.push(TensorGroup::matrix(["mlp.", name, ".weight"], shape, Part::DenseFfn));
    }
}

/// Experts of an architecture that is only counted.
fn counted_moe_groups(hidden: usize, experts: &ExpertsConfig, groups: &mut Vec<TensorGroup>) {
    groups.push(TensorGroup::matrix(["mlp.", "gate", ".weight"], [experts.n_routed_experts, hidden], Part::Router));
    let first_expert = groups.len();
    ffn_groups("mlp.experts.{e}.", hidden, experts.moe_intermediate_size, Part::RoutedExperts, groups);
    for group in &mut groups[first_expert..] {
        group.n_experts = Some(experts.n_routed_experts);
    }
    if experts.shared_intermediate_size > 0 {
        ffn_groups("mlp.shared_expert.", hidden, experts.shared_intermediate_size, Part::SharedExperts, groups);
    }
}

fn moe_groups(c: &DeepseekV3Config, groups: &mut Vec<TensorGroup>) {
    let hidden = c.hidden_size;
    groups.push(TensorGroup::matrix(["mlp.", "gate", ".weight"], [c.n_routed_experts, hidden], Part::Router));
    if c.model_type == DeepseekModelType::V3 {
        let name = ["mlp.", "gate", ".e_score_correction_bias"];
        groups.push(TensorGroup::vector(name, c.n_routed_experts, Part::Router));
    }
    let first_expert = groups.len();
    ffn_groups("mlp.experts.{e}.", hidden, c.moe_intermediate_size, Part::RoutedExperts, groups);
    for group in &mut groups[first_expert..] {
        group.n_experts = Some(c.n_routed_experts);
    }
    if c.n_shared_experts > 0 {
        let width = c.n_shared_experts * c.moe_intermediate_size;
        ffn_groups("mlp.shared_experts.", hidden, width, Part::SharedExperts, groups);
    }
}

/// What an MTP layer has beside a transformer layer (V3 report, section 2.2, equations 21 to 23).
fn mtp_groups(config: &Config, groups: &mut Vec<TensorGroup>) {
    let (vocab, hidden) = (config.vocab_size(), config.hidden_size());
    groups.push(TensorGroup::vector(["enorm", ".weight", ""], hidden, Part::Norm));
    groups.push(TensorGroup::vector(["hnorm", ".weight", ""], hidden, Part::Norm));
    groups.push(TensorGroup::matrix(["eh_proj", ".weight", ""], [hidden, 2 * hidden], Part::MtpProjection));
    groups.push(TensorGroup::vector(["shared_head.norm", ".weight", ""], hidden, Part::Norm));
    for (name, part) in [("embed_tokens", Part::Embedding), ("shared_head.head", Part::OutputHead)] {
        let mut duplicate = TensorGroup::matrix([name, ".weight", ""], [vocab, hidden], part);
        duplicate.is_duplicate = true;
        groups.push(duplicate);
    }
}
