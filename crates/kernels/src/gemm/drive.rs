//! From products to blocks on threads: what is packed first, how much at once, and who computes which part of `c`.
//!
//! - **By rows**, for many rows: the panels of `b` are packed once, for all; then each task packs some rows of `a` into
//!   its own L2 and runs them along all panels.
//! - **By columns**, for few rows: `a` is packed once, and each task packs and uses its own panels of `b`.
//!
//! Products are cut along `n` and `k` so that what is packed at once stays in the shared cache; parts along `k` go one
//! after another, continuing the chains from an f32 `c`. None of this changes a bit of the result.

use super::Compute;
use super::block::{Block, Output, Panels, Rows};
use super::pack::{Operand, PackLeft, PackRight, Tiles};
use super::path::{Form, Geometry, dispatch_path};
use super::scratch::Scratch;
use crate::isa::Isa;
use crate::pool;
use std::ops::Range;

/// Bytes of packed panels of `b` at once.
const SHARED_BYTES: usize = 16 << 20;
/// Bytes of packed rows of `a` in one block: part of a 1 MB L2.
const BLOCK_BYTES: usize = 400 << 10;
/// Register tiles in one block: enough to use a slice of `b` several times while it is in L1.
const BLOCK_TILES: usize = 12;
/// Units of `k` in one part of a product with an f32 `c`.
const PART_UNITS: usize = 1024;
/// Up to this many rows go by columns.
const FEW_ROWS: usize = 128;
/// Below both of these (some 20 microseconds of one thread), other threads are not worth waking.
const SERIAL_FLOPS: usize = 4_000_000;
const SERIAL_BYTES: usize = 1 << 20;
/// Tasks for each thread, so that a slow one can be helped.
const TASKS_PER_THREAD: usize = 4;

/// The right operand of a product.
#[derive(Clone, Copy)]
pub(super) enum Right {
    /// As it lies in memory.
    Raw(Operand),
    /// Panels packed ahead, from the first on, and the bytes from one to the next.
    Packed(*const u8, usize),
}

/// One product `c [m, n] (+)= a . b`.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub a: Operand,
    pub b: Right,
    pub c: Output,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub accumulate: bool,
}

/// Runs the products, whose outputs are disjoint.
///
/// # Safety
/// Each job's operands and output are valid for its shape.
pub(super) unsafe fn run(isa: Isa, compute: Compute, jobs: &[Job]) {
    let packs_ahead = jobs.iter().all(|job| job.m > FEW_ROWS && matches!(job.b, Right::Raw(_)));
    let form = Form::new(isa, compute, packs_ahead);
    let machine = Machine { isa, form, geometry: Geometry::new(isa, form), threads: pool::n_threads() };
    let mut wave: Vec<Job> = Vec::with_capacity(jobs.len());
    let mut bytes = 0;
    for job in jobs {
        for part in machine.split(job) {
            let part_bytes = machine.shared_bytes(&part.job);
            if !wave.is_empty() && (part.after_previous || bytes + part_bytes > SHARED_BYTES) {
                // SAFETY: passed on.
                unsafe { machine.run_wave(&wave) };
                wave.clear();
                bytes = 0;
            }
            bytes += part_bytes;
            wave.push(part.job);
        }
    }
    if !wave.is_empty() {
        // SAFETY: passed on.
        unsafe { machine.run_wave(&wave) };
    }
}

/// Part of a product.
struct Part {
    job: Job,
    /// Continues the chains of the part before it.
    after_previous: bool,
}

/// What is packed before the blocks run.
enum Pack {
    Tiles(usize, Range<usize>),
    Panels(usize, Range<usize>),
}

/// A block to run: its job, rows and panels.
struct Task {
    job: usize,
    rows: Range<usize>,
    panels: Range<usize>,
}

/// A pointer into the shared scratch that tasks may carry.
#[derive(Clone, Copy)]
struct Shared(*mut u8);

// SAFETY: tasks write disjoint parts, and read only after all are written.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn at(self, offset: usize) -> *mut u8 {
        self.0.wrapping_add(offset)
    }
}

// SAFETY: as with `Operand`, it is read only while the slice it came from is borrowed.
unsafe impl Send for Right {}
// SAFETY: as above.
unsafe impl Sync for Right {}

