//! Products against the scalar twin, bit for bit, on every instruction set, in every layout and storage type.

use super::*;
use crate::reference;
use crate::test_support::{assert_same_on_any_threads, random};
use half::bf16;

const LAYOUTS: [Layout; 3] = [Layout::Nt, Layout::Nn, Layout::Tn];
const COMPUTES: [Compute; 2] = [Compute::F32, Compute::Bf16];

fn op(layout: Layout, compute: Compute, [m, n, k]: [usize; 3], accumulate: bool) -> Gemm {
    Gemm { layout, compute, m, n, k, accumulate }
}

/// Equal bits; any NaN equals any other, because payloads are not promised.
fn assert_same_bits<T: Element>(what: &str, got: &[T], want: &[T]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let (got, want) = (got.to_f32(), want.to_f32());
        assert!(
            got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
            "{what} [{i}]: {got:e}, not {want:e}"
        );
    }
}

fn check<A: Element, B: Element, C: Element>(isa: Isa, op: Gemm) {
    let a: Vec<A> = random(op.m * op.k, 1);
    let b: Vec<B> = random(op.n * op.k, 2);
    let mut got: Vec<C> = random(op.m * op.n, 3);
    let mut want = got.clone();
    gemm_on(isa, op, &a, &b, &mut got);
    reference::gemm::gemm(isa, op, &a, &b, &mut want);
    let types = [A::IS_BF16, B::IS_BF16, C::IS_BF16];
    assert_same_bits(&format!("{isa:?} {op:?} bf16 {types:?}"), &got, &want);
}

/// Every storage combination.
fn check_all(isa: Isa, op: Gemm) {
    check::<f32, f32, f32>(isa, op);
    check::<f32, f32, bf16>(isa, op);
    check::<f32, bf16, f32>(isa, op);
    check::<f32, bf16, bf16>(isa, op);
    check::<bf16, f32, f32>(isa, op);
    check::<bf16, f32, bf16>(isa, op);
    check::<bf16, bf16, f32>(isa, op);
    check::<bf16, bf16, bf16>(isa, op);
}

fn for_every(mut f: impl FnMut(Isa, Layout, Compute, bool)) {
    for isa in Isa::available() {
        for layout in LAYOUTS {
            for compute in COMPUTES {
                for accumulate in [false, true] {
                    f(isa, layout, compute, accumulate);
                }
            }
        }
    }
}

#[test]
fn small_shapes_equal_the_twin_in_every_storage() {
    let shapes = [[1, 1, 1], [1, 33, 5], [3, 16, 31], [15, 65, 34], [29, 47, 129]];
    for_every(|isa, layout, compute, accumulate| {
        for shape in shapes {
            check_all(isa, op(layout, compute, shape, accumulate));
        }
    });
}

#[test]
fn shapes_across_tile_edges_equal_the_twin() {
    // Every number of rows that a tile can have, both numbers of vectors in a panel, several panels at once.
    for_every(|isa, layout, compute, accumulate| {
        for m in 1..=16 {
            for n in [7, 32, 40, 129, 160] {
                check::<f32, bf16, f32>(isa, op(layout, compute, [m, n, 37], accumulate));
            }
        }
    });
}

#[test]
fn shapes_across_block_edges_equal_the_twin() {
    // Several blocks of rows, slices of k, parts of k (more than 1,024 units, for more rows than 128).
    let shapes = [[150, 40, 300], [260, 33, 129], [131, 2, 4200], [9, 150, 515], [1, 300, 1000]];
    for_every(|isa, layout, compute, accumulate| {
        for shape in shapes {
            check::<f32, f32, f32>(isa, op(layout, compute, shape, accumulate));
            check::<bf16, bf16, bf16>(isa, op(layout, compute, shape, accumulate));
        }
    });
}

#[test]
fn empty_shapes_do_what_the_chain_says() {
    for_every(|isa, layout, compute, accumulate| {
        for shape in [[0, 5, 4], [5, 0, 4], [0, 0, 0], [5, 7, 0]] {
            check_all(isa, op(layout, compute, shape, accumulate));
        }
    });
}

