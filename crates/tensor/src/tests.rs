//! The tape's own promises: gradients against finite differences, the meta device against the real one, shared buffers
//! left alone. Whole models are held to PyTorch in the `model` crate.

use crate::ops::{HeadLinear, PolicyRows, RopeSpec, TokenGrads};
use crate::{
    AdamW, AdamWConfig, DType, Device, Ema, Gradients, ParamId, Params, Precision, Role, Tape, Tensor, Training,
};
use kernels::distribution::Filter;
use kernels::rope::{RopeScaling, RopeTable};
use std::sync::LazyLock;

const TOKENS: [u32; 6] = [1, 4, 0, 3, 3, 2];
const TARGETS: [u32; 6] = [4, 0, 3, 3, 2, 1];
const WEIGHTS: [f32; 6] = [0.3, 0.0, 0.2, 0.1, 0.25, 0.15];
const POSITIONS: [u32; 6] = [0, 1, 2, 0, 1, 2];
static TABLE: LazyLock<RopeTable> = LazyLock::new(|| RopeTable::new(4, 10_000.0, &RopeScaling::None, 3));
const DIM: usize = 8;
const VOCAB: usize = 5;

/// Parameters of a small network that uses every kind of recomputed value: norms, SwiGLU, concatenation, MLA's queries,
/// beside plain and biased ones and what else MLA needs.
fn network(device: &Device, precision: Precision) -> (Params, [ParamId; 8]) {
    let mut params = Params::new(device, precision, Training::Full);
    let mut add = |salt: f32, role, shape: &[usize]| {
        let id = params.add(format!("parameter {salt}"), role, shape);
        params.write(id, |w| w.iter_mut().enumerate().for_each(|(i, w)| *w = (i as f32 * 1.7 + salt).sin() * 0.5));
        id
    };
    let ids = [
        add(0.0, Role::Matrix, &[VOCAB, DIM]), // embedding and head
        add(1.0, Role::Vector, &[DIM]),        // gain of the rows
        add(2.0, Role::Matrix, &[12, DIM]),    // gate
        add(3.0, Role::Matrix, &[12, DIM]),    // up
        add(4.0, Role::Vector, &[12]),         // up's bias
        add(5.0, Role::Matrix, &[DIM, 12]),    // down
        add(6.0, Role::Matrix, &[18, 4]),      // of two heads: six rows of keys, three of values
        add(7.0, Role::Vector, &[4]),          // gain of heads of four
    ];
    (params, ids)
}

fn loss(tape: &mut Tape<'_>, [embed, gain, gate, up, bias, down, heads, head_gain]: [ParamId; 8]) -> f64 {
    let x = tape.embed(&TOKENS, embed);
    let h = tape.rms_norm(&x, gain, 1e-6);
    let (gate, up) = (tape.linear(&h, gate), tape.linear_bias(&h, up, bias));
    let hidden = tape.swiglu(&gate, &up);
    let x = tape.linear_residual(x, &hidden, down);
    let both = tape.concat(&h, &h);
    let keys = HeadLinear { n_heads: 2, x_dim: 8, y_dim: 6, w_rows: 9, used: 0..6, sums_rows: true };
    let query = tape.mla_query(&both, heads, keys);
    let values = HeadLinear { n_heads: 2, x_dim: 6, y_dim: 6, w_rows: 9, used: 6..9, sums_rows: false };
    let out = tape.head_linear(Some(query.clone()), &query, heads, values);
    let out = tape.rms_norm_heads(&out, head_gain, 1e-6);
    let x = tape.linear_residual(x, &out, down);
    let (table, positions) = (&*TABLE, &POSITIONS[..]);
    let rope = RopeSpec { table, positions, head_dim: 12, rot_offset: 8, rot_dim: 4, interleaved: true };
    let key = tape.mla_key(&h, &gate, rope);
    let x = tape.linear_residual(x, &key, down);
    let out = tape.rms_norm(&x, gain, 1e-6);
    tape.head_loss(&out, embed, &TARGETS, &WEIGHTS).loss
}

