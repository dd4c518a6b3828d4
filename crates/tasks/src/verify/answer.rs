//! The general answer checker: does a solution text end in an answer that equals the gold one?
//!
//! Numbers are compared as exact fractions, whatever their spelling. The verdict is `cannot_judge` where the checker does
//! not know: mathematics other than numbers in another spelling than the gold one's, equal only after rounding, other
//! units, the same items in another order, a value left as a power. A sum or product that is left uncomputed is no
//! answer to a number: it may be a copy of the question. Several different answers are none.

use super::clean::{clean, trim};
use super::extract::{Source, extract, last_line_with_digit};
use super::number::{self, Number};
use crate::task::Judgement;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Pow;

/// What a gold answer is.
enum Gold {
    Number(Number),
    /// One of the letters of a multiple choice.
    Choice(char),
    List(List),
    Text(String),
}

/// Items within brackets, or bare.
struct List {
    /// `(1, 2)` is `(` and `)`; bare items have spaces.
    brackets: (char, char),
    items: Vec<String>,
}

impl List {
    /// Sets and bare lists may be in any order; tuples, intervals and vectors may not.
    fn is_ordered(&self) -> bool {
        !matches!(self.brackets, ('⦃', _) | ('{', _) | (' ', _))
    }
}

/// Judges the final answer of `answer_text` (a bare answer or a whole solution) against `gold`. Deterministic; looks at
/// the last 100,000 bytes at most.
pub fn judge(gold: &str, answer_text: &str) -> Judgement {
    let gold_text = match clean(strip_gold(gold)) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return Judgement::cannot_judge("there is no gold answer"),
        Err(reason) => return Judgement::cannot_judge(format!("the gold answer cannot be read: {reason}")),
    };
    let extracted = match extract(answer_text) {
        Ok(extracted) => extracted,
        Err(reason) => return Judgement::wrong(reason),
    };
    let gold = gold_kind(&gold_text);
    let text = match (&gold, extracted.source) {
        // A long line without marks is a sentence: its end is where the answer is. Behind a number may come "Good luck!".
        (Gold::Number(_), Source::Unmarked) => {
            last_bytes(last_line_with_digit(answer_text).unwrap_or(extracted.text), 1000)
        }
        (_, Source::Unmarked) => last_bytes(extracted.text, 1000),
        _ => extracted.text,
    };
    let answer = match clean(text) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return Judgement::wrong("the answer is empty"),
        Err(reason) => return Judgement::wrong(reason),
    };
    match gold {
        Gold::Number(_) if is_factorial(text) => Judgement::cannot_judge("a factorial, or an exclamation"),
        Gold::Number(gold) => judge_number(&gold, &answer, extracted.source),
        Gold::Choice(gold) => judge_choice(gold, &answer),
        Gold::List(gold) => judge_list(&gold, &answer),
        Gold::Text(gold) => judge_text(&gold, &answer, extracted.source),
    }
}

/// A gold answer may be a solution itself, as GSM8K's are, or boxed.
fn strip_gold(gold: &str) -> &str {
    match extract(gold) {
        Ok(found) if found.source == Source::Enclosed => found.text,
        _ => gold,
    }
}

/// `6!` at the end.
fn is_factorial(text: &str) -> bool {
    let bare = text.trim_end().trim_end_matches(['.', '*', '$', '`', ' ']);
    bare.strip_suffix('!').is_some_and(|bare| bare.ends_with(|c: char| c.is_ascii_digit()))
}

