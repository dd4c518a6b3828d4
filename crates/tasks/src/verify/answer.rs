//! The general answer checker: does a solution text end in an answer that equals the gold one?
//!
//! Numbers are compared as exact fractions, whatever their spelling. All of an answer must be understood: a number with a
//! unit, an equation whose sides agree or whose left side is a name, a list, a letter, words. What is said around it may
//! not put it in doubt ([`super::words`]), and its names are compared too. The verdict is `cannot_judge` where the
//! checker does not know: mathematics other than numbers in another spelling than the gold one's, equal only after
//! rounding, other units, the same items in another order, a value left as a power. A sum or product that is left
//! uncomputed is no answer to a number: it may be a copy of the question. Several different answers are none.

mod choice;
mod items;
mod moment;
pub(super) mod names;
mod sentence;

use super::clean::{clean, trim};
use super::extract::{self, Extracted, Source, extract};
use super::number::units;
use super::number::{self, Number};
use super::wrapped::listed;
use super::{surroundings, text};
use crate::task::Judgement;
use items::List;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Pow;

/// What a gold answer is.
enum Gold {
    /// A number, and the name that it is the value of.
    Number(Number, Option<String>),
    /// One of the letters of a multiple choice.
    Choice(char),
    List(List),
    Text(String),
}

/// Judges the final answer of `answer_text` (a bare answer or a whole solution) against `gold`. Deterministic; a text of
/// more than 100,000 bytes behind its thinking has no answer.
pub fn judge(gold: &str, answer_text: &str) -> Judgement {
    let gold_text = match clean(strip_gold(gold)) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return Judgement::cannot_judge("there is no gold answer"),
        Err(reason) => return Judgement::cannot_judge(format!("the gold answer cannot be read: {reason}")),
    };
    if is_copy(gold, answer_text) {
        return Judgement::right("the texts are equal");
    }
    let extracted = match extract(answer_text) {
        Ok(extracted) => extracted,
        Err(reason) => return Judgement::wrong(reason),
    };
    if let Err(reason) = extracted.stands() {
        return Judgement::wrong(reason);
    }
    // `4, 9, 16, ...` and `0.75...` go on.
    let goes_on = |text: &str| {
        let bare = text.trim_end_matches(|c: char| c.is_whitespace() || "$*`})]".contains(c));
        bare.ends_with("...") || bare.ends_with('…') || bare.ends_with("\\ldots") || bare.ends_with("\\dots")
    };
    if goes_on(extracted.text) && !goes_on(&gold_text) {
        return Judgement::wrong("the answer is not whole");
    }
    let gold = gold_kind(&gold_text);
    if let Gold::Number(gold, name) = &gold {
        return match said_number(answer_text, extracted) {
            Ok(said) => names::judge(name.as_deref(), said.name.as_deref(), || judge_number(gold, &said.number)),
            Err(judgement) => judgement,
        };
    }
    if gold_text.contains('\n')
        && let Some(judgement) = judge_lines(&gold_text, answer_text, extracted)
    {
        return judgement;
    }
    let listed = match (&gold, extracted.source) {
        (Gold::List(_), Source::Unmarked) => extract::claim(answer_text).ok().and_then(listed),
        _ => None,
    };
    let answer = match clean(listed.as_deref().unwrap_or(extracted.text)) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return Judgement::wrong("the answer is empty"),
        Err(reason) => return Judgement::wrong(reason),
    };
    if let Err(reason) = surroundings::words_after(extracted.rest) {
        return Judgement::wrong(reason);
    }
    match gold {
        Gold::Choice(gold) => choice::judge(gold, &answer),
        Gold::List(gold) => items::judge(&gold, &answer, extracted.source),
        Gold::Text(gold) => judge_text(&gold, &answer, extracted.source),
        Gold::Number(..) => unreachable!("judged above"),
    }
}

