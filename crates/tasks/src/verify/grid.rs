//! Answers that are grids or lists: the last of the right shape in a text.

/// Longest line that is read; longer ones are prose or attacks.
const MAX_LINE: usize = 400;
/// The last of a text that is looked at.
const MAX_TAIL: usize = 100_000;

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(MAX_TAIL);
    &text[(start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())..]
}

/// What stands in the last `<answer>`, or else the whole text.
fn answer(text: &str) -> Result<&str, String> {
    let text = super::extract::after_thinking(tail(text))?;
    match text.rfind("<answer>") {
        Some(open) => super::extract::tag_content(&text[open + "<answer>".len()..]),
        None => Ok(text),
    }
}

/// The last `n_rows` rows of `n_columns` single digits, one a line. Between digits may stand spaces, commas, bars and
/// brackets, between rows empty lines and rules; nothing else.
///
/// # Errors
/// Says in words why there are none.
pub fn digits(text: &str, n_rows: usize, n_columns: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for line in answer(text)?.lines().rev() {
        let is_rule = line.chars().all(|c| " \t-+|=`".contains(c));
        if is_rule {
            continue;
        }
        match digit_row(line).filter(|row| row.len() == n_columns) {
            Some(row) => rows.push(row),
            None if rows.is_empty() => continue,
            None => break,
        }
        if rows.len() == n_rows {
            rows.reverse();
            return Ok(rows);
        }
    }
    Err(format!("the answer has no {n_rows} lines of {n_columns} digits at its end"))
}

fn digit_row(line: &str) -> Option<Vec<u8>> {
    if line.len() > MAX_LINE || line.contains("-") {
        return None;
    }
    let mut row = Vec::new();
    for c in line.chars() {
        match c {
            '0'..='9' => row.push(c as u8 - b'0'),
            ' ' | '\t' | ',' | '|' | '[' | ']' | '*' | '`' => {}
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
    let lines = answer(text)?.lines().rev();
    let rows = lines.filter_map(|line| number_row(line.rsplit(':').next().unwrap_or(line)));
    let mut rows = rows.filter(|row| !row.is_empty());
    match rows.next() {
        Some(row) if row.len() == n => Ok(row),
        Some(row) => Err(format!("the last list has {} numbers, not {n}", row.len())),
        None => Err(format!("there is no line of {n} numbers")),
    }
}

fn number_row(line: &str) -> Option<Vec<usize>> {
    let line = line.trim().trim_end_matches('.');
    if line.len() > MAX_LINE || !line.chars().all(|c| c.is_ascii_digit() || " \t,[]()*`{}$\\boxed".contains(c)) {
        return None;
    }
    let line = line.replace("\\boxed", "");
    let words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok().filter(|n| *n < 1000 && word.len() <= 3)).collect()
}

#[cfg(test)]
mod tests;
