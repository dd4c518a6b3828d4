//! Named values: the answer must give each name its value, as in `x = 3, y = -2`.
//!
//! A value is given by the name, then `=`, `:` or "is", then a whole number that nothing follows but a mark or a word that
//! does not change it. What is said last about a name counts. A bare pair `(3, -2)` is read in the order of the names.

use super::clean::with_signs;
use super::extract;
use super::list;
use super::surroundings;
use super::words;
use crate::task::Judgement;

/// Longest text that is read.
const MAX_BYTES: usize = 20_000;

/// Judges the values that `answer_text` gives to all names of `gold`.
pub fn judge(gold: &[(&str, i64)], answer_text: &str) -> Judgement {
    match check(gold, answer_text) {
        Ok(true) => Judgement::right("every value is the expected one"),
        Ok(false) => {
            let values: Vec<i64> = gold.iter().map(|(_, value)| *value).collect();
            list::judge(&values, answer_text)
        }
        Err(reason) => Judgement::wrong(reason),
    }
}

/// `Ok(false)` where no name is given a value.
fn check(gold: &[(&str, i64)], answer_text: &str) -> Result<bool, String> {
    let text = extract::answer_text(answer_text)?;
    if text.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes", text.len()));
    }
    // Of the values, each may stand in a box of its own.
    let text = match extract::enclosed(text) {
        Ok(Some(inside)) if gold.iter().all(|(name, _)| inside.to_lowercase().contains(name)) => inside,
        _ => text,
    };
    let text = with_signs(&words::lower(text))
        .replace('−', "-")
        .replace("\\boxed{", " ")
        .replace("**", " ")
        .replace("\\}", " ")
        .replace(['$', '`', '}'], " ");
    let text =
        text.replace("\\(", " ").replace("\\)", " ").replace("\\[", " ").replace("\\]", " ").replace("\\quad", ", ");
    let text =
        text.replace("\\\\", "\n").replace("\\{", " ").replace("\\ ", " ").replace("\\,", " ").replace("\\text{", " ");
    let text = text.replace("\\begin{cases", " ").replace("\\end{cases", " ");
    let found: Vec<Option<Said<'_>>> = gold.iter().map(|(name, _)| last_said(name, &text)).collect();
    if found.iter().all(Option::is_none) {
        return Ok(false);
    }
    // Steps name one of them, the last line is a pair of values.
    let last_line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if found.iter().any(Option::is_none) && last_line.contains(',') && !last_line.contains(char::is_alphabetic) {
        return Ok(false);
    }
    let mut first = text.len();
    for ((name, value), found) in gold.iter().zip(found) {
        let Some(found) = found else { return Err(format!("the answer does not say what {name} is")) };
        let number = number(found.value).map_err(|reason| format!("{name}: {reason}"))?;
        if number != *value {
            return Err(format!("{name} is said to be {number}, not {value}"));
        }
        let line = found.front.rsplit(['\n', ',', ';', '，', '；', '(', '{']).next().unwrap_or_default();
        if line.trim().is_empty() && found.front.trim_end_matches(' ').ends_with('\n') {
            surroundings::before(found.front)?;
        }
        let bullet = line.trim_start().trim_start_matches(['-', '*', '•']);
        let line = if bullet.starts_with(' ') || bullet.is_empty() && line.ends_with(' ') { bullet } else { line };
        surroundings::before(line)?;
        first = first.min(found.front.len());
    }
    other_name(gold, &text[first..])?;
    surroundings::words_after(&text[first..].replace(|c: char| c.is_ascii_digit(), " "))?;
    Ok(true)
}

/// No letter but those of `gold` is given a value: `x = 3, y = 4, c = 5`.
fn other_name(gold: &[(&str, i64)], text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('=') {
        let side = text[..at].trim_end();
        let Some(letter) = side.chars().next_back().filter(char::is_ascii_alphabetic) else { continue };
        let front = &side[..side.len() - 1];
        let is_alone = front.is_empty() || front.ends_with([' ', ',', ';', '\n', '，', '；']);
        // `5x + 3y = 7` is a check.
        let is_term = front.trim_end().ends_with(['+', '-', '*', '/', '(']);
        let is_value = text[at + 1..].trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if is_alone && !is_term && is_value && gold.iter().all(|(name, _)| *name != letter.to_string()) {
            return Err(format!("the answer says what {letter} is too"));
        }
    }
    Ok(())
}

/// A mention of a name with a value.
struct Said<'a> {
    front: &'a str,
    value: &'a str,
}

/// What `text` says last about `name`.
fn last_said<'a>(name: &str, text: &'a str) -> Option<Said<'a>> {
    const LINKS: [&str; 11] = ["=", ":", "is ", "equals ", "→", "->", "：", "是", "为", "等于", "must be "];
    text.rmatch_indices(name).find_map(|(at, _)| {
        let (front, rest) = (&text[..at], &text[at + name.len()..]);
        let joins = |c: char| c.is_alphanumeric() && !words::is_east_asian(c);
        if front.ends_with(joins) || rest.starts_with(joins) {
            return None;
        }
        let rest = rest.trim_start().trim_start_matches(['"', ' ']);
        let value = LINKS.iter().find_map(|link| rest.strip_prefix(link))?;
        Some(Said { front: front.trim_end_matches('"'), value })
    })
}

/// The whole number at the start of `text`, which must stand alone there; of an equation, its last side.
fn number(text: &str) -> Result<i64, String> {
    // Enough for a number and the words behind it.
    let clause: String = text.chars().take(80).collect();
    let end = clause.find(['\n', ';', '；', '，', '。']).unwrap_or(clause.len());
    let is_comma = |(at, _): &(usize, &str)| !clause[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let end = end.min(clause.match_indices(',').find(is_comma).map_or(clause.len(), |(at, _)| at));
    let clause = &clause[..end];
    let side = match clause.rsplit_once('=') {
        Some((front, last)) if front.trim_end().ends_with(|c: char| c.is_ascii_digit() || c == ')') => last,
        Some((_, last)) if clause.trim_start().starts_with('=') => last,
        _ => clause.trim_start_matches(['=', ' ', '(']),
    };
    let side = side.trim().trim_start_matches('+');
    let digits = side.trim_start_matches('-');
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (word, rest) = side.split_at(side.len() - digits.len() + length);
    let refused = || format!("`{}` is no whole number", side.chars().take(40).collect::<String>());
    let value: i64 = word.parse().map_err(|_| refused())?;
    if word.trim_start_matches('-').len() > 1 && word.trim_start_matches('-').starts_with('0') {
        return Err(refused());
    }
    let rest = if rest.trim_matches([' ', '.']).is_empty() { "" } else { rest };
    // `10.0`
    let rest = rest.strip_prefix(".0").map_or(rest, |rest| rest.trim_start_matches('0'));
    // The next name may follow at once: "x = 3 and y = 4".
    let rest = rest.split_once(" and ").map_or(rest, |(rest, _)| rest);
    if rest.trim_start().starts_with('!') {
        return Err(refused());
    }
    surroundings::after(rest)?;
    Ok(value)
}

#[cfg(test)]
mod tests;
