//! Attention over a cache of keys and values in blocks, for prefill and decoding: the bits of the packed forward.
//!
//! One layer's pool: keys `[n_blocks, g, d, KV_BLOCK]`, transposed so that a decoded row reads whole vectors of
//! positions, values `[n_blocks, g, KV_BLOCK, e]`.

use super::pack::Rows;
use super::tile::{Attend, KvBlocks, TILE, TileScratch, write_row};
use super::{Attention, KV_BLOCK, Span, check_spans};
use crate::isa::Isa;
use crate::parallel::{SharedMut, for_tasks};
use crate::pool;
use crate::scratch::{Scratch, with_scratch};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// Fewer rows than this share the loading of keys badly.
const MIN_ROWS: usize = 8;
/// Fewer rows than this are not worth widening a sequence's keys again.
const MIN_PACKED_ROWS: usize = 128;

/// One sequence's new rows and the blocks of its positions.
#[derive(Clone, Copy, Debug)]
pub struct CachedSeq<'a> {
    /// First row of its queries (and new keys and values).
    pub row: usize,
    /// New rows.
    pub len: usize,
    /// Positions before them, already in the cache.
    pub n_cached: usize,
    /// The blocks of positions 0..64, 64..128, ...; at least enough for `n_cached + len`. No block that receives new
    /// rows is shared with another sequence of the call.
    pub blocks: &'a [u32],
}

impl<'a> CachedSeq<'a> {
    /// The blocks that receive new rows.
    fn written(&self) -> &'a [u32] {
        let end = self.n_cached + self.len;
        if self.len == 0 { &[] } else { &self.blocks[self.n_cached / KV_BLOCK..end.div_ceil(KV_BLOCK)] }
    }
}

/// Checks the sequences against `t` rows and the pool's blocks.
fn check(name: &str, op: &Attention, seqs: &[CachedSeq], t: usize, k_pool: usize, v_pool: usize) {
    let k_block = op.n_kv_heads * op.qk_head_dim * KV_BLOCK;
    let v_block = op.n_kv_heads * op.v_head_dim * KV_BLOCK;
    let n_blocks = k_pool / k_block;
    assert!(
        k_pool == n_blocks * k_block && v_pool == n_blocks * v_block,
        "{name}: {op:?}: pools of {k_pool} and {v_pool} elements are not blocks of {k_block} and {v_block}"
    );
    check_spans(name, seqs.iter().map(|seq| Span::new(seq.row, seq.len)).collect(), t);
    for seq in seqs {
        let n = seq.n_cached + seq.len;
        assert!(
            seq.row + seq.len <= t
                && seq.blocks.len() >= n.div_ceil(KV_BLOCK)
                && seq.blocks.iter().all(|b| (*b as usize) < n_blocks),
            "{name}: {seq:?} does not fit {t} rows and {n_blocks} blocks"
        );
    }
}

/// Writes the new rows of keys `[t, g, d]` and values `[t, g, e]` into the pool, at positions from `n_cached` on.
///
/// # Panics
/// When a length or block does not fit.
pub fn kv_cache_write<T: Element>(
    op: &Attention,
    seqs: &[CachedSeq],
    k: &[T],
    v: &[T],
    k_pool: &mut [T],
    v_pool: &mut [T],
) {
    const NAME: &str = "kv_cache_write";
    let Attention { n_kv_heads, qk_head_dim: d, v_head_dim: e, .. } = *op;
    let t = k.len() / (n_kv_heads * d);
    assert!(
        k.len() == t * n_kv_heads * d && v.len() == t * n_kv_heads * e,
        "{NAME}: {op:?}: k has {} elements, v {}",
        k.len(),
        v.len()
    );
    check(NAME, op, seqs, t, k_pool.len(), v_pool.len());
    let mut written: Vec<u32> = seqs.iter().flat_map(|seq| seq.written()).copied().collect();
    written.sort_unstable();
    if let Some(pair) = written.windows(2).find(|pair| pair[0] == pair[1]) {
        panic!("{NAME}: two sequences, or one twice, write block {}", pair[0]);
    }
    // One task for each sequence and key-value head; a block that receives rows belongs to one sequence.
    let n_rows: usize = seqs.iter().map(|seq| seq.len).sum();
    let (k_pool, v_pool) = (SharedMut::new(k_pool), SharedMut::new(v_pool));
    for_tasks(seqs.len() * n_kv_heads, n_rows * n_kv_heads * (d + e), |task| {
        let (seq, g) = (&seqs[task / n_kv_heads], task % n_kv_heads);
        let mut i = 0;
        while i < seq.len {
            let position = seq.n_cached + i;
            let first = position % KV_BLOCK;
            let n = (KV_BLOCK - first).min(seq.len - i);
            let block = seq.blocks[position / KV_BLOCK] as usize * n_kv_heads + g;
            // SAFETY: this block and head belong to this task alone.
            let (keys, values) = unsafe {
                (k_pool.part(block * d * KV_BLOCK, d * KV_BLOCK), v_pool.part(block * e * KV_BLOCK, e * KV_BLOCK))
            };
            for slot in first..first + n {
                let src = (seq.row + i + slot - first) * n_kv_heads + g;
                for (x, column) in k[src * d..][..d].iter().zip(keys.chunks_exact_mut(KV_BLOCK)) {
                    column[slot] = *x;
                }
                values[slot * e..][..e].copy_from_slice(&v[src * e..][..e]);
            }
            i += n;
        }
    });
}

