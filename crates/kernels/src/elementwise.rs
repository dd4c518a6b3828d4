//! What moves or adds elements one by one: embedding rows, casts, residual sums, biases, columns of a matrix.
//!
//! Letters: r rows, c columns.

use crate::isa::Isa;
use crate::lanes::{add_into, load_n, store_n};
use crate::norm::AddRows;
use crate::parallel::{ROW_BLOCK, SharedMut, for_row_blocks, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};

/// `out[r] = table[ids[r]]`: `table` is `[vocab, dim]`, `out` `[ids.len(), dim]`.
///
/// # Panics
/// When a length does not fit or an id is outside the table.
pub fn embed_forward<W: Element, Y: Element>(dim: usize, table: &[W], ids: &[u32], out: &mut [Y]) {
    check_embedding("embed_forward", dim, table.len(), ids, out.len());
    let isa = Isa::active();
    let out = SharedMut::new(out);
    for_rows(ids.len(), dim, |rows| {
        for r in rows {
            // SAFETY: rows are disjoint.
            let dst = unsafe { out.part(r * dim, dim) };
            let src = &table[ids[r] as usize * dim..][..dim];
            dispatch(isa, Cast { src, dst, accumulate: false });
        }
    });
}

fn check_embedding(name: &str, dim: usize, table: usize, ids: &[u32], rows: usize) {
    assert!(
        dim > 0 && table.is_multiple_of(dim) && rows == ids.len() * dim,
        "{name}: table of {table} elements and {rows} elements of rows for {} ids of dim {dim}",
        ids.len()
    );
    let vocab = table / dim;
    if let Some(id) = ids.iter().find(|id| **id as usize >= vocab) {
        panic!("{name}: id {id} is outside the table of {vocab} rows");
    }
}

/// Columns that one thread of [`embed_backward`] owns.
const EMBED_COLUMNS: usize = 64;

/// `dtable[ids[r]] += dout[r]`, in ascending order of rows whatever the threads: each thread owns some columns.
///
/// # Panics
/// When a length does not fit or an id is outside the table.
pub fn embed_backward<Y: Element>(dim: usize, dout: &[Y], ids: &[u32], dtable: &mut [f32]) {
    check_embedding("embed_backward", dim, dtable.len(), ids, dout.len());
    let isa = Isa::active();
    let dtable = SharedMut::new(dtable);
    for_rows(dim.div_ceil(EMBED_COLUMNS), ids.len() * EMBED_COLUMNS, |stripes| {
        let columns = stripes.start * EMBED_COLUMNS..(stripes.end * EMBED_COLUMNS).min(dim);
        for (dout, id) in dout.chunks_exact(dim).zip(ids) {
            // SAFETY: stripes of columns are disjoint.
            let sum = unsafe { dtable.part(*id as usize * dim + columns.start, columns.len()) };
            dispatch(isa, Add { x: &dout[columns.clone()], sum });
        }
    });
}

struct Add<'a, T> {
    x: &'a [T],
    sum: &'a mut [f32],
}

impl<T: Element> Kernel for Add<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        add_into(s, self.x, self.sum);
    }
}

/// `dst = src` or `dst += src`, through f32.
struct Cast<'a, A, B> {
    src: &'a [A],
    dst: &'a mut [B],
    accumulate: bool,
}

impl<A: Element, B: Element> Kernel for Cast<'_, A, B> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.src.len();
        assert_eq!(len, self.dst.len(), "cast of unlike lengths");
        let (src, dst) = (self.src.as_ptr(), self.dst.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`, the length of both.
            unsafe {
                let mut v = load_n(s, src.add(i), len - i);
                if self.accumulate {
                    v = s.add(load_n(s, dst.add(i), len - i), v);
                }
                store_n(s, dst.add(i), len - i, v);
            }
            i += S::LANES;
        }
    }
}

/// `b = a`, rounded to nearest even where `B` is narrower.
///
/// # Panics
/// When the lengths differ.
pub fn cast<A: Element, B: Element>(a: &[A], b: &mut [B]) {
    cast_or_add("cast", a, b, false);
}

/// `a += b`, summed in f32.
///
/// # Panics
/// When the lengths differ.
pub fn add_assign<A: Element, B: Element>(a: &mut [A], b: &[B]) {
    cast_or_add("add_assign", b, a, true);
}

fn cast_or_add<A: Element, B: Element>(name: &str, src: &[A], dst: &mut [B], accumulate: bool) {
    assert!(src.len() == dst.len(), "{name}: {} elements into {}", src.len(), dst.len());
    let isa = Isa::active();
    let dst = SharedMut::new(dst);
    for_rows(src.len(), 1, |r| {
        // SAFETY: chunks are disjoint.
        let dst = unsafe { dst.part(r.start, r.len()) };
        dispatch(isa, Cast { src: &src[r], dst, accumulate });
    });
}

/// `a *= s`.
pub fn scale_assign<T: Element>(a: &mut [T], s: f32) {
    let isa = Isa::active();
    let (len, a) = (a.len(), SharedMut::new(a));
    for_rows(len, 1, |r| {
        // SAFETY: chunks are disjoint.
        let x = unsafe { a.part(r.start, r.len()) };
        dispatch(isa, Scale { x, by: s });
    });
}

struct Scale<'a, T> {
    x: &'a mut [T],
    by: f32,
}

impl<T: Element> Kernel for Scale<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (len, x) = (self.x.len(), self.x.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`.
            unsafe {
                let v = s.mul(load_n(s, x.add(i), len - i), s.splat(self.by));
                store_n(s, x.add(i), len - i, v);
            }
            i += S::LANES;
        }
    }
}

