//! A digest of each family's first samples, in the order of names; see `samples_never_change`.

/// Name and digest.
pub const GOLDEN: [(&str, u64); 24] = [
    ("addition", 11_876_159_464_782_189_325),
    ("base_conversion", 15_615_772_842_617_178_580),
    ("chain", 7_592_584_863_745_571_903),
    ("comparison", 169_490_020_605_461_116),
    ("conversation", 17_653_117_355_202_858_094),
    ("count_bits", 7_142_901_777_206_441_987),
    ("countdown", 12_901_515_295_950_366_969),
    ("digits", 8_634_449_107_209_043_515),
    ("division", 14_547_703_018_604_949_366),
    ("gcd", 17_814_587_814_066_221_112),
    ("lcm", 253_025_404_274_307_155),
    ("linear_equation", 6_249_777_997_148_330_747),
    ("linear_system", 6_081_398_180_509_177_986),
    ("list_sort", 15_957_025_637_516_486_907),
    ("modular_arithmetic", 628_098_885_109_285_920),
    ("multiplication", 18_257_633_613_852_743_040),
    ("out_of_scope", 9_160_538_159_476_424_193),
    ("polynomial_evaluation", 10_207_626_085_946_690_896),
    ("prime_factorization", 2_079_599_545_725_602_655),
    ("signed", 9_854_232_761_352_008_964),
    ("simplify", 17_415_145_230_625_163_462),
    ("spell_backward", 3_969_406_445_011_808_119),
    ("subtraction", 13_071_853_151_095_944_549),
    ("word_problems", 17_690_330_477_917_414_952),
];
