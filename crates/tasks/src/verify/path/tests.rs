//! What counts as the last path.

use super::*;

#[test]
fn letters_in_a_row() {
    for path in ["A-C-B", "A, C, B", "A → C → B.", "A to C to B", "The path is A-C-B", "ACB", "A->C->B", "**A-C-B**"]
    {
        assert_eq!(last_letters(path), Ok(vec!['A', 'C', 'B']), "{path}");
    }
    assert_eq!(last_letters("Not A-B-C but A-D-C"), Ok(vec!['A', 'D', 'C']));
    assert_eq!(last_letters("From A to B: A-D-B"), Ok(vec!['A', 'D', 'B']));
    assert_eq!(last_letters("A1B, a-b"), Err("there is no path of letters in the answer".to_string()));
    assert!(last_letters("").is_err());
}

#[test]
fn moves_in_a_row() {
    use Move::{Down, Left, Right, Up};
    for path in [
        "right, down, left, up",
        "R D L U",
        "rdlu",
        "→↓←↑",
        "Moves: right down left up.",
        "right then down, left and up",
    ] {
        assert_eq!(last_moves(path), Ok(vec![Right, Down, Left, Up]), "{path}");
    }
    assert_eq!(last_moves("first left is wrong, so right, right"), Ok(vec![Right, Right]));
    assert!(last_moves("nothing").is_err());
    assert!(last_moves("").is_err());
}
