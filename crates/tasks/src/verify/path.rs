//! Paths: the last path that an answer spells, as the letters of its nodes or as moves. Whether it leads anywhere is
//! for the task to find out, by walking it.

use super::extract;
use super::surroundings;
use super::words;
use super::wrapped::listed;

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

/// The last marked answer, or the whole text; nodes on lines of their own on one line.
fn answer(text: &str) -> Result<String, String> {
    let text = extract::answer_text(text)?;
    let text = extract::enclosed(text)?.unwrap_or(text);
    if text.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes", text.len()));
    }
    Ok(listed(text).unwrap_or_else(|| text.to_string()))
}

/// What stands around a path must let it stand: nothing goes on from it, no other direction or order is said.
fn stands(text: &str, start: usize, end: usize) -> Result<(), String> {
    let (front, rest) = (&text[..start], &text[end..]);
    let is_sign = |c: char| "-–+_^=".contains(c);
    if front.ends_with(is_sign) || text.contains(words::is_strange) {
        return Err("the path is glued to what is beside it".to_string());
    }
    let behind = rest.trim_start_matches(['}', ' ']);
    let bare = behind.trim_start_matches([' ', '-', '–', '>', '→']);
    let goes_on = bare.len() < behind.len() && (bare.is_empty() || bare.starts_with(char::is_alphanumeric));
    if goes_on || rest.starts_with(is_sign) {
        return Err("the path goes on".to_string());
    }
    let line = front.rsplit('\n').next().unwrap_or_default();
    // "up twice: right, down" in front; "right, down, north" and "A-B and back" behind.
    let sentence = rest.split(['\n', '.', ';', '!', '。', '；', '！']).next().unwrap_or_default();
    let leads_on = |word: &&str| ["and", "then", "on", "plus"].contains(word);
    let first = words::words(sentence).next().filter(leads_on);
    if let Some(word) = foreign(line).or(foreign(sentence)).or(first) {
        return Err(format!("`{word}` stands beside the path"));
    }
    let front = front.trim_end_matches([' ', '-', '*', '"', '(', '[', '{', '`', '$', '\\']);
    let front = front.strip_suffix("1.").unwrap_or(front);
    surroundings::before(&format!("{front} "))?;
    surroundings::claims_after(rest)
}

/// Another step than the four moves and the nodes, a number of steps, or another order.
fn foreign(text: &str) -> Option<&str> {
    const STEPS: [&str; 9] = ["jump", "back", "return", "stay", "twice", "thrice", "times", "undo", "diagonally"];
    let is_step = |word: &&str| {
        let lower = word.to_lowercase();
        ["north", "south", "east", "west"].iter().any(|side| lower.starts_with(side)) || STEPS.contains(&lower.as_str())
    };
    words::reversal(text).or(words::words(text).find(is_step))
}

/// The last path of single letters, in upper case: `A-B-C`, `A, B, C`, `A → B → C`, `A to B to C`, `ABC`.
///
/// # Errors
/// When there are not two letters in a row, or words put the path in doubt.
pub fn last_letters(text: &str) -> Result<Vec<char>, String> {
    let text =
        answer(text)?.replace("\\rightarrow", "→").replace("=>", "→").replace("\\to", "→").replace("\\text{", " ");
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
        let letters = word.trim_matches(words::is_east_asian);
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
    let said = &text[start..end];
    if said.contains(['+', '/', '|', '=']) {
        return Err("other signs than those of a path stand between its nodes".to_string());
    }
    Ok(joined(&path, said))
}

/// `A-B, B-C` as `A-B-C`: edges, each of which begins where the last one ended.
fn joined(path: &[char], said: &str) -> Vec<char> {
    let edges = said.split([',', '，', '、', '\n', ';']);
    let nodes = |edge: &str| edge.chars().filter(char::is_ascii_uppercase).count();
    let are_edges = path.len() >= 4 && edges.clone().count() * 2 == path.len() && edges.map(nodes).all(|n| n == 2);
    if !are_edges || !path[1..path.len() - 1].chunks(2).all(|joint| joint[0] == joint[1]) {
        return path.to_vec();
    }
    path.iter().step_by(2).chain(path.last()).copied().collect()
}

/// The last run of moves: words (`right, down`), `R D`, `RD` or arrows.
///
/// # Errors
/// When there is no move, or words put them in doubt.
pub fn last_moves(text: &str) -> Result<Vec<Move>, String> {
    let lower = words::lower(&answer(text)?).replace("\\text{", " ");
    let (mut moves, mut ended, mut at): (Vec<Move>, bool, (usize, usize)) = (Vec::new(), true, (0, 0));
    let is_part = |c: char| c.is_alphanumeric() || "←↑↓".contains(c);
    // Between words an arrow leads on; among arrows it is a move.
    let arrows = lower.chars().filter(|c| "←↑↓".contains(*c)).count() > 0 || !lower.contains("right");
    let is_part = |c: char| is_part(c) || (arrows && c == '→');
    let mut position = 0;
    while let Some(start) = lower[position..].find(is_part).map(|start| position + start) {
        // In Chinese, words touch the moves.
        let is_chinese = lower[start..].starts_with(words::is_east_asian);
        let ends = |c: char| !is_part(c) || words::is_east_asian(c) != is_chinese;
        let end = lower[start..].find(ends).map_or(lower.len(), |length| start + length);
        let word = &lower[start..end];
        position = end;
        let is_joint = matches!(word, "and" | "then" | "move" | "go" | "step");
        if is_joint || is_number_of_line(&lower, start, end) {
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

/// `1.`, `2)` or `step 3:` at the start of a line.
fn is_number_of_line(text: &str, start: usize, end: usize) -> bool {
    let front = text[..start].trim_end_matches([' ', '\t', '*']);
    let front = front.strip_suffix("step").unwrap_or(front).trim_end_matches([' ', '\t', '*', '-']);
    let is_first = front.is_empty() || front.ends_with('\n');
    is_first && text[start..end].bytes().all(|b| b.is_ascii_digit()) && text[end..].starts_with(['.', ')', ':'])
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
