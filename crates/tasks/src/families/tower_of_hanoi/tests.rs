//! Legal moves that reach the goal are right, however they are told.

use super::*;
use crate::task::Verdict;

fn two_disks() -> Problem {
    Problem { start: vec![0, 0], goal: vec![2, 2] }
}

#[test]
fn legal_moves_are_right_in_any_words() {
    for answer in [
        "1 A to B\n2 A to C\n1 B to C",
        "A to B\nA to C\nB to C",
        "Move disk 1 from A to B.\nMove disk 2 from A to C.\nMove disk 1 from B to C.",
        "1. A -> B\n2. A -> C\n3. B -> C",
        "Moves:\n1 A to C\n1 C to B\n2 A to C\n1 B to C\n",
        "<answer>A→B\nA→C\nB→C</answer>",
        "1 A to B, 2 A to C, 1 B to C",
        "A→B, A→C, B→C.",
        "1 A to B; 2 A to C; then 1 B to C",
    ] {
        let judgement = TowerOfHanoi.judge(&two_disks(), answer);
        assert_eq!(judgement.verdict, Verdict::Right, "{answer}: {}", judgement.reason);
    }
}

#[test]
fn illegal_moves_are_wrong() {
    for answer in [
        "",
        "done",
        "1 A to B\n2 A to C",
        "1 A to B\n2 A to B\n1 B to C",
        "2 A to C\n1 A to C",
        "1 B to C",
        "1 A to A",
        "1 A to B\n2 A to C\n1 B to C\nand so on",
        "1 A to D",
        "1 A to B, 2 A to C",
        "1 A to B, 2 A to C, 1 B to C, hm",
        "1 A to B, 2 A to C, not 1 B to C",
        "1 A to B 2 A to C 1 B to C",
        "3 A to B\n2 A to C\n1 B to C",
        "\u{ff11} A to B",
    ] {
        assert_eq!(TowerOfHanoi.judge(&two_disks(), answer).verdict, Verdict::Wrong, "{answer}");
    }
    let endless = "1 A to B\n1 B to A\n".repeat(10_000);
    assert_eq!(TowerOfHanoi.judge(&two_disks(), &endless).verdict, Verdict::Wrong);
}

#[test]
fn the_search_is_as_short_as_can_be_for_a_tower() {
    for n_disks in 1..=6 {
        let problem = Problem { start: vec![0; n_disks], goal: vec![2; n_disks] };
        assert_eq!(solve(&problem, &mut Trace::new()).len(), (1 << n_disks) - 1);
    }
}
