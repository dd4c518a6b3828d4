//! Paths: the last path that an answer spells, as the letters of its nodes or as moves. Whether it leads anywhere is
//! for the task to find out, by walking it.

use super::extract;
use super::surroundings;

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

/// Longest text that is read.
const MAX_BYTES: usize = 10_000;

/// The last marked answer, or the whole text.
fn answer(text: &str) -> Result<&str, String> {
    let text = extract::answer_text(text)?;
    let text = extract::enclosed(text)?.unwrap_or(text);
    if text.len() > MAX_BYTES { Err(format!("the answer has {} bytes", text.len())) } else { Ok(text) }
}

/// What stands around a path must let it stand.
fn stands(text: &str, start: usize, end: usize) -> Result<(), String> {
    if text[..start].ends_with(['_', '^', '+']) || text.contains(super::words::is_strange) {
        return Err("the path is glued to what is beside it".to_string());
    }
    let front = text[..start].trim_end_matches([' ', '-', '*', '"', '(', '[', '{', '`', '$', '\\']);
    let front = front.strip_suffix("1.").unwrap_or(front);
    surroundings::before(&format!("{front} "))?;
    surroundings::words_after(&text[end..])
}

/// The last path of single letters, in upper case: `A-B-C`, `A, B, C`, `A → B → C`, `A to B to C`, `ABC`.
///
/// # Errors
/// When there are not two letters in a row, or words put the path in doubt.
pub fn last_letters(text: &str) -> Result<Vec<char>, String> {
    let text = answer(text)?.replace("\\rightarrow", "→").replace("\\to", "→").replace("\\text{", " ");
    let (mut path, mut ended, mut at): (Vec<char>, bool, (usize, usize)) = (Vec::new(), true, (0, 0));
    let mut found = None;
    let is_letter = |c: char| c.is_alphanumeric();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| is_letter(c) || ":=：.;\n。".contains(c)) {
        let from = text.len() - rest.len() + start;
        let length = rest[start..].find(|c: char| !is_letter(c)).unwrap_or(rest.len() - start);
        let length = length.max(rest[start..].chars().next().map_or(1, char::len_utf8));
        let word = &text[from..from + length];
        rest = &text[from + length..];
        // In Chinese, words touch the letters.
        let letters = word.trim_matches(super::words::is_east_asian);
        let touched = letters.len() < word.len();
        match word {
            _ if letters.len() == 1 && letters.bytes().all(|b| b.is_ascii_uppercase()) => {
                if std::mem::take(&mut ended) || (touched && !word.starts_with(letters)) {
                    path.clear();
                    at.0 = from + word.find(letters).unwrap_or(0);
                }
                path.extend(letters.chars());
                ended = touched && !word.ends_with(letters);
                at.1 = from + length;
            }
            "to" | "then" if !ended => {}
            // Letters written together are a path of their own.
            _ if word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()) => {
                path = word.chars().collect();
                (at, ended) = ((from, from + length), true);
            }
            _ => ended = true,
        }
        if path.len() > 1 && at.1 == from + length {
            found = Some((path.clone(), at));
        }
    }
    let Some((path, (start, end))) = found else { return Err("there is no path of letters in the answer".to_string()) };
    stands(&text, start, end)?;
    Ok(path)
}

/// The last run of moves: words (`right, down`), `R D`, `RD` or arrows.
///
/// # Errors
/// When there is no move, or words put them in doubt.
pub fn last_moves(text: &str) -> Result<Vec<Move>, String> {
    let lower = super::words::lower(answer(text)?).replace("\\text{", " ");
    let (mut moves, mut ended, mut at): (Vec<Move>, bool, (usize, usize)) = (Vec::new(), true, (0, 0));
    let is_part = |c: char| c.is_alphanumeric() || "←↑↓".contains(c);
    // Between words an arrow leads on; among arrows it is a move.
    let arrows = lower.chars().filter(|c| "←↑↓".contains(*c)).count() > 0 || !lower.contains("right");
    let is_part = |c: char| is_part(c) || (arrows && c == '→');
    let mut position = 0;
    while let Some(start) = lower[position..].find(is_part).map(|start| position + start) {
        let end = lower[start..].find(|c: char| !is_part(c)).map_or(lower.len(), |length| start + length);
        let word = &lower[start..end];
        position = end;
        if matches!(word, "and" | "then" | "move" | "go") || is_number_of_line(&lower, start, end) {
            continue;
        }
        let Some(read) = moves_of(word) else {
            ended = true;
            continue;
        };
        if std::mem::take(&mut ended) {
            moves.clear();
            at.0 = start;
        }
        moves.extend(read);
        at.1 = end;
    }
    if moves.is_empty() {
        return Err("there are no moves in the answer".to_string());
    }
    stands(&lower, at.0, at.1)?;
    Ok(moves)
}

/// `1.` or `2)` at the start of a line.
fn is_number_of_line(text: &str, start: usize, end: usize) -> bool {
    let is_first = text[..start].trim_end_matches([' ', '\t']).is_empty()
        || text[..start].trim_end_matches([' ', '\t']).ends_with('\n');
    is_first && text[start..end].bytes().all(|b| b.is_ascii_digit()) && text[end..].starts_with(['.', ')'])
}

/// A word as a move, or as a row of letters or arrows.
fn moves_of(word: &str) -> Option<Vec<Move>> {
    match word {
        "up" | "向上" => Some(vec![Move::Up]),
        "down" | "向下" => Some(vec![Move::Down]),
        "left" | "向左" => Some(vec![Move::Left]),
        "right" | "向右" => Some(vec![Move::Right]),
        _ => word
            .chars()
            .map(|c| match c {
                'u' | '↑' | '上' => Some(Move::Up),
                'd' | '↓' | '下' => Some(Move::Down),
                'l' | '←' | '左' => Some(Move::Left),
                'r' | '→' | '右' => Some(Move::Right),
                _ => None,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
