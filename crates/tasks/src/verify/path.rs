//! Paths: the last path that an answer spells, as the letters of its nodes or as moves. Whether it leads anywhere is
//! for the task to find out, by walking it.

/// The end of a text in which a path is looked for.
const MAX_BYTES: usize = 10_000;

/// Up, down, left or right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One column to the left.
    Left,
    /// One column to the right.
    Right,
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(MAX_BYTES);
    let start = (start..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[start..]
}

/// The last path of single letters, in upper case: `A-B-C`, `A, B, C`, `A → B → C`, `A to B to C`, `ABC`.
///
/// # Errors
/// When there are not two letters in a row.
pub fn last_letters(text: &str) -> Result<Vec<char>, String> {
    // These end a path, as other words do.
    let marked = tail(text).replace([':', '=', '：', '.', ';', '\n', '。'], " | ");
    let separates = |c: char| !(c.is_alphanumeric() || c == '|');
    let (mut path, mut ended): (Vec<char>, bool) = (Vec::new(), true);
    let mut found = Vec::new();
    let words = marked.split(separates).filter(|word| !word.is_empty());
    for word in words {
        let mut letters = word.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_uppercase() => {
                if std::mem::take(&mut ended) {
                    path.clear();
                }
                path.push(letter);
            }
            _ if matches!(word, "to" | "then") && !ended => {}
            // Letters written together are a path of their own.
            _ if word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()) => {
                path = word.chars().collect();
                ended = true;
            }
            _ => ended = true,
        }
        if path.len() > 1 {
            found.clone_from(&path);
        }
    }
    if found.is_empty() { Err("there is no path of letters in the answer".to_string()) } else { Ok(found) }
}

/// The last run of moves: words (`right, down`), `R D`, `RD` or arrows.
///
/// # Errors
/// When there is no move, or something that is no move stands between moves.
pub fn last_moves(text: &str) -> Result<Vec<Move>, String> {
    let lower = tail(text).to_lowercase();
    let (mut moves, mut ended): (Vec<Move>, bool) = (Vec::new(), true);
    let word_ends = |c: char| !(c.is_alphanumeric() || "→←↑↓".contains(c));
    for word in lower.split(word_ends).filter(|word| !word.is_empty() && !matches!(*word, "and" | "then")) {
        let Some(read) = moves_of(word) else {
            ended = true;
            continue;
        };
        if std::mem::take(&mut ended) {
            moves.clear();
        }
        moves.extend(read);
    }
    if moves.is_empty() { Err("there are no moves in the answer".to_string()) } else { Ok(moves) }
}

/// A word as a move, or as a row of letters or arrows.
fn moves_of(word: &str) -> Option<Vec<Move>> {
    match word {
        "up" | "上" => Some(vec![Move::Up]),
        "down" | "下" => Some(vec![Move::Down]),
        "left" | "左" => Some(vec![Move::Left]),
        "right" | "右" => Some(vec![Move::Right]),
        _ => word
            .chars()
            .map(|c| match c {
                'u' | '↑' => Some(Move::Up),
                'd' | '↓' => Some(Move::Down),
                'l' | '←' => Some(Move::Left),
                'r' | '→' => Some(Move::Right),
                _ => None,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
