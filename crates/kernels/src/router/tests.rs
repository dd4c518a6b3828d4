//! The gate against its twin and finite differences, and the traffic of experts there and back.

use super::*;
use crate::attention::Span;
use crate::bf16;
use crate::reference::router as twin;
use crate::simd::Element;
use crate::test_support::*;

fn op(n_experts: usize, n_group: usize, topk_group: usize, top_k: usize) -> Router {
    Router {
        n_experts,
        n_group,
        topk_group,
        top_k,
        norm_topk_prob: true,
        routed_scaling_factor: 2.5,
        scoring: Scoring::Sigmoid,
    }
}

fn variants() -> Vec<Router> {
    let v3 = op(256, 8, 4, 8);
    let mut all = vec![v3, op(8, 1, 1, 2), op(12, 4, 2, 3), op(6, 6, 2, 2), op(5, 1, 1, 5)];
    all.push(Router { norm_topk_prob: false, scoring: Scoring::Softmax, ..op(20, 1, 1, 3) });
    all.push(Router { scoring: Scoring::Softmax, ..op(16, 4, 2, 3) });
    all
}

fn forward(isa: Isa, op: &Router, logits: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<u32>, Vec<f32>) {
    let t = logits.len() / op.n_experts;
    let mut scores = vec![0.0; logits.len()];
    let (mut expert_idx, mut weights) = (vec![0; t * op.top_k], vec![0.0; t * op.top_k]);
    let into = Chosen { scores: &mut scores, expert_idx: &mut expert_idx, weights: &mut weights };
    router_forward_on(isa, op, logits, bias, into);
    (scores, expert_idx, weights)
}

#[test]
fn the_gate_matches_the_twin() {
    for op in variants() {
        let logits: Vec<f32> = random::<f32>(90 * op.n_experts, 1).iter().map(|x| 4.0 * x).collect();
        let bias: Vec<f32> = random::<f32>(op.n_experts, 2).iter().map(|x| 0.2 * x).collect();
        for isa in Isa::available() {
            let (scores, idx, weights) = forward(isa, &op, &logits, &bias);
            let what = format!("{isa:?} {op:?}");
            assert_close(&what, &scores, &twin::scores(&op, &to_f64(&logits)), 1e-5);
            // From the kernel's own scores: near-ties must not depend on rounding.
            let biased: Vec<f64> = to_f64(&scores);
            assert_eq!(idx, twin::choose(&op, &biased, &to_f64(&bias)), "{what}");
            assert_close(&what, &weights, &twin::weights(&op, &biased, &idx), 1e-5);
        }
    }
}

#[test]
fn ties_go_to_the_lower_index_and_nan_does_not_panic() {
    let op = op(6, 3, 2, 3);
    let (_, idx, _) = forward(Isa::active(), &op, &[0.0; 6], &[]);
    assert_eq!(idx, [0, 1, 2]);
    let (_, idx, weights) = forward(Isa::active(), &op, &[f32::NAN; 6], &[0.0; 6]);
    assert_eq!(idx, [0, 1, 2]);
    assert!(weights.iter().all(|w| w.is_nan()));
}

#[test]
fn the_bias_selects_but_does_not_weigh() {
    let op = op(4, 1, 1, 1);
    let (scores, idx, weights) = forward(Isa::active(), &op, &[3.0, 0.0, 0.0, 0.0], &[0., 0., 9., 0.]);
    assert_eq!(idx, [2]);
    assert!((weights[0] - 2.5).abs() < 1e-6 && (scores[2] - 0.5).abs() < 1e-6);
}

#[test]
fn the_gates_gradient_is_that_of_the_twin() {
    for op in variants() {
        let t = 3;
        let logits: Vec<f32> = random(t * op.n_experts, 1);
        let bias: Vec<f32> = random(op.n_experts, 2);
        let (scores, idx, _) = forward(Isa::active(), &op, &logits, &bias);
        let dweights: Vec<f32> = random(t * op.top_k, 3);
        let extra: Vec<f32> = random(t * op.n_experts, 4);
        let mut dlogits = vec![0.0; logits.len()];
        router_backward(&op, &scores, &idx, &dweights, Some(&extra), &mut dlogits);
        let loss = |logits: &[f64]| {
            let scores = twin::scores(&op, logits);
            let weights = twin::weights(&op, &scores, &idx);
            weighted(&weights, &to_f64(&dweights)) + weighted(&scores, &to_f64(&extra))
        };
        assert_is_gradient(&format!("{op:?}"), &to_f64(&logits), &dlogits, loss);
    }
}

