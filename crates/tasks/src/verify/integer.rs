//! Whole numbers: the last number of the answer must be the gold one.
//!
//! Accepted: digits, a sign (`-`, `−`, `+`), thousands separators in threes (`1,234`), a fraction of zeros (`12.0`),
//! words and units around. Refused: any other last number, an expression left uncomputed (`12+23`), alternatives (`12 or
//! 23`), powers, percentages, numbers glued to letters (`x5`, `1e5`), misplaced separators. Numbers are compared as digit strings, so their size
//! does not matter; the work is linear in the text.

use crate::task::Judgement;

/// More digits than this are not read.
const MAX_DIGITS: usize = 1000;

/// An integer of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integer {
    /// Below zero.
    pub negative: bool,
    /// Decimal digits without leading zeros; `0` for zero.
    pub digits: String,
}

impl std::fmt::Display for Integer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.digits)
    }
}

/// Judges the last number of `answer_text` against `gold`; cannot judge when `gold` is not an integer.
pub fn judge(gold: &str, answer_text: &str) -> Judgement {
    let Ok(expected) = last(gold) else {
        return Judgement::cannot_judge(format!("the gold answer `{gold}` is not an integer"));
    };
    match last(answer_text) {
        Ok(found) if found == expected => Judgement::right(format!("the last number is {found}")),
        Ok(found) => Judgement::wrong(format!("the last number is {}, not {expected}", shortened(&found))),
        Err(reason) => Judgement::wrong(reason),
    }
}

fn shortened(number: &Integer) -> String {
    let text = number.to_string();
    if text.len() <= 40 { text } else { format!("{}… ({} digits)", &text[..20], number.digits.len()) }
}

/// The last number of a text.
///
/// # Errors
/// Says in words why there is none that can be read.
pub fn last(text: &str) -> Result<Integer, String> {
    lasts(text, 1).map(|mut numbers| numbers.remove(0))
}

/// The last `n` numbers of a text, in reading order.
///
/// # Errors
/// Says in words why there are none that can be read.
pub fn lasts(text: &str, n: usize) -> Result<Vec<Integer>, String> {
    let mut numbers = Vec::with_capacity(n);
    let mut end = text.len();
    for _ in 0..n {
        let (number, start) = last_before(&text[..end], &text[end..])?;
        numbers.push(number);
        end = start;
    }
    numbers.reverse();
    Ok(numbers)
}

/// The last number of `text`, which `after` follows, and where it starts.
fn last_before(text: &str, after: &str) -> Result<(Integer, usize), String> {
    let end = text.rfind(|c: char| c.is_ascii_digit()).ok_or("there is no number in the answer")? + 1;
    let after_number = if end < text.len() { &text[end..] } else { after };
    let bytes = text.as_bytes();
    let mut start = end;
    while start > 0 && (bytes[start - 1].is_ascii_digit() || matches!(bytes[start - 1], b',' | b'.' | b'_')) {
        start -= 1;
        if end - start > 2 * MAX_DIGITS {
            return Err(format!("the last number has more than {MAX_DIGITS} digits"));
        }
    }
    // A stop or comma in front belongs to the sentence: "so...12".
    let numeral = &text[start..end];
    let glued = numeral.len();
    let numeral = numeral.trim_start_matches([',', '.']);
    if numeral.len() + 1 == glued && text[start..].starts_with('.') && !text[..start].ends_with(char::is_alphanumeric) {
        return Err("the last number is a decimal fraction".to_string());
    }
    let start = end - numeral.len();
    let digits = whole_digits(numeral)?;
    after_is_plain(after_number)?;
    let (negative, start) = sign_before(text, start)?;
    let negative = negative && digits != "0";
    Ok((Integer { negative, digits }, start))
}

/// `1,234` and `12.00` as digits without leading zeros.
fn whole_digits(numeral: &str) -> Result<String, String> {
    let (whole, fraction) = numeral.split_once('.').unwrap_or((numeral, ""));
    if !fraction.bytes().all(|b| b == b'0') {
        return Err(format!("the last number, {numeral}, is not a whole number"));
    }
    let groups: Vec<&str> = whole.split(',').collect();
    let well_grouped =
        groups.len() == 1 || (matches!(groups[0].len(), 1..=3) && groups[1..].iter().all(|group| group.len() == 3));
    if !well_grouped || whole.contains('_') {
        return Err(format!("`{numeral}` is not a number with its separators in threes"));
    }
    let digits: String = groups.concat();
    let trimmed = digits.trim_start_matches('0');
    Ok(if trimmed.is_empty() { "0".to_string() } else { trimmed.to_string() })
}

/// What follows must not change the number's value.
fn after_is_plain(after: &str) -> Result<(), String> {
    let tight = after.chars().next();
    match after.trim_start().chars().next() {
        Some('%' | '‰') => Err("the last number is a percentage".to_string()),
        Some('^') => Err("the last number is raised to a power".to_string()),
        _ if tight == Some('_') => Err("the last number is part of a name".to_string()),
        _ => Ok(()),
    }
}

/// Reads the sign in front of a number and refuses numbers that belong to something larger. A minus is a sign when it
/// touches the number and no word in front, or when it follows `=`, `:`, an opening bracket or nothing.
fn sign_before(text: &str, start: usize) -> Result<(bool, usize), String> {
    let before = &text[..start];
    let trimmed = before.trim_end();
    let tight = trimmed.len() == before.len();
    let Some(last) = trimmed.chars().next_back() else { return Ok((false, start)) };
    let front = &trimmed[..trimmed.len() - last.len_utf8()];
    let bare = trimmed.trim_end_matches(['*', '$', ' ']);
    let alternative = bare.strip_suffix('或').or_else(|| bare.strip_suffix(" or"));
    if alternative.is_some_and(|front| front.trim_end().ends_with(|c: char| c.is_ascii_digit() || c == '*')) {
        return Err("the answer ends in alternatives".to_string());
    }
    match last {
        '-' | '−' | '–' | '+' => {
            if follows_operand(front) {
                return Err("the answer ends in an uncomputed expression".to_string());
            }
            let touches_word = front.ends_with(|c: char| c.is_ascii_alphanumeric());
            let after_mark = matches!(front.trim_end().chars().next_back(), None | Some('=' | ':' | '(' | '{' | '['));
            let is_sign = (tight && !touches_word) || after_mark;
            Ok((is_sign && last != '+', if is_sign { front.len() } else { start }))
        }
        '*' | '×' | '÷' | '/' | '·' if follows_operand(front) => {
            Err("the answer ends in an uncomputed expression".to_string())
        }
        '^' | '√' => Err("the last number is an exponent or under a root".to_string()),
        c if tight && (c.is_ascii_alphabetic() || c == '_') => Err("the last number is glued to a word".to_string()),
        _ => Ok((false, start)),
    }
}

/// The text ends in a number, a closing bracket or an operator behind one: what follows is its operand. Markdown's
/// `**` is no operator when no operand is in front of it.
fn follows_operand(text: &str) -> bool {
    let operators = ['*', '/', '×', '÷', '·', '+', '-', '−', '–', '^', ' '];
    let operand = text.trim_end_matches(operators);
    operand.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | ']' | '}'))
}

#[cfg(test)]
mod tests;
