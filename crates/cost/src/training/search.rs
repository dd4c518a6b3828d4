//! Which layout: all that divide and fit, simulated, the quickest first.

use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, LayoutSpec, Precision, Recompute, n_experts};
use crate::training::{Step, fits, simulate_step};

/// More layouts than this are never simulated; those with fewer exchanges come first.
const MOST: usize = 400;

/// The quickest layout of `job` on `count` chips in which `spec` holds.
///
/// # Errors
/// No layout divides, or none fits: then what the nearest one needs.
pub fn best_layout(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> Result<Step> {
    let mut ranked = ranked_layouts(job, spec, chip, count)?;
    Ok(ranked.swap_remove(0))
}

/// All layouts that work, the quickest first; at least one.
///
/// # Errors
/// As [`best_layout`].
pub fn ranked_layouts(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut nearest: Option<(f64, Error)> = None;
    let mut other = None;
    for layout in candidates(job, spec, chip, count).into_iter().take(MOST) {
        let simulated = layout.check(job, chip, count).and_then(|()| simulate_step(job, &layout, chip));
        match simulated {
            Ok(step) => steps.push(step),
            Err(Error::DoesNotFit { needed_gb, available_gb, chip, .. }) => {
                if nearest.as_ref().is_none_or(|(least, _)| needed_gb < *least) {
                    let nearest_text = layout.describe();
                    nearest =
                        Some((needed_gb, Error::DoesNotFit { needed_gb, available_gb, chip, nearest: nearest_text }));
                }
            }
            Err(error) => other = other.or(Some(error)),
        }
    }
    steps.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    match (steps.is_empty(), nearest, other) {
        (false, ..) => Ok(steps),
        (true, Some((_, Error::DoesNotFit { needed_gb, available_gb, chip: name, nearest: layout })), _) => {
            let nearest = format!("that is with {layout}; {}", nearest_count(job, spec, chip, count));
            Err(Error::DoesNotFit { needed_gb, available_gb, chip: name, nearest })
        }
        (true, Some((_, error)), _) | (true, None, Some(error)) => Err(error),
        (true, None, None) => Err(Error::Layout {
            found: format!("{count} chips"),
            expected: "a number of chips over which the batch divides".to_owned(),
            nearest: format!("--count {}", count.next_power_of_two()),
        }),
    }
}

/// The number of chips, twice and twice again, that first holds the job.
fn nearest_count(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> String {
    let holds = |count: &u64| {
        candidates(job, spec, chip, *count)
            .iter()
            .any(|layout| layout.check(job, chip, *count).is_ok() && fits(job, layout, chip))
    };
    match (1..=10).map(|i| count.next_power_of_two() << i).find(holds) {
        Some(more) => format!("nearest: --count {more}"),
        None => "no number of these chips holds it in this precision; a chip with more memory may".to_owned(),
    }
}

fn candidates(job: &Job, spec: &LayoutSpec, chip: &Chip, count: u64) -> Vec<Layout> {
    let powers = |most: u64| (0..=most.max(1).ilog2()).map(|i| 1u64 << i).collect::<Vec<_>>();
    let or_all = |given: Option<u64>, all: Vec<u64>| given.map_or(all, |n| vec![n]);
    let n_layers = job.n_layers() as u64;
    let pps = or_all(spec.pp, powers(count.min(n_layers).min(64)));
    let tps = or_all(spec.tp, powers(chip.per_node.min(8).min(count)));
    let n = n_experts(&job.config);
    let eps = if n > 0 { or_all(spec.ep, powers(n.min(count).min(64))) } else { vec![spec.ep.unwrap_or(1)] };
    let vpps = or_all(spec.vpp, if n > 0 { vec![1] } else { vec![1, 2, 4] });
    let zeros: Vec<u8> = spec.zero.map_or(vec![1, 3], |z| vec![z]);
    let recomputes = spec.recompute.map_or(vec![Recompute::Selective, Recompute::Full], |r| vec![r]);
    let precision = spec.precision.unwrap_or(match (chip.fp8_tflops, n > 0) {
        (Some(_), true) => Precision::Fp8,
        _ => Precision::Bf16,
    });
    let mut all = Vec::new();
    for (&pp, &tp) in pps.iter().flat_map(|pp| tps.iter().map(move |tp| (pp, tp))) {
        if !count.is_multiple_of(pp * tp * spec.cp.unwrap_or(1)) {
            continue;
        }
        for (&ep, &vpp) in eps.iter().flat_map(|ep| vpps.iter().map(move |vpp| (ep, vpp))) {
            for (&zero, &recompute) in zeros.iter().flat_map(|z| recomputes.iter().map(move |r| (z, r))) {
                let is_odd = (zero == 3 && pp > 1) || (vpp > 1 && pp == 1);
                if is_odd && spec.zero.is_none() {
                    continue;
                }
                let full = LayoutSpec {
                    pp: Some(pp),
                    tp: Some(tp),
                    ep: Some(ep),
                    vpp: Some(vpp),
                    zero: Some(zero),
                    recompute: Some(recompute),
                    precision: Some(precision),
                    // As Llama 3's gradients (arXiv:2407.21783, section 3.3.2), and unlike V3's, whose step shows them.
                    hide_dp: Some(spec.hide_dp.unwrap_or(n == 0)),
                    ..spec.clone()
                };
                let layout = full.complete(job, chip, count);
                if layout.check(job, chip, count).is_ok() {
                    all.push(layout);
                }
            }
        }
    }
    if all.is_empty() {
        all.push(LayoutSpec { precision: Some(precision), ..spec.clone() }.complete(job, chip, count));
    }
    // Less tensor parallelism and a shorter pipeline first: fewer exchanges.
    all.sort_by_key(|l| (l.tp * l.pp, l.tp));
    all
}
