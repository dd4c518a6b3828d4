//! DeepSeek-V3 (arXiv:2412.19437, section 2): MLA, DeepSeekMoE with aux-loss-free balancing, multi-token prediction.
//!
//! One definition serves training and generation; [`Attend`] decides what a row looks at. MLA is computed in its absorbed
//! form in both, so that they have the same bits and the cache holds the latent alone (docs/decisions/0009).
//!
//! Shape letters: t tokens, d hidden_size, h heads, n qk_nope_head_dim, r qk_rope_head_dim, v v_head_dim,
//! c kv_lora_rank, k = c + r columns of a key, e routed experts.
//!
//! Departures from the paper's text, both as the published weights have them: norms on the compressed latents without
//! further scaling, and the MTP module's input in the order embedding, hidden state, the latter after the final norm.

use crate::adapter::Builder;
use crate::attend::{Attend, Rows};
use crate::config::{DeepseekV3Config, LATENT_NORM_EPS, ScoringFunc};
use crate::layers::{Linear, Mlp, Norm};
use kernels::attention::Attention;
use kernels::rope::RopeTable;
use kernels::router::{Router, Scoring};
use tensor::ops::{ExpertWeights, HeadLinear, RopeSpec};
use tensor::{ParamId, Params, Role, Tape, Var};

/// The decoder, its MTP module, and what they share.
pub struct DeepseekV3 {
    embed_tokens: ParamId,
    layers: Vec<Block>,
    norm: Norm,
    head: ParamId,
    mtp: Option<Mtp>,
    rope: RopeTable,
}

/// What the MoE layers report of one forward, and the loss they may add.
#[derive(Default)]
pub struct MoeStats {
    /// Factor of the sequence-wise balance loss; 0 turns it off.
    pub balance_alpha: f32,
    /// The balance loss, summed over layers, alpha included.
    pub balance_loss: f64,
    /// For each MoE layer in order (the MTP module's last): tokens sent to each expert.
    pub expert_load: Vec<Vec<u64>>,
}

struct Block {
    attn_norm: Norm,
    attn: Mla,
    ffn_norm: Norm,
    ffn: Ffn,
}

/// Multi-head latent attention, section 2.1.1.
struct Mla {
    layer_idx: usize,
    query: Query,
    wkv_a: Linear,
    kv_norm: Norm,
    wkv_b: Linear,
    wo: Linear,
    shape: MlaShape,
}

#[derive(Clone, Copy)]
struct MlaShape {
    n_heads: usize,
    qk_nope_head_dim: usize,
    qk_rope_head_dim: usize,
    v_head_dim: usize,
    kv_lora_rank: usize,
    attention: Attention,
    interleaved: bool,
}

enum Query {
    Direct(Linear),
    Compressed { wq_a: Linear, q_norm: Norm, wq_b: Linear },
}

enum Ffn {
    Dense(Mlp),
    Moe(Moe),
}

/// DeepSeekMoE, section 2.1.2.
struct Moe {
    gate: ParamId,
    correction_bias: ParamId,
    router: Router,
    experts: ExpertWeights,
    shared: Option<Mlp>,
}

/// The multi-token prediction module of depth 1, section 2.2.
struct Mtp {
    enorm: Norm,
    hnorm: Norm,
    eh_proj: ParamId,
    block: Block,
    norm: Norm,
}

impl DeepseekV3 {
    /// Adds the parameters (zeros) to `params`. The MTP module comes with `with_mtp`, for training.
    pub(crate) fn new(
        config: &DeepseekV3Config,
        params: &mut Builder,
        with_mtp: bool,
        n_positions: usize,
    ) -> DeepseekV3 {
        let (vocab, dim) = (config.vocab_size, config.hidden_size);
        let embed_tokens = params.add("model.embed_tokens.weight", Role::Matrix, &[vocab, dim]);
        let n_layers = config.num_hidden_layers;
        let layers = (0..n_layers).map(|layer_idx| Block::new(config, params, layer_idx)).collect();
        let norm = Norm::new(params, "model.norm.weight".into(), dim, config.rms_norm_eps);
        let head = match config.tie_word_embeddings {
            true => embed_tokens,
            false => params.add("lm_head.weight", Role::Matrix, &[vocab, dim]),
        };
        let mtp = (with_mtp && config.num_nextn_predict_layers > 0).then(|| Mtp::new(config, params, n_layers));
        let scaling = config.rope_scaling.to_kernel();
        let rope = RopeTable::new(config.qk_rope_head_dim, config.rope_theta, &scaling, n_positions);
        DeepseekV3 { embed_tokens, layers, norm, head, mtp, rope }
    }