#[test]
fn a_row_does_not_see_the_rows_beside_it() {
    let (n, k) = (197, 301);
    for isa in Isa::available() {
        for compute in COMPUTES {
            let a: Vec<f32> = random(300 * k, 4);
            let b: Vec<f32> = random(n * k, 5);
            let mut all = vec![0.0; 300 * n];
            gemm_on(isa, op(Layout::Nt, compute, [300, n, k], false), &a, &b, &mut all);
            for m in [1, 2, 5, 14, 15, 64, 129] {
                for start in [0, 77, 300 - m] {
                    let mut some = vec![0.0; m * n];
                    let rows = &a[start * k..(start + m) * k];
                    let part = op(Layout::Nt, compute, [m, n, k], false);
                    gemm_on(isa, part, rows, &b, &mut some);
                    let want = &all[start * n..(start + m) * n];
                    assert_same_bits(&format!("{isa:?} {part:?}"), &some, want);
                }
            }
        }
    }
}

#[test]
fn packed_ahead_gives_the_same_bits() {
    for isa in Isa::available() {
        for compute in COMPUTES {
            for (n, k) in [(1, 1), (33, 20), (200, 129), (129, 700), (40, 0)] {
                let b: Vec<bf16> = random(n * k, 6);
                let w = PackedWeight::new_on(isa, compute, n, k, &b);
                assert_eq!((w.n(), w.k()), (n, k));
                for m in [0, 1, 2, 3, 4, 7, 64, 140] {
                    for accumulate in [false, true] {
                        let a: Vec<f32> = random(m * k, 7);
                        let mut want: Vec<bf16> = random(m * n, 8);
                        let mut got = want.clone();
                        let op = op(Layout::Nt, compute, [m, n, k], accumulate);
                        gemm_on(isa, op, &a, &b, &mut want);
                        gemm_packed(m, &a, &w, &mut got, accumulate);
                        assert_same_bits(&format!("{isa:?} {op:?}"), &got, &want);
                    }
                }
            }
        }
    }
}

/// Each group of a grouped product against a product of its own.
fn check_groups(isa: Isa, op: Gemm, offsets: &[usize]) {
    let n_groups = offsets.len() - 1;
    let rows = offsets[n_groups] + 2; // two rows behind the last group, to be left alone
    let is_tn = op.layout == Layout::Tn;
    let (a_len, b_len, c_len) = if is_tn {
        (rows * op.m, rows * op.n, n_groups * op.m * op.n)
    } else {
        (rows * op.k, n_groups * op.n * op.k, rows * op.n)
    };
    let a: Vec<bf16> = random(a_len, 9);
    let b: Vec<f32> = random(b_len, 10);
    let mut got: Vec<f32> = random(c_len, 11);
    let mut want = got.clone();
    grouped_gemm_on(isa, op, offsets, &a, &b, &mut got);
    for g in 0..n_groups {
        let (s, e) = (offsets[g], offsets[g + 1]);
        let (one, ra, rb, rc) = if is_tn {
            let c_size = op.m * op.n;
            let one = Gemm { k: e - s, ..op };
            (one, s * op.m..e * op.m, s * op.n..e * op.n, g * c_size..(g + 1) * c_size)
        } else {
            let b_size = op.n * op.k;
            let one = Gemm { m: e - s, ..op };
            (one, s * op.k..e * op.k, g * b_size..(g + 1) * b_size, s * op.n..e * op.n)
        };
        gemm_on(isa, one, &a[ra], &b[rb], &mut want[rc]);
    }
    assert_same_bits(&format!("{isa:?} {op:?} {offsets:?}"), &got, &want);
}

#[test]
fn groups_equal_products_of_their_own() {
    for_every(|isa, layout, compute, accumulate| {
        for offsets in [&[0][..], &[0, 0], &[0, 3, 3, 40], &[2, 150, 151, 300, 300]] {
            check_groups(isa, op(layout, compute, [37, 70, 45], accumulate), offsets);
        }
    });
}

