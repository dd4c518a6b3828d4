use super::*;

/// Everything shown when `text` arrives in pieces of `n` characters, and what stopped it.
fn run(stops: &[&str], text: &str, n: usize) -> (String, Option<String>) {
    let mut stops = StopStrings::new(stops.iter().map(|s| s.to_string()));
    let characters: Vec<char> = text.chars().collect();
    let mut shown = String::new();
    for piece in characters.chunks(n) {
        shown += &stops.push(&piece.iter().collect::<String>());
    }
    shown += &stops.finish();
    (shown, stops.matched().map(str::to_owned))
}

#[test]
fn cuts_change_nothing() {
    for (stops, text, shown, matched) in [
        (&["END"][..], "one ENDless", "one ", Some("END")),
        (&["END", "\n\n"], "a\nb\n\nc", "a\nb", Some("\n\n")),
        (&["aab"], "aaab", "a", Some("aab")),
        (&["。"], "はい。いいえ", "はい", Some("。")),
        (&["xyz"], "xy", "xy", None),
        (&[], "free", "free", None),
        (&[""], "free", "free", None),
    ] {
        for n in 1..=text.chars().count() {
            assert_eq!(run(stops, text, n), (shown.to_owned(), matched.map(str::to_owned)), "{text:?} by {n}");
        }
    }
}

#[test]
fn text_that_cannot_match_is_shown_at_once() {
    let mut stops = StopStrings::new(["STOP".to_owned()]);
    assert_eq!(stops.push("go S"), "go ");
    assert_eq!(stops.push("low"), "Slow");
}

#[test]
fn what_is_held_back_and_what_is_cut_is_counted() {
    let mut stops = StopStrings::new(["STOP".to_owned()]);
    stops.push("go S");
    assert_eq!(stops.n_bytes(), (4, 3));
    stops.push("TOP on");
    assert_eq!(stops.n_bytes(), (10, 3));
    stops.push("more");
    assert_eq!(stops.n_bytes(), (10, 3), "nothing comes after a match");
}
