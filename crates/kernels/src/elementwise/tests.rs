//! Element-wise kernels against their twins.

use super::*;
use crate::bf16;
use crate::reference::elementwise as twin;
use crate::test_support::*;

const DIM: usize = 70;
const VOCAB: usize = 11;

fn ids(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| i * i % VOCAB as u32).collect()
}

#[test]
fn embedding_matches_the_twin() {
    let ids = ids(1000);
    let table: Vec<f32> = random(VOCAB * DIM, 1);
    let mut out = vec![bf16::default(); ids.len() * DIM];
    embed_forward(DIM, &table, &ids, &mut out);
    let want = twin::embed(DIM, &to_f64(&table), &ids);
    assert_close("embed", &out, &want, tolerance::<bf16>());

    let mut dtable = vec![1.0f32; VOCAB * DIM];
    embed_backward(DIM, &out, &ids, &mut dtable);
    let mut want = twin::embed_backward(DIM, VOCAB, &to_f64(&out), &ids);
    want.iter_mut().for_each(|w| *w += 1.0);
    assert_close("embed_backward", &dtable, &want, 1e-5);
}

#[test]
fn threads_do_not_change_a_sum_over_rows() {
    let ids = ids(5000);
    let dout: Vec<f32> = random(ids.len() * DIM, 2);
    assert_same_on_any_threads("embed_backward", || {
        let mut dtable = vec![0.0f32; VOCAB * DIM];
        embed_backward(DIM, &dout, &ids, &mut dtable);
        dtable
    });
    assert_same_on_any_threads("bias_backward", || {
        let mut dbias = vec![0.0f32; DIM];
        bias_backward(&dout, &mut dbias);
        dbias
    });
}

#[test]
fn biases_match_the_twin() {
    let bias: Vec<f32> = random(DIM, 1);
    let x: Vec<f32> = random(999 * DIM, 2);
    let mut y = x.clone();
    bias_add(&bias, &mut y);
    for (i, (y, x)) in y.iter().zip(&x).enumerate() {
        assert_eq!(*y, x + bias[i % DIM]);
    }
    let mut dbias = bias.clone();
    bias_backward(&x, &mut dbias);
    let mut want = twin::bias_backward(DIM, &to_f64(&x));
    want.iter_mut().zip(&bias).for_each(|(w, b)| *w += f64::from(*b));
    assert_close("bias_backward", &dbias, &want, 1e-5);
}

#[test]
fn casts_round_trip_and_sums_are_in_f32() {
    let x: Vec<f32> = random(100_003, 1);
    let mut narrow = vec![bf16::default(); x.len()];
    cast(&x, &mut narrow);
    assert!(narrow.iter().zip(&x).all(|(n, x)| *n == bf16::from_f32(*x)));
    let mut wide = vec![0.0f32; x.len()];
    cast(&narrow, &mut wide);
    assert!(wide.iter().zip(&narrow).all(|(w, n)| *w == n.to_f32()));

    add_assign(&mut narrow, &x);
    let pairs = narrow.iter().zip(wide.iter().zip(&x));
    assert!(pairs.clone().all(|(n, (w, x))| *n == bf16::from_f32(w + x)));
    scale_assign(&mut wide, -0.5);
    cast(&x, &mut narrow);
    assert!(wide.iter().zip(&narrow).all(|(w, n)| *w == n.to_f32() * -0.5));
}

#[test]
fn columns_match_the_twin() {
    let op = Columns { rows: 700, src_stride: 90, src_offset: 13, dst_stride: 120, dst_offset: 31, width: 77 };
    let src: Vec<f32> = random(op.rows * op.src_stride, 1);
    for accumulate in [false, true] {
        let mut dst: Vec<f32> = random(op.rows * op.dst_stride, 2);
        let mut want = to_f64(&dst);
        twin::copy_columns(&op, &to_f64(&src), &mut want, accumulate);
        copy_columns(&op, &src, &mut dst, accumulate);
        assert_close("copy_columns", &dst, &want, 1e-6);
    }
}

#[test]
#[should_panic(expected = "id 11 is outside the table of 11 rows")]
fn an_id_outside_the_table_panics() {
    embed_forward(DIM, &[0.0f32; VOCAB * DIM], &[3, 11], &mut [0.0f32; 2 * DIM]);
}