/// Lines that hold something, their spaces in one spelling.
fn lines(text: &str) -> Vec<String> {
    let is_fence = |line: &&str| line.chars().all(|c| c.is_whitespace() || "`$[]\\".contains(c));
    let lines = text.lines().filter(|line| !is_fence(line));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The answer is the gold one, letter for letter, and nothing else; capitals matter in formulas only.
fn is_copy(gold: &str, answer_text: &str) -> bool {
    let answer = answer_text.trim();
    let is_equal = |a: &str, b: &str| lines(a) == lines(b);
    answer.len() <= 2 * gold.len() + 20
        && (is_equal(answer, gold) || (!formula(gold) && is_equal(&answer.to_lowercase(), &gold.to_lowercase())))
}

/// Judges by a gold answer of several lines: line breaks count. `None` where the answer differs in more than these.
fn judge_lines(gold: &str, text: &str, extracted: Extracted<'_>) -> Option<Judgement> {
    let text = extract::claim(text).ok()?;
    let from = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let rest = match extracted.source {
        Source::Enclosed => extracted.text,
        Source::Phrase => &text[from(extracted.text)..],
        Source::Unmarked => text,
    };
    let (expected, said) = (lines(&gold.to_lowercase()), lines(&clean(rest).ok()?.to_lowercase()));
    let is_last = extracted.source == Source::Unmarked;
    let start = if is_last { said.len().saturating_sub(expected.len()) } else { 0 };
    let stands = match extracted.source {
        Source::Enclosed => surroundings::words_after(extracted.rest),
        _ => surroundings::words_before(&format!("{}\n", said[..start].join("\n"))),
    };
    match stands {
        Err(reason) => Some(Judgement::wrong(reason)),
        Ok(()) if said[start..] == expected => Some(Judgement::right("all lines are equal")),
        Ok(()) if said.join(" ") == expected.join(" ") => Some(Judgement::wrong("the lines break at other places")),
        Ok(()) => None,
    }
}

/// A gold answer may be a solution itself, as GSM8K's are, or boxed.
fn strip_gold(gold: &str) -> &str {
    match extract(gold) {
        Ok(found) if found.source == Source::Enclosed => found.text,
        _ => gold,
    }
}

fn gold_kind(gold: &str) -> Gold {
    let (name, value) = names::split(gold);
    let value = value.split('≈').next().unwrap_or(value).trim();
    // Dates (2024-10-15), scores and ranges (5-10) look like sums to do; `1e5` may be hexadecimal.
    let is_name = |number: &Number| number.form.uncomputed && value.contains(['-', '/']);
    let is_hexadecimal =
        value.bytes().all(|b| b.is_ascii_hexdigit()) && value.contains(|c: char| c.is_ascii_alphabetic());
    if let Some(number) = number::parse_gold(value).filter(|number| !is_name(number) && !is_hexadecimal) {
        return Gold::Number(number, name.map(str::to_string));
    }
    if let Some(letter) = choice::gold(gold) {
        return Gold::Choice(letter);
    }
    match items::list(value) {
        Some(list) if name.is_none() || list.is_bracketed() => Gold::List(list),
        _ => Gold::Text(gold.to_string()),
    }
}

/// A number that an answer says, and the name that it gives it.
struct Said {
    number: Number,
    name: Option<String>,
}

/// The one number that an answer says.
fn said_number(text: &str, extracted: Extracted<'_>) -> Result<Said, Judgement> {
    let text = extract::claim(text).map_err(Judgement::wrong)?;
    // Behind a number in plain text may come "Good luck!": the last line with a digit has the answer.
    let with_digit = |line: &&str| line.contains(|c: char| c.is_ascii_digit());
    let line = match extracted.source {
        Source::Unmarked => text.lines().rev().find(with_digit).unwrap_or(extracted.text),
        _ => extracted.text,
    };
    let (front, rest) = match extracted.source {
        Source::Unmarked => {
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            (&text[..start], &text[start + line.len()..])
        }
        _ => ("", extracted.rest),
    };
    if is_factorial(line) {
        return Err(Judgement::cannot_judge("a factorial, or an exclamation"));
    }
    let answer = match clean(line) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) => return Err(Judgement::wrong("the answer is empty")),
        Err(reason) => return Err(Judgement::wrong(reason)),
    };
    let answer = match answer.strip_prefix('\'').and_then(|answer| answer.strip_suffix('\'')) {
        Some(inside) if !inside.contains('\'') => inside.to_string(),
        _ => number::with_commas(&answer).unwrap_or(answer),
    };
    let said = match (read_equation(&answer), extracted.source) {
        (Some(said), _) => said.and_then(|said| surroundings::before(front).map(|()| said).map_err(Judgement::wrong)),
        (None, Source::Enclosed) => Err(unreadable(&answer)),
        (None, source) => sentence::number(&answer, front, source),
    }?;
    match surroundings::after(rest) {
        Ok(()) => Ok(said),
        Err(_) if extracted.source == Source::Enclosed => Ok(said),
        Err(reason) => Err(Judgement::wrong(reason)),
    }
}

