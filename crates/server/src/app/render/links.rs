//! Addresses that stand in a text by themselves: Markdown makes no links of them, and people expect it.
//!
//! Only `http` and `https` are looked for; what becomes of a link, and what does not, is the sieve's affair as for all others.

/// What an address may hold besides letters and digits (RFC 3986). Anything else ends it, Chinese punctuation above all.
const MARKS: &str = "-._~:/?#[]@!$&'()*+,;=%";

/// The pieces of a text; `true` with those that are addresses.
pub fn split(text: &str) -> Vec<(&str, bool)> {
    let mut pieces = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find("http").map(|at| from + at) {
        let len = address(&text[at..]);
        from = at + len.max("http".len());
        let in_word = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if len == 0 || in_word {
            continue;
        }
        pieces.extend([(&text[done..at], false), (&text[at..from], true)]);
        done = from;
    }
    pieces.push((&text[done..], false));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

/// The length of the address that a text begins with, without the punctuation behind it; 0 where there is none.
fn address(text: &str) -> usize {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    if !host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric())) {
        return 0;
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !MARKS.contains(c)).unwrap_or(text.len());
    let mut address = &text[..end];
    loop {
        let n = |c: char| address.matches(c).count();
        let is_outside = match address.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*') => true,
            Some(')') => n(')') > n('('),
            Some(']') => n(']') > n('['),
            _ => false,
        };
        if !is_outside {
            return address.len();
        }
        address = &address[..address.len() - 1];
    }
}
