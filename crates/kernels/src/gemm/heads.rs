//! A product for each head, with matrices that lie among those of other heads: MLA's queries on their way into the space
//! of the latent, and its outputs on their way out of it.

use super::block::Output;
use super::drive::{self, Job, Right};
use super::pack::Operand;
use super::{Gemm, Layout};
use crate::isa::Isa;
use crate::simd::Element;

/// Where each head's row-major matrix lies in a slice, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadMatrix {
    /// The first element of the first head's.
    pub offset: usize,
    /// From one head's to the next.
    pub head: usize,
    /// From one row to the next.
    pub row: usize,
}

impl HeadMatrix {
    /// The elements from a head's first on, after checking that the last head's `[rows, columns]` ends inside `len`.
    fn check(&self, op: Gemm, n_heads: usize, [rows, columns]: [usize; 2], len: usize) {
        let last = |n: usize| n.saturating_sub(1);
        let end = self.offset + last(n_heads) * self.head + last(rows) * self.row + columns;
        let is_empty = n_heads * rows * columns == 0;
        assert!(
            is_empty || (end <= len && columns <= self.row),
            "{op:?}: {self:?} of {n_heads} heads in {len} elements"
        );
    }

    /// Whether no two heads have an element in common.
    fn is_disjoint(&self, n_heads: usize, [rows, columns]: [usize; 2]) -> bool {
        let one_after_another = self.head >= rows.saturating_sub(1) * self.row + columns;
        let side_by_side = self.head >= columns && self.row >= n_heads.saturating_sub(1) * self.head + columns;
        n_heads <= 1 || one_after_another || side_by_side
    }

    fn at(&self, head: usize) -> usize {
        self.offset + head * self.head
    }
}

/// `c_h = a_h . b_h` for each head h, as `op` says of one of them; the same bits as [`super::gemm`] on each.
///
/// # Panics
/// When a matrix does not fit its slice, or the heads of `c` overlap.
pub fn gemm_heads<A: Element, B: Element, C: Element>(
    op: Gemm,
    n_heads: usize,
    (a, a_at): (&[A], HeadMatrix),
    (b, b_at): (&[B], HeadMatrix),
    (c, c_at): (&mut [C], HeadMatrix),
) {
    let Gemm { layout, compute, m, n, k, accumulate } = op;
    let a_shape = if layout == Layout::Tn { [k, m] } else { [m, k] };
    let b_shape = if layout == Layout::Nt { [n, k] } else { [k, n] };
    a_at.check(op, n_heads, a_shape, a.len());
    b_at.check(op, n_heads, b_shape, b.len());
    c_at.check(op, n_heads, [m, n], c.len());
    assert!(c_at.is_disjoint(n_heads, [m, n]), "{op:?}: {n_heads} heads of the output overlap: {c_at:?}");
    let c = Output::new(c, c_at.row);
    let jobs: Vec<Job> = (0..n_heads)
        .map(|head| {
            let a = a.get(a_at.at(head)..).unwrap_or_default();
            let b = b.get(b_at.at(head)..).unwrap_or_default();
            Job {
                a: match layout {
                    Layout::Nt | Layout::Nn => Operand::along_k(a, m, a_at.row),
                    Layout::Tn => Operand::across_k(a, m, a_at.row),
                },
                b: Right::Raw(match layout {
                    Layout::Nt => Operand::along_k(b, n, b_at.row),
                    Layout::Nn | Layout::Tn => Operand::across_k(b, n, b_at.row),
                }),
                c: c.at(0, c_at.at(head)),
                m,
                n,
                k,
                accumulate,
            }
        })
        .collect();
    // SAFETY: all matrices are inside their slices, those of `c` apart.
    unsafe { drive::run(Isa::active(), compute, &jobs) }
}
