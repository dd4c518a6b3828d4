//! Which layout: of all that divide and fit, the quickest.
//!
//! Tried are pipelines, tensor parallelism and experts' groups of every size that divides the chips, sequences shared by
//! a power of two of chips that leaves each at least [`LEAST_PIECE`] tokens, micro-batches of one to eight sequences,
//! ZeRO 1 and (without a pipeline) 3, and both ways to recompute. Each has a least time, that of its work alone; what
//! cannot be among the quickest by it is not simulated, and so nothing quicker is left out.

use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, LayoutSpec, Recompute, Schedule, n_experts};
use crate::training::memory::least_bytes;
use crate::training::nearest::{self, Asked};
use crate::training::{Step, layer_times, simulate_step};
use crate::work::{StageTime, Worker};

/// Longer pipelines and wider groups of experts than this are not tried.
const MOST: u64 = 64;

/// Tokens of a sequence that a chip has at least where several share one.
const LEAST_PIECE: u64 = 4096;

/// The quickest layout of `job` on `count` chips in which `spec` holds.
///
/// # Errors
/// No layout divides, or none fits: then what the nearest one needs.
pub fn best_layout(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> Result<Step> {
    best_of(&Asked::new(job, spec, chip, count))
}

/// The quickest layout in which what is asked holds.
///
/// # Errors
/// As [`best_layout`].
pub(crate) fn best_of(asked: &Asked) -> Result<Step> {
    Ok(ranked(asked, 1)?.swap_remove(0))
}

/// The `most` quickest layouts, the quickest first; at least one.
///
/// # Errors
/// As [`best_layout`].
pub fn ranked_layouts(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64, most: usize) -> Result<Vec<Step>> {
    ranked(&Asked::new(job, spec, chip, count), most)
}

fn ranked(asked: &Asked, most: usize) -> Result<Vec<Step>> {
    let (job, spec, chip, count) = (&asked.job, &asked.whole_spec(), asked.chip, asked.count);
    let mut layouts = candidates(job, spec, chip, count);
    // What even a mean chip cannot hold is looked at only where nothing else is left, to say what it would need.
    let may_fit = |layout: &Layout| least_bytes(job, layout) <= chip.memory_gb * 1e9;
    if layouts.iter().any(may_fit) {
        layouts.retain(may_fit);
    }
    let mut all: Vec<(f64, Layout)> =
        layouts.into_iter().map(|layout| Ok((least_seconds(job, &layout, chip)?, layout))).collect::<Result<_>>()?;
    if all.is_empty() {
        let layout = spec.complete(job, chip, count);
        let refused = layout.check(job, chip, count).and_then(|()| simulate_step(job, &layout, chip));
        return refused.map(|step| vec![step]).map_err(|error| nearest::advise(error, asked));
    }
    // Of two that are as quick, the one with fewer exchanges.
    all.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| (x.tp * x.pp * x.cp).cmp(&(y.tp * y.pp * y.cp))));
    let mut steps: Vec<Step> = Vec::new();
    let mut smallest: Option<(f64, f64, Layout)> = None;
    for (least, layout) in all {
        if steps.len() >= most && least >= steps[most - 1].seconds {
            break;
        }
        match simulate_step(job, &layout, chip) {
            Ok(step) => {
                let at = steps.partition_point(|other| other.seconds <= step.seconds);
                steps.insert(at, step);
                steps.truncate(most);
            }
            Err(Error::DoesNotFit { needed_gb, available_gb, .. }) => {
                if smallest.as_ref().is_none_or(|(needed, ..)| needed_gb < *needed) {
                    smallest = Some((needed_gb, available_gb, layout));
                }
            }
            Err(error) => return Err(error),
        }
    }
    match smallest {
        Some((needed_gb, available_gb, layout)) if steps.is_empty() => {
            let nearest = format!("that is with {}; {}", layout.describe(), nearest::more_chips(asked));
            Err(Error::DoesNotFit { needed_gb, available_gb, chip: chip.name.clone(), nearest })
        }
        _ => Ok(steps),
    }
}

/// A step takes at least this: a mean rank's work, without waiting and with all that can be hidden hidden.
fn least_seconds(job: &Job, layout: &Layout, chip: &Chip) -> Result<f64> {
    let worker = Worker::new(job, layout, chip)?;
    let layers = layer_times(job, &worker);
    let n_heads = 1 + layers.len() - job.config.num_hidden_layers();
    let head = worker.head();
    let all = layers.iter().chain(std::iter::repeat_n(&head, n_heads));
    let sum = all.fold(StageTime::default(), |sum, layer| sum.plus(layer));
    let hides = layout.pp > 1 && layout.schedule == Schedule::DualPipe;
    let sent = sum.exchange + if hides { 0.0 } else { sum.all_to_all };
    Ok((sum.compute() + 2.0 * sent) * layout.n_micro_batches(job) as f64 / layout.pp as f64)
}

/// All layouts that divide and in which `spec` holds.
pub(super) fn candidates(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> Vec<Layout> {
    let or_all = |given: Option<u64>, all: Vec<u64>| given.map_or(all, |n| vec![n]);
    let divisors = |of: u64, most: u64| (1..=most.min(of)).filter(|n| of.is_multiple_of(*n)).collect::<Vec<_>>();
    let n = n_experts(&job.config);
    let pps = or_all(spec.pp, divisors(count, MOST.min(job.n_layers() as u64)));
    let tps = or_all(spec.tp, divisors(count, chip.per_node));
    let longest = (job.seq_len / LEAST_PIECE).clamp(1, MOST);
    let cps = or_all(spec.cp, (0..=longest.ilog2()).map(|i| 1u64 << i).collect());
    let eps = if n > 0 { or_all(spec.ep, divisors(n, MOST)) } else { vec![spec.ep.unwrap_or(1)] };
    let vpps = or_all(spec.vpp, if n > 0 { vec![1] } else { vec![1, 2, 4] });
    let micro_batches = or_all(spec.micro_batch, vec![1, 2, 4, 8]);
    let zeros: Vec<u8> = spec.zero.map_or(vec![1, 3], |z| vec![z]);
    let recomputes = spec.recompute.map_or(vec![Recompute::Selective, Recompute::Full], |r| vec![r]);
    let mut all = Vec::new();
    let mut keep = |full: LayoutSpec| {
        let layout = full.complete(job, chip, count);
        if layout.check(job, chip, count).is_ok() {
            all.push(layout);
        }
    };
    for (&pp, &tp) in pps.iter().flat_map(|pp| tps.iter().map(move |tp| (pp, tp))) {
        for (&cp, &ep) in cps.iter().flat_map(|cp| eps.iter().map(move |ep| (cp, ep))) {
            if !count.is_multiple_of(pp * tp * cp) {
                continue;
            }
            for (&vpp, &micro_batch) in vpps.iter().flat_map(|v| micro_batches.iter().map(move |m| (v, m))) {
                for (&zero, &recompute) in zeros.iter().flat_map(|z| recomputes.iter().map(move |r| (z, r))) {
                    keep(LayoutSpec {
                        pp: Some(pp),
                        tp: Some(tp),
                        cp: Some(cp),
                        ep: Some(ep),
                        vpp: Some(vpp),
                        micro_batch: Some(micro_batch),
                        zero: Some(zero),
                        recompute: Some(recompute),
                        ..spec.clone()
                    });
                }
            }
        }
    }
    all
}
