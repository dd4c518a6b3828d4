//! What counts as saying what everyone is.

use super::*;
use crate::task::Verdict;

#[test]
fn each_name_needs_its_kind() {
    let gold = [("Anna", 1), ("Ben", 0), ("Carl", 0)];
    let kinds: [&[&str]; 2] = [&["knave", "knaves", "无赖"], &["knight", "knights", "骑士"]];
    for right in [
        "Anna is a knight, Ben is a knave, Carl is a knave.",
        "Anna: knight\nBen: knave\nCarl: knave",
        "Ben and Carl are knaves, Anna is a knight",
        "ANNA = KNIGHT; BEN = KNAVE; CARL = KNAVE",
        "**Anna** is a **knight**. **Ben** and **Carl** are **knaves**.",
        "Anna是骑士，Ben和Carl是无赖。",
    ] {
        assert_eq!(judge(&gold, &kinds, right).verdict, Verdict::Right, "{right}");
    }
    for wrong in [
        "",
        "Anna is a knight, Ben is a knave.",
        "Anna and Ben are knights, Carl is a knave",
        "Anna is a knight or a knave, Ben is a knave, Carl is a knave",
        "Ben, Carl: knave; Anna is not a knave",
        "Anna is a knight, the others are knaves",
        "knight, knave, knave",
        "Anna is a knight, Ben is a knave, Carl is a knave, Ben is a knight",
        "Anna不是骑士，Ben是无赖，Carl是无赖",
        "Annabel is a knight, Ben is a knave, Carl is a knave",
    ] {
        assert_eq!(judge(&gold, &kinds, wrong).verdict, Verdict::Wrong, "{wrong}");
    }
}
