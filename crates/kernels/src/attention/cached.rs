//! Attention over a cache of keys and values in blocks, for prefill and decoding: the bits of the packed forward.
//!
//! One layer's pool: keys `[n_blocks, g, d, KV_BLOCK]`, transposed so that a decoded row reads whole vectors of
//! positions, values `[n_blocks, g, KV_BLOCK, e]`.

use super::tile::{KvBlocks, Packed, TILE, TileScratch, attend, write_row};
use super::{Attention, KV_BLOCK};
use crate::isa::Isa;
use crate::lanes::load_n;
use crate::parallel::{SharedMut, for_tasks};
use crate::scratch::{Scratch, with_scratch};
use crate::simd::{Element, Kernel, Simd, dispatch};

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

/// Checks the sequences against `t` rows and the pool's blocks.
fn check(name: &str, op: &Attention, seqs: &[CachedSeq], t: usize, k_pool: usize, v_pool: usize) {
    let k_block = op.n_kv_heads * op.qk_head_dim * KV_BLOCK;
    let v_block = op.n_kv_heads * op.v_head_dim * KV_BLOCK;
    let n_blocks = k_pool / k_block;
    assert!(
        k_pool == n_blocks * k_block && v_pool == n_blocks * v_block,
        "{name}: {op:?}: pools of {k_pool} and {v_pool} elements are not blocks of {k_block} and {v_block}"
    );
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
    for seq in seqs {
        for i in 0..seq.len {
            let position = seq.n_cached + i;
            let (block, slot) = (seq.blocks[position / KV_BLOCK] as usize, position % KV_BLOCK);
            for g in 0..n_kv_heads {
                let src = (seq.row + i) * n_kv_heads + g;
                let dst = block * n_kv_heads + g;
                let keys = &mut k_pool[dst * d * KV_BLOCK..][..d * KV_BLOCK];
                for (c, x) in k[src * d..][..d].iter().enumerate() {
                    keys[c * KV_BLOCK + slot] = *x;
                }
                v_pool[(dst * KV_BLOCK + slot) * e..][..e].copy_from_slice(&v[src * e..][..e]);
            }
        }
    }
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
        op.n_heads.is_multiple_of(op.n_kv_heads)
            && cache.q.len() == t * q_row
            && out.len() == t * out_row,
        "{NAME}: {op:?}: q has {} elements, out {}",
        cache.q.len(),
        out.len()
    );
    check(NAME, op, seqs, t, cache.k_pool.len(), cache.v_pool.len());
    let tasks: Vec<(&CachedSeq, usize)> = seqs
        .iter()
        .filter(|seq| seq.len > 0)
        .flat_map(|seq| (0..op.n_kv_heads).map(move |g| (seq, g)))
        .collect();
    let pairs: usize = seqs.iter().map(|seq| seq.len * (seq.n_cached + seq.len)).sum();
    let ops = pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
    let out = SharedMut::new(out);
    for_tasks(tasks.len(), ops, |i| {
        let (seq, kv_head) = tasks[i];
        let packed = packs::<T>(op, seq);
        with_scratch(&lens(op, seq, packed), |scratch| {
            dispatch(isa, Cached { op, seq, kv_head, cache, out: &out, packed, scratch });
        });
    });
}

/// The pool is read where it is, unless values need padding or many rows share the widening of bf16.
fn packs<T: Element>(op: &Attention, seq: &CachedSeq) -> bool {
    let many = T::IS_BF16 && seq.len * op.group() > TILE;
    !op.v_head_dim.is_multiple_of(16) || many
}

/// Scratch for packed keys and values, if any, and the tile's own, for any instruction set.
fn lens(op: &Attention, seq: &CachedSeq, packed: bool) -> [usize; 5] {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let n = if packed { (seq.n_cached + seq.len).next_multiple_of(KV_BLOCK) } else { 0 };
    let [q, p, o] = TileScratch::lens(d, e);
    [n * d, n * e.next_multiple_of(16), q, p, o]
}

struct Cached<'a, 'o, T> {
    op: &'a Attention,
    seq: &'a CachedSeq<'a>,
    kv_head: usize,
    cache: Cache<'a, T>,
    out: &'a SharedMut<'o, T>,
    packed: bool,
    scratch: Scratch<'a>,
}

impl<T: Element> Kernel for Cached<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Attention { qk_head_dim: d, v_head_dim: e, .. } = *self.op;
        let v_stride = e.next_multiple_of(S::LANES);
        let lens = lens(self.op, self.seq, self.packed);
        let [k, v, q, p, o] = lens.map(|len| self.scratch.take(len));
        let mut scratch = TileScratch { q, p, o };
        let pool = self.pool();
        if self.packed {
            self.pack(s, &pool, k, (v, v_stride));
            self.tiles(s, &Packed { k, v, d, v_stride }, v_stride, &mut scratch);
        } else {
            self.tiles(s, &pool, v_stride, &mut scratch);
        }
    }
}

