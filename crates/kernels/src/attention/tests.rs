//! Attention against its twin, and cached attention against packed attention bit for bit, on every instruction set.

use super::*;
use crate::bf16;
use crate::reference::attention as twin;
use crate::test_support::*;

fn op(n_heads: usize, n_kv_heads: usize, qk_head_dim: usize, v_head_dim: usize) -> Attention {
    let scale = 1.7 / (qk_head_dim as f32).sqrt();
    Attention { n_heads, n_kv_heads, qk_head_dim, v_head_dim, scale }
}

/// Spans of these lengths with a gap of `gap` rows before each.
fn packed(lens: &[usize], gap: usize) -> (Vec<Span>, usize) {
    let mut end = 0;
    let spans = lens
        .iter()
        .map(|len| {
            let start = end + gap;
            end = start + len;
            Span::new(start, *len)
        })
        .collect();
    (spans, end)
}

struct Case<T> {
    op: Attention,
    spans: Vec<Span>,
    t: usize,
    q: Vec<T>,
    k: Vec<T>,
    v: Vec<T>,
}

impl<T: Element> Case<T> {
    fn new(op: Attention, lens: &[usize], gap: usize) -> Self {
        let (spans, t) = packed(lens, gap);
        let rows = op.rows();
        let wide = |seed, n| {
            let x = random::<f32>(n, seed);
            x.into_iter().map(|x| T::from_f32(2.0 * x)).collect()
        };
        let (q, k, v) = (wide(1, t * rows[0]), wide(2, t * rows[1]), wide(3, t * rows[2]));
        Case { op, spans, t, q, k, v }
    }

    fn forward(&self, isa: Isa) -> (Vec<T>, Vec<f32>) {
        let mut out = vec![T::default(); self.t * self.op.rows()[3]];
        let mut lse = vec![0.0; self.t * self.op.n_heads];
        let inputs = Inputs { q: &self.q, k: &self.k, v: &self.v };
        attention_forward_on(isa, &self.op, &self.spans, inputs, &mut out, &mut lse);
        (out, lse)
    }

    fn backward(&self, isa: Isa, dout: &[T]) -> [Vec<T>; 3] {
        let (out, lse) = self.forward(isa);
        let mut grads = [&self.q, &self.k, &self.v].map(|x| vec![T::default(); x.len()]);
        let [dq, dk, dv] = &mut grads;
        let fwd = AttentionSaved { q: &self.q, k: &self.k, v: &self.v, out: &out, lse: &lse };
        let into = AttentionGrads { dq, dk, dv };
        attention_backward_on(isa, &self.op, &self.spans, fwd, dout, into);
        grads
    }

    fn qkv64(&self) -> [Vec<f64>; 3] {
        [&self.q, &self.k, &self.v].map(|x| to_f64(x))
    }
}

const LENS: [&[usize]; 5] = [&[1, 20], &[63, 1, 64], &[65, 9], &[128, 3, 130], &[7, 200]];

fn ops() -> [Attention; 5] {
    [op(1, 1, 8, 8), op(4, 2, 24, 20), op(3, 3, 48, 32), op(6, 1, 33, 64), op(2, 2, 192, 128)]
}

fn matches_the_twin<T: Element>(op: Attention, lens: &[usize]) {
    case_matches_the_twin(&Case::<T>::new(op, lens, 2), lens);
}

fn case_matches_the_twin<T: Element>(case: &Case<T>, lens: &[usize]) {
    let op = case.op;
    let [q, k, v] = case.qkv64();
    let want = twin::attention(&op, &case.spans, &q, &k, &v);
    let dout: Vec<T> = random(case.t * op.rows()[3], 4);
    let want_grads = twin::attention_backward(&op, &case.spans, [&q, &k, &v], &to_f64(&dout));
    for isa in Isa::available() {
        let what = |name: &str| format!("{isa:?} {op:?} {lens:?} {name}");
        let (out, lse) = case.forward(isa);
        assert_close(&what("out"), &out, &want.out, tolerance::<T>());
        assert_close(&what("lse"), &lse, &want.lse, 2e-5);
        let [dq, dk, dv] = case.backward(isa, &dout);
        // bf16: `out` is rounded before D = sum(dout * out) is taken from it.
        let tolerance = if T::IS_BF16 { 0.05 } else { 1e-4 };
        assert_close(&what("dq"), &dq, &want_grads.dq, tolerance);
        assert_close(&what("dk"), &dk, &want_grads.dk, tolerance);
        assert_close(&what("dv"), &dv, &want_grads.dv, tolerance);
    }
}

#[test]
fn f32_matches_the_twin() {
    for op in ops() {
        for lens in LENS {
            matches_the_twin::<f32>(op, lens);
        }
    }
}

