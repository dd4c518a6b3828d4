//! Any grid that keeps the rules is right, and only such.

use super::*;
use crate::task::Verdict;

const OPEN: Problem = Problem { cells: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };

#[test]
fn any_valid_grid_is_right() {
    for grid in
        ["1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", "1234\n3412\n2341\n4123", "So:\n1 3 2 4\n2 4 1 3\n3 1 4 2\n4 2 3 1"]
    {
        let judgement = MiniSudoku.judge(&OPEN, grid);
        assert_eq!(judgement.verdict, Verdict::Right, "{grid}: {}", judgement.reason);
    }
}

#[test]
fn broken_rules_are_wrong() {
    for grid in [
        "2 1 3 4\n3 4 1 2\n1 2 4 3\n4 3 2 1",
        "1 2 3 4\n1 2 3 4\n1 2 3 4\n1 2 3 4",
        "1 1 1 1\n1 1 1 1\n1 1 1 1\n1 1 1 1",
        "1 2 3 4\n2 3 4 1\n3 4 1 2\n4 1 2 3",
        "1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 5",
        "1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 _",
        "1 2 3 4\n3 4 1 2\n2 1 4 3",
        "1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 1",
        "",
    ] {
        assert_eq!(MiniSudoku.judge(&OPEN, grid).verdict, Verdict::Wrong, "{grid}");
    }
}

#[test]
fn wrong_turns_are_taken_back() {
    let mut rng = Rng::new(3);
    let (mut n_tries, mut n_backs) = (0, 0);
    for _ in 0..300 {
        let problem = MiniSudoku.draw(&mut rng, 3);
        let shown = MiniSudoku.demonstrate(&problem, &Asked::plain(""), &mut Rng::new(0), &Options::default());
        let Some(shown) = shown else { continue };
        n_tries += shown.reasoning.matches("try ").count();
        n_backs += shown.reasoning.matches("none left, no").count();
        assert_eq!(MiniSudoku.judge(&problem, &shown.answer_text).verdict, Verdict::Right);
    }
    assert!(n_tries > 10 && n_backs > 0, "{n_tries} tries, {n_backs} taken back");
}
