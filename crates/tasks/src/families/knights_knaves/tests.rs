//! One assignment is right, and none other; the thinking ends with it.

use super::*;
use crate::task::Verdict;

#[test]
fn only_the_consistent_assignment_is_right() {
    let mut rng = Rng::new(5);
    for index in 0..200u8 {
        let problem = KnightsKnaves.draw(&mut rng, 1 + index % 4);
        let solution = problem.solution().unwrap();
        let n = problem.names.len();
        for bits in 0..1u32 << n {
            let kinds: Vec<bool> = (0..n).map(|idx| bits >> idx & 1 == 1).collect();
            let told: Vec<String> =
                problem.names.iter().zip(&kinds).map(|(name, &k)| format!("{name}: {}", reasoning::kind(k))).collect();
            let verdict = KnightsKnaves.judge(&problem, &told.join("\n")).verdict;
            assert_eq!(verdict == Verdict::Right, kinds == solution, "{problem:?} {told:?}");
        }
        let thinking = reasoning::write(&problem.names, &problem.says).unwrap();
        let last = thinking.lines().last().unwrap().to_string();
        for (name, &knight) in problem.names.iter().zip(&solution) {
            assert!(last.contains(&format!("{name} {}", reasoning::kind(knight))), "{thinking}");
        }
    }
}

#[test]
fn names_stay_whole_in_what_is_said() {
    let names = ["Ivan", "Jane", "Igor"].map(String::from);
    let said = |a: usize, b: usize| Statement::SomeKnave(a, b).spoken(0, &names);
    assert_eq!(said(1, 2), "At least one of Jane and Igor is a knave");
    assert_eq!(said(0, 2), "At least one of Igor and me is a knave");
    assert_eq!(said(2, 0), "At least one of Igor and me is a knave");
}