fn last_bytes(text: &str, n: usize) -> &str {
    let start = text.len().saturating_sub(n);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

fn gold_kind(gold: &str) -> Gold {
    let right = right_side(gold);
    // Dates (2024-10-15), scores and ranges (5-10) look like sums to do.
    let is_name = |number: &Number| number.form.uncomputed && right.contains(['-', '/']);
    if let Some(number) = number::parse(right).filter(|number| !is_name(number)) {
        return Gold::Number(number);
    }
    if let Some(letter) = choice(gold).filter(|_| gold.trim_matches(['(', ')', '{', '}']).chars().count() == 1) {
        return Gold::Choice(letter);
    }
    match list(right) {
        Some(list) => Gold::List(list),
        None => Gold::Text(right.to_string()),
    }
}

/// What a name equals: the `5` of `x = 5`; also what is before an approximation.
fn right_side(text: &str) -> &str {
    let text = text.split('≈').next().unwrap_or(text).trim();
    match text.rsplit_once('=') {
        Some((left, right)) if !left.contains(|c: char| c.is_ascii_digit()) || left.contains('(') => right.trim(),
        _ => text,
    }
}

fn judge_number(gold: &Number, answer: &str, source: Source) -> Judgement {
    let number = match read_number(answer, source) {
        Ok(number) => number,
        Err(judgement) => return judgement,
    };
    if !gold.unit.is_empty() && !number.unit.is_empty() && !same_unit(&gold.unit, &number.unit) {
        let reason = format!("in `{}` where the gold answer is in `{}`", shown(&number.unit), shown(&gold.unit));
        return Judgement::cannot_judge(reason);
    }
    if values(gold).iter().any(|gold| values(&number).contains(gold)) && same_percent(gold, &number) {
        return if number.form.uncomputed && !gold.form.uncomputed {
            Judgement::wrong("a sum or product is left uncomputed")
        } else if (number.form.power && !gold.form.power) || leaves_division(gold, &number) {
            Judgement::cannot_judge("equal to the gold answer, but not worked out")
        } else {
            Judgement::right(format!("equal to {}", shown(&gold.value.to_string())))
        };
    }
    if rounds_to(&gold.value, &number) || rounds_to(&number.value, gold) {
        return Judgement::cannot_judge("equal to the gold answer only after rounding");
    }
    Judgement::wrong(format!("{} is not {}", shown(&number.value.to_string()), shown(&gold.value.to_string())))
}

/// `84/2` for a gold `42`: the question, perhaps.
fn leaves_division(gold: &Number, number: &Number) -> bool {
    number.form.fraction && gold.value.is_integer() && !gold.form.fraction
}

/// The values that a number may stand for: `10%` is a tenth, and 10 where the gold answer leaves the sign out.
fn values(number: &Number) -> Vec<BigRational> {
    let mut values = vec![number.value.clone()];
    if number.form.percent {
        values.push(&number.value * BigInt::from(100));
    }
    values
}

/// Two percentages are equal only as percentages.
fn same_percent(gold: &Number, number: &Number) -> bool {
    !(gold.form.percent && number.form.percent) || gold.value == number.value
}

/// `rounded` is written with decimals and is `exact`, rounded to them.
fn rounds_to(exact: &BigRational, rounded: &Number) -> bool {
    let Some(decimals) = rounded.form.decimals.filter(|d| (1..=30).contains(d)) else { return false };
    let half = BigRational::new(BigInt::from(1), BigInt::from(2) * BigInt::from(10).pow(decimals));
    let difference = exact - &rounded.value;
    !exact.is_integer() && difference <= half && -difference <= half
}

/// `apple` and `apples`.
fn same_unit(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim_end_matches('.'), b.trim_end_matches('.'));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short).is_some_and(|ending| matches!(ending, "" | "s" | "es"))
}

/// The one number of an answer.
fn read_number(answer: &str, source: Source) -> Result<Number, Judgement> {
    let equal = |numbers: &[Number]| numbers.windows(2).all(|pair| pair[0].value == pair[1].value);
    if let Some(list) = list(answer).filter(|_| number::parse(answer).is_none()) {
        let bare = |number: &Number| source == Source::Enclosed || number.unit.is_empty();
        let numbers: Vec<Number> = list.items.iter().filter_map(|item| number::parse(item)).filter(bare).collect();
        if numbers.len() == list.items.len() && !equal(&numbers) {
            return Err(Judgement::wrong("several different answers"));
        }
    }
    if source == Source::Enclosed && answer.contains(['<', '>', '≤', '≥', '≠']) {
        return Err(Judgement::cannot_judge("an inequality where a number is asked for"));
    }
    let sides: Vec<&str> = answer.split(['=', '≈']).map(trim).collect();
    let exact: Vec<&str> = answer.split('=').map(trim).collect();
    if sides.len() == 1 {
        if let Some(number) = number::parse(answer) {
            return Ok(number);
        }
    } else if exact.iter().any(|side| side.ends_with(['<', '>', '!', '≠'])) {
        return Err(Judgement::cannot_judge("an inequality where a number is asked for"));
    } else if let Some(number) = exact.last().and_then(|last| number::parse(last.split('≈').next().unwrap_or(last))) {
        // `1+2=24` is a lie, whatever the gold answer is.
        let numbers: Vec<Number> = exact[..exact.len() - 1].iter().filter_map(|side| number::parse(side)).collect();
        return match numbers.iter().find(|side| !values(side).iter().any(|value| values(&number).contains(value))) {
            Some(side) => {
                let (left, right) = (shown(&side.value.to_string()), shown(&number.value.to_string()));
                Err(Judgement::wrong(format!("the answer says that {left} is {right}")))
            }
            None => Ok(number),
        };
    }
    if source == Source::Enclosed {
        return Err(unreadable(answer));
    }
    number_in_sentence(answer, source)
}