/// `6!` at the end.
fn is_factorial(text: &str) -> bool {
    let bare = text.trim_end().trim_end_matches(['.', '*', '$', '`', ' ', ')']);
    let number = bare.trim_end_matches('!');
    number.len() < bare.len() && number.ends_with(|c: char| c.is_ascii_digit())
}

/// An answer that is a number, or an equation that ends in one; `None` when it is neither.
fn read_equation(answer: &str) -> Option<Result<Said, Judgement>> {
    if answer.contains(['<', '>', '≤', '≥', '≠']) || answer.contains("!=") {
        let inequality = || Judgement::cannot_judge("an inequality where a number is asked for");
        return (!answer.contains(' ') || answer.chars().filter(|c| c.is_alphabetic()).count() < 2)
            .then(|| Err(inequality()));
    }
    let (exact, rounded) = match answer.split_once('≈') {
        Some((exact, rounded)) => (exact, Some(number::parse(trim(rounded)))),
        None => (answer, None),
    };
    let mut sides: Vec<&str> = exact.split('=').map(str::trim).collect();
    // `= 42`
    if sides.len() > 1 && sides[0].is_empty() {
        sides.remove(0);
    }
    // `42 = x`
    if let [value, name] = sides.as_slice()
        && names::is_symbol(name)
        && number::parse(value).is_some()
    {
        sides.reverse();
    }
    let (last, lefts) = sides.split_last()?;
    let mut number = match number::parse(last) {
        Some(number) => number,
        None => return several(answer),
    };
    let mut name = None;
    for left in lefts {
        let left = if left.contains(|c: char| c.is_ascii_digit()) {
            left
        } else {
            left.rsplit(',').next().unwrap_or(left).trim()
        };
        match number::parse(left) {
            // `1+2=24` is a lie, whatever the gold answer is.
            Some(side) if !values(&side).iter().any(|value| values(&number).contains(value)) => {
                let (left, right) = (shown(&side.value.to_string()), shown(&number.value.to_string()));
                return Some(Err(Judgement::wrong(format!("the answer says that {left} is {right}"))));
            }
            // `10 + 3 = 13` where `10 + 3` is wanted, `13 = 10 + 3` where 13 is.
            Some(side) if side.form.uncomputed && !number.form.uncomputed => number.parts = side.parts,
            Some(side) if number.form.uncomputed && lefts.len() == 1 && side.parts.len() == 1 => {
                number.form = side.form
            }
            Some(_) => {}
            None if name.is_none() && names::is_name(left) && !names::is_open(left) => name = Some(left.to_string()),
            // `so x = 5`
            None if let Some(symbol) = names::behind_words(left) => name = Some(symbol.to_string()),
            None if left.chars().filter(|c| c.is_alphabetic()).count() > 3 && left.contains(' ') => return None,
            None => return Some(Err(Judgement::cannot_judge(format!("`{}` is left to solve", shown(left))))),
        }
    }
    match rounded {
        Some(Some(rounded)) if !rounds_to(&number.value, &rounded) && rounded.value != number.value => {
            Some(Err(Judgement::wrong("the answer says that unequal numbers are about equal")))
        }
        Some(None) => None,
        _ => Some(Ok(Said { number, name })),
    }
}

/// What is not one number may be several, or one in several forms: `3/4 (0.75)`.
fn several(answer: &str) -> Option<Result<Said, Judgement>> {
    let spread = answer.strip_suffix(')').map(|answer| answer.replace(" (or ", ", ").replace(" (", ", "));
    let list = items::list(spread.as_deref().unwrap_or(answer))?;
    let bare = |item: &String| number::parse(item).filter(|number| number.unit.is_empty());
    let mut numbers = list.items.iter().map(bare).collect::<Option<Vec<Number>>>()?;
    let number = numbers.remove(0);
    let is_same = |other: &Number| other.value == number.value && other.form != number.form && !other.form.uncomputed;
    if numbers.iter().all(is_same) && !number.form.uncomputed {
        return Some(Ok(Said { number, name: None }));
    }
    Some(Err(Judgement::wrong("several answers")))
}

/// Why what is no number is not judged right.
fn unreadable(answer: &str) -> Judgement {
    let mathematics = answer.contains(['\\', '^', '√', 'π']) && !answer.contains("**");
    let word = answer.split_whitespace().count() <= 3 && answer.chars().all(|c| c.is_alphabetic() || " -".contains(c));
    let number_word = word && answer.split([' ', '-']).any(units::is_number_word);
    if mathematics || number_word || number::parse_gold(answer).is_some() {
        Judgement::cannot_judge(format!("`{}` is not a number that this checker reads", shown(answer)))
    } else {
        Judgement::wrong(format!("`{}` is not one number", shown(answer)))
    }
}

