//! A training step on a cluster: layers placed on stages, the pipeline simulated, gradients exchanged, and what a whole
//! run of such steps takes.

mod memory;
mod nearest;
mod search;
#[cfg(test)]
mod tests;

use model::count::{AttentionSpan, FlopModel, MlaForm, count_layer};
use serde::Serialize;

pub(crate) use memory::tokens_held;
pub use memory::{ChipMemory, activation_bytes, chip_memory};
pub use nearest::{Asked, stated_layout};
pub(crate) use search::best_of;
pub use search::{best_layout, ranked_layouts};

use crate::assumptions as assume;
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, Precision, Schedule};
use crate::schedule::{Chunk, Plan, Work};
use crate::timeline::{Durations, Kind, Timeline, simulate};
use crate::traffic::{AllToAll, Group, context_parallel_bytes, pipeline_bytes, pipeline_hop_s, tensor_parallel_bytes};
use crate::work::{Counts, StageTime, Worker};

/// Seconds of a step by what they go to: the mean over a pipeline's ranks, as arXiv:2505.09343, Table 4 has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Breakdown {
    /// Forward alone ("1F").
    pub forward_s: f64,
    /// Backward alone ("1B").
    pub backward_s: f64,
    /// Weights alone ("1W").
    pub weight_s: f64,
    /// Forward and backward overlapped ("1F1B").
    pub overlapped_s: f64,
    /// Waiting ("bubble").
    pub bubble_s: f64,
    /// Gradients, optimizer and parameters ("opt").
    pub optimizer_s: f64,
}

impl Breakdown {
    /// The parts with their published names.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("1F", self.forward_s),
            ("1B", self.backward_s),
            ("1W", self.weight_s),
            ("1F1B", self.overlapped_s),
            ("bubble", self.bubble_s),
            ("optimizer", self.optimizer_s),
        ]
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        self.named().iter().map(|(_, s)| s).sum()
    }

    /// Without parts that are rounding's: less than a millionth of a step.
    fn without_dust(self) -> Breakdown {
        let least = LEAST_SHARE * self.total();
        let clean = |s: f64| if s < least { 0.0 } else { s };
        Breakdown {
            forward_s: clean(self.forward_s),
            backward_s: clean(self.backward_s),
            weight_s: clean(self.weight_s),
            overlapped_s: clean(self.overlapped_s),
            bubble_s: clean(self.bubble_s),
            optimizer_s: clean(self.optimizer_s),
        }
    }

    fn of(timeline: &Timeline) -> Breakdown {
        Breakdown {
            forward_s: timeline.mean_s(Kind::Forward),
            backward_s: timeline.mean_s(Kind::Backward),
            weight_s: timeline.mean_s(Kind::Weight),
            overlapped_s: timeline.mean_s(Kind::Both),
            bubble_s: timeline.bubble_s(),
            optimizer_s: 0.0,
        }
    }

    /// Continued by `times` the difference from `earlier`.
    fn extended(&self, earlier: &Breakdown, times: f64) -> Breakdown {
        let on = |now: f64, before: f64| now + times * (now - before);
        Breakdown {
            forward_s: on(self.forward_s, earlier.forward_s),
            backward_s: on(self.backward_s, earlier.backward_s),
            weight_s: on(self.weight_s, earlier.weight_s),
            overlapped_s: on(self.overlapped_s, earlier.overlapped_s),
            bubble_s: on(self.bubble_s, earlier.bubble_s),
            optimizer_s: 0.0,
        }
    }
}

/// Seconds of a mean rank's communication in a step: what the step is longer by, and what is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Communication {
    /// Among chips that share matrices; nothing runs beside it.
    pub tensor_s: f64,
    /// Keys and values of chips that share a sequence, as far as they take longer than the attention beside them.
    pub context_s: f64,
    /// The experts' all-to-all, alone or as far as it takes longer than the computation beside it.
    pub experts_s: f64,
    /// Gradients and parameters among copies that nothing hides.
    pub copies_s: f64,
    /// What computation loses to the units of the chip that send beside it.
    pub beside_s: f64,
    /// Hidden behind computation: the experts' all-to-all.
    pub hidden_experts_s: f64,
    /// Hidden behind the passes: gradients and parameters.
    pub hidden_copies_s: f64,
}

