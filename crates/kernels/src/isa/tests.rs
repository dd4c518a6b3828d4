//! Which instruction set is chosen.

use super::*;

#[test]
fn the_dot_product_is_left_where_it_is_slow() {
    assert_eq!(fastest(&Isa::ALL, false), Isa::Avx512Bf16);
    assert_eq!(fastest(&Isa::ALL, true), Isa::Avx512Round);
    assert_eq!(fastest(&Isa::ALL[..2], true), Isa::Avx2);
}

#[test]
fn a_set_can_be_forced_if_the_machine_has_it() {
    assert_eq!(choose(Some("portable")), Ok(Isa::Portable));
    let why = choose(Some("sse9")).unwrap_err();
    assert!(why.contains("PENSEUR_ISA=sse9") && why.contains("portable"), "{why}");
}