struct Machine {
    isa: Isa,
    form: Form,
    geometry: Geometry,
    threads: usize,
}

impl Machine {
    /// Cuts a product along `n` (so that packed panels fit [`SHARED_BYTES`]) and `k` (so that blocks fit L2).
    fn split(&self, job: &Job) -> Vec<Part> {
        let g = self.geometry;
        if job.m == 0 || job.n == 0 {
            return Vec::new();
        }
        if job.k == 0 {
            if !job.accumulate {
                // SAFETY: the job's output is valid.
                unsafe { job.c.zero(job.m, job.n) };
            }
            return Vec::new();
        }
        let k_part = if job.c.is_bf16() || job.m <= FEW_ROWS { job.k } else { PART_UNITS * g.k_step };
        let panels = (SHARED_BYTES / g.panel_bytes(k_part.min(job.k))).max(1);
        let n_part = match job.b {
            Right::Packed(..) => job.n,
            Right::Raw(_) => panels * g.panel,
        };
        let mut parts = Vec::new();
        for n in (0..job.n).step_by(n_part) {
            for k in (0..job.k).step_by(k_part) {
                let b = match job.b {
                    Right::Raw(b) => Right::Raw(b.at(n, k)),
                    Right::Packed(b, stride) => {
                        let skip = g.units(k) * g.panel * g.b_bytes;
                        Right::Packed(b.wrapping_add(skip), stride)
                    }
                };
                let part = Job {
                    a: job.a.at(0, k),
                    b,
                    c: job.c.at(0, n),
                    m: job.m,
                    n: n_part.min(job.n - n),
                    k: k_part.min(job.k - k),
                    accumulate: job.accumulate || k > 0,
                };
                parts.push(Part { job: part, after_previous: k > 0 });
            }
        }
        parts
    }

    fn by_rows(&self, job: &Job) -> bool {
        job.m > FEW_ROWS
    }

    fn n_panels(&self, job: &Job) -> usize {
        job.n.div_ceil(self.geometry.panel)
    }

    fn tiles(&self, rows: usize) -> Tiles {
        Tiles::new(rows, self.geometry.max_rows)
    }

    /// Bytes packed for a job before its blocks run.
    fn shared_bytes(&self, job: &Job) -> usize {
        let bytes = match job.b {
            _ if !self.by_rows(job) => self.tiles(job.m).n * self.geometry.tile_bytes(job.k),
            Right::Raw(_) => self.n_panels(job) * self.geometry.panel_bytes(job.k),
            Right::Packed(..) => 0,
        };
        bytes.next_multiple_of(64)
    }

    /// Runs products that do not depend on each other.
    unsafe fn run_wave(&self, jobs: &[Job]) {
        let flops: usize = jobs.iter().map(|job| 2 * job.m * job.n * job.k).sum();
        let b_bytes: usize = jobs.iter().map(|job| self.n_panels(job) * self.geometry.panel_bytes(job.k)).sum();
        let parallel = self.threads > 1 && (flops >= SERIAL_FLOPS || b_bytes >= SERIAL_BYTES);
        let threads = if parallel { self.threads } else { 1 };
        let mut offsets = Vec::with_capacity(jobs.len());
        let mut bytes = 0;
        let (mut packs, mut tasks) = (Vec::new(), Vec::new());
        for (i, job) in jobs.iter().enumerate() {
            offsets.push(bytes);
            bytes += self.shared_bytes(job);
            self.plan(i, job, threads, &mut packs, &mut tasks);
        }
        let scratch = Scratch::take(bytes);
        let shared = Shared(scratch.ptr());
        // SAFETY: the offsets give each job its own part of the scratch, and blocks run after packing.
        let pack = |p: &Pack| unsafe { self.pack(jobs, &offsets, shared, p) };
        let block = |t: &Task| unsafe { self.block(jobs, &offsets, shared, t) };
        if parallel {
            pool::for_each(packs.len(), |i| pack(&packs[i]));
            pool::for_each(tasks.len(), |i| block(&tasks[i]));
        } else {
            packs.iter().for_each(pack);
            tasks.iter().for_each(block);
        }
    }