    /// The output head [vocab, d].
    pub fn head(&self) -> ParamId {
        self.head
    }

    /// `tokens [t] -> [t, d]`, after the final norm: what the head and the MTP module read.
    pub fn hidden<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        rows: Rows<'a>,
        attend: &mut Attend<'a, '_>,
        stats: &mut MoeStats,
    ) -> Var {
        let mut x_td = tape.embed(rows.tokens, self.embed_tokens);
        for layer in &self.layers {
            x_td = layer.forward(tape, x_td, (rows.positions, &self.rope), attend, stats);
        }
        self.norm.forward(tape, &x_td)
    }

    /// The MTP module's hidden state, ready for the head: row i predicts the token two after it. `next_tokens[i]` is
    /// the token after row i. `None` where the model has no module.
    pub fn mtp_hidden<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        hidden_td: &Var,
        next: Rows<'a>,
        attend: &mut Attend<'a, '_>,
        stats: &mut MoeStats,
    ) -> Option<Var> {
        let mtp = self.mtp.as_ref()?;
        let emb_td = tape.embed(next.tokens, self.embed_tokens);
        let emb_td = mtp.enorm.forward(tape, &emb_td);
        let hidden_td = mtp.hnorm.forward(tape, hidden_td);
        let both = tape.concat(&emb_td, &hidden_td);
        let x_td = tape.linear_stream(&both, mtp.eh_proj);
        let x_td = mtp.block.forward(tape, x_td, (next.positions, &self.rope), attend, stats);
        Some(mtp.norm.forward(tape, &x_td))
    }

    /// Aux-loss-free balancing (section 2.1.2): each expert's correction bias moves by `gamma` against its load.
    pub fn update_correction_bias(&self, params: &mut Params, expert_load: &[Vec<u64>], gamma: f32) {
        let blocks = self.layers.iter().chain(self.mtp.as_ref().map(|mtp| &mtp.block));
        let moes = blocks.filter_map(|block| match &block.ffn {
            Ffn::Moe(moe) => Some(moe),
            Ffn::Dense(_) => None,
        });
        for (moe, load) in moes.zip(expert_load) {
            let mean = load.iter().sum::<u64>() as f64 / load.len() as f64;
            params.write(moe.correction_bias, |bias| {
                for (b, &n) in bias.iter_mut().zip(load) {
                    let excess = n as f64 - mean;
                    *b -= if excess == 0.0 { 0.0 } else { gamma * excess.signum() as f32 };
                }
            });
        }
    }
}

impl Block {
    fn new(config: &DeepseekV3Config, params: &mut Builder, layer_idx: usize) -> Block {
        let (dim, eps) = (config.hidden_size, config.rms_norm_eps);
        let name = format!("model.layers.{layer_idx}");
        let attn_norm = Norm::new(params, format!("{name}.input_layernorm.weight"), dim, eps);
        let attn = Mla::new(config, params, layer_idx);
        let ffn_norm = Norm::new(params, format!("{name}.post_attention_layernorm.weight"), dim, eps);
        let ffn = match config.is_moe_layer(layer_idx) {
            true => Ffn::Moe(Moe::new(config, params, &format!("{name}.mlp"))),
            false => Ffn::Dense(Mlp::new(params, &format!("{name}.mlp"), dim, config.intermediate_size)),
        };
        Block { attn_norm, attn, ffn_norm, ffn }
    }

    fn forward<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        x_td: Var,
        place: (&'a [u32], &'a RopeTable),
        attend: &mut Attend<'a, '_>,
        stats: &mut MoeStats,
    ) -> Var {
        let h_td = self.attn_norm.forward(tape, &x_td);
        let x_td = self.attn.forward(tape, x_td, &h_td, place, attend);
        let h_td = self.ffn_norm.forward(tape, &x_td);
        match &self.ffn {
            Ffn::Dense(mlp) => mlp.forward(tape, x_td, &h_td),
            Ffn::Moe(moe) => moe.forward(tape, x_td, &h_td, attend, stats),
        }
    }
}