/// Why what is no number is not judged right.
fn unreadable(answer: &str) -> Judgement {
    let mathematics = answer.contains(['\\', '^', '√', 'π']) && !answer.contains("**");
    let word = answer.split_whitespace().count() <= 3 && answer.chars().all(|c| c.is_alphabetic() || " -".contains(c));
    let number_word = word && answer.split([' ', '-']).any(|word| NUMBER_WORDS.contains(&word.to_lowercase().as_str()));
    if mathematics || number_word {
        Judgement::cannot_judge(format!("`{}` is not a number that this checker reads", shown(answer)))
    } else {
        Judgement::wrong(format!("`{}` is not one number", shown(answer)))
    }
}

pub(super) const NUMBER_WORDS: [&str; 30] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "dozen",
];

/// The number at the end of a sentence; after a phrase such as "the answer is", the only one that follows.
fn number_in_sentence(answer: &str, source: Source) -> Result<Number, Judgement> {
    let runs = runs(answer);
    let Some(last) = runs.last() else { return Err(unreadable(answer)) };
    let start = last.as_ptr() as usize - answer.as_ptr() as usize;
    let word_after = answer[start + last.len()..].split_whitespace().next().unwrap_or("").to_lowercase();
    if NUMBER_WORDS.contains(&word_after.as_str()) || word_after.ends_with("illion") || word_after == "thousand" {
        return read_number(&answer[start..], Source::Enclosed);
    }
    let negated = answer.split_whitespace().next().is_some_and(|word| NOT_EQUAL.contains(&word));
    if source == Source::Phrase && !negated {
        let values: Vec<Number> = runs.iter().filter_map(|run| read_number(run, Source::Enclosed).ok()).collect();
        let equal = values.windows(2).all(|pair| pair[0].value == pair[1].value);
        return match values.first() {
            Some(number) if values.len() == runs.len() && equal => Ok(number.clone()),
            _ => Err(Judgement::cannot_judge("the answer's sentence holds several numbers")),
        };
    }
    if answer.contains(" or ") && runs.len() > 1 && between_last_two(answer, &runs).trim() == "or" {
        let before = read_number(runs[runs.len() - 2], Source::Enclosed)?;
        let number = read_number(last, Source::Enclosed)?;
        return if before.value == number.value {
            Ok(number)
        } else {
            Err(Judgement::wrong("several different answers"))
        };
    }
    let word_before = answer[..start].trim_end().rsplit(' ').next().unwrap_or("").to_lowercase();
    if NOT_EQUAL.contains(&word_before.as_str()) {
        return Err(Judgement::cannot_judge(format!("the answer says `{word_before}` of its number")));
    }
    read_number(last, Source::Enclosed)
}

/// Words in front of a number that the answer is not, or not exactly.
const NOT_EQUAL: [&str; 17] = [
    "not", "isn't", "never", "<", ">", "<=", ">=", "≤", "≥", "≠", "least", "most", "than", "below", "above", "under",
    "over",
];

fn between_last_two<'a>(answer: &'a str, runs: &[&'a str]) -> &'a str {
    let offset = |run: &str| run.as_ptr() as usize - answer.as_ptr() as usize;
    let (before, last) = (runs[runs.len() - 2], runs[runs.len() - 1]);
    &answer[offset(before) + before.len()..offset(last)]
}

/// Stretches of words that are numbers and signs only: `347 + 588 = 935` in a sentence.
fn runs(text: &str) -> Vec<&str> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let (start, end) = (at, at + word.len());
        at = end;
        let bare = trim(word);
        let mathematical = bare.starts_with("\\frac")
            || (!bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || "+-*/^()=%.,{}".contains(c)))
            || is_scientific(bare);
        if mathematical && open {
            runs.last_mut().expect("a run is open").1 = end;
        } else if mathematical {
            runs.push((start, end));
        }
        open = mathematical && word.trim_end().len() == bare.len();
    }
    let runs = runs.into_iter().map(|(start, end)| trim(&text[start..end]));
    runs.filter(|run| run.contains(|c: char| c.is_ascii_digit())).collect()
}