impl Communication {
    /// What a step is longer by.
    pub fn total(&self) -> f64 {
        self.tensor_s + self.context_s + self.experts_s + self.copies_s + self.beside_s
    }

    /// Of the pipeline's passes; what copies exchange is after them.
    fn of(plan: &Plan, pipeline: &Pipeline) -> Communication {
        let all = plan.work.iter().flatten().map(|work| pipeline.communication(work));
        let sum = all.fold(Communication::default(), |sum, one| sum.with(&one, |a, b| a + b));
        sum.with(&sum, |a, _| a / plan.n_ranks as f64)
    }

    /// Continued by `times` the difference from `earlier`.
    fn extended(&self, earlier: &Communication, times: f64) -> Communication {
        self.with(earlier, |now, before| now + times * (now - before))
    }

    fn with(&self, other: &Communication, f: impl Fn(f64, f64) -> f64) -> Communication {
        Communication {
            tensor_s: f(self.tensor_s, other.tensor_s),
            context_s: f(self.context_s, other.context_s),
            experts_s: f(self.experts_s, other.experts_s),
            copies_s: f(self.copies_s, other.copies_s),
            beside_s: f(self.beside_s, other.beside_s),
            hidden_experts_s: f(self.hidden_experts_s, other.hidden_experts_s),
            hidden_copies_s: f(self.hidden_copies_s, other.hidden_copies_s),
        }
    }
}

/// Bytes that a chip sends in a step, by what sends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Gradients and parameters among data-parallel copies.
    pub data_parallel: f64,
    /// The residual stream between stages, and its gradient.
    pub pipeline: f64,
    /// Rows to experts and back, over the network.
    pub experts: f64,
    /// Within layers, among chips that share matrices.
    pub tensor_parallel: f64,
    /// Within layers, among chips that share a sequence.
    pub context_parallel: f64,
}

/// A step, simulated.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// How it was spread.
    pub layout: Layout,
    /// Layers of each stage, MTP layers included.
    pub placement: Vec<usize>,
    /// Where the time went.
    pub breakdown: Breakdown,
    /// Seconds in all.
    pub seconds: f64,
    /// Of a mean rank's work: products, attention, streaming, exchanges that nothing hides.
    pub spent: Spent,
    /// The communication among it by what is sent, and what is hidden.
    pub communication: Communication,
    /// The fullest chip.
    pub memory: ChipMemory,
    /// The mean chip's bytes on the way.
    pub traffic: Traffic,
    /// Sequences of the step.
    pub batch: u64,
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// The pipeline's events.
    #[serde(skip)]
    pub timeline: Timeline,
}

/// Where a mean rank's seconds of a step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Matrix products.
    pub products_s: f64,
    /// Attention.
    pub attention_s: f64,
    /// What streams through memory.
    pub memory_s: f64,
    /// Communication that nothing hides, gradients included, and what it takes from computation beside it
    /// ([`Communication::total`]).
    pub communication_s: f64,
    /// The optimizer's reads and writes.
    pub optimizer_s: f64,
    /// Bytes behind them.
    pub optimizer_bytes: f64,
    /// Waiting for other ranks.
    pub bubble_s: f64,
    /// Operations and bytes behind the first three.
    pub does: Counts,
}

impl Spent {
    /// What most of the time beyond useful products goes to, in words.
    pub fn limit(&self) -> &'static str {
        let parts = [
            ("matrix products", self.products_s),
            ("attention", self.attention_s),
            ("memory bandwidth", self.memory_s),
            ("communication", self.communication_s),
            ("the optimizer's memory traffic", self.optimizer_s),
            ("pipeline bubbles", self.bubble_s),
        ];
        parts.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |(name, _)| name)
    }
}

/// Of a step's seconds, less than this share is what rounding left.
const LEAST_SHARE: f64 = 1e-6;