    /// Appends what one job packs and runs.
    fn plan(&self, i: usize, job: &Job, threads: usize, packs: &mut Vec<Pack>, tasks: &mut Vec<Task>) {
        let n_panels = self.n_panels(job);
        let tiles = self.tiles(job.m).n;
        let wanted = if threads == 1 { 1 } else { threads * TASKS_PER_THREAD };
        if !self.by_rows(job) {
            let each = if threads == 1 || tiles * job.k < 16_384 { tiles } else { 1 };
            packs.extend(chunks(tiles, each).map(|which| Pack::Tiles(i, which)));
            // A lone row takes four panels at once.
            let unit = if job.m == 1 { 4 } else { 1 };
            let shares = even(n_panels.div_ceil(unit), wanted);
            let panels = shares.map(|units| units.start * unit..(units.end * unit).min(n_panels));
            tasks.extend(panels.map(|panels| Task { job: i, rows: 0..job.m, panels }));
            return;
        }
        if let Right::Raw(_) = job.b {
            packs.extend(chunks(n_panels, 4).map(|which| Pack::Panels(i, which)));
        }
        let fit = (BLOCK_BYTES / self.geometry.tile_bytes(job.k)).clamp(1, BLOCK_TILES);
        let each = tiles.div_ceil(wanted).clamp(fit.min(4), fit);
        let n_blocks = tiles.div_ceil(each);
        let n_columns = if threads == 1 { 1 } else { (2 * threads).div_ceil(n_blocks) };
        let columns = n_panels.div_ceil(n_columns).max(n_panels.min(8));
        for block in 0..n_blocks {
            let rows = block * job.m / n_blocks..(block + 1) * job.m / n_blocks;
            tasks.extend(chunks(n_panels, columns).map(|panels| Task { job: i, rows: rows.clone(), panels }));
        }
    }

    unsafe fn pack(&self, jobs: &[Job], offsets: &[usize], shared: Shared, pack: &Pack) {
        let g = self.geometry;
        match pack {
            Pack::Tiles(i, which) => {
                let job = &jobs[*i];
                let left = PackLeft {
                    a: job.a,
                    tiles: self.tiles(job.m),
                    which: which.clone(),
                    k: job.k,
                    dst: shared.at(offsets[*i]),
                    tile_stride: g.tile_bytes(job.k),
                };
                dispatch_path(self.isa, self.form, left);
            }
            Pack::Panels(i, which) => {
                let job = &jobs[*i];
                let Right::Raw(b) = job.b else {
                    unreachable!("packed ahead");
                };
                let right = PackRight {
                    b,
                    n: job.n,
                    k: job.k,
                    width: g.panel,
                    which: which.clone(),
                    dst: shared.at(offsets[*i] + which.start * g.panel_bytes(job.k)),
                    panel_stride: g.panel_bytes(job.k),
                };
                dispatch_path(self.isa, self.form, right);
            }
        }
    }

    unsafe fn block(&self, jobs: &[Job], offsets: &[usize], shared: Shared, task: &Task) {
        let g = self.geometry;
        let job = &jobs[task.job];
        let packed = shared.at(offsets[task.job]).cast_const();
        let by_rows = self.by_rows(job);
        let block = Block {
            a: if by_rows { Rows::Raw(job.a.at(task.rows.start, 0)) } else { Rows::Packed(packed) },
            b: match job.b {
                Right::Packed(b, stride) => Panels::Packed(b, stride),
                Right::Raw(_) if by_rows => Panels::Packed(packed, g.panel_bytes(job.k)),
                Right::Raw(b) => Panels::Raw(b),
            },
            c: job.c.at(task.rows.start, 0),
            rows: task.rows.len(),
            n: job.n,
            k: job.k,
            panels: task.panels.clone(),
            tile_stride: g.tile_bytes(job.k),
            accumulate: job.accumulate,
            next_rows: task.rows.len().min(job.m - task.rows.end),
        };
        dispatch_path(self.isa, self.form, block);
    }
}

/// `0..n` in up to `parts` ranges that differ by one at most.
fn even(n: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = parts.min(n).max(1);
    (0..parts).map(move |i| i * n / parts..(i + 1) * n / parts)
}

/// `0..n` in ranges of `each`.
fn chunks(n: usize, each: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(each.max(1)).map(move |i| i..(i + each).min(n))
}
