//! Llama, Qwen2 and Qwen3: dense decoders with grouped-query attention, as students and for ablations.
//!
//! They differ in three switches of one block: biases on the projections (Qwen2), norms on each head of q and k
//! (Qwen3), and how the rotary frequencies are scaled (Llama 3).
//!
//! Shape letters: t tokens, d hidden_size, h query heads, g key-value heads, k head_dim.

use crate::adapter::Builder;
use crate::attend::{Attend, Rows};
use crate::config::DenseConfig;
use crate::layers::{Linear, Mlp, Norm};
use kernels::attention::Attention;
use kernels::rope::RopeTable;
use tensor::ops::RopeSpec;
use tensor::{ParamId, Role, Tape, Var};

/// The decoder.
pub struct Dense {
    embed_tokens: ParamId,
    layers: Vec<Block>,
    norm: Norm,
    head: ParamId,
    rope: RopeTable,
}

struct Block {
    layer_idx: usize,
    attn_norm: Norm,
    attn: Gqa,
    ffn_norm: Norm,
    mlp: Mlp,
}

/// Grouped-query attention.
struct Gqa {
    wq: Linear,
    wk: Linear,
    wv: Linear,
    wo: Linear,
    qk_norm: Option<(Norm, Norm)>,
    op: Attention,
}

/// The shape of attention, and with it of the cache.
pub(crate) fn attention(config: &DenseConfig) -> Attention {
    Attention {
        n_heads: config.num_attention_heads,
        n_kv_heads: config.num_key_value_heads,
        qk_head_dim: config.head_dim,
        v_head_dim: config.head_dim,
        scale: config.softmax_scale() as f32,
    }
}

impl Dense {
    /// Adds the parameters (zeros) to `params`.
    pub(crate) fn new(config: &DenseConfig, params: &mut Builder, n_positions: usize) -> Dense {
        let (vocab, dim) = (config.vocab_size, config.hidden_size);
        let embed_tokens = params.add("model.embed_tokens.weight", Role::Matrix, &[vocab, dim]);
        let layers = (0..config.num_hidden_layers).map(|layer_idx| Block::new(config, params, layer_idx)).collect();
        let norm = Norm::new(params, "model.norm.weight".into(), dim, config.rms_norm_eps);
        let head = match config.tie_word_embeddings {
            true => embed_tokens,
            false => params.add("lm_head.weight", Role::Matrix, &[vocab, dim]),
        };
        let rope = RopeTable::new(config.head_dim, config.rope_theta, &config.rope_scaling.to_kernel(), n_positions);
        Dense { embed_tokens, layers, norm, head, rope }
    }

    /// The output head [vocab, d].
    pub fn head(&self) -> ParamId {
        self.head
    }

    /// `tokens [t] -> [t, d]`, after the final norm.
    pub fn hidden<'a>(&'a self, tape: &mut Tape<'a>, rows: Rows<'a>, attend: &mut Attend<'a, '_>) -> Var {
        let mut x_td = tape.embed(rows.tokens, self.embed_tokens);
        for layer in &self.layers {
            x_td = layer.forward(tape, x_td, (rows.positions, &self.rope), attend);
        }
        self.norm.forward(tape, &x_td)
    }
}

impl Block {
    fn new(config: &DenseConfig, params: &mut Builder, layer_idx: usize) -> Block {
        let (dim, eps) = (config.hidden_size, config.rms_norm_eps);
        let name = format!("model.layers.{layer_idx}");
        Block {
            layer_idx,
            attn_norm: Norm::new(params, format!("{name}.input_layernorm.weight"), dim, eps),
            attn: Gqa::new(config, params, &format!("{name}.self_attn")),
            ffn_norm: Norm::new(params, format!("{name}.post_attention_layernorm.weight"), dim, eps),
            mlp: Mlp::new(params, &format!("{name}.mlp"), dim, config.intermediate_size),
        }
    }

    fn forward<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        x_td: Var,
        place: (&'a [u32], &'a RopeTable),
        attend: &mut Attend<'a, '_>,
    ) -> Var {
        let h_td = self.attn_norm.forward(tape, &x_td);
        let o_thk = self.attn.forward(tape, &h_td, place, attend, self.layer_idx);
        let x_td = self.attn.wo.forward_residual(tape, x_td, &o_thk);
        let h_td = self.ffn_norm.forward(tape, &x_td);
        self.mlp.forward(tape, x_td, &h_td)
    }
}

impl Gqa {
    fn new(config: &DenseConfig, params: &mut Builder, name: &str) -> Gqa {
        let (dim, head_dim, bias) = (config.hidden_size, config.head_dim, config.attention_bias);
        let (q_dim, kv_dim) = (config.num_attention_heads * head_dim, config.num_key_value_heads * head_dim);
        let mut norm = |part: &str| Norm::new(params, format!("{name}.{part}.weight"), head_dim, config.rms_norm_eps);
        let qk_norm = config.qk_norm.then(|| (norm("q_norm"), norm("k_norm")));
        let mut linear = |part: &str, shape, bias| Linear::new(params, format!("{name}.{part}"), shape, bias);
        Gqa {
            wq: linear("q_proj", [q_dim, dim], bias),
            wk: linear("k_proj", [kv_dim, dim], bias),
            wv: linear("v_proj", [kv_dim, dim], bias),
            wo: linear("o_proj", [dim, q_dim], config.o_proj_bias),
            qk_norm,
            op: attention(config),
        }
    }

    fn forward<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        h_td: &Var,
        (positions, table): (&'a [u32], &'a RopeTable),
        attend: &mut Attend<'a, '_>,
        layer_idx: usize,
    ) -> Var {
        let (mut q_thk, mut k_tgk) = (self.wq.forward(tape, h_td), self.wk.forward(tape, h_td));
        let v_tgk = self.wv.forward(tape, h_td);
        if let Some((q_norm, k_norm)) = &self.qk_norm {
            q_thk = tape.rms_norm_heads(&q_thk, q_norm.gain, q_norm.eps);
            k_tgk = tape.rms_norm_heads(&k_tgk, k_norm.gain, k_norm.eps);
        }
        let head_dim = self.op.qk_head_dim;
        let rope = RopeSpec { table, positions, head_dim, rot_offset: 0, rot_dim: head_dim, interleaved: false };
        let (q_thk, k_tgk) = (tape.rope(q_thk, rope), tape.rope(k_tgk, rope));
        attend.attention(tape, layer_idx, [&q_thk, &k_tgk, &v_tgk], self.op)
    }
}