/// More micro-batches than this, or than eight for each rank, are not simulated one by one: the pipeline is steady long
/// before, and every further one takes as long as the last ones.
const MOST_MICRO_BATCHES: usize = 256;

/// Simulates a step of `job` in `layout` on chips of one kind. The layout is expected to be checked.
///
/// # Errors
/// A model that does not fit into the chips' memory.
pub fn simulate_step(job: &Job, layout: &Layout, chip: &Chip) -> Result<Step> {
    let worker = Worker::new(job, layout, chip)?;
    let layers: Vec<StageTime> = layer_times(job, &worker);
    let heads = worker.head();
    let (pp, n) = (layout.pp as usize, layout.n_micro_batches(job) as usize);
    let most = MOST_MICRO_BATCHES.next_multiple_of(4 * pp).max(8 * pp);
    let plan_of = |n| Plan::new(layout.schedule, pp, layout.vpp as usize, n);
    let plan = plan_of(n.min(most));
    let hop_s = pipeline_hop_s(&job.config, layout, chip, job.seq_len);
    // Where the layers go is not published; the quickest of the even placements that fit is taken.
    let mut best: Option<(Timeline, Vec<usize>, Vec<StageTime>)> = None;
    let mut too_large = None;
    for placement in placements(layers.len(), plan.n_stages) {
        if let Err(error) = chip_memory(job, layout, &plan, &placement).check(layout, chip) {
            too_large = Some(error);
            continue;
        }
        let stages = stage_times(&placement, &layers, &heads, job);
        // A rank does its stages' work at least: a busier one than the quickest pipeline's whole time is not simulated.
        if best.as_ref().is_some_and(|(quickest, ..)| busiest_s(&plan, &stages) >= quickest.end) {
            continue;
        }
        let timeline = simulate(&plan, &Pipeline { worker: &worker, stages: &stages, hop_s });
        if best.as_ref().is_none_or(|(quickest, ..)| timeline.end < quickest.end) {
            best = Some((timeline, placement, stages));
        }
    }
    let Some((timeline, placement, stages)) = best else {
        let none = || Error::Question("a pipeline needs at least one layer a stage".to_owned());
        return Err(too_large.unwrap_or_else(none));
    };
    let pipeline = Pipeline { worker: &worker, stages: &stages, hop_s };
    let mut breakdown = Breakdown::of(&timeline);
    let mut communication = Communication::of(&plan, &pipeline);
    if n > most {
        let (half, times) = (plan_of(most / 2), (n - most) as f64 / (most / 2) as f64);
        breakdown = breakdown.extended(&Breakdown::of(&simulate(&half, &pipeline)), times);
        communication = communication.extended(&Communication::of(&half, &pipeline), times);
    }
    let exchange = Exchange::new(job, layout, &plan, &placement, chip);
    let hidden = if layout.hide_dp { exchange.seconds.min(breakdown.total()) } else { 0.0 };
    // Units that send are units that do not compute, as beside the experts' all-to-all.
    let beside = hidden * worker.sending_share();
    breakdown.optimizer_s = exchange.seconds - hidden + beside + exchange.update_s;
    communication.copies_s = exchange.seconds - hidden;
    communication.hidden_copies_s = hidden;
    communication.beside_s += beside;
    let breakdown = breakdown.without_dust();
    Ok(Step {
        layout: layout.clone(),
        seconds: breakdown.total(),
        spent: spent(&breakdown, &stages, n as f64 / pp as f64, &exchange, &communication),
        communication,
        memory: chip_memory(job, layout, &plan, &placement),
        traffic: step_traffic(job, layout, chip, exchange.bytes),
        breakdown,
        placement,
        batch: job.batch,
        seq_len: job.seq_len,
        timeline,
    })
}

/// Whether the fullest chip can hold its part, the layers placed in some way.
pub fn fits(job: &Job, layout: &Layout, chip: &Chip) -> bool {
    if memory::least_bytes(job, layout) > chip.memory_gb * 1e9 {
        return false;
    }
    let n = (layout.n_micro_batches(job) as usize).min(2 * layout.pp as usize);
    let plan = Plan::new(layout.schedule, layout.pp as usize, layout.vpp as usize, n);
    let mut all = placements(job.n_layers(), plan.n_stages).into_iter();
    all.any(|placement| chip_memory(job, layout, &plan, &placement).check(layout, chip).is_ok())
}