impl Mla {
    fn new(config: &DeepseekV3Config, params: &mut Builder, layer_idx: usize) -> Mla {
        let (dim, n_heads, latent) = (config.hidden_size, config.num_attention_heads, config.kv_lora_rank);
        let q_dim = n_heads * config.qk_head_dim();
        let kv_dim = n_heads * (config.qk_nope_head_dim + config.v_head_dim);
        let name = format!("model.layers.{layer_idx}.self_attn");
        let linear =
            |params: &mut Builder, part: &str, shape| Linear::new(params, format!("{name}.{part}"), shape, false);
        let query = match config.q_lora_rank {
            None => Query::Direct(linear(params, "q_proj", [q_dim, dim])),
            Some(rank) => {
                let wq_a = linear(params, "q_a_proj", [rank, dim]);
                let wq_b = linear(params, "q_b_proj", [q_dim, rank]);
                Query::Compressed { wq_a, wq_b, q_norm: latent_norm(params, &name, "q_a_layernorm", rank) }
            }
        };
        let wkv_a = linear(params, "kv_a_proj_with_mqa", [latent + config.qk_rope_head_dim, dim]);
        let wkv_b = linear(params, "kv_b_proj", [kv_dim, latent]);
        let wo = linear(params, "o_proj", [dim, n_heads * config.v_head_dim]);
        let kv_norm = latent_norm(params, &name, "kv_a_layernorm", latent);
        let shape = MlaShape {
            n_heads,
            qk_nope_head_dim: config.qk_nope_head_dim,
            qk_rope_head_dim: config.qk_rope_head_dim,
            v_head_dim: config.v_head_dim,
            kv_lora_rank: latent,
            attention: attention(config),
            interleaved: config.rope_interleave,
        };
        Mla { layer_idx, query, wkv_a, kv_norm, wkv_b, wo, shape }
    }

    /// `x_td + attention(h_td)`, equations 1 to 11.
    fn forward<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        x_td: Var,
        h_td: &Var,
        (positions, table): (&'a [u32], &'a RopeTable),
        attend: &mut Attend<'a, '_>,
    ) -> Var {
        let q_thq = match &self.query {
            Query::Direct(wq) => wq.forward(tape, h_td),
            Query::Compressed { wq_a, q_norm, wq_b } => {
                let latent = wq_a.forward(tape, h_td);
                let latent = q_norm.forward(tape, &latent);
                wq_b.forward(tape, &latent)
            }
        };
        let q_thq = tape.rope(q_thq, self.shape.rope(positions, table, self.shape.qk_nope_head_dim));
        let q_thk = self.wkv_b.absorb(tape, &q_thq, self.shape.query_into_latent());

        // The latent and, beside it, the one rotary key that all heads share: together the key of a token, and its cache.
        let kv_a_tk = self.wkv_a.forward(tape, h_td);
        let latent_tc = self.kv_norm.forward(tape, &kv_a_tk);
        let key_tk = tape.mla_key(&latent_tc, &kv_a_tk, self.shape.rope(positions, table, self.shape.kv_lora_rank));
        let o_thc = attend.attention(tape, self.layer_idx, [&q_thk, &key_tk, &latent_tc], self.shape.attention);
        let o_thv = self.wkv_b.forward_heads(tape, &o_thc, self.shape.values_out_of_latent());
        self.wo.forward_residual(tape, x_td, &o_thv)
    }
}

impl MlaShape {
    /// The rotation of a head's columns after the first `offset`.
    fn rope<'a>(&self, positions: &'a [u32], table: &'a RopeTable, offset: usize) -> RopeSpec<'a> {
        let rot_dim = self.qk_rope_head_dim;
        let head_dim = offset + rot_dim;
        RopeSpec { table, positions, head_dim, rot_offset: offset, rot_dim, interleaved: self.interleaved }
    }

    /// The part of `kv_b_proj` that makes keys, on queries: from n columns to c.
    fn query_into_latent(&self) -> HeadLinear {
        HeadLinear {
            n_heads: self.n_heads,
            x_dim: self.qk_nope_head_dim + self.qk_rope_head_dim,
            y_dim: self.kv_lora_rank + self.qk_rope_head_dim,
            w_rows: self.qk_nope_head_dim + self.v_head_dim,
            used: 0..self.qk_nope_head_dim,
            sums_rows: true,
        }
    }

