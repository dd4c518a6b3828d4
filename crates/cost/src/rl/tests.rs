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