/// Every span but the first begins with as many rows of the first as `shared` says.
fn sharing<T: Element>(op: Attention, lens: &[usize], shared: &[usize]) -> Case<T> {
    let mut case = Case::<T>::new(op, lens, 2);
    let start = case.spans[0].start;
    for (span, len) in case.spans[1..].iter_mut().zip(shared) {
        span.shared = Shared { start, len: *len };
    }
    case
}

#[test]
fn documents_that_share_rows_match_the_twin() {
    for op in ops() {
        for (lens, shared) in [(&[70, 1, 65][..], &[69, 70][..]), (&[150, 9, 200, 30], &[1, 100, 64])] {
            case_matches_the_twin(&sharing::<f32>(op, lens, shared), lens);
            case_matches_the_twin(&sharing::<bf16>(op, lens, shared), lens);
        }
    }
}

#[test]
fn a_shared_row_has_the_bits_of_a_row_of_ones_own() {
    let (op, shared) = (op(4, 2, 48, 32), 83);
    let case = sharing::<bf16>(op, &[90, 70, 150], &[shared, shared]);
    let [q_row, k_row, v_row, out_row] = op.rows();
    let rows = |x: &[bf16], span: Span, width: usize| {
        let own = &x[span.start * width..(span.start + span.len) * width];
        [&x[span.shared.start * width..][..span.shared.len * width], own].concat()
    };
    for isa in Isa::available() {
        let (out, _) = case.forward(isa);
        for span in &case.spans[1..] {
            let t = span.positions().end;
            let (q, k, v) = (rows(&case.q, *span, q_row), rows(&case.k, *span, k_row), rows(&case.v, *span, v_row));
            let (alone, _) = Case { op, spans: vec![Span::new(0, t)], t, q, k, v }.forward(isa);
            let own = &out[span.start * out_row..][..span.len * out_row];
            assert_eq!(bits(own), bits(&alone[shared * out_row..]), "{isa:?}");
        }
    }
}

#[test]
#[should_panic(expected = "begin no span")]
fn only_the_beginning_of_a_span_can_be_shared() {
    let op = op(1, 1, 2, 2);
    let x = [0.0f32; 12];
    let spans = [Span::new(0, 3), Span { shared: Shared { start: 1, len: 2 }, ..Span::new(3, 3) }];
    attention_forward(&op, &spans, &x, &x, &x, &mut [0.0; 12], &mut []);
}

#[test]
fn bf16_matches_the_twin() {
    for op in ops() {
        matches_the_twin::<bf16>(op, &[65, 9, 130]);
    }
}

#[test]
fn the_twin_is_the_gradient() {
    let op = op(4, 2, 3, 5);
    let case = Case::<f32>::new(op, &[4, 6], 0);
    let [q, k, v] = case.qkv64();
    let dout = to_f64::<f32>(&random(case.t * op.rows()[3], 4));
    let g = twin::attention_backward(&op, &case.spans, [&q, &k, &v], &dout);
    let loss = |q: &[f64], k: &[f64], v: &[f64]| weighted(&twin::attention(&op, &case.spans, q, k, v).out, &dout);
    check_gradient("dq", &q, &g.dq, |x| loss(x, &k, &v));
    check_gradient("dk", &k, &g.dk, |x| loss(&q, x, &v));
    check_gradient("dv", &v, &g.dv, |x| loss(&q, &k, x));
}

/// Feeds a document in `pieces` through a cache whose unwritten parts are NaN; the outputs, in order.
fn through_cache<T: Element>(isa: Isa, case: &Case<T>, span: Span, pieces: &[usize]) -> Vec<T> {
    let op = &case.op;
    let [q_row, k_row, v_row, out_row] = op.rows();
    let n_blocks = span.len.div_ceil(KV_BLOCK) + 2;
    // Blocks in descending order, so that nothing depends on their being neighbours.
    let blocks: Vec<u32> = (0..n_blocks as u32 - 1).rev().collect();
    let nan = T::from_f32(f32::NAN);
    let mut k_pool = vec![nan; n_blocks * k_row * KV_BLOCK];
    let mut v_pool = vec![nan; n_blocks * v_row * KV_BLOCK];
    let mut all = Vec::new();
    let mut n_cached = 0;
    for len in pieces.iter().copied() {
        // One unused row before the new ones, to see that `row` counts.
        let first = span.start + n_cached - 1;
        let of = |x: &[T], row: usize| x[first * row..(first + 1 + len) * row].to_vec();
        let (q, k, v) = (of(&case.q, q_row), of(&case.k, k_row), of(&case.v, v_row));
        let seqs = [CachedSeq { row: 1, len, n_cached, blocks: &blocks }];
        kv_cache_write(op, &seqs, &k, &v, &mut k_pool, &mut v_pool);
        let mut out = vec![T::default(); (1 + len) * out_row];
        let cache = Cache { q: &q, k_pool: &k_pool, v_pool: &v_pool };
        attention_cached_on(isa, op, &seqs, cache, &mut out);
        all.extend_from_slice(&out[out_row..]);
        n_cached += len;
    }
    assert_eq!(n_cached, span.len);
    all
}