fn layer_times(job: &Job, worker: &Worker) -> Vec<StageTime> {
    // Layers of one kind are timed once.
    let mut known: Vec<(model::count::LayerCounts, StageTime)> = Vec::new();
    (0..job.n_layers())
        .map(|i| {
            let counts = count_layer(&job.config, i);
            match known.iter().find(|(c, _)| *c == counts) {
                Some((_, time)) => *time,
                None => {
                    let time = worker.layer(i);
                    known.push((counts, time));
                    time
                }
            }
        })
        .collect()
}

/// Layers of each stage: as even as may be, with fewer on the last, which has the heads.
fn placements(n_layers: usize, n_stages: usize) -> Vec<Vec<usize>> {
    if n_stages == 1 {
        return vec![vec![n_layers]];
    }
    let even = n_layers.div_ceil(n_stages);
    let mut all = Vec::new();
    for last in 0..=even {
        let (rest, others) = (n_layers - last, n_stages - 1);
        if rest + 1 < others {
            continue;
        }
        let (each, more) = (rest / others, rest % others);
        let mut placement: Vec<usize> =
            (0..others).map(|s| each + usize::from((s + 1) * more / others > s * more / others)).collect();
        placement.push(last);
        all.push(placement);
    }
    all
}

fn stage_times(placement: &[usize], layers: &[StageTime], head: &StageTime, job: &Job) -> Vec<StageTime> {
    let n_main = job.config.num_hidden_layers();
    let mut first = 0;
    let n_stages = placement.len();
    placement
        .iter()
        .enumerate()
        .map(|(stage, n)| {
            let mine = &layers[first..first + n];
            first += n;
            let mut time = mine.iter().fold(StageTime::default(), |sum, layer| sum.plus(layer));
            if stage + 1 == n_stages {
                // The main head, and each MTP layer's use of it.
                for _ in 0..=layers.len() - n_main {
                    time = time.plus(head);
                }
            }
            time
        })
        .collect()
}

struct Pipeline<'a> {
    worker: &'a Worker<'a>,
    stages: &'a [StageTime],
    hop_s: f64,
}

impl Pipeline<'_> {
    /// What is communication of the seconds of `work`.
    fn communication(&self, work: &Work) -> Communication {
        let within = |s: &StageTime| Communication {
            tensor_s: s.exchange - s.ring,
            context_s: s.ring,
            ..Communication::default()
        };
        match work {
            Work::Forward(c) | Work::Backward(c) | Work::BackwardInput(c) => {
                let stage = &self.stages[c.stage];
                Communication { experts_s: stage.all_to_all, ..within(stage) }
            }
            Work::Weight(_) => Communication::default(),
            Work::Both(f, b) => {
                let (f, b) = (&self.stages[f.stage], &self.stages[b.stage]);
                let side = self.worker.side_by_side(f, b);
                let both = within(f).with(&within(b), |f, b| f + b);
                Communication {
                    experts_s: side.longer_s,
                    beside_s: side.lost_s,
                    hidden_experts_s: side.hidden_s,
                    ..both
                }
            }
        }
    }
}

impl Durations for Pipeline<'_> {
    fn seconds(&self, work: &Work) -> f64 {
        let stage = |chunk: &Chunk| &self.stages[chunk.stage];
        let sent = |s: &StageTime| s.all_to_all + s.exchange;
        match work {
            Work::Forward(c) => stage(c).forward + sent(stage(c)),
            Work::Backward(c) => stage(c).backward + stage(c).weight + sent(stage(c)),
            Work::BackwardInput(c) => stage(c).backward + sent(stage(c)),
            Work::Weight(c) => stage(c).weight,
            Work::Both(f, b) => self.worker.overlapped(stage(f), stage(b)),
        }
    }

    fn hop_s(&self) -> f64 {
        self.hop_s
    }
}

