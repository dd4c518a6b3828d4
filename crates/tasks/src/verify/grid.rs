//! Answers that are grids or lists: the last of the right shape in a text.

use super::extract;
use super::surroundings;
use super::wrapped::listed;

/// Longest line that is read; longer ones are prose or attacks.
const MAX_LINE: usize = 400;
/// What stands in the last tag or box, or else the whole text.
fn answer(text: &str) -> Result<&str, String> {
    let text = extract::answer_text(text)?;
    Ok(extract::enclosed(text)?.unwrap_or(text))
}

/// The last `n_rows` rows of `n_columns` single digits, one a line. Between digits may stand spaces, commas, bars and
/// brackets, between rows empty lines and rules; nothing else.
///
/// # Errors
/// Says in words why there are none.
pub fn digits(text: &str, n_rows: usize, n_columns: usize) -> Result<Vec<Vec<u8>>, String> {
    let text = &answer(text)?.replace("], [", "]\n[");
    let mut rows: Vec<Vec<u8>> = Vec::new();
    let mut end = text.len();
    for line in text.lines().rev() {
        let is_rule = line.chars().all(|c| " \t-+|=`─┼├┤┌┐└┘┬┴".contains(c));
        if is_rule {
            continue;
        }
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        match digit_row(line).filter(|row| row.len() == n_columns) {
            Some(row) => {
                if rows.is_empty() {
                    end = start + line.len();
                }
                rows.push(row);
            }
            None if rows.is_empty() => continue,
            None => break,
        }
        if rows.len() == n_rows {
            rows.reverse();
            let above = text[..start].lines().next_back().unwrap_or_default();
            if digit_row(above).is_some_and(|row| !row.is_empty()) {
                return Err("more rows stand above the grid".to_string());
            }
            stands(text, start, end)?;
            return Ok(rows);
        }
    }
    Err(format!("the answer has no {n_rows} lines of {n_columns} digits at its end"))
}

/// What stands around lines must let them stand.
fn stands(text: &str, start: usize, end: usize) -> Result<(), String> {
    let front = text[..start].trim_end().trim_end_matches(['`', '-', '+', '|', '=', '[', ' ', '\n', '\t']);
    // In front may stand another grid, which is set aside; words may not lead on from it.
    if !front.ends_with(|c: char| c.is_ascii_digit() || "])".contains(c)) {
        surroundings::before(&format!("{front}\n"))?;
    }
    surroundings::claims_after(&text[end..])
}

fn digit_row(line: &str) -> Option<Vec<u8>> {
    let line = line.trim_end().trim_end_matches('.');
    let is_label = |name: &str| ["row", "第"].iter().any(|word| name.trim().to_lowercase().starts_with(word));
    let line = match line.split_once([':', '：', '.']) {
        // `Row 1: 3 2 4 1`, `1. 3 2 4 1`
        Some((name, row)) if is_label(name) || (name.len() == 1 && row.starts_with(' ')) => row,
        _ => line,
    };
    if line.len() > MAX_LINE || line.contains("-") {
        return None;
    }
    let mut row = Vec::new();
    for c in line.chars() {
        match c {
            '0'..='9' => row.push(c as u8 - b'0'),
            ' ' | '\t' | ',' | '|' | '│' | '[' | ']' | '*' | '`' => {}
            _ => return None,
        }
    }
    Some(row)
}

/// The last line of `n` whole numbers below 1,000 with nothing but spaces, commas and brackets around; a name and a
/// colon may be in front.
///
/// # Errors
/// Says in words why there is none.
pub fn numbers(text: &str, n: usize) -> Result<Vec<usize>, String> {
    let text = answer(text)?;
    let listed = listed(text);
    let text = listed.as_deref().unwrap_or(text);
    for line in text.lines().rev() {
        let Some((row, at)) = number_row(line).filter(|(row, _)| !row.is_empty()) else { continue };
        if row.len() != n {
            return Err(format!("the last list has {} numbers, not {n}", row.len()));
        }
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        // Words on the line itself come first; lines in front may hold other lists.
        if line[..at].trim().is_empty() {
            stands(text, start, start + line.len())?;
        } else {
            surroundings::before(&line[..at])?;
            surroundings::words_after(&text[start + line.len()..])?;
        }
        return Ok(row);
    }
    Err(format!("there is no line of {n} numbers"))
}

/// The numbers at the end of a line, and where they start.
fn number_row(line: &str) -> Option<(Vec<usize>, usize)> {
    let end = line.trim_end_matches([' ', '.', '。', '!', '*', '`', '"', '$', ')', ']', '}', '\r']).len();
    let is_part = |c: char| c.is_ascii_digit() || " \t,，;、[(".contains(c);
    let start = line[..end]
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let numbers = &line[start..end];
    if line.len() > MAX_LINE || !numbers.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words = numbers.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let row: Option<Vec<usize>> =
        words.map(|word| word.parse().ok().filter(|n| *n < 1000 && word.len() <= 3)).collect();
    row.map(|row| (row, start + numbers.len() - numbers.trim_start_matches([' ', '[', '(']).len()))
}

#[cfg(test)]
mod tests;
