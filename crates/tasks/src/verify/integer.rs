//! Whole numbers: the last number of the answer must be the gold one.
//!
//! Accepted: digits, a sign (`-`, `−`, `+`, "minus"), thousands separators in threes (`1,234`, `1{,}234`, `1 234`), a
//! fraction of zeros (`12.0`), words and units around. A box, a tag or a phrase such as "the answer is" says where the
//! number is. Refused: any other last number, an expression left uncomputed (`12+23`), alternatives (`12 or 23`), powers,
//! roots, fractions, percentages, numbers glued to letters (`x5`, `1e5`), misplaced separators, digits of other scripts
//! but full-width ones, a word that changes or denies the number ([`super::words`]). Numbers are compared as digit
//! strings, so their size does not matter; the work is linear in the text.

use super::answer::names;
use super::clean::{clean, narrow, with_signs};
use super::extract::{self, Source};
use super::number::{self, units};
use super::surroundings::{after, before, clause, joined};
use super::words::is_east_asian;
use crate::task::{Judgement, Verdict};
use std::borrow::Cow;

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
    match text_of(answer_text).and_then(|text| said(&text)) {
        Ok(found) if found == expected => Judgement::right(format!("the last number is {found}")),
        Ok(found) => Judgement::wrong(format!("the last number is {}, not {expected}", shortened(&found))),
        Err(reason) => Judgement::wrong(reason),
    }
}

/// As [`judge`], of a number of `units` (`minutes`, `分钟`): another known unit behind it makes another number.
pub fn judge_in(units: &[&str], gold: &str, answer_text: &str) -> Judgement {
    let judgement = judge(gold, answer_text);
    if judgement.verdict != Verdict::Right {
        return judgement;
    }
    let around = around_number(answer_text);
    let other = around.and_then(|(front, rest)| {
        let known = units::other_than(units, &rest).or(units::led_by_other(units, &front)).map(str::to_string);
        known.or(units::counts_other(units, &rest).or(units::month_in_front(&front)).map(str::to_string))
    });
    match other {
        Some(unit) => Judgement::wrong(format!("the answer is in {unit}, not in {}", units.join(" or "))),
        None => judgement,
    }
}

/// As [`judge`], of the value of `name`: one letter that the answer gives another name to is another's value.
pub fn judge_of(name: char, gold: &str, answer_text: &str) -> Judgement {
    let judgement = judge(gold, answer_text);
    let text = text_of(answer_text).unwrap_or_default();
    let said = extract::marked(&text).ok().and_then(|found| {
        let text = found.map_or(&*text, |found| found.text);
        let front = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let front = front.trim_end_matches(|c: char| c.is_ascii_digit() || ",.".contains(c));
        let front = front.trim_end_matches([' ', '-', '−', '$', '*', '(', '{']);
        let links = ["=", ":", " is", " equals", "：", "是", "为", "等于", "∈", "→"];
        // `\text{x} = 9`
        let side = links.iter().find_map(|link| front.strip_suffix(link))?.trim_end_matches([' ', '$', '*', '}']);
        // `sqrt(x) = 9`
        if let Some((_, inside)) = side.strip_suffix(')').and_then(|side| side.rsplit_once('('))
            && inside.contains(name)
        {
            return Some(name);
        }
        let letter = side.chars().next_back().filter(char::is_ascii_alphabetic)?;
        let alone = !side[..side.len() - 1].ends_with(|c: char| c.is_alphanumeric() && !is_east_asian(c));
        (alone && !letter.eq_ignore_ascii_case(&name)).then_some(letter)
    });
    match said.filter(|_| judgement.verdict == Verdict::Right) {
        Some(letter) if letter == name => Judgement::wrong(format!("the answer does not say what {name} is")),
        Some(letter) => Judgement::wrong(format!("the answer says what {letter} is, not {name}")),
        None => judgement,
    }
}

/// What stands in front of the last number of the answer in its clause, and behind it.
fn around_number(answer_text: &str) -> Option<(String, String)> {
    let text = text_of(answer_text).ok()?;
    let (text, rest) = match extract::marked(&text).ok()? {
        Some(found) if found.source == Source::Enclosed => (found.text, found.rest),
        Some(found) => (found.text.split(". ").next().unwrap_or_default(), ""),
        None => (&*text, ""),
    };
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let front = text[..end].trim_end_matches(|c: char| c.is_ascii_digit() || ",.".contains(c));
    Some((clause(front).to_string(), format!("{}{rest}", &text[end..])))
}

/// What follows the thinking, its numbers in one spelling.
fn text_of(answer_text: &str) -> Result<Cow<'_, str>, String> {
    extract::claim(answer_text).map(plain)
}

