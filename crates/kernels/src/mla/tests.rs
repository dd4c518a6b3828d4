//! MLA's keys and values against their twin.

use super::*;
use crate::bf16;
use crate::reference::mla as twin;
use crate::rope::RopeScaling;
use crate::test_support::*;

/// `(nope, rope, v, lora)`.
type Dims = (usize, usize, usize, usize);

fn with_op(tokens: usize, dims: Dims, interleaved: bool, f: impl Fn(&MlaKv)) {
    let positions: Vec<u32> = (0..tokens as u32).map(|t| t % 50).collect();
    let table = RopeTable::new(dims.1, 10_000.0, &RopeScaling::None, 50);
    f(&MlaKv {
        tokens,
        n_heads: 3,
        qk_nope_head_dim: dims.0,
        qk_rope_head_dim: dims.1,
        v_head_dim: dims.2,
        kv_lora_rank: dims.3,
        table: &table,
        positions: &positions,
        interleaved,
    });
}

fn matches_the_twin<T: Element>(op: &MlaKv) {
    let (t, h) = (op.tokens, op.n_heads);
    let kv: Vec<T> = random(t * h * op.kv(), 1);
    let kv_a: Vec<T> = random(t * op.kv_a(), 2);
    let dk: Vec<T> = random(t * h * op.key(), 3);
    let dv: Vec<T> = random(t * h * op.v_head_dim, 4);
    let (want_k, want_v) = twin::mla_kv(op, &to_f64(&kv), &to_f64(&kv_a));
    let (want_dkv, mut want_dkv_a) = twin::mla_kv_backward(op, &to_f64(&dk), &to_f64(&dv));
    for (i, want) in want_dkv_a.iter_mut().enumerate() {
        if i % op.kv_a() < op.kv_lora_rank {
            *want = f64::from(kv_a[i].to_f32()); // untouched
        }
    }
    for isa in Isa::available() {
        let what = |name: &str| format!("{isa:?} {name} {op:?}");
        let (mut k, mut v) = (vec![T::default(); dk.len()], vec![T::default(); dv.len()]);
        mla_kv_forward_on(isa, op, &kv, &kv_a, &mut k, &mut v);
        assert_close(&what("k"), &k, &want_k, tolerance::<T>());
        assert_close(&what("v"), &v, &want_v, 0.0);
        let (mut dkv, mut dkv_a) = (vec![T::default(); kv.len()], kv_a.clone());
        mla_kv_backward_on(isa, op, &dk, &dv, &mut dkv, &mut dkv_a);
        assert_close(&what("dkv"), &dkv, &want_dkv, 0.0);
        assert_close(&what("dkv_a"), &dkv_a, &want_dkv_a, tolerance::<T>());
    }
}

#[test]
fn both_types_match_the_twin() {
    for dims in [(5, 6, 7, 3), (16, 16, 32, 24), (128, 64, 128, 40)] {
        for interleaved in [false, true] {
            with_op(130, dims, interleaved, matches_the_twin::<f32>);
            with_op(9, dims, interleaved, matches_the_twin::<bf16>);
        }
    }
}

#[test]
fn the_twin_is_the_gradient() {
    with_op(2, (3, 4, 5, 2), true, |op| {
        let kv = to_f64::<f32>(&random(2 * 3 * 8, 1));
        let kv_a = to_f64::<f32>(&random(2 * 6, 2));
        let dk = to_f64::<f32>(&random(2 * 3 * 7, 3));
        let dv = to_f64::<f32>(&random(2 * 3 * 5, 4));
        let (dkv, dkv_a) = twin::mla_kv_backward(op, &dk, &dv);
        let loss = |kv: &[f64], kv_a: &[f64]| {
            let (k, v) = twin::mla_kv(op, kv, kv_a);
            weighted(&k, &dk) + weighted(&v, &dv)
        };
        check_gradient("dkv", &kv, &dkv, |x| loss(x, &kv_a));
        check_gradient("dkv_a", &kv_a, &dkv_a, |x| loss(&kv, x));
    });
}