#[test]
fn groups_packed_ahead_give_the_same_bits() {
    let (n, k) = (70, 45);
    for isa in Isa::available() {
        for compute in COMPUTES {
            for offsets in [&[0, 0, 3][..], &[1, 2, 2, 20, 160]] {
                let (n_groups, rows) = (offsets.len() - 1, offsets[offsets.len() - 1] + 1);
                let a: Vec<f32> = random(rows * k, 19);
                let b: Vec<bf16> = random(n_groups * n * k, 20);
                let pack = |b: &[bf16]| PackedWeight::new_on(isa, compute, n, k, b);
                let weights: Vec<PackedWeight> = b.chunks(n * k).map(pack).collect();
                let mut got: Vec<f32> = random(rows * n, 21);
                let mut want = got.clone();
                grouped_gemm_packed(offsets, &a, &weights, &mut got, true);
                grouped_gemm_on(isa, op(Layout::Nt, compute, [0, n, k], true), offsets, &a, &b, &mut want);
                assert_same_bits(&format!("{isa:?} {compute:?} {offsets:?}"), &got, &want);
            }
        }
    }
}

/// A product for each head equals the product of what lies there, and nothing beside it changes.
fn check_heads(op: Gemm, n_heads: usize) {
    let Gemm { layout, m, n, k, .. } = op;
    let a_shape = if layout == Layout::Tn { [k, m] } else { [m, k] };
    let b_shape = if layout == Layout::Nt { [n, k] } else { [k, n] };
    // Heads side by side in the rows, with columns before and after; and one after another, with a row between.
    let beside = |columns: usize| HeadMatrix { offset: 3, head: columns + 2, row: 3 + n_heads * (columns + 2) };
    let after = |[rows, columns]: [usize; 2]| HeadMatrix { offset: 5, head: (rows + 1) * columns, row: columns };
    let len = |at: HeadMatrix, [rows, _]: [usize; 2]| at.offset + (n_heads - 1) * at.head + rows * at.row;
    let (a_at, b_at) = (beside(a_shape[1]), after(b_shape));
    for c_at in [beside(n), after([m, n])] {
        let a: Vec<bf16> = random(len(a_at, a_shape), 1);
        let b: Vec<f32> = random(len(b_at, b_shape), 2);
        let mut got: Vec<f32> = random(len(c_at, [m, n]), 3);
        let mut want = got.clone();
        gemm_heads(op, n_heads, (&a, a_at), (&b, b_at), (&mut got, c_at));
        for head in 0..n_heads {
            let indices = |at: HeadMatrix, [rows, columns]: [usize; 2]| {
                let start = at.offset + head * at.head;
                (0..rows).flat_map(move |r| (0..columns).map(move |c| start + r * at.row + c))
            };
            let a: Vec<bf16> = indices(a_at, a_shape).map(|i| a[i]).collect();
            let b: Vec<f32> = indices(b_at, b_shape).map(|i| b[i]).collect();
            let mut c: Vec<f32> = indices(c_at, [m, n]).map(|i| want[i]).collect();
            gemm(op, &a, &b, &mut c);
            indices(c_at, [m, n]).zip(c).for_each(|(i, c)| want[i] = c);
        }
        assert_same_bits(&format!("{op:?} of {n_heads} heads, {c_at:?}"), &got, &want);
    }
}