/// The number that an answer says.
fn said(text: &str) -> Result<Integer, String> {
    // A quotation mark that stands only behind the number would be a unit: 5' are feet.
    let quoted = text.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let text = quoted.unwrap_or(text);
    let text = turned(text).unwrap_or(text);
    let Some(found) = extract::marked(text)? else { return last(text) };
    found.stands()?;
    match found.source {
        Source::Enclosed => alone(found.text),
        _ => {
            let end = found.text.char_indices().find(|(at, c)| {
                let ends = |next: &str| next.is_empty() || next.starts_with(char::is_whitespace);
                *c == '。' || (matches!(c, '.' | ';') && ends(&found.text[at + 1..]))
            });
            let (sentence, rest) = found.text.split_at(end.map_or(found.text.len(), |(at, _)| at));
            let number = last(sentence)?;
            after(rest)?;
            after(found.rest)?;
            Ok(number)
        }
    }
}

/// The number of a text that holds nothing else: no other number but in an equation.
fn alone(text: &str) -> Result<Integer, String> {
    let text = plain(text);
    let (number, start) = last_before(&text, true)?;
    let front = text[..start].trim_end();
    let is_equation = front.ends_with('=') || !front.contains(|c: char| c.is_ascii_digit());
    if is_equation { Ok(number) } else { Err("there are several numbers in the answer".to_string()) }
}

/// The 48 of `48 = 6 × 8`, an equation that is true and begins with its value.
fn turned(text: &str) -> Option<&str> {
    let (value, sum) = text.split_once('=')?;
    let read = |side: &str| number::parse(&clean(side).ok()?);
    let (number, sum) = (read(value)?, read(sum)?);
    let is_plain = number.parts.len() == 1 && number.unit.is_empty() && sum.unit.is_empty();
    (is_plain && sum.form.uncomputed && number.value == sum.value).then_some(value)
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
    let text = plain(text);
    let mut numbers = Vec::with_capacity(n);
    let mut end = text.len();
    for idx in 0..n {
        let (number, start) = last_before(&text[..end], idx == 0)?;
        numbers.push(number);
        end = start;
    }
    numbers.reverse();
    Ok(numbers)
}

/// Numbers in one spelling: separators of thousands as commas, full-width digits as digits, "minus 4" as -4.
fn plain(text: &str) -> Cow<'_, str> {
    const LATEX: [(&str, &str); 8] = [
        ("{,}", ","),
        ("\\,", ","),
        (",\\!", ","),
        ("\\;", " "),
        ("\\ ", " "),
        ("\\$", "$"),
        ("\\\\ &=", "="),
        ("&=", "="),
    ];
    let mut plain = Cow::Borrowed(text);
    for (from, to) in LATEX.into_iter().filter(|(from, _)| text.contains(from)) {
        plain = Cow::Owned(plain.replace(from, to));
    }
    if !text.is_ascii() || text.contains("inus ") || text.contains("egative ") {
        plain = Cow::Owned(with_signs(&plain.chars().map(narrow_digit).collect::<String>()));
    }
    match number::with_commas(&plain) {
        Some(grouped) => Cow::Owned(grouped),
        None => plain,
    }
}

/// A full-width digit as a digit.
fn narrow_digit(c: char) -> char {
    if ('０'..='９').contains(&c) { narrow(c) } else { c }
}

/// The last number of `text` and where it starts. `is_last`: no other number follows the text.
fn last_before(text: &str, is_last: bool) -> Result<(Integer, usize), String> {
    let end = text.rfind(|c: char| c.is_ascii_digit()).ok_or("there is no number in the answer")? + 1;
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
    if is_last {
        if let Some(c) = text[end..].chars().find(|c| c.is_numeric()) {
            return Err(format!("`{c}` is no digit that is read"));
        }
        after(&text[end..])?;
    }
    let (negative, start) = sign_before(text, start)?;
    let front = &text[..start];
    before(front)?;
    if is_last {
        if text[end..].starts_with("!!") {
            return Err("a factorial, or an exclamation".to_string());
        }
        joined(front, true)?;
        is_solved(front, &text[end..])?;
    }
    let negative = negative && digits != "0";
    Ok((Integer { negative, digits }, start))
}