/// The busiest rank's computation and exchanges.
fn busiest_s(plan: &Plan, stages: &[StageTime]) -> f64 {
    let work = |stage: usize| stages[stage].compute() + 2.0 * stages[stage].exchange;
    // DualPipe's stages have half of the micro-batches on each of two ranks.
    let of_rank = |rank: usize| -> f64 { plan.stages_of(rank).into_iter().map(work).sum() };
    let passes: f64 = if plan.n_stages == plan.n_ranks && plan.stages_of(0).len() == 2 { 0.5 } else { 1.0 };
    (0..plan.n_ranks).map(of_rank).fold(0.0, f64::max) * passes * plan.n_micro_batches as f64
}

/// `per_rank` micro-batches, passing through all stages, are one rank's work.
fn spent(
    breakdown: &Breakdown,
    stages: &[StageTime],
    per_rank: f64,
    exchange: &Exchange,
    communication: &Communication,
) -> Spent {
    let sum = stages.iter().fold(StageTime::default(), |sum, stage| sum.plus(stage));
    let [products_s, attention_s, memory_s] = [sum.products, sum.attention, sum.stream].map(|s| s * per_rank);
    let sent = communication.total();
    Spent {
        products_s,
        attention_s,
        memory_s,
        communication_s: if sent < LEAST_SHARE * breakdown.total() { 0.0 } else { sent },
        optimizer_s: exchange.update_s,
        optimizer_bytes: exchange.update_bytes,
        bubble_s: breakdown.bubble_s,
        does: sum.does.times(per_rank),
    }
}

/// Gradients summed over copies, the optimizer's update, and the new parameters sent: after the pipeline.
struct Exchange {
    seconds: f64,
    update_s: f64,
    update_bytes: f64,
    bytes: f64,
}

impl Exchange {
    fn new(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize], chip: &Chip) -> Exchange {
        let held = memory::held(job, layout, plan, placement);
        // DualPipe's mirrored ranks hold the same stages.
        let mirrored = if layout.schedule == Schedule::DualPipe && layout.pp > 1 { 2.0 } else { 1.0 };
        let (dense, experts) = groups(layout, chip, mirrored);
        let param_bytes = 2.0;
        // Reduced in f32, gathered in BF16. Without ZeRO the gradients' sums are gathered instead.
        let back = if layout.zero == 0 { 4.0 } else { param_bytes };
        let seconds_of = |n: f64, group: &Group| group.scatter_s(4.0 * n, chip) + group.scatter_s(back * n, chip);
        // ZeRO-3 gathers parameters for each pass of each micro-batch, and scatters each one's gradients.
        let (times, again) = match layout.zero {
            3 => (layout.n_micro_batches(job) as f64, 1.0),
            _ => (1.0, 0.0),
        };
        let bytes_of = |n: f64, group: &Group| group.scatter_bytes((4.0 + back + again * param_bytes) * n);
        let gathered = |n: f64, group: &Group| again * group.scatter_s(param_bytes * n, chip);
        let share = |n: f64, group: &Group| if layout.zero == 0 { n } else { n / group.size };
        let updated = share(held.dense, &dense) + share(held.experts, &experts);
        // Gradient, both moments and master are read, all but the first written, and the new parameter.
        let moments = if layout.precision == Precision::Fp8 { 4.0 } else { 8.0 };
        let touched = 4.0 + 2.0 * (moments + 4.0) + param_bytes;
        // The norm is taken and the sums are zeroed over all gradients that the chip holds.
        let update_bytes = updated * touched + 2.0 * 4.0 * (held.dense + held.experts);
        Exchange {
            seconds: times
                * (seconds_of(held.dense, &dense)
                    + seconds_of(held.experts, &experts)
                    + gathered(held.dense, &dense)
                    + gathered(held.experts, &experts)),
            update_s: update_bytes / (chip.memory_gb_s * 1e9 * assume::STREAM_SHARE),
            update_bytes,
            bytes: times * (bytes_of(held.dense, &dense) + bytes_of(held.experts, &experts)),
        }
    }
}