#[test]
fn heads_equal_products_of_their_own() {
    for layout in LAYOUTS {
        for compute in COMPUTES {
            for accumulate in [false, true] {
                for shape in [[1, 7, 32], [64, 33, 5], [200, 64, 32], [32, 64, 300]] {
                    check_heads(op(layout, compute, shape, accumulate), 3);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "heads of the output overlap")]
fn overlapping_heads_are_refused() {
    let at = HeadMatrix { offset: 0, head: 3, row: 4 };
    let op = op(Layout::Nn, Compute::F32, [2, 4, 4], false);
    gemm_heads::<f32, f32, f32>(op, 2, (&[0.0; 32], at), (&[0.0; 32], at), (&mut [0.0; 32], at));
}

#[test]
#[should_panic(expected = "of 2 heads in 15 elements")]
fn heads_beyond_the_slice_are_refused() {
    let at = HeadMatrix { offset: 0, head: 8, row: 4 };
    let op = op(Layout::Nn, Compute::F32, [2, 4, 2], false);
    gemm_heads::<f32, f32, f32>(op, 2, (&[0.0; 16], at), (&[0.0; 15], at), (&mut [0.0; 16], at));
}

#[test]
fn the_thread_count_changes_nothing() {
    for layout in LAYOUTS {
        for [m, n, k] in [[300, 200, 150], [20, 1000, 300], [1, 2048, 512]] {
            let a: Vec<f32> = random(m * k, 12);
            let b: Vec<f32> = random(n * k, 13);
            assert_same_on_any_threads("gemm", || {
                let mut c: Vec<f32> = random(m * n, 14);
                gemm(op(layout, Compute::Bf16, [m, n, k], true), &a, &b, &mut c);
                c.iter().map(|c| c.to_bits()).collect::<Vec<_>>()
            });
        }
    }
}

#[test]
fn infinities_and_nan_reach_their_row_and_column_only() {
    let shape = [20, 50, 33];
    let [m, n, k] = shape;
    for_every(|isa, layout, compute, _| {
        let mut a: Vec<f32> = random(m * k, 15);
        let mut b: Vec<f32> = random(n * k, 16);
        let (a_idx, b_idx) = match layout {
            Layout::Nt => (2 * k + 32, 3 * k + 7),
            Layout::Nn => (2 * k + 32, 7 * n + 3),
            Layout::Tn => (32 * m + 2, 7 * n + 3),
        };
        a[a_idx] = f32::NAN;
        b[b_idx] = f32::INFINITY;
        let mut c = vec![0.0f32; m * n];
        gemm_on(isa, op(layout, compute, shape, false), &a, &b, &mut c);
        for (i, x) in c.iter().enumerate() {
            let (row, column) = (i / n, i % n);
            assert_eq!(x.is_nan(), row == 2, "{isa:?} {layout:?} {compute:?} [{row}, {column}]");
            let is_infinite = row != 2 && column == 3;
            assert_eq!(x.is_infinite(), is_infinite, "{isa:?} {layout:?} [{row}, {column}]");
        }
    });
}

#[test]
fn bf16_products_are_close_to_f32_products_of_rounded_inputs() {
    // The bf16 dot product rounds at each step of a pair as f32 does: within k half units in the last place.
    let [m, n, k] = [13, 40, 512];
    let a: Vec<bf16> = random(m * k, 17);
    let b: Vec<bf16> = random(n * k, 18);
    for isa in Isa::available() {
        let (mut wide, mut narrow) = (vec![0.0f32; m * n], vec![0.0f32; m * n]);
        gemm_on(isa, op(Layout::Nt, Compute::F32, [m, n, k], false), &a, &b, &mut wide);
        gemm_on(isa, op(Layout::Nt, Compute::Bf16, [m, n, k], false), &a, &b, &mut narrow);
        for (x, y) in wide.iter().zip(&narrow) {
            assert!((x - y).abs() <= 1e-6 * k as f32, "{isa:?}: {x} and {y}");
        }
    }
}

#[test]
#[should_panic(expected = "with slices of 3, 4 and 4")]
fn a_short_slice_is_refused_with_both_shapes() {
    let op = op(Layout::Nt, Compute::F32, [2, 2, 2], false);
    gemm(op, &[0.0f32; 3], &[0.0f32; 4], &mut [0.0f32; 4]);
}

#[test]
#[should_panic(expected = "must ascend")]
fn falling_offsets_are_refused() {
    let op = op(Layout::Nt, Compute::F32, [0, 1, 1], false);
    grouped_gemm(op, &[0, 2, 1], &[0.0f32; 2], &[0.0f32; 2], &mut [0.0f32; 2]);
}