/// An equation's left side is a name or holds none: `3x = 12` and `x + 1 = 12` are left to solve.
fn is_solved(front: &str, rest: &str) -> Result<(), String> {
    let Some(left) = front.trim_end_matches([' ', '$', '*']).strip_suffix('=') else { return Ok(()) };
    // `\text{Total} = 48`
    let text = left.trim_end().strip_suffix('}').and_then(|text| text.rsplit_once("\\text{"));
    let left = text.map_or(left, |(_, name)| name);
    // `9 h = 540 min`: with units on both sides, a letter is one.
    let is_unit =
        left.trim_end().ends_with(['h', 'g', 's', 'l', 'L', 'm']) && rest.trim_start().starts_with(char::is_alphabetic);
    let measured = left.trim_end().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_measure = is_unit && measured.trim_end().ends_with(|c: char| c.is_ascii_digit());
    if let Some(side) = open_side(if is_measure { measured } else { left }) {
        return Err(format!("`{}` is left to solve", side.chars().take(40).collect::<String>()));
    }
    let side =
        left.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default().trim_matches(['*', '$', '(', '`', ',']);
    let side = side.rsplit([',', ':', '，', '：', '。']).next().unwrap_or_default();
    let side = side.trim_start_matches("\\(").trim_start_matches("\\[");
    // `x=27/3=9` computes on its way.
    let is_open = |side: &&str| {
        let is_computed = side.trim_start_matches(['-', '−']).starts_with("\\frac{") && side.ends_with('}');
        side.contains(char::is_alphabetic) && !is_computed && !names::is_name(side) && !side.ends_with(')')
    };
    match side.split('=').find(is_open) {
        Some(side) => Err(format!("`{}` is left to solve", side.chars().take(40).collect::<String>())),
        None => Ok(()),
    }
}

/// What leads from one equation to the next: "3x = -12, so x = -4".
const LEADS: [&str; 17] = [
    "=>",
    "and",
    "get",
    "gives",
    "have",
    "hence",
    "is",
    "means",
    "or",
    "so",
    "that",
    "then",
    "therefore",
    "thus",
    "→",
    "∴",
    "⇒",
];

/// The left side of an equation, the whole of it, when a letter in it is not alone. `n = a + 2 = 12` says what n is.
fn open_side(left: &str) -> Option<&str> {
    let clause = clause(left).rsplit([':', '：']).next().unwrap_or_default();
    let mut sides = clause.split('=').map(str::trim);
    let first = sides.next().unwrap_or_default().trim_matches(['*', '$', '(', '`', '\\', ' ']);
    let last_of_first = first.rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_named = !has_unknown(first) && (names::is_name(first) || names::is_symbol(last_of_first));
    if is_named && clause.contains('=') {
        return None;
    }
    for side in clause.rsplit('=') {
        let mut words = side.split_whitespace();
        let lead = words.rfind(|word| LEADS.contains(&word.to_lowercase().as_str()));
        let start = lead.map_or(0, |word| word.as_ptr() as usize - side.as_ptr() as usize + word.len());
        if has_unknown(&side[start..]) {
            return Some(side[start..].trim());
        }
        if lead.is_some() {
            break;
        }
    }
    None
}

/// A single letter beside a sign or a digit: `3 x + 7`, `x / 2`; no `6 x 8`.
fn has_unknown(side: &str) -> bool {
    let side = side.replace("**", "");
    let is_sign = |c: &char| c.is_numeric() || "+-−–*/×÷·⋅%^|√".contains(*c);
    side.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).any(|(at, letter)| {
        let (front, rest) = (&side[..at], &side[at + 1..]);
        let touches = |c: char| c.is_alphabetic() && !is_east_asian(c);
        if front.ends_with(touches) || rest.starts_with(touches) || front.ends_with(['\\', '_', '\'', '.']) {
            return false;
        }
        let before = front.trim_end_matches([' ', '(', '[', '{', '$']).chars().next_back();
        let after = rest.trim_start_matches([' ', ')', ']', '}', '$']);
        let is_mod = ["mod ", "choose "].iter().any(|word| after.starts_with(word));
        let (before, after) = (before.filter(is_sign), after.chars().next().filter(is_sign));
        let multiplies = "xX".contains(letter)
            && front.trim_end().ends_with(|c: char| c.is_ascii_digit() || c == ')')
            && rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '(');
        (before.is_some() || after.is_some() || is_mod || side.contains("\\frac")) && !multiplies
    })
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

/// Reads the sign in front of a number. A minus is a sign when it touches the number and no word in front, or when it
/// follows `=`, `:`, an opening bracket or nothing; behind an operand it is an operator.
fn sign_before(text: &str, start: usize) -> Result<(bool, usize), String> {
    let front = &text[..start];
    let bare = front.trim_end();
    let is_tight = bare.len() == front.len();
    let Some(last) = bare.chars().next_back().filter(|c| matches!(c, '-' | '−' | '–' | '+')) else {
        return Ok((false, start));
    };
    let front = &bare[..bare.len() - last.len_utf8()];
    let operand = front.trim_end_matches([' ', '*', '/', '×', '÷', '·', '+', '-', '−', '–', '^', '$']);
    if operand.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | ']' | '}')) {
        return Err("the answer ends in an uncomputed expression".to_string());
    }
    let touches_word = front.ends_with(|c: char| c.is_ascii_alphanumeric());
    let after_mark = matches!(front.trim_end().chars().next_back(), None | Some('=' | ':' | '(' | '{' | '['));
    let is_sign = (is_tight && !touches_word) || after_mark;
    Ok((is_sign && last != '+', if is_sign { front.len() } else { start }))
}

#[cfg(test)]
mod tests;