/// The groups that hold the same parameters: those outside the experts, and the experts'.
fn groups(layout: &Layout, chip: &Chip, mirrored: f64) -> (Group, Group) {
    let copies = (layout.dp * layout.cp) as f64;
    let per_node = chip.per_node as f64;
    let dense = Group { size: copies * mirrored, in_node: (per_node / layout.tp as f64).clamp(1.0, copies) };
    let n = (copies * layout.tp as f64 / layout.ep as f64).max(1.0);
    let experts = Group { size: n * mirrored, in_node: (per_node / layout.ep as f64).clamp(1.0, n) };
    (dense, experts)
}

fn step_traffic(job: &Job, layout: &Layout, chip: &Chip, data_parallel: f64) -> Traffic {
    let n = layout.n_micro_batches(job) as f64;
    let tokens = (layout.micro_batch * job.seq_len) as f64 / layout.cp as f64;
    let per_rank = job.n_layers() as f64 / layout.pp as f64;
    let experts = match job.config.experts() {
        Some(experts) if layout.ep > 1 => {
            let n_layers = job.n_layers().saturating_sub(experts.first_k_dense);
            let layers = (n_layers as f64 / layout.pp as f64) * 2.0 * n;
            layers * AllToAll::new(&job.config, layout, chip).network_bytes(tokens / layout.tp as f64)
        }
        _ => 0.0,
    };
    let stages = if layout.pp > 1 { 2.0 * n * layout.vpp as f64 } else { 0.0 };
    Traffic {
        data_parallel,
        pipeline: stages * pipeline_bytes(&job.config, layout, job.seq_len),
        experts,
        tensor_parallel: 2.0 * n * per_rank * tensor_parallel_bytes(&job.config, layout.tp, tokens),
        context_parallel: 2.0 * n * per_rank * context_parallel_bytes(&job.config, layout.cp, tokens),
    }
}

/// Operations that a training token needs, by convention: recomputation and MTP are not counted.
pub fn flops_per_token(job: &Job, span: AttentionSpan) -> f64 {
    FlopModel::new(&job.config, MlaForm::Expanded).train_per_token(job.seq_len, span)
}

/// What failures and checkpoints add to a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interruptions {
    /// Hours between failures.
    pub hours_between: f64,
    /// Seconds between checkpoints, at the optimum.
    pub checkpoint_every_s: f64,
    /// The run's time is this much longer.
    pub overhead: f64,
}

impl Interruptions {
    /// On `chips` chips, with a checkpoint every sqrt(2·C·MTBF) seconds (Young, 1974), half of which a failure throws
    /// away. Of the time between failures only what a failure leaves is a run's: its share divides the time.
    pub fn of(chips: u64) -> Interruptions {
        let between_s = assume::CHIP_HOURS_PER_FAILURE * 3600.0 / chips as f64;
        let every_s = (2.0 * assume::CHECKPOINT_S * between_s).sqrt();
        let lost = (assume::RESTART_S + every_s / 2.0) / between_s;
        let times = (1.0 + assume::CHECKPOINT_S / every_s) / (1.0 - lost).max(0.0);
        Interruptions { hours_between: between_s / 3600.0, checkpoint_every_s: every_s, overhead: times - 1.0 }
    }

    /// Whether failures take less than half of the time.
    pub fn leave_half(&self) -> bool {
        self.overhead <= 1.0
    }

    /// Why a run on `chips` chips is none, in words.
    pub(crate) fn too_many(&self, chips: u64) -> String {
        let times = match self.overhead.is_finite() {
            true => format!("the run takes {} times as long as without", crate::text::significant(1.0 + self.overhead)),
            false => "the run never advances".to_owned(),
        };
        format!(
            "{} chips fail every {}, and each failure takes a restart of {} s and half of the time between \
             checkpoints: {times}; expected at most twice as long",
            crate::text::thousands(chips),
            crate::text::duration(self.hours_between * 3600.0),
            assume::RESTART_S
        )
    }
}
