//! The order of work of every rank of a pipeline, by schedule.
//!
//! A micro-batch is its number; in DualPipe the second half of them travel the other way. A stage is a number from the
//! embedding's to the head's. Which rank holds a stage, [`Plan::rank_of`] says.

use crate::layout::Schedule;

#[cfg(test)]
mod tests;

/// One micro-batch in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Which micro-batch.
    pub micro_batch: usize,
    /// Which stage of the model.
    pub stage: usize,
}

/// What a rank does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Forward.
    Forward(Chunk),
    /// Backward of inputs and weights.
    Backward(Chunk),
    /// Backward of inputs alone.
    BackwardInput(Chunk),
    /// Backward of weights, put off.
    Weight(Chunk),
    /// A forward and a whole backward side by side.
    Both(Chunk, Chunk),
}

/// Every rank's work in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Ranks of the pipeline.
    pub n_ranks: usize,
    /// Stages of the model.
    pub n_stages: usize,
    /// Micro-batches, both directions together.
    pub n_micro_batches: usize,
    /// For each rank its work.
    pub work: Vec<Vec<Work>>,
    is_dual: bool,
}

impl Plan {
    /// `vpp` stages a rank for 1F1B; DualPipe's ranks hold two stages each. Expects what `Layout::check` lets through.
    pub fn new(schedule: Schedule, n_ranks: usize, vpp: usize, n_micro_batches: usize) -> Plan {
        let is_dual = schedule == Schedule::DualPipe && n_ranks > 1;
        let rank = |r: usize| match schedule {
            _ if is_dual => dualpipe(r, n_ranks, n_micro_batches),
            Schedule::Zb1p => zb1p(r, n_ranks, n_micro_batches),
            _ if vpp > 1 => interleaved(r, n_ranks, vpp, n_micro_batches),
            _ => one_f_one_b(r, n_ranks, n_micro_batches),
        };
        let n_stages = n_ranks * if is_dual { 1 } else { vpp };
        Plan { n_ranks, n_stages, n_micro_batches, work: (0..n_ranks).map(rank).collect(), is_dual }
    }

    /// The rank that does `chunk`.
    pub fn rank_of(&self, chunk: Chunk) -> usize {
        match self.is_dual && chunk.micro_batch >= self.n_micro_batches / 2 {
            true => self.n_ranks - 1 - chunk.stage,
            false => chunk.stage % self.n_ranks,
        }
    }

    /// The stages that `rank` holds.
    pub fn stages_of(&self, rank: usize) -> Vec<usize> {
        match self.is_dual {
            true => vec![rank, self.n_ranks - 1 - rank],
            false => (rank..self.n_stages).step_by(self.n_ranks).collect(),
        }
    }
}

fn one_f_one_b(rank: usize, n_ranks: usize, n: usize) -> Vec<Work> {
    let chunk = |micro_batch| Chunk { micro_batch, stage: rank };
    let warm = (n_ranks - rank).min(n);
    let mut work: Vec<Work> = (0..warm).map(|i| Work::Forward(chunk(i))).collect();
    for i in 0..n {
        work.push(Work::Backward(chunk(i)));
        if warm + i < n {
            work.push(Work::Forward(chunk(warm + i)));
        }
    }
    work
}

/// ZB-H1: rank r puts a micro-batch's weights off by r micro-batches, so that they fill the wait at the end.
fn zb1p(rank: usize, n_ranks: usize, n: usize) -> Vec<Work> {
    let chunk = |micro_batch| Chunk { micro_batch, stage: rank };
    let warm = (n_ranks - rank).min(n);
    let mut work: Vec<Work> = (0..warm).map(|i| Work::Forward(chunk(i))).collect();
    for i in 0..n {
        work.push(Work::BackwardInput(chunk(i)));
        if i >= rank {
            work.push(Work::Weight(chunk(i - rank)));
        }
        if warm + i < n {
            work.push(Work::Forward(chunk(warm + i)));
        }
    }
    work.extend((n.saturating_sub(rank)..n).map(|i| Work::Weight(chunk(i))));
    work
}