/// Attends each sequence's new rows, causal among themselves, to its positions in the pool, where
/// [`kv_cache_write`] has put the new rows too. q is `[t, h, d]`, out `[t, h, e]`; rows of no sequence stay untouched.
///
/// # Panics
/// When a length or block does not fit.
pub fn attention_cached<T: Element>(
    op: &Attention,
    seqs: &[CachedSeq],
    q: &[T],
    k_pool: &[T],
    v_pool: &[T],
    out: &mut [T],
) {
    attention_cached_on(Isa::active(), op, seqs, Cache { q, k_pool, v_pool }, out);
}

/// What cached attention reads.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a, T> {
    /// `[t, h, d]`
    pub q: &'a [T],
    /// `[n_blocks, g, d, KV_BLOCK]`
    pub k_pool: &'a [T],
    /// `[n_blocks, g, KV_BLOCK, e]`
    pub v_pool: &'a [T],
}

/// [`attention_cached`] on a given instruction set.
pub fn attention_cached_on<T: Element>(
    isa: Isa,
    op: &Attention,
    seqs: &[CachedSeq],
    cache: Cache<'_, T>,
    out: &mut [T],
) {
    const NAME: &str = "attention_cached";
    let [q_row, _, _, out_row] = op.rows();
    let t = cache.q.len() / q_row;
    assert!(
        op.n_heads.is_multiple_of(op.n_kv_heads) && cache.q.len() == t * q_row && out.len() == t * out_row,
        "{NAME}: {op:?}: q has {} elements, out {}",
        cache.q.len(),
        out.len()
    );
    check(NAME, op, seqs, t, cache.k_pool.len(), cache.v_pool.len());
    let tasks = tasks::<T>(op, seqs);
    let pairs: usize = seqs.iter().map(|seq| seq.len * (seq.n_cached + seq.len)).sum();
    let ops = pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
    let out = SharedMut::new(out);
    for_tasks(tasks.len(), ops, |i| {
        let task = &tasks[i];
        with_scratch(&lens(op, task), |scratch| {
            dispatch(isa, Cached { op, task, next: tasks.get(i + 1), cache, out: &out, scratch });
        });
    });
}

/// Rows of one sequence that share a key-value head.
struct Task<'a> {
    seq: &'a CachedSeq<'a>,
    kv_head: usize,
    /// Of `len * group` rows.
    rows: Range<usize>,
    /// Whether the pool's blocks are widened first, for all rows together.
    packed: bool,
}

