//! Numerals in any base from 2 to 16: the last one of the answer must have the expected value.
//!
//! A prefix (`0b`, `0o`, `0x`) or an ending (`_2`, `₂`, `base 2`, `in binary`) that names the expected base is read
//! over; leading zeros and case do not matter.

use crate::task::Judgement;

/// The end of a text in which a numeral is looked for.
const MAX_BYTES: usize = 400;

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
    let tail_start = answer_text.len().saturating_sub(MAX_BYTES);
    let tail_start = (tail_start..=answer_text.len()).find(|&at| answer_text.is_char_boundary(at)).unwrap_or(0);
    let text = answer_text[tail_start..].to_lowercase().replace("**", " ");
    let ends = |c: char| !c.is_ascii_alphanumeric();
    let mut text = text.trim_end_matches(ends);
    for ending in endings(base) {
        if let Some(rest) = text.strip_suffix(&ending) {
            text = rest.trim_end_matches(|c: char| ends(c) && c != '_');
            text = text.trim_end_matches('_');
            break;
        }
    }
    let text = text.trim_end_matches(|c: char| subscript(base).contains(&c));
    let word = text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || "._+-*/^'".contains(c))).next().unwrap_or_default();
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let digits = word.strip_prefix(prefix).unwrap_or(word).trim_start_matches('0');
    let gold = written(n, base);
    if digits == gold || (n == 0 && digits.is_empty() && word.ends_with('0')) {
        return Judgement::right(format!("the last numeral is {gold}"));
    }
    Judgement::wrong(format!("the last numeral is `{}`, not `{gold}`", word.chars().take(40).collect::<String>()))
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
    let mut endings =
        vec![format!(" in base {base}"), format!(" (base {base}"), format!("_{base}"), format!("_{{{base}")];
    if !name.is_empty() {
        endings.extend([format!(" in {name}"), format!(" ({name}")]);
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