/// `x[r] += bias` for each row of `x`, `[rows, bias.len()]`.
///
/// # Panics
/// When `x` is not whole rows.
pub fn bias_add<T: Element>(bias: &[f32], x: &mut [T]) {
    let dim = bias.len();
    let rows = whole_rows("bias_add", x.len(), dim);
    let isa = Isa::active();
    let x = SharedMut::new(x);
    for_rows(rows, dim, |rows| {
        for r in rows {
            // SAFETY: rows are disjoint.
            let dst = unsafe { x.part(r * dim, dim) };
            dispatch(isa, Cast { src: bias, dst, accumulate: true });
        }
    });
}

fn whole_rows(name: &str, len: usize, dim: usize) -> usize {
    assert!(dim > 0 && len.is_multiple_of(dim), "{name}: {len} elements are not rows of {dim}");
    len / dim
}

/// `dbias += sum of the rows of dx`, by blocks of 64 rows in order.
///
/// # Panics
/// When `dx` is not whole rows.
pub fn bias_backward<T: Element>(dx: &[T], dbias: &mut [f32]) {
    let dim = dbias.len();
    let rows = whole_rows("bias_backward", dx.len(), dim);
    let isa = Isa::active();
    let mut partial = vec![0.0f32; rows.div_ceil(ROW_BLOCK) * dim];
    let shared = SharedMut::new(&mut partial);
    for_row_blocks(rows, dim, |block, rows| {
        // SAFETY: each block has its own partial sum.
        let sum = unsafe { shared.part(block * dim, dim) };
        dispatch(isa, SumRows { x: &dx[rows.start * dim..rows.end * dim], sum });
    });
    dispatch(isa, AddRows { partial: &partial, sum: dbias });
}

struct SumRows<'a, T> {
    x: &'a [T],
    sum: &'a mut [f32],
}

impl<T: Element> Kernel for SumRows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in self.x.chunks_exact(self.sum.len()) {
            add_into(s, row, self.sum);
        }
    }
}

/// A rectangle of columns: row r is `src[r * src_stride + src_offset ..][..width]` and
/// `dst[r * dst_stride + dst_offset ..][..width]`.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Rows.
    pub rows: usize,
    /// Elements from one row of the source to the next.
    pub src_stride: usize,
    /// First column read.
    pub src_offset: usize,
    /// Elements from one row of the destination to the next.
    pub dst_stride: usize,
    /// First column written.
    pub dst_offset: usize,
    /// Columns copied.
    pub width: usize,
}

impl Columns {
    /// From the destination to the source: what gradients do.
    pub fn back(self) -> Columns {
        let Columns { rows, src_stride, src_offset, dst_stride, dst_offset, width } = self;
        Columns {
            rows,
            src_stride: dst_stride,
            src_offset: dst_offset,
            dst_stride: src_stride,
            dst_offset: src_offset,
            width,
        }
    }
}

/// Copies (or adds, when `accumulate`) a rectangle of columns; all others stay untouched.
///
/// # Panics
/// When the rectangle does not fit.
pub fn copy_columns<A: Element, B: Element>(op: &Columns, src: &[A], dst: &mut [B], accumulate: bool) {
    let Columns { rows, width, .. } = *op;
    let end = |offset: usize, stride: usize| {
        assert!(offset + width <= stride, "copy_columns: {op:?}");
        if rows == 0 { 0 } else { (rows - 1) * stride + offset + width }
    };
    assert!(
        end(op.src_offset, op.src_stride) <= src.len() && end(op.dst_offset, op.dst_stride) <= dst.len(),
        "{op:?}: source of {} elements, destination of {}",
        src.len(),
        dst.len()
    );
    let isa = Isa::active();
    let dst = SharedMut::new(dst);
    for_rows(rows, width, |rows| {
        for r in rows {
            let src = &src[r * op.src_stride + op.src_offset..][..width];
            // SAFETY: rows are disjoint.
            let dst = unsafe { dst.part(r * op.dst_stride + op.dst_offset, width) };
            dispatch(isa, Cast { src, dst, accumulate });
        }
    });
}

#[cfg(test)]
mod tests;