#[test]
fn gradients_equal_finite_differences() {
    let (mut params, ids) = network(&Device::cpu(), Precision::F32);
    let mut grads = Gradients::new(&params);
    let mut tape = Tape::training(&params, &mut grads);
    loss(&mut tape, ids);
    tape.backward();
    for id in ids {
        let original = params.master(id).slice::<f32>().to_vec();
        let gradient = grads.get(id).slice::<f32>().to_vec();
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        assert!(norm > 1e-3, "{} has no gradient", params.name(id));
        let step = 3e-3;
        let mut at = |sign: f32| {
            params.write(id, |w| {
                for (w, (o, g)) in w.iter_mut().zip(original.iter().zip(&gradient)) {
                    *w = o + sign * step * g / norm;
                }
            });
            loss(&mut Tape::inference(&params), ids)
        };
        let slope = (at(1.0) - at(-1.0)) as f32 / (2.0 * step);
        params.set(id, &original);
        assert!((slope / norm - 1.0).abs() < 0.02, "{}: slope {slope}, gradient {norm}", params.name(id));
    }
}

#[test]
fn the_meta_device_counts_what_the_real_one_uses() {
    for precision in [Precision::F32, Precision::Bf16] {
        let peak = |device: Device| {
            let (params, ids) = network(&device, precision);
            let mut grads = Gradients::new(&params);
            let mut tape = Tape::training(&params, &mut grads);
            loss(&mut tape, ids);
            tape.backward();
            drop((params, grads));
            assert_eq!(device.live_bytes(), 0, "every buffer is given back");
            device.peak_bytes()
        };
        // The meta device computes every row of the loss, of which one has weight zero here.
        let (real, planned) = (peak(Device::cpu()), peak(Device::meta()));
        assert!(planned >= real && planned <= real + 4096, "{precision:?}: planned {planned}, used {real}");
    }
}

#[test]
fn an_inference_tape_gives_the_same_bits_as_a_training_tape() {
    for precision in [Precision::F32, Precision::Bf16] {
        let (params, ids) = network(&Device::cpu(), precision);
        let mut grads = Gradients::new(&params);
        let training = loss(&mut Tape::training(&params, &mut grads), ids);
        assert_eq!(training.to_bits(), loss(&mut Tape::inference(&params), ids).to_bits());
    }
}

#[test]
#[should_panic(expected = "shared buffer")]
fn a_shared_buffer_is_not_written() {
    let mut tensor = Tensor::zeros(&Device::cpu(), DType::F32, &[4]);
    let _other = tensor.clone();
    tensor.slice_mut::<f32>().fill(1.0);
}

#[test]
fn what_is_packed_of_trained_parameters_is_freed_and_of_frozen_ones_kept() {
    for (training, is_kept) in [(Training::Full, false), (Training::Off, true)] {
        let mut params = Params::new(&Device::cpu(), Precision::F32, training);
        let id = params.add("m", Role::Matrix, &[4, 8]);
        params.pack(&[id]);
        assert!(params.packed(id).is_some());
        params.unpack_trained();
        assert_eq!(params.packed(id).is_some(), is_kept, "{training:?}");
    }
}

#[test]
fn adamw_clips_decays_matrices_only_and_leaves_parameters_alone_on_nan() {
    let device = Device::cpu();
    let mut params = Params::new(&device, Precision::F32, Training::Full);
    let (matrix, vector) = (params.add("m", Role::Matrix, &[1, 2]), params.add("v", Role::Vector, &[2]));
    params.set(matrix, &[1.0, -1.0]);
    params.set(vector, &[1.0, -1.0]);
    let config = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.5, max_grad_norm: 1.0 };
    let mut optimizer = AdamW::new(config, &params);
    let mut ema = Ema::new(0.5, &params);
    let mut grads = Gradients::new(&params);
    assert_eq!(optimizer.step(&mut params, &grads, 0.1), 0.0);
    assert_eq!(params.value(matrix).slice::<f32>(), [0.95, -0.95], "decoupled decay of a matrix");
    assert_eq!(params.value(vector).slice::<f32>(), [1.0, -1.0], "no decay of a vector");
    ema.update(&params);
    assert_eq!(ema.get(matrix).slice::<f32>(), [0.975, -0.975]);
    grads.get_mut(vector).expect("it is trained").slice_mut::<f32>()[0] = f32::NAN;
    assert!(optimizer.step(&mut params, &grads, 0.1).is_nan());
    assert_eq!(params.value(vector).slice::<f32>(), [1.0, -1.0]);
    assert_eq!(optimizer.n_steps(), 1);
}