/// An f32 gradient against central differences of an f64 loss.
fn assert_is_gradient(what: &str, x: &[f64], grad: &[f32], loss: impl Fn(&[f64]) -> f64) {
    let mut moved = x.to_vec();
    for i in 0..x.len() {
        let mut at = |by: f64| {
            moved[i] = x[i] + by;
            loss(&moved)
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        moved[i] = x[i];
        let got = f64::from(grad[i]);
        assert!((got - slope).abs() <= 2e-5 * (1.0 + slope.abs()), "{what}[{i}]: {got}, slope {slope}");
    }
}

#[test]
fn the_balance_loss_matches_the_twin_and_its_slope() {
    for op in variants() {
        let spans = [Span::new(0, 70), Span::new(71, 5)];
        let logits: Vec<f32> = random(76 * op.n_experts, 1);
        let (scores, idx, _) = forward(Isa::active(), &op, &logits, &[]);
        let mut dscores = vec![0.0; scores.len()];
        let loss = balance_loss(&op, &spans, &scores, &idx, 0.3, &mut dscores);
        let wide = to_f64(&scores);
        let want = |x: &[f64]| twin::balance_loss(&op, &spans, x, &wide, f64::from(0.3f32));
        assert!((loss - want(&wide)).abs() < 1e-6 * want(&wide).abs(), "{op:?}");
        if op.n_experts < 20 {
            assert_is_gradient(&format!("{op:?}"), &wide, &dscores, want);
        }
        let before = dscores.clone();
        balance_loss(&op, &spans, &scores, &idx, 0.3, &mut dscores);
        assert!(dscores.iter().zip(&before).all(|(twice, once)| (twice - 2.0 * once).abs() < 1e-6));
    }
}

#[test]
fn balanced_routing_has_loss_alpha() {
    let op = op(4, 1, 1, 1);
    let mut scores = vec![0.2; 16];
    (0..4).for_each(|t| scores[t * 4 + t] = 0.4);
    let spans = [Span::new(0, 4)];
    let loss = balance_loss(&op, &spans, &scores, &[0, 1, 2, 3], 0.5, &mut [0.0; 16]);
    assert!((loss - 0.5).abs() < 1e-6, "{loss}");
}

/// Expert e of token t slot s: uneven, with experts that nobody chooses.
fn choices(t: usize, top_k: usize, n_experts: usize) -> Vec<u32> {
    (0..t * top_k).map(|i| ((i / top_k * 5 + i % top_k * 2) % (n_experts - 1)) as u32).collect()
}

#[test]
fn the_plan_is_a_stable_sort() {
    let idx = choices(50, 3, 9);
    let plan = dispatch_plan(9, 3, &idx);
    assert_eq!((plan.offsets[0], plan.offsets[9], plan.offsets[8]), (0, 150, 150));
    for e in 0..9 {
        let rows = plan.offsets[e]..plan.offsets[e + 1];
        assert!(plan.token[rows.clone()].is_sorted());
        for choice in (0..150).filter(|c| idx[*c] as usize == e) {
            let row = plan.slot_row[choice] as usize;
            assert!(rows.contains(&row) && plan.token[row] as usize == choice / 3);
        }
    }
}

fn traffic<T: Element>(dim: usize) {
    let (t, k, e) = (400, 3, 9);
    let plan = dispatch_plan(e, k, &choices(t, k, e));
    let x: Vec<T> = random(t * dim, 1);
    let mut sorted = vec![T::default(); t * k * dim];
    dispatch_forward(dim, &plan, &x, &mut sorted);
    let unsort = |rows: &[T]| -> Vec<f64> {
        plan.slot_row.iter().flat_map(|r| to_f64(&rows[*r as usize * dim..][..dim])).collect()
    };
    let want: Vec<f64> = (0..t * k).flat_map(|c| to_f64(&x[c / k * dim..][..dim])).collect();
    assert_eq!(unsort(&sorted), want);

    let dy: Vec<T> = random(t * k * dim, 2);
    let ones = vec![1.0; t * k];
    let mut dx = x.clone();
    dispatch_backward(dim, k, &plan, &dy, &mut dx, true);
    let mut want = twin::combine(dim, &unsort(&dy), &ones, k);
    want.iter_mut().zip(to_f64(&x)).for_each(|(w, x)| *w += x);
    assert_close("dispatch_backward", &dx, &want, tolerance::<T>());

    let weights: Vec<f32> = random(t * k, 3);
    let mut out: Vec<f32> = random(t * dim, 4);
    let mut want = twin::combine(dim, &unsort(&dy), &to_f64(&weights), k);
    want.iter_mut().zip(to_f64(&out)).for_each(|(w, x)| *w += x);
    combine_forward(dim, k, &plan, &dy, &weights, &mut out);
    assert_close("combine", &out, &want, 1e-5);

    let dout: Vec<f32> = random(t * dim, 5);
    let (mut grad, mut dweights) = (dy.clone(), weights.clone());
    combine_backward(dim, k, CombineSaved { plan: &plan, y: &dy, weights: &weights }, &dout, &mut grad, &mut dweights);
    let (y64, dout64) = (unsort(&dy), to_f64(&dout));
    let want: Vec<f64> =
        (0..t * k * dim).map(|i| f64::from(weights[i / dim]) * dout64[i / dim / k * dim + i % dim]).collect();
    for (i, (got, want)) in unsort(&grad).iter().zip(&want).enumerate() {
        assert!((got - want).abs() <= tolerance::<T>() * want.abs(), "dy[{i}]");
    }
    let want: Vec<f64> =
        (0..t * k).map(|c| (0..dim).map(|i| y64[c * dim + i] * dout64[c / k * dim + i]).sum()).collect();
    assert_close("dweights", &dweights, &want, 1e-4);
}

#[test]
fn rows_travel_to_experts_and_back() {
    traffic::<f32>(70);
    traffic::<bf16>(37);
}
