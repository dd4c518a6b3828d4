//! A weight packed once, for products that come again and again with few rows: decoding and sampling.

use super::Compute;
use super::block::Output;
use super::drive::{Job, Right, run};
use super::pack::{Operand, PackRight};
use super::path::{Form, Geometry, dispatch_path};
use super::scratch::Buffer;
use crate::isa::Isa;
use crate::simd::Element;

/// A weight [n, k] in the panels that its products read: `c = a . w^T` without packing at each call.
///
/// Packed for the instruction set that was active then; it belongs to a running program, not into a file.
pub struct PackedWeight {
    isa: Isa,
    compute: Compute,
    n: usize,
    k: usize,
    panels: Buffer,
}

impl PackedWeight {
    /// Packs `b_nk` [n, k] for the active instruction set, rounding to bf16 for [`Compute::Bf16`].
    ///
    /// # Panics
    /// When the slice's length is not `n * k`.
    pub fn new<B: Element>(compute: Compute, n: usize, k: usize, b_nk: &[B]) -> Self {
        Self::new_on(Isa::active(), compute, n, k, b_nk)
    }

    /// [`PackedWeight::new`] for the given instruction set.
    ///
    /// # Panics
    /// As there, and when the machine does not have `isa`.
    pub fn new_on<B: Element>(isa: Isa, compute: Compute, n: usize, k: usize, b_nk: &[B]) -> Self {
        assert_eq!(b_nk.len(), n * k, "a weight of [{n}, {k}]");
        let form = Form::new(isa, compute, false);
        let g = Geometry::new(isa, form);
        let n_panels = n.div_ceil(g.panel);
        let panels = Buffer::new(n_panels * g.panel_bytes(k));
        let pack = PackRight {
            b: Operand::along_k(b_nk, n, k),
            n,
            k,
            width: g.panel,
            which: 0..n_panels,
            dst: panels.ptr(),
            panel_stride: g.panel_bytes(k),
        };
        dispatch_path(isa, form, pack);
        PackedWeight { isa, compute, n, k, panels }
    }

    /// Rows of the weight, columns of its products.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Columns of the weight, summed over.
    pub fn k(&self) -> usize {
        self.k
    }

    fn panel_bytes(&self) -> usize {
        Geometry::new(self.isa, Form::new(self.isa, self.compute, false)).panel_bytes(self.k)
    }

    /// Bytes held, and read by each product.
    pub fn bytes(&self) -> usize {
        self.panels.len()
    }
}

/// `c [m, n] (+)= a [m, k] . w^T`, with the same bits as [`super::gemm`] in layout Nt.
///
/// # Panics
/// When a slice's length does not fit the shape.
pub fn gemm_packed<A: Element, C: Element>(m: usize, a: &[A], w: &PackedWeight, c: &mut [C], accumulate: bool) {
    assert!(
        a.len() == m * w.k && c.len() == m * w.n,
        "{m} rows by a packed weight of [{}, {}] with slices of {} and {}",
        w.n,
        w.k,
        a.len(),
        c.len()
    );
    let stride = w.panel_bytes();
    let job = Job {
        a: Operand::along_k(a, m, w.k),
        b: Right::Packed(w.panels.ptr().cast_const(), stride),
        c: Output::new(c, w.n),
        m,
        n: w.n,
        k: w.k,
        accumulate,
    };
    // SAFETY: the lengths were checked, `c` is borrowed mutably, and the panels were packed for this geometry.
    unsafe { run(w.isa, w.compute, &[job]) }
}

/// Products of groups of rows, each with a weight of its own (experts when decoding): group g owns the rows
/// `offsets[g]..offsets[g + 1]` of `a` [rows, k] and `c` [rows, n], and takes `weights[g]`. Rows outside every group are
/// left alone. Same bits as [`gemm_packed`] on each group.
///
/// # Panics
/// When the offsets do not ascend, the weights are not of one shape and one for each group, or a slice is too short.
pub fn grouped_gemm_packed<A: Element, C: Element>(
    offsets: &[usize],
    a: &[A],
    weights: &[PackedWeight],
    c: &mut [C],
    accumulate: bool,
) {
    let Some(first) = weights.first() else {
        return;
    };
    let (n, k, rows) = (first.n, first.k, offsets.last().copied().unwrap_or(0));
    assert!(
        weights.len() + 1 == offsets.len() && offsets.windows(2).all(|w| w[0] <= w[1]),
        "{} weights need one more offsets, ascending: {offsets:?}",
        weights.len()
    );
    assert!(
        weights.iter().all(|w| (w.n, w.k, w.isa, w.compute) == (n, k, first.isa, first.compute)),
        "weights of groups differ in shape or packing from the first, [{n}, {k}]"
    );
    assert!(
        a.len() >= rows * k && c.len() >= rows * n,
        "{rows} rows by packed weights of [{n}, {k}] with slices of {} and {}",
        a.len(),
        c.len()
    );
    let stride = first.panel_bytes();
    let job = |(w, range): (&PackedWeight, &[usize])| {
        let (start, m) = (range[0], range[1] - range[0]);
        Job {
            a: Operand::along_k(&a[start * k..(start + m) * k], m, k),
            b: Right::Packed(w.panels.ptr().cast_const(), stride),
            c: Output::new(&mut c[start * n..(start + m) * n], n),
            m,
            n,
            k,
            accumulate,
        }
    };
    let jobs: Vec<Job> = weights.iter().zip(offsets.windows(2)).map(job).collect();
    // SAFETY: as in `gemm_packed`; the groups' rows of `c` are disjoint because offsets ascend.
    unsafe { run(first.isa, first.compute, &jobs) }
}