fn is_scientific(word: &str) -> bool {
    word.contains(['e', 'E']) && number::parse(word).is_some_and(|number| number.unit.is_empty())
}

/// `5 or 6` in its parts.
fn alternatives(text: &str) -> Vec<&str> {
    let parts = text.split(" or ").flat_map(|part| part.split('或')).flat_map(|part| part.split(" and "));
    parts.map(trim).filter(|part| !part.is_empty()).collect()
}

/// The letter of an answer to a multiple choice: `B`, `(B)`, `B) Paris`, `option B`.
fn choice(text: &str) -> Option<char> {
    let text = text.trim_matches(['{', '}', ' ']);
    let lower = text.to_lowercase();
    let prefix = ["option ", "choice ", "answer ", "选项", "选"].iter().find(|prefix| lower.starts_with(**prefix));
    let text = text.get(prefix.map_or(0, |prefix| prefix.len())..)?.trim_start();
    let bracketed = text.starts_with('(');
    let text = text.trim_start_matches('(');
    let letter = text.chars().next().filter(char::is_ascii_uppercase)?;
    let after = text[1..].chars().next();
    let alone = matches!(after, None | Some(')' | '.' | ':')) || (bracketed && after.is_some_and(|c| c == ')'));
    (('A'..='J').contains(&letter) && alone).then_some(letter)
}

fn judge_choice(gold: char, answer: &str) -> Judgement {
    let in_part = |part: &str| choice(part).or_else(|| choice(part.rsplit(' ').next()?));
    let parts = alternatives(answer);
    let letters: Vec<char> = parts.iter().flat_map(|part| part.split(',')).filter_map(in_part).collect();
    let found = match letters.as_slice() {
        [] => None,
        [one, rest @ ..] if rest.iter().all(|letter| letter == one) => Some(*one),
        _ => return Judgement::wrong("several different letters"),
    };
    match found {
        Some(letter) if letter == gold => Judgement::right(format!("the answer is {letter}")),
        Some(letter) => Judgement::wrong(format!("the answer is {letter}, not {gold}")),
        None if answer.chars().any(char::is_alphanumeric) && answer.len() > 1 => {
            Judgement::cannot_judge(format!("`{}` names no letter; it may be the text of one", shown(answer)))
        }
        None => Judgement::wrong("the answer names no letter"),
    }
}

/// Items separated at the top level, when there are at least two.
fn list(text: &str) -> Option<List> {
    let pairs = [('(', ')'), ('[', ']'), ('⦃', '⦄'), ('{', '}'), ('(', ']'), ('[', ')')];
    let brackets = pairs.into_iter().find(|(open, close)| {
        let inside = text.strip_prefix(*open).and_then(|text| text.strip_suffix(*close));
        inside.is_some_and(|inside| inside.contains([',', ';']))
    });
    let inside = match brackets {
        Some((open, close)) => text.strip_prefix(open)?.strip_suffix(close)?,
        None => text,
    };
    let mut items = vec![String::new()];
    let mut depth = 0i32;
    for c in inside.replace(" and ", ", ").replace(" or ", ", ").chars() {
        match c {
            '(' | '[' | '{' | '⦃' => depth += 1,
            ')' | ']' | '}' | '⦄' => depth -= 1,
            ',' | ';' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().expect("there is an item").push(c);
    }
    let items: Vec<String> = items.iter().map(|item| trim(item).to_string()).filter(|item| !item.is_empty()).collect();
    (items.len() > 1 && items.len() <= 200).then_some(List { brackets: brackets.unwrap_or((' ', ' ')), items })
}

fn judge_list(gold: &List, answer: &str) -> Judgement {
    let Some(found) = list(right_side(answer)) else {
        return Judgement::wrong(format!("one answer where {} are asked for", gold.items.len()));
    };
    if found.items.len() != gold.items.len() {
        return Judgement::wrong(format!("{} items, not {}", found.items.len(), gold.items.len()));
    }
    if found.brackets != gold.brackets && gold.is_ordered() && found.is_ordered() {
        return Judgement::wrong("other brackets than the gold answer's");
    }
    let pairs = gold.items.iter().zip(&found.items);
    let verdicts: Vec<Judgement> = pairs.map(|(gold, item)| judge_item(gold, item)).collect();
    if verdicts.iter().all(|judgement| judgement.verdict == crate::Verdict::Right) {
        return Judgement::right("all items are equal");
    }
    if let Some(reason) = any_order(gold, &found) {
        return if gold.is_ordered() || found.is_ordered() {
            Judgement::wrong("the items are equal, but in another order")
        } else if gold.brackets.0 == ' ' {
            Judgement::cannot_judge("the items are equal, but in another order")
        } else {
            Judgement::right(reason)
        };
    }
    match verdicts.into_iter().find(|judgement| judgement.verdict == crate::Verdict::Wrong) {
        Some(wrong) => wrong,
        None => Judgement::cannot_judge("some items are written in another way"),
    }
}

fn judge_item(gold: &str, item: &str) -> Judgement {
    match number::parse(right_side(gold)) {
        Some(gold) => judge_number(&gold, item, Source::Enclosed),
        None => judge_text(gold, item, Source::Enclosed),
    }
}

/// The items are equal in some order.
fn any_order(gold: &List, found: &List) -> Option<&'static str> {
    let mut left: Vec<&String> = found.items.iter().collect();
    for gold in &gold.items {
        let at = left.iter().position(|item| judge_item(gold, item).verdict == crate::Verdict::Right)?;
        left.swap_remove(at);
    }
    Some("all items are equal, in another order")
}