/// The objective `-Σ w · ln p - 0.3 · Σ H`, under a filter: its value, and its gradient on a training tape.
fn policy_loss(tape: &mut Tape, [embed, gain]: [ParamId; 2], filter: &Filter) -> f64 {
    let x = tape.embed(&TOKENS, embed);
    let out = tape.rms_norm(&x, gain, 1e-6);
    let documents = [vec![0, 2], vec![], vec![3, 4, 5]];
    let rows = PolicyRows { targets: &TARGETS, documents: &documents, filter };
    let mut asked = Vec::new();
    let found = tape.head_policy(&out, embed, &rows, &mut |idx, tokens| {
        asked.push(idx);
        let dlogp = documents[idx].iter().map(|&i| -WEIGHTS[i]).collect();
        // Only the last document has an entropy bonus.
        let n_entropy = if idx == 2 { tokens.logp.len() } else { 0 };
        TokenGrads { dlogp, dentropy: vec![-0.3; n_entropy] }
    });
    assert!(asked.is_empty() || asked == [0, 2], "documents without rows are passed over: {asked:?}");
    let weighted = documents.concat().into_iter().zip(&found.logp);
    let likelihood: f64 = weighted.map(|(i, lp)| f64::from(WEIGHTS[i]) * f64::from(*lp)).sum();
    -likelihood - 0.3 * found.entropy[2..].iter().map(|h| f64::from(*h)).sum::<f64>()
}

#[test]
fn policy_gradients_equal_finite_differences() {
    for filter in [Filter::NONE, Filter { temperature: 0.7, ..Filter::NONE }] {
        let (mut params, ids) = network(&Device::cpu(), Precision::F32);
        let ids = [ids[0], ids[1]];
        let mut grads = Gradients::new(&params);
        let mut tape = Tape::training(&params, &mut grads);
        policy_loss(&mut tape, ids, &filter);
        tape.backward();
        for id in ids {
            let original = params.master(id).slice::<f32>().to_vec();
            let gradient = grads.get(id).slice::<f32>().to_vec();
            let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
            let step = 3e-3;
            let mut at = |sign: f32| {
                let moved = original.iter().zip(&gradient).map(|(o, g)| o + sign * step * g / norm);
                params.set(id, &moved.collect::<Vec<_>>());
                policy_loss(&mut Tape::inference(&params), ids, &filter)
            };
            let slope = (at(1.0) - at(-1.0)) as f32 / (2.0 * step);
            params.set(id, &original);
            assert!((slope / norm - 1.0).abs() < 0.02, "{filter:?}: slope {slope}, gradient {norm}");
        }
    }
}

/// A document whose logits do not fit one chunk is scored twice, and learns the same.
#[test]
fn a_long_document_learns_what_two_short_ones_do() {
    let (device, n, vocab) = (Device::cpu(), 300usize, 1 << 14);
    let mut params = Params::new(&device, Precision::F32, Training::Full);
    let head = params.add("head", Role::Matrix, &[vocab, 4]);
    params.write(head, |w| w.iter_mut().enumerate().for_each(|(i, w)| *w = (i as f32 * 0.7).sin()));
    let tokens: Vec<u32> = (0..n as u32).collect();
    let filter = Filter { temperature: 0.9, ..Filter::NONE };
    let run = |documents: &[Vec<usize>]| {
        let mut grads = Gradients::new(&params);
        let mut tape = Tape::training(&params, &mut grads);
        let x = tape.embed(&tokens, head);
        let rows = PolicyRows { targets: &tokens, documents, filter: &filter };
        let found = tape.head_policy(&x, head, &rows, &mut |_, tokens| TokenGrads {
            dlogp: tokens.logp.iter().map(|lp| -0.1 - 0.01 * lp).collect(),
            dentropy: vec![0.2; tokens.logp.len()],
        });
        tape.backward();
        (found, grads.get(head).slice::<f32>().to_vec())
    };
    let (long, short) = (run(&[(0..n).collect()]), run(&[(0..150).collect(), (150..n).collect()]));
    assert_eq!(long.0, short.0);
    let far = long.1.iter().zip(&short.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-5, "gradients differ by {far}");
}
