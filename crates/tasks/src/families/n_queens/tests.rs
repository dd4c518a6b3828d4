//! Any placement without attacks is right, and only such.

use super::*;
use crate::task::Verdict;

#[test]
fn placements_are_judged_by_the_rules() {
    let problem = Problem { columns: vec![0; 6] };
    for answer in ["2 4 6 1 3 5", "3, 6, 2, 5, 1, 4", "The columns are: 5 3 1 6 4 2"] {
        assert_eq!(NQueens.judge(&problem, answer).verdict, Verdict::Right, "{answer}");
    }
    for answer in
        ["", "1 2 3 4 5 6", "2 4 6 1 3", "2 4 6 1 3 5 7", "2 2 2 2 2 2", "0 4 6 1 3 5", "2 4 6 1 3 7", "2 4 6 1 5 3"]
    {
        assert_eq!(NQueens.judge(&problem, answer).verdict, Verdict::Wrong, "{answer}");
    }
    let placed = Problem { columns: vec![3, 0, 0, 0, 0, 0] };
    assert_eq!(NQueens.judge(&placed, "2 4 6 1 3 5").verdict, Verdict::Wrong);
    assert_eq!(NQueens.judge(&placed, "3 6 2 5 1 4").verdict, Verdict::Right);
    let absurd = Problem { columns: vec![0; 100] };
    assert_eq!(NQueens.judge(&absurd, "1").verdict, Verdict::CannotJudge);
}

#[test]
fn wrong_turns_are_taken_back() {
    let mut rng = Rng::new(5);
    let mut n_back = 0;
    for level in [1, 2, 3, 1, 2, 3] {
        let problem = NQueens.draw(&mut rng, level);
        let mut trace = Trace::new();
        let columns = search(&problem, &mut trace).expect("drawn problems have a short search");
        assert_eq!(NQueens.judge(&problem, &text(&columns)).verdict, Verdict::Right);
        n_back += trace.finish().matches("back to row").count();
    }
    assert!(n_back > 0);
}