fn bits<T: Element>(x: &[T]) -> Vec<u32> {
    x.iter().map(|x| x.to_f32().to_bits()).collect()
}

fn cached_equals_packed<T: Element>(op: Attention) {
    let case = Case::<T>::new(op, &[5, 64, 130, 65], 1);
    for isa in Isa::available() {
        let (out, _) = case.forward(isa);
        for span in &case.spans {
            let row = op.rows()[3];
            let want = &out[span.start * row..(span.start + span.len) * row];
            let n = span.len;
            let one_by_one = vec![1; n];
            let halves = [n / 2, n - n / 2];
            let thirds = [3, n - 4, 1];
            for pieces in [&one_by_one[..], &halves, &thirds, &[n]] {
                let got = through_cache(isa, &case, *span, pieces);
                assert!(bits(&got) == bits(want), "{isa:?} {op:?} {span:?} in {pieces:?}");
            }
        }
    }
}

#[test]
fn a_cached_row_has_the_bits_of_the_packed_row() {
    for op in ops() {
        cached_equals_packed::<f32>(op);
        cached_equals_packed::<bf16>(op);
    }
}

#[test]
fn several_sequences_decode_together_as_alone() {
    let op = op(4, 2, 32, 16);
    let case = Case::<f32>::new(op, &[70, 3], 0);
    let (out, _) = case.forward(Isa::active());
    let [_, k_row, v_row, out_row] = op.rows();
    let (mut k_pool, mut v_pool) = (vec![0.0; 4 * k_row * KV_BLOCK], vec![0.0; 4 * v_row * KV_BLOCK]);
    let seq = |i: usize, blocks| {
        let Span { start, len, .. } = case.spans[i];
        CachedSeq { row: start, len, n_cached: 0, blocks }
    };
    let seqs = [seq(0, &[3, 1]), seq(1, &[0])];
    kv_cache_write(&op, &seqs, &case.k, &case.v, &mut k_pool, &mut v_pool);
    let mut got = vec![0.0; case.t * out_row];
    attention_cached(&op, &seqs, &case.q, &k_pool, &v_pool, &mut got);
    assert_eq!(bits(&got), bits(&out));
}

#[test]
fn documents_do_not_see_each_other_nor_the_number_of_threads() {
    let op = op(2, 1, 40, 24);
    let case = Case::<f32>::new(op, &[300, 90], 0);
    let dout: Vec<f32> = random(case.t * op.rows()[3], 4);
    assert_same_on_any_threads("attention", || (case.forward(Isa::active()), case.backward(Isa::active(), &dout)));
    let (together, _) = case.forward(Isa::active());
    let grads = case.backward(Isa::active(), &dout);
    let [q_row, k_row, v_row, out_row] = op.rows();
    let alone = Case {
        op,
        spans: vec![Span::new(0, 90)],
        t: 90,
        q: case.q[300 * q_row..].to_vec(),
        k: case.k[300 * k_row..].to_vec(),
        v: case.v[300 * v_row..].to_vec(),
    };
    assert_eq!(alone.forward(Isa::active()).0, together[300 * out_row..]);
    let [dq, dk, dv] = alone.backward(Isa::active(), &dout[300 * out_row..]);
    assert_eq!(dq, grads[0][300 * q_row..]);
    assert_eq!(dk, grads[1][300 * k_row..]);
    assert_eq!(dv, grads[2][300 * v_row..]);
}

#[test]
fn no_rows_have_no_gradients() {
    for op in ops() {
        let case = Case::<f32>::new(op, &[], 0);
        assert!(case.backward(Isa::active(), &[]).iter().all(Vec::is_empty), "{op:?}");
    }
}

#[test]
#[should_panic(expected = "overlaps another")]
fn overlapping_spans_panic() {
    let op = op(1, 1, 2, 2);
    let x = [0.0f32; 8];
    let spans = [Span::new(0, 3), Span::new(2, 2)];
    attention_forward(&op, &spans, &x, &x, &x, &mut [0.0; 8], &mut []);
}

#[test]
#[should_panic(expected = "write block 1")]
fn two_sequences_cannot_write_one_block() {
    let op = op(1, 1, 2, 2);
    let x = [0.0f32; 4];
    let seq = |row| CachedSeq { row, len: 1, n_cached: 0, blocks: &[1] };
    let (mut k_pool, mut v_pool) = (vec![0.0; 4 * KV_BLOCK], vec![0.0; 4 * KV_BLOCK]);
    kv_cache_write(&op, &[seq(0), seq(1)], &x, &x, &mut k_pool, &mut v_pool);
}
