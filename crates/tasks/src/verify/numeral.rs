//! Numerals in any base from 2 to 16: the last one of the answer must have the expected value.
//!
//! A prefix (`0b`, `0o`, `0x`) or an ending (`_2`, `₂`, `base 2`, `in binary`) that names the expected base is read
//! over; leading zeros and case do not matter, nor separators in threes in base 10.

use super::extract;
use super::surroundings;
use super::words;
use crate::task::Judgement;

/// Longest numeral that is read.
const MAX_DIGITS: usize = 400;

/// `n` in `base`, with lower-case letters.
///
/// # Panics
/// When the base is not 2 to 16.
pub fn written(n: u64, base: u32) -> String {
    assert!((2..=16).contains(&base), "base {base}: known are 2 to 16");
    let mut digits = Vec::new();
    let mut rest = n;
    while rest > 0 || digits.is_empty() {
        digits.push(char::from_digit((rest % u64::from(base)) as u32, base).expect("a digit is below the base"));
        rest /= u64::from(base);
    }
    digits.iter().rev().collect()
}

/// Judges the last numeral of `answer_text`, read in `base`, against `n`.
pub fn judge(n: u64, base: u32, answer_text: &str) -> Judgement {
    let gold = written(n, base);
    let outcome = extract::claim(answer_text).and_then(|text| {
        let enclosed = extract::enclosed(text)?;
        last(enclosed.unwrap_or(text), base, enclosed.is_some())
    });
    match outcome {
        Ok(digits) if digits == gold => Judgement::right(format!("the last numeral is {gold}")),
        Ok(digits) => Judgement::wrong(format!(
            "the last numeral is `{}`, not `{gold}`",
            digits.chars().take(40).collect::<String>()
        )),
        Err(reason) => Judgement::wrong(reason),
    }
}

/// The digits of the last numeral, without leading zeros, in lower case. `alone`: the text is nothing else.
fn last(text: &str, base: u32, alone: bool) -> Result<String, String> {
    let text = words::lower(text).replace("{,}", ",");
    let text = if base == 2 { in_fours(text) } else { text };
    if let Some(c) = text.chars().find(|c| words::is_strange(*c)) {
        return Err(format!("the answer has U+{:04X}", u32::from(c)));
    }
    let marks = |c: char| c.is_whitespace() || ".,!。)）]}$*`\"'\\".contains(c);
    let bare = text.trim_end_matches(marks);
    let named = endings(base)
        .into_iter()
        .find_map(|ending| bare.strip_suffix(ending.as_str()))
        .map(|rest| rest.trim_end_matches(marks));
    let bare = named.unwrap_or(bare).trim_end_matches(|c: char| subscript(base).contains(&c)).trim_end_matches(marks);
    let is_part = |c: char| c.is_ascii_alphanumeric() || (base == 10 && c == ',');
    let start =
        bare.rfind(|c: char| !is_part(c)).map_or(0, |at| at + bare[at..].chars().next().map_or(1, char::len_utf8));
    let (front, word) = bare.split_at(start);
    if word.len() > MAX_DIGITS {
        return Err(format!("a numeral of {} digits", word.len()));
    }
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let digits = word.strip_prefix(prefix).unwrap_or(word);
    let digits = if base == 10 { grouped(digits)? } else { digits.to_string() };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(format!("`{}` is no numeral of base {base}", word.chars().take(40).collect::<String>()));
    }
    if alone && surroundings::clause(front).contains(|c: char| c.is_ascii_digit()) && !words::links(front) {
        return Err("there are several numerals in the answer".to_string());
    }
    if front.ends_with(['.', ',', '\'', '’', '_', ':', ';', '-', '−', '–']) {
        return Err("the numeral is glued to what is in front".to_string());
    }
    surroundings::before(front)?;
    surroundings::joined(front, false)?;
    // A word of letters alone may be a word: a numeral is announced.
    const ANNOUNCES: [&str; 9] = ["answer", "are", "as", "becomes", "equals", "gives", "hex", "hexadecimal", "is"];
    let is_word = digits.chars().all(char::is_alphabetic);
    let spoken = surroundings::without_opens(front);
    let announced = spoken.is_empty()
        || spoken.ends_with([':', '=', '：', '是', '为'])
        || words::words(spoken).next_back().is_some_and(|word| ANNOUNCES.contains(&word));
    if is_word && !alone && !announced {
        return Err("it is not clear that the last word is a numeral".to_string());
    }
    let trimmed = digits.trim_start_matches('0');
    Ok(if trimmed.is_empty() { "0".to_string() } else { trimmed.to_string() })
}

/// `10 1101` as `101101`, where the text is nothing else.
fn in_fours(text: String) -> String {
    let mut groups = text.trim().split(' ');
    let first = groups.next().unwrap_or_default();
    let are_digits = text.trim().bytes().all(|b| b.is_ascii_digit() || b == b' ');
    let is_grouped = are_digits && (1..=4).contains(&first.len()) && groups.all(|group| group.len() == 4);
    if is_grouped { text.replace(' ', "") } else { text }
}

/// `1,234` as `1234`.
fn grouped(digits: &str) -> Result<String, String> {
    let groups: Vec<&str> = digits.split(',').collect();
    let is_well =
        groups.len() == 1 || ((1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3));
    if is_well { Ok(groups.concat()) } else { Err(format!("`{digits}` has no separators in threes")) }
}

/// Words behind a numeral that name its base.
fn endings(base: u32) -> Vec<String> {
    let name = match base {
        2 => "binary",
        8 => "octal",
        10 => "decimal",
        16 => "hexadecimal",
        _ => "",
    };
    let mut endings: Vec<String> = [" in base ", " (base ", " base ", " (base-", "_", "_{", "_{("]
        .iter()
        .map(|front| format!("{front}{base}"))
        .collect();
    if !name.is_empty() {
        let chinese =
            ["二进制", "八进制", "十进制", "十六进制"][[2, 8, 10, 16].iter().position(|b| *b == base).unwrap_or(0)];
        endings.extend([format!("（{chinese}"), format!("({chinese}")]);
        endings.extend([format!(" in {name}"), format!(" ({name}"), format!(" in {name} notation")]);
    }
    if base == 16 {
        endings.extend([" (hex".to_string(), " in hex".to_string()]);
    }
    endings
}

/// `₁₆`
fn subscript(base: u32) -> Vec<char> {
    base.to_string()
        .chars()
        .map(|c| ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'][c as usize - '0' as usize])
        .collect()
}

#[cfg(test)]
mod tests;