fn judge_text(gold: &str, answer: &str, source: Source) -> Judgement {
    let (expected, found) = (words(gold), words(right_side(answer)));
    let has_signs = |text: &str| formula(text) || text.contains(['-', '/', '|']);
    if expected == found || (has_signs(gold) && mathematics(gold) == mathematics(right_side(answer))) {
        return Judgement::right("the texts are equal");
    }
    let padded = |text: &str| format!(" {text} ");
    if let Some(closed) = CLOSED.iter().find(|closed| closed.contains(&expected.as_str())) {
        let said: Vec<&str> = found.split(' ').filter(|word| closed.contains(word)).collect();
        return match said.as_slice() {
            [] => Judgement::wrong(format!("the answer says none of {}", closed.join(", "))),
            [word] if *word == expected => Judgement::right(format!("the answer says {word}")),
            [word] => Judgement::wrong(format!("the answer says {word}")),
            _ => Judgement::wrong("several different answers"),
        };
    }
    if formula(gold) || formula(answer) {
        return Judgement::cannot_judge("mathematics that this checker does not compute");
    }
    if padded(&found).contains(&padded(&expected)) {
        return Judgement::cannot_judge("the gold answer and more");
    }
    if source == Source::Unmarked && found.split(' ').count() > 8 {
        return Judgement::wrong("the gold answer is not in the last line");
    }
    Judgement::wrong(format!("`{}` is not `{}`", shown(&found), shown(&expected)))
}

/// Has signs of mathematics, or digits next to letters and signs: `6-5i`.
fn formula(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let touches = |pair: &[char]| pair[0].is_ascii_digit() && (pair[1].is_alphabetic() || "-/()<>|".contains(pair[1]));
    text.contains(['\\', '^', '=', '+', '*', '_', '√', 'π']) || letters.windows(2).any(touches)
}

/// Words that exclude each other.
const CLOSED: &[&[&str]] = &[
    &["yes", "no"],
    &["true", "false"],
    &["even", "odd"],
    &["left", "right"],
    &["是", "否"],
    &["对", "错"],
    &["knight", "knave"],
    &["valid", "invalid"],
];

/// Lower case, single spaces, no marks at the ends, no article.
fn words(text: &str) -> String {
    let formula = text.contains(['\\', '^', '_']);
    let plain: String = text.chars().filter(|c| formula || !matches!(c, '{' | '}')).collect();
    let lower = trim(&plain).trim_matches(['\'', '*', '"', '?']).to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().map(|word| word.trim_matches([',', '.', '!', '?'])).collect();
    let words = words.strip_prefix(&["the"]).or(words.strip_prefix(&["a"])).unwrap_or(&words);
    words.join(" ")
}

/// Formulas without spaces, braces around one character, and signs of multiplication that a letter makes needless.
fn mathematics(text: &str) -> String {
    let characters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut plain: Vec<char> = Vec::with_capacity(characters.len());
    let mut rest = characters.as_slice();
    while let [c, after @ ..] = rest {
        rest = after;
        match (c, after) {
            ('{', [inner, '}', after @ ..]) => {
                plain.push(*inner);
                rest = after;
            }
            ('*', [next, ..]) if next.is_alphabetic() || *next == '(' => {}
            _ => plain.push(*c),
        }
    }
    plain.into_iter().collect()
}

fn shown(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_string() } else { text.chars().take(57).collect::<String>() + "…" }
}

#[cfg(test)]
mod tests;