    /// The part of `kv_b_proj` that makes values, on what attention gives: from c columns to v.
    fn values_out_of_latent(&self) -> HeadLinear {
        let w_rows = self.qk_nope_head_dim + self.v_head_dim;
        HeadLinear {
            n_heads: self.n_heads,
            x_dim: self.kv_lora_rank,
            y_dim: self.v_head_dim,
            w_rows,
            used: self.qk_nope_head_dim..w_rows,
            sums_rows: false,
        }
    }
}

/// Attention in the space of the latent, and with it the shape of the cache.
pub(crate) fn attention(config: &DeepseekV3Config) -> Attention {
    Attention {
        n_heads: config.num_attention_heads,
        n_kv_heads: 1,
        qk_head_dim: config.kv_lora_rank + config.qk_rope_head_dim,
        v_head_dim: config.kv_lora_rank,
        scale: config.softmax_scale() as f32,
    }
}

fn latent_norm(params: &mut Builder, name: &str, part: &str, dim: usize) -> Norm {
    Norm::new(params, format!("{name}.{part}.weight"), dim, LATENT_NORM_EPS)
}

impl Moe {
    fn new(config: &DeepseekV3Config, params: &mut Builder, name: &str) -> Moe {
        let (dim, inter, n_experts) = (config.hidden_size, config.moe_intermediate_size, config.n_routed_experts);
        let gate = params.add(format!("{name}.gate.weight"), Role::MatrixF32, &[n_experts, dim]);
        let correction_bias = params.add(format!("{name}.gate.e_score_correction_bias"), Role::Buffer, &[n_experts]);
        let mut stack =
            |part: &str, shape: &[usize]| params.add(format!("{name}.experts.{part}.weight"), Role::Matrix, shape);
        let experts = ExpertWeights {
            gate_proj: stack("gate_proj", &[n_experts, inter, dim]),
            up_proj: stack("up_proj", &[n_experts, inter, dim]),
            down_proj: stack("down_proj", &[n_experts, dim, inter]),
        };
        let shared_dim = config.n_shared_experts * inter;
        let shared = (shared_dim > 0).then(|| Mlp::new(params, &format!("{name}.shared_experts"), dim, shared_dim));
        let router = Router {
            n_experts,
            n_group: config.n_group,
            topk_group: config.topk_group,
            top_k: config.num_experts_per_tok,
            norm_topk_prob: config.norm_topk_prob,
            routed_scaling_factor: config.routed_scaling_factor as f32,
            scoring: match config.scoring_func {
                ScoringFunc::Sigmoid => Scoring::Sigmoid,
                ScoringFunc::Softmax => Scoring::Softmax,
            },
        };
        Moe { gate, correction_bias, router, experts, shared }
    }

    /// `x_td + experts(h_td) + shared(h_td)`, equations 12 to 16.
    fn forward<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        x_td: Var,
        h_td: &Var,
        attend: &Attend<'a, '_>,
        stats: &mut MoeStats,
    ) -> Var {
        let logits_te = tape.linear_f32(h_td, self.gate);
        let alpha = stats.balance_alpha;
        let routing = tape.route(&logits_te, self.correction_bias, self.router, attend.spans(), alpha);
        stats.balance_loss += routing.balance_loss;
        let mut load = vec![0; self.router.n_experts];
        for &e in &routing.expert_idx {
            load[e as usize] += 1;
        }
        stats.expert_load.push(load);
        let x_td = tape.experts(x_td, h_td, &routing, self.experts);
        match &self.shared {
            None => x_td,
            Some(shared) => shared.forward(tape, x_td, h_td),
        }
    }
}

impl Mtp {
    fn new(config: &DeepseekV3Config, params: &mut Builder, layer_idx: usize) -> Mtp {
        let (dim, eps) = (config.hidden_size, config.rms_norm_eps);
        let name = format!("model.layers.{layer_idx}");
        Mtp {
            enorm: Norm::new(params, format!("{name}.enorm.weight"), dim, eps),
            hnorm: Norm::new(params, format!("{name}.hnorm.weight"), dim, eps),
            eh_proj: params.add(format!("{name}.eh_proj.weight"), Role::Matrix, &[dim, 2 * dim]),
            block: Block::new(config, params, layer_idx),
            norm: Norm::new(params, format!("{name}.shared_head.norm.weight"), dim, eps),
        }
    }
}