/// Interleaved 1F1B (arXiv:2104.04473, section 2.2): groups of `n_ranks` micro-batches pass through a rank's stages in
/// turn.
fn interleaved(rank: usize, n_ranks: usize, vpp: usize, n: usize) -> Vec<Work> {
    let total = n * vpp;
    let nth = |i: usize, is_forward: bool| {
        let (round, within) = (i / (n_ranks * vpp), i % (n_ranks * vpp));
        let turn = within / n_ranks;
        let turn = if is_forward { turn } else { vpp - 1 - turn };
        Chunk { micro_batch: round * n_ranks + within % n_ranks, stage: turn * n_ranks + rank }
    };
    let warm = (2 * (n_ranks - rank - 1) + (vpp - 1) * n_ranks).min(total);
    let mut work: Vec<Work> = (0..warm).map(|i| Work::Forward(nth(i, true))).collect();
    for i in warm..total {
        work.push(Work::Forward(nth(i, true)));
        work.push(Work::Backward(nth(i - warm, false)));
    }
    work.extend((total - warm..total).map(|i| Work::Backward(nth(i, false))));
    work
}

/// A rank's side of DualPipe. "Near" is the direction whose first stage is in the rank's half of the pipeline.
struct Dual {
    near: Direction,
    far: Direction,
    put_off: std::collections::VecDeque<Chunk>,
    work: Vec<Work>,
}

struct Direction {
    first: usize,
    stage: usize,
    n_forward: usize,
    n_backward: usize,
}

impl Direction {
    fn forward(&mut self) -> Chunk {
        self.n_forward += 1;
        Chunk { micro_batch: self.first + self.n_forward - 1, stage: self.stage }
    }

    fn backward(&mut self) -> Chunk {
        self.n_backward += 1;
        Chunk { micro_batch: self.first + self.n_backward - 1, stage: self.stage }
    }
}

impl Dual {
    /// A backward whose weights are put off.
    fn input(&mut self, chunk: Chunk) {
        self.work.push(Work::BackwardInput(chunk));
        self.put_off.push_back(chunk);
    }

    fn weight(&mut self) {
        if let Some(chunk) = self.put_off.pop_front() {
            self.work.push(Work::Weight(chunk));
        }
    }
}

/// DualPipe's eight phases (V3's report, figure 5; github.com/deepseek-ai/DualPipe).
fn dualpipe(rank: usize, n_ranks: usize, n: usize) -> Vec<Work> {
    let (half, depth, each) = (n_ranks / 2, rank.min(n_ranks - 1 - rank), n / 2);
    let direction = |first, stage| Direction { first, stage, n_forward: 0, n_backward: 0 };
    let (down, up) = (direction(0, rank), direction(each, n_ranks - 1 - rank));
    let (near, far) = if rank < half { (down, up) } else { (up, down) };
    let mut dual = Dual { near, far, put_off: Default::default(), work: Vec::new() };
    let outward = half - depth - 1;
    for _ in 0..2 * outward {
        let chunk = dual.near.forward();
        dual.work.push(Work::Forward(chunk));
    }
    for _ in 0..=depth {
        let chunks = [dual.near.forward(), dual.far.forward()];
        dual.work.extend(chunks.map(Work::Forward));
    }
    for _ in 0..outward {
        let chunk = dual.far.backward();
        dual.input(chunk);
        dual.weight();
        let chunk = dual.far.forward();
        dual.work.push(Work::Forward(chunk));
    }
    for i in 0..each + depth + 1 - n_ranks {
        let (forward, backward) = (dual.near.forward(), dual.far.backward());
        match i == 0 && depth + 1 == half {
            // The two middle ranks do not overlap the first pair: the other would wait for it.
            true => dual.work.extend([Work::Forward(forward), Work::Backward(backward)]),
            false => dual.work.push(Work::Both(forward, backward)),
        }
        let pair = Work::Both(dual.far.forward(), dual.near.backward());
        dual.work.push(pair);
    }
    for _ in 0..outward {
        let chunk = dual.far.backward();
        dual.work.push(Work::Backward(chunk));
        let pair = Work::Both(dual.far.forward(), dual.near.backward());
        dual.work.push(pair);
    }
    let mut splits = false;
    for i in 0..=depth {
        splits |= i == depth.div_ceil(2) && depth % 2 == 1;
        for is_near in [false, true] {
            let chunk = if is_near { dual.near.backward() } else { dual.far.backward() };
            match splits {
                true => dual.input(chunk),
                false => dual.work.push(Work::Backward(chunk)),
            }
            splits |= i == depth.div_ceil(2) && depth % 2 == 0;
        }
    }
    for _ in 0..outward {
        dual.weight();
        let chunk = dual.near.backward();
        dual.input(chunk);
    }
    while !dual.put_off.is_empty() {
        dual.weight();
    }
    dual.work
}
