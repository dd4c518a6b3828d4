//! Supports against a full sort, and what is drawn against what the update computes.

use super::*;
use crate::reference::loss as twin;
use crate::test_support::*;

fn filter(temperature: f32, top_k: usize, top_p: f32, min_p: f32) -> Filter {
    Filter { temperature, top_k, top_p, min_p }
}

fn support(row: &[f32], filter: &Filter) -> Vec<usize> {
    let of = Distribution::new(row, filter, false);
    (0..row.len()).filter(|&id| of.log_prob(row, id as u32) > f32::NEG_INFINITY).collect()
}

/// The shortcuts for large vocabularies keep exactly what a full sort would.
#[test]
fn supports_are_those_of_a_full_sort() {
    for seed in 0..60 {
        let vocab = [5, 300, 2500][seed as usize % 3];
        let row: Vec<f32> = random::<f32>(vocab, seed).iter().map(|x| 6.0 * x).collect();
        let unit = |i: usize| 0.5 + 0.5 * random::<f32>(8, seed + 1000)[i];
        for filter in [
            filter(0.7, 0, 0.05 + 0.9 * unit(0), 0.0),
            filter(1.0, 1 + (unit(1) * 60.0) as usize, 1.0, 0.0),
            filter(1.3, 0, 1.0, 0.4 * unit(2)),
            filter(1.0, 1 + (unit(3) * 60.0) as usize, 0.05 + 0.9 * unit(4), 0.2 * unit(5)),
        ] {
            let p = twin::probabilities(&to_f64(&row), &filter);
            let want: Vec<usize> = (0..vocab).filter(|&id| p[id] > 0.0).collect();
            assert_eq!(support(&row, &filter), want, "seed {seed}, {filter:?}");
        }
    }
}

#[test]
fn among_equal_logits_the_lowest_ids_stay() {
    let row = [1.0, 2.0, 1.0, 1.0, 0.0, 1.0];
    assert_eq!(support(&row, &filter(1.0, 3, 1.0, 0.0)), [0, 1, 2]);
    let equal = vec![0.5; 3000];
    assert_eq!(support(&equal, &filter(1.0, 1500, 1.0, 0.0)), (0..1500).collect::<Vec<_>>());
}

#[test]
fn a_draw_tells_the_updates_bits() {
    for seed in 0..40 {
        let row: Vec<f32> = random::<f32>(4099, seed).iter().map(|x| 8.0 * x).collect();
        for filter in [Filter::NONE, filter(0.7, 0, 1.0, 0.0), filter(0.9, 50, 0.9, 0.02)] {
            for isa in Isa::available() {
                let (id, logp) = draw_on(isa, &row, &filter, seed as f64 / 40.0).expect("numbers");
                let again = Distribution::new_on(isa, &row, &filter, true).log_prob(&row, id);
                assert_eq!(logp.to_bits(), again.to_bits(), "{isa:?} {filter:?}");
            }
        }
    }
}

#[test]
fn every_unit_draws_a_possible_token() {
    let mut row: Vec<f32> = random(3000, 5);
    row[2047..].fill(f32::NEG_INFINITY);
    for unit in [0.0, 0.3, 0.999_999, 1.0 - f64::EPSILON / 2.0] {
        let (id, logp) = draw(&row, &Filter::NONE, unit).expect("numbers");
        assert!(id < 2047 && logp.is_finite(), "{unit}: {id}");
    }
    assert_eq!(draw(&[f32::NEG_INFINITY, 3.0], &Filter::NONE, 0.0).expect("numbers").0, 1);
    assert!(draw(&[f32::NAN, 3.0], &Filter::NONE, 0.5).is_none());
    assert!(draw(&[f32::INFINITY, 3.0], &Filter::NONE, 0.5).is_none());
    assert!(draw(&[f32::NEG_INFINITY; 3], &Filter::NONE, 0.5).is_none());
}