fn judge_number(gold: &Number, number: &Number) -> Judgement {
    if !gold.unit.is_empty() && !number.unit.is_empty() && !units::same(&gold.unit, &number.unit) {
        let reason = format!("in `{}` where the gold answer is in `{}`", shown(&number.unit), shown(&gold.unit));
        return Judgement::cannot_judge(reason);
    }
    if !gold.unit.is_empty() && number.form.percent && !gold.form.percent {
        return Judgement::cannot_judge("in percent where the gold answer has a unit");
    }
    if values(gold).iter().any(|gold| values(number).contains(gold)) && same_percent(gold, number) {
        // What the question wants written as a sum, a product or a power is not its value, which may stand in the question.
        let is_form = gold.form.uncomputed || gold.form.power;
        return if is_form && gold.parts != number.parts {
            Judgement::cannot_judge("equal to the gold answer, but made of other numbers")
        } else if number.form.uncomputed && !gold.form.uncomputed {
            Judgement::wrong("a sum or product is left uncomputed")
        } else if (number.form.power && !gold.form.power) || leaves_division(gold, number) {
            Judgement::cannot_judge("equal to the gold answer, but not worked out")
        } else if drops_percent(gold, number) {
            Judgement::cannot_judge("equal to the gold answer only without the sign of percent")
        } else {
            Judgement::right(format!("equal to {}", shown(&gold.value.to_string())))
        };
    }
    if rounds_to(&gold.value, number) || rounds_to(&number.value, gold) {
        return Judgement::cannot_judge("equal to the gold answer only after rounding");
    }
    Judgement::wrong(format!("{} is not {}", shown(&number.value.to_string()), shown(&gold.value.to_string())))
}

/// `84/2` for a gold `42`: the question, perhaps.
fn leaves_division(gold: &Number, number: &Number) -> bool {
    number.form.fraction && gold.value.is_integer() && !gold.form.fraction
}

/// `0.5%` for a gold `0.5`: half, or half of a hundredth. `862%` for a gold `862`: more than all.
fn drops_percent(gold: &Number, number: &Number) -> bool {
    let plain = if number.form.percent { gold } else { number };
    let is_share = |value: &BigRational| {
        value.numer().magnitude() > value.denom().magnitude() && *value <= BigRational::from_integer(BigInt::from(100))
    };
    gold.value != number.value && !is_share(&plain.value)
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

fn judge_text(gold: &str, answer: &str, source: Source) -> Judgement {
    let ((gold_name, gold_value), (name, value)) = (names::split(gold), names::split(answer));
    let is_equal = |gold: &str, answer: &str| {
        let (gold, answer) = (unbracketed(gold), unbracketed(answer));
        let has_signs = formula(gold) || gold.contains(['-', '/', '|']);
        let equal_words = words(gold) == words(answer) && (!formula(gold) || mathematics(gold) == mathematics(answer));
        let (a, b) = (mathematics(gold), mathematics(answer));
        equal_words
            || (has_signs && (a == b || (terms(&a).is_some() && terms(&a) == terms(&b))))
            || moment::is_same(gold, answer)
    };
    // `1dd3` is a numeral: capitals do not matter.
    let is_numeral = |text: &str| text.strip_prefix("0x").unwrap_or(text).bytes().all(|b| b.is_ascii_hexdigit());
    let equal_numerals = is_numeral(gold) && gold.eq_ignore_ascii_case(answer.trim_matches(['{', '}']));
    if is_equal(gold, answer) || equal_numerals {
        return Judgement::right("the texts are equal");
    }
    if (gold_name.is_some() || name.is_some()) && is_equal(gold_value, value) {
        return names::judge(gold_name, name, || Judgement::right("the texts are equal"));
    }
    let (expected, found) = (words(gold_value), words(value));
    if let Some(closed) = CLOSED.iter().find(|closed| closed.contains(&expected.as_str())) {
        return text::judge_word(closed, &expected, answer);
    }
    if predicate(answer, gold_value).is_some_and(|value| is_equal(gold_value, value)) {
        return Judgement::right("the sentence ends in the gold answer");
    }
    if formula(gold) || formula(answer) {
        return Judgement::cannot_judge("mathematics that this checker does not compute");
    }
    if format!(" {found} ").contains(&format!(" {expected} ")) {
        return Judgement::cannot_judge("the gold answer and more");
    }
    if source == Source::Unmarked && found.split(' ').count() > 8 {
        return Judgement::wrong("the gold answer is not in the last line");
    }
    Judgement::wrong(format!("`{}` is not `{}`", shown(&found), shown(&expected)))
}

/// Without brackets around the whole, in which there are no others.
fn unbracketed(text: &str) -> &str {
    let inside = [('{', '}'), ('(', ')')].into_iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inside.contains([open, close])).then_some(inside)
    });
    inside.unwrap_or(text)
}

