//! What follows is what holds in every possible world.

use super::*;

/// A world says which combinations of kinds there are things of; bit `t` of it stands for combination `t`.
fn holds(statement: Statement, world: u64, n_kinds: usize) -> bool {
    let of = |kind: usize, t: usize| t >> kind & 1 == 1;
    let mut things = (0..1usize << n_kinds).filter(|t| world >> t & 1 == 1);
    match statement.quantifier {
        Quantifier::All => things.all(|t| !of(statement.a, t) || of(statement.b, t)),
        Quantifier::No => things.all(|t| !(of(statement.a, t) && of(statement.b, t))),
        Quantifier::Some => things.any(|t| of(statement.a, t) && of(statement.b, t)),
    }
}

#[test]
fn conclusions_agree_with_all_possible_worlds() {
    let mut rng = Rng::new(11);
    let mut n_follow = 0;
    for index in 0..150u8 {
        // Three kinds: 256 worlds; four: 65,536.
        let problem = Syllogism.draw(&mut rng, if index % 15 == 0 { 2 } else { 1 });
        let n_kinds = problem.kinds.len();
        let fits = |world: &u64| problem.premises.iter().all(|premise| holds(*premise, *world, n_kinds));
        let mut worlds = (0..1u64 << (1 << n_kinds)).filter(fits).peekable();
        assert!(worlds.peek().is_some(), "{problem:?} has no world");
        let follows = worlds.all(|world| holds(problem.conclusion, world, n_kinds));
        assert_eq!(follows, problem.follows(), "{problem:?}");
        n_follow += usize::from(follows);
    }
    assert!((45..=105).contains(&n_follow), "{n_follow}");
}
