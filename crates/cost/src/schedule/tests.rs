//! Bubbles equal the papers' formulas, and every schedule does all its work once.

use super::*;
use crate::timeline::{Durations, Timeline, simulate};

/// Equal stages.
struct Equal {
    forward: f64,
    backward: f64,
    weight: f64,
}

impl Durations for Equal {
    fn seconds(&self, work: &Work) -> f64 {
        match work {
            Work::Forward(_) => self.forward,
            Work::Backward(_) => self.backward + self.weight,
            Work::BackwardInput(_) => self.backward,
            Work::Weight(_) => self.weight,
            Work::Both(..) => self.forward + self.backward + self.weight,
        }
    }

    fn hop_s(&self) -> f64 {
        0.0
    }
}

fn run(plan: &Plan, times: &Equal) -> Timeline {
    simulate(plan, times)
}

/// V3's report, Table 2: 1F1B (PP-1)(F+B), ZB1P (PP-1)(F+B-2W), DualPipe (PP/2-1)(F&B+B-3W), B with its weights.
#[test]
fn bubbles_are_those_of_the_paper() {
    for (p, n, f, b, w) in
        [(4, 8, 1.0, 1.0, 1.0), (8, 20, 3.0, 3.0, 2.0), (16, 120, 2.0, 2.0, 1.0), (2, 4, 1.0, 1.0, 1.0)]
    {
        let times = Equal { forward: f, backward: b, weight: w };
        let steps = p as f64 - 1.0;
        let full = b + w;
        let cases = [
            (Schedule::OneFOneB, steps * (f + full)),
            (Schedule::Zb1p, steps * (f + full - 2.0 * w)),
            (Schedule::DualPipe, (p as f64 / 2.0 - 1.0) * (f + full + full - 3.0 * w)),
        ];
        for (schedule, bubble) in cases {
            let timeline = run(&Plan::new(schedule, p, 1, n), &times);
            assert!((timeline.bubble_s() - bubble).abs() < 1e-9, "{schedule:?} {p} {n}: {}", timeline.bubble_s());
        }
    }
}

/// (PP-1)(F+B)/v (arXiv:2104.04473, section 2.2.2), each stage a v-th as long.
#[test]
fn interleaving_divides_the_bubble() {
    let times = Equal { forward: 0.25, backward: 0.25, weight: 0.25 };
    let timeline = run(&Plan::new(Schedule::OneFOneB, 8, 4, 16), &times);
    assert!((timeline.bubble_s() - 7.0 * 3.0 / 4.0).abs() < 1e-9, "{}", timeline.bubble_s());
}

#[test]
fn everything_is_done_once() {
    for (schedule, vpp) in
        [(Schedule::OneFOneB, 1), (Schedule::OneFOneB, 3), (Schedule::Zb1p, 1), (Schedule::DualPipe, 1)]
    {
        for (p, n) in [(2, 4), (4, 8), (6, 12), (8, 32)] {
            let plan = Plan::new(schedule, p, vpp, n);
            let (mut forward, mut backward, mut weight) = (Vec::new(), Vec::new(), Vec::new());
            for (rank, work) in plan.work.iter().enumerate() {
                for item in work {
                    let (f, b, w) = match *item {
                        Work::Forward(c) => (Some(c), None, None),
                        Work::Backward(c) => (None, Some(c), Some(c)),
                        Work::BackwardInput(c) => (None, Some(c), None),
                        Work::Weight(c) => (None, None, Some(c)),
                        Work::Both(f, b) => (Some(f), Some(b), Some(b)),
                    };
                    for chunk in [f, b, w].into_iter().flatten() {
                        assert_eq!(plan.rank_of(chunk), rank, "{schedule:?} {chunk:?}");
                        assert!(plan.stages_of(rank).contains(&chunk.stage));
                    }
                    forward.extend(f.map(|c| (c.micro_batch, c.stage)));
                    backward.extend(b.map(|c| (c.micro_batch, c.stage)));
                    weight.extend(w.map(|c| (c.micro_batch, c.stage)));
                }
            }
            let all: Vec<(usize, usize)> = (0..n).flat_map(|m| (0..plan.n_stages).map(move |s| (m, s))).collect();
            for mut done in [forward, backward, weight] {
                done.sort_unstable();
                assert_eq!(done, all, "{schedule:?} {p} {n}");
            }
        }
    }
}