/// What a sentence of words says at its end: "It was Isaac Newton", "The train leaves at 7:30 PM".
fn predicate<'a>(answer: &'a str, gold: &str) -> Option<&'a str> {
    // Times and dates are equal to themselves; of other things, "at" says where.
    let links: &[&str] =
        if moment::is_same(gold, gold) { &[" is ", " was ", " at "] } else { &[" is ", " was ", " are "] };
    let at = links.iter().filter_map(|link| answer.rfind(link).map(|at| at + link.len())).max()?;
    let (front, value) = answer.split_at(at);
    let is_plain = front.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '-'));
    (is_plain && super::words::reversal(front).is_none() && surroundings::before(front).is_ok()).then_some(value)
}

/// Has signs of mathematics, or digits next to letters and signs: `6-5i`.
fn formula(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let touches = |pair: &[char]| pair[0].is_ascii_digit() && (pair[1].is_alphabetic() || "-/()<>|".contains(pair[1]));
    text.contains(['\\', '^', '=', '+', '*', '_', '√', 'π', '∞', '∈']) || letters.windows(2).any(touches)
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
    let lower = trim(&plain).trim_matches(['\'', '*', '"', '「', '」']).to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().map(|word| word.trim_end_matches([',', '.', '!'])).collect();
    let words = words.strip_prefix(&["the"]).or(words.strip_prefix(&["a"])).unwrap_or(&words);
    words.join(" ")
}

/// Formulas in one spelling: without spaces (but between digits), braces around one character, zeros of whole numbers
/// (`2.0`), and signs of multiplication that a letter makes needless.
fn mathematics(text: &str) -> String {
    let mut characters: Vec<char> = Vec::with_capacity(text.len());
    let mut spaced = false;
    for c in text.replace("**", "^").replace('√', "\\sqrt").chars() {
        if c.is_whitespace() {
            spaced = true;
            continue;
        }
        if spaced && c.is_ascii_digit() && characters.last().is_some_and(char::is_ascii_digit) {
            characters.push(' ');
        }
        characters.push(c);
        spaced = false;
    }
    let mut plain: Vec<char> = Vec::with_capacity(characters.len());
    let mut rest = characters.as_slice();
    while let [c, after @ ..] = rest {
        rest = after;
        match (c, after) {
            ('{', [inner, '}', after @ ..]) => {
                plain.push(*inner);
                rest = after;
            }
            // `3.0 - 2.0i`
            ('.', ['0', after @ ..]) if !matches!(after, ['0'..='9' | '.', ..]) => rest = after,
            ('*', [next, ..]) if next.is_alphabetic() || *next == '(' || *next == '\\' => {}
            _ => plain.push(*c),
        }
    }
    plain.into_iter().collect()
}

/// The terms of a sum of letters and numbers with their signs, in no order; `None` for what has no letters (a date) or
/// neither powers, products nor sums (`A-B-C`).
fn terms(formula: &str) -> Option<Vec<String>> {
    if !formula.contains(char::is_alphabetic)
        || !formula.contains(['+', '^', '*'])
        || formula.contains(['(', '{', '\\', '=', ','])
    {
        return None;
    }
    let signed = if formula.starts_with(['+', '-']) { formula.to_string() } else { format!("+{formula}") };
    let mut terms: Vec<String> = Vec::new();
    for c in signed.chars() {
        // The sign of a power, a factor or an exponent (`1e-5`).
        let is_inner = terms.last().is_some_and(|term| term.ends_with(['^', '*', '/', 'e']));
        if matches!(c, '+' | '-') && !is_inner {
            terms.push(String::new());
        }
        terms.last_mut()?.push(c);
    }
    terms.sort_unstable();
    Some(terms)
}

fn shown(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_string() } else { text.chars().take(57).collect::<String>() + "…" }
}

#[cfg(test)]
mod tests;