/// Enough tasks for every thread: where sequences and heads are few, their rows are split.
fn tasks<'a, T: Element>(op: &Attention, seqs: &'a [CachedSeq<'a>]) -> Vec<Task<'a>> {
    let wanted = 4 * pool::n_threads();
    let whole = (seqs.len() * op.n_kv_heads).max(1);
    let mut tasks = Vec::new();
    for seq in seqs.iter().filter(|seq| seq.len > 0) {
        let (n_rows, packed) = (seq.len * op.group(), packs::<T>(op, seq));
        let least = if packed { MIN_PACKED_ROWS } else { MIN_ROWS };
        let chunk = n_rows.div_ceil(wanted.div_ceil(whole)).next_multiple_of(least);
        for kv_head in 0..op.n_kv_heads {
            for start in (0..n_rows).step_by(chunk) {
                tasks.push(Task { seq, kv_head, rows: start..(start + chunk).min(n_rows), packed });
            }
        }
    }
    tasks
}

/// The pool is read where it is, unless values need padding or many rows share the widening of bf16.
fn packs<T: Element>(op: &Attention, seq: &CachedSeq) -> bool {
    let many = T::IS_BF16 && seq.len * op.group() > 8;
    !op.v_head_dim.is_multiple_of(16) || many
}

/// Scratch for packed keys and values, if any, and the tile's own, for any instruction set.
fn lens(op: &Attention, task: &Task) -> [usize; 5] {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let n = if task.packed { (task.seq.n_cached + task.seq.len).next_multiple_of(KV_BLOCK) } else { 0 };
    let [q, p, o] = TileScratch::lens(d, e);
    [n * d, n * e.next_multiple_of(16), q, p, o]
}

struct Cached<'a, 'o, T> {
    op: &'a Attention,
    task: &'a Task<'a>,
    /// What the same thread is likely to do after it.
    next: Option<&'a Task<'a>>,
    cache: Cache<'a, T>,
    out: &'a SharedMut<'o, T>,
    scratch: Scratch<'a>,
}

impl<T: Element> Kernel for Cached<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Attention { qk_head_dim: d, v_head_dim: e, .. } = *self.op;
        let v_stride = e.next_multiple_of(S::LANES);
        let lens = lens(self.op, self.task);
        let [k, v, q, p, o] = lens.map(|len| self.scratch.take(len));
        let mut scratch = TileScratch { q, p, o };
        let pool = KvBlocks {
            k: self.cache.k_pool,
            v: self.cache.v_pool,
            table: Some(self.task.seq.blocks),
            n_kv_heads: self.op.n_kv_heads,
            kv_head: self.task.kv_head,
            next: self.next.map(|next| next.seq.blocks[0] as usize * self.op.n_kv_heads + next.kv_head),
            d,
            v_stride: e,
        };
        if self.task.packed {
            self.pack(s, &pool, k, (v, v_stride));
            let packed = KvBlocks { k: &*k, v: &*v, table: None, n_kv_heads: 1, kv_head: 0, next: None, d, v_stride };
            self.tiles(s, &packed, v_stride, &mut scratch);
        } else {
            self.tiles(s, &pool, v_stride, &mut scratch);
        }
    }
}

impl<T: Element> Cached<'_, '_, T> {
    /// Widens the pool's blocks up to the last position.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, pool: &KvBlocks<'_, T>, k: &mut [f32], (v, v_stride): (&mut [f32], usize)) {
        let n_keys = self.task.seq.n_cached + self.task.seq.len;
        let (d, e) = (pool.d, pool.v_stride);
        let blocks = k.chunks_exact_mut(d * KV_BLOCK).zip(v.chunks_exact_mut(v_stride * KV_BLOCK));
        for (b, (k, v)) in blocks.enumerate() {
            let (keys, values) = pool.block(b);
            let keys = Rows { data: keys, span: Span::new(0, d), n_heads: 1, head: 0, width: KV_BLOCK };
            keys.pack(s, 0..d, 1.0, (k, KV_BLOCK));
            let values = Rows { data: values, span: Span::new(0, KV_BLOCK), n_heads: 1, head: 0, width: e };
            values.pack(s, 0..(n_keys - b * KV_BLOCK).min(KV_BLOCK), 1.0, (v, v_stride));
        }
    }

    /// Attends tiles of (position, head) rows: by head where there are many positions, else by position.
    #[inline(always)]
    fn tiles<S: Simd, K: Element>(&self, s: S, kv: &KvBlocks<'_, K>, o_stride: usize, scratch: &mut TileScratch<'_>) {
        let Attention { n_heads, qk_head_dim: d, v_head_dim: e, scale, .. } = *self.op;
        let Task { seq, kv_head, rows, .. } = self.task;
        let (len, group) = (seq.len, self.op.group());
        let row = |i: usize| {
            let (p, h) = if len >= 8 { (i % len, i / len) } else { (i / group, i % group) };
            (p, (seq.row + p) * n_heads + kv_head * group + h)
        };
        for first in rows.clone().step_by(TILE) {
            let m = (rows.end - first).min(TILE);
            let mut limits = [0; TILE];
            for (r, limit) in limits.iter_mut().enumerate().take(m) {
                let (p, at) = row(first + r);
                scratch.set_query(r, m, &self.cache.q[at * d..][..d], scale);
                *limit = seq.n_cached + p + 1;
            }
            let result = s.call(Attend { kv, o_stride, limits: &limits[..m], scratch });
            for r in 0..m {
                // SAFETY: each (row, head) belongs to one tile of one task.
                let out = unsafe { self.out.part(row(first + r).1 * e, e) };
                write_row(s, r, &scratch.o[r * o_stride..], &result, out);
            }
        }
    }
}