/// One sequence's blocks of one key-value head, where they lie in the pool.
struct Pool<'a, T> {
    cache: Cache<'a, T>,
    blocks: &'a [u32],
    n_kv_heads: usize,
    kv_head: usize,
    d: usize,
    e: usize,
}

impl<T: Element> Pool<'_, T> {
    fn keys(&self, b: usize) -> &[T] {
        let at = self.blocks[b] as usize * self.n_kv_heads + self.kv_head;
        &self.cache.k_pool[at * self.d * KV_BLOCK..][..self.d * KV_BLOCK]
    }

    fn values(&self, b: usize) -> &[T] {
        let at = self.blocks[b] as usize * self.n_kv_heads + self.kv_head;
        &self.cache.v_pool[at * self.e * KV_BLOCK..][..self.e * KV_BLOCK]
    }
}

impl<T: Element> KvBlocks for Pool<'_, T> {
    type T = T;
    #[inline(always)]
    fn block(&self, b: usize) -> (*const T, *const T) {
        (self.keys(b).as_ptr(), self.values(b).as_ptr())
    }
    #[inline(always)]
    fn v_stride(&self) -> usize {
        self.e
    }
}

impl<'a, T: Element> Cached<'a, '_, T> {
    fn pool(&self) -> Pool<'a, T> {
        Pool {
            cache: self.cache,
            blocks: self.seq.blocks,
            n_kv_heads: self.op.n_kv_heads,
            kv_head: self.kv_head,
            d: self.op.qk_head_dim,
            e: self.op.v_head_dim,
        }
    }

    /// Widens the pool's blocks; positions that were never written become 0.
    #[inline(always)]
    fn pack<S: Simd>(
        &self,
        s: S,
        pool: &Pool<'_, T>,
        k: &mut [f32],
        (v, v_stride): (&mut [f32], usize),
    ) {
        let n_keys = self.seq.n_cached + self.seq.len;
        for (b, k) in k.chunks_exact_mut(pool.d * KV_BLOCK).enumerate() {
            let src = pool.keys(b);
            for i in (0..src.len()).step_by(S::LANES) {
                // SAFETY: both hold d * KV_BLOCK elements, whole vectors.
                unsafe { s.store_f32(k.as_mut_ptr().add(i), T::load(s, src.as_ptr().add(i))) };
            }
        }
        for (p, v) in v.chunks_exact_mut(v_stride).enumerate() {
            if p >= n_keys {
                v.fill(0.0);
                continue;
            }
            let src = &pool.values(p / KV_BLOCK)[p % KV_BLOCK * pool.e..][..pool.e];
            for i in (0..v_stride).step_by(S::LANES) {
                // SAFETY: at most `e` elements are read; `v_stride` is whole vectors.
                unsafe {
                    let x = if i < pool.e {
                        load_n(s, src.as_ptr().add(i), pool.e - i)
                    } else {
                        s.splat(0.0)
                    };
                    s.store_f32(v.as_mut_ptr().add(i), x);
                }
            }
        }
    }

    /// Attends tiles of (position, head) rows: by head where there are many positions, else by position.
    #[inline(always)]
    fn tiles<S: Simd, K: KvBlocks>(
        &self,
        s: S,
        kv: &K,
        o_stride: usize,
        scratch: &mut TileScratch<'_>,
    ) {
        let Attention { n_heads, qk_head_dim: d, v_head_dim: e, scale, .. } = *self.op;
        let (len, group) = (self.seq.len, self.op.group());
        let n_rows = len * group;
        let row = |i: usize| {
            let (p, h) = if len >= TILE { (i % len, i / len) } else { (i / group, i % group) };
            (p, (self.seq.row + p) * n_heads + self.kv_head * group + h)
        };
        for first in (0..n_rows).step_by(TILE) {
            let m = (n_rows - first).min(TILE);
            let mut limits = [0; TILE];
            for (r, limit) in limits.iter_mut().enumerate().take(m) {
                let (p, at) = row(first + r);
                scratch.set_query(r, &self.cache.q[at * d..][..d], scale);
                *limit = self.seq.n_cached + p + 1;
            }
            // SAFETY: the blocks hold all positions up to the last row's; every limit is at least 1.
            let result = unsafe { attend(s, kv, d, o_stride, &limits[..m], scratch) };
            for r in 0..m {
                // SAFETY: each (row, head) belongs to one tile of one task.
                let out = unsafe { self.out.part(row(first + r).1 * e, e) };
                write_row(s, r, &scratch.o[r * o_stride..], &result, out);
            }
        }
    }
}
