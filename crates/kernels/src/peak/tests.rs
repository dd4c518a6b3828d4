//! The measurement is plausible: positive, and wider vectors are no slower.

use super::*;

#[test]
fn every_isa_has_a_plausible_peak() {
    let mut rates = Vec::new();
    for isa in Isa::available() {
        for compute in [Compute::F32, Compute::Bf16] {
            let rate = measure(isa, compute, 1);
            assert!(rate > 1e8 && rate < 1e13, "{isa:?} {compute:?}: {rate:e} a second");
            rates.push(rate);
        }
    }
    let (first, last) = (rates[0], rates[rates.len() - 1]);
    assert!(last > 0.8 * first, "the widest vectors reach {last:e}, portable code {first:e}");
}
