//! R1's published hours, derived.

use super::*;
use crate::catalogue::Catalogue;

/// R1's supplement, table 7.
#[test]
fn r1s_hours_are_near_the_published_ones() {
    let catalogue = Catalogue::shipped();
    let cluster = Cluster::new(catalogue.chip("h800").unwrap(), 512, None).unwrap();
    for (name, run, hours) in [("R1-Zero", r1_zero().unwrap(), 101e3), ("R1", r1().unwrap(), 41e3)] {
        for part in &run.parts {
            eprintln!("{name} {:?}", cycle(&run, part, &cluster).unwrap());
        }
        let plan = plan(name, &run, &cluster).unwrap();
        eprintln!("{name}: {:.0} ({:+.1}% of {hours})", plan.gpu_hours, 100.0 * (plan.gpu_hours / hours - 1.0));
        assert!((plan.gpu_hours / hours - 1.0).abs() < 0.15, "{name}: {}", plan.gpu_hours);
        assert_eq!(plan.limited_by, "rollout");
    }
}

/// A run of reinforcement learning is given chips and nothing else: it is planned on any number that holds it, and where
/// one does not, another number is offered.
#[test]
fn odd_numbers_of_chips_are_planned_or_answered_in_chips() {
    let catalogue = Catalogue::shipped();
    let h100 = |count| Cluster::new(catalogue.chip("h100").unwrap(), count, None).unwrap();
    let run = r1_zero().unwrap();
    let of = |count| plan("R1-Zero", &run, &h100(count));
    let (odd, even) = (of(500).unwrap(), of(512).unwrap());
    assert!(odd.gpu_hours > 0.9 * even.gpu_hours && odd.gpu_hours < 1.5 * even.gpu_hours, "{}", odd.gpu_hours);
    let error = of(499).unwrap_err().to_string();
    assert!(error.contains("nearest: --count") && !error.contains("--batch"), "{error}");
    let (_, count) = error.rsplit_once("--count ").unwrap();
    assert!(of(count.parse().unwrap()).is_ok(), "{error}");
}
