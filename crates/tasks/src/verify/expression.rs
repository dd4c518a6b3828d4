//! Countdown answers: an expression that uses every given number exactly once and reaches the target.
//!
//! Allowed are the given numbers as they are, binary `+ - * /` (also `÷ × −`, `\times`, `\div`) and parentheses. Not
//! allowed: signs, decimal points, powers, `//`, joined or spaced digits, leading zeros, implied multiplication. The value
//! is an exact rational, so `1/3*3` is 1 and nothing is rounded. Only the last answer behind the thinking counts: the last
//! `<answer>`, else the last `\boxed{}`, else the last run of signs and digits; `= target` may follow it. Bounded: at most [`MAX_BYTES`] are
//! parsed, brackets nest at most [`MAX_DEPTH`] deep, and the numbers are counted before anything is computed.

use crate::task::Judgement;
use std::borrow::Cow;

/// Longest expression that is read.
pub const MAX_BYTES: usize = 2000;
/// The last of a text that is looked at.
const MAX_TAIL: usize = 100_000;
/// Deepest nesting of brackets.
pub const MAX_DEPTH: usize = 100;

/// Judges `answer_text` as an expression over `numbers` that equals `target`.
pub fn judge(numbers: &[u64], target: i64, answer_text: &str) -> Judgement {
    let text = plain(answer_text);
    let outcome = extract(&text).and_then(|expression| check(numbers, target, expression));
    match outcome {
        Ok(Some(expression)) => Judgement::right(format!("{expression} = {target}, every number once")),
        Ok(None) => Judgement::cannot_judge("the intermediate results are too large to compute exactly"),
        Err(reason) => Judgement::wrong(reason),
    }
}

/// LaTeX's `×`, `÷`, large brackets and marks of formulas as the signs they stand for, in the last of the text.
fn plain(text: &str) -> Cow<'_, str> {
    let start = text.len().saturating_sub(MAX_TAIL);
    let tail = &text[(start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())..];
    if !["\\times", "\\div", "\\left", "\\right", "\\(", "\\)"].iter().any(|latex| tail.contains(latex)) {
        return Cow::Borrowed(tail);
    }
    let signs = tail.replace("\\times", "×").replace("\\div", "÷").replace("\\left(", "(").replace("\\right)", ")");
    Cow::Owned(signs.replace("\\(", "$").replace("\\)", "$"))
}

/// The text of the last answer.
fn extract(text: &str) -> Result<&str, String> {
    let text = super::extract::after_thinking(text)?;
    let answer = if let Some(open) = text.rfind("<answer>") {
        super::extract::tag_content(&text[open + "<answer>".len()..])?
    } else if let Some(open) = text.rfind("\\boxed{") {
        let inside = &text[open + "\\boxed{".len()..];
        &inside[..inside.find('}').ok_or("the last \\boxed{ is not closed")?]
    } else {
        last_run(text)?
    };
    if answer.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes, more than {MAX_BYTES}", answer.len()));
    }
    Ok(answer.trim())
}

/// The last stretch of signs and digits, without the sentence around it.
fn last_run(text: &str) -> Result<&str, String> {
    let boundary =
        |c: char| c.is_alphabetic() || matches!(c, '\n' | '\r' | ':' | '：' | '，' | '。' | '"' | '\'' | '$' | '`');
    let last_digit = text.rfind(|c: char| c.is_ascii_digit()).ok_or("there is no number in the answer")?;
    let start = text[..last_digit].char_indices().rev().find(|(_, c)| boundary(*c));
    let start_at = start.map_or(0, |(at, c)| at + c.len_utf8());
    let end = text[last_digit..].find(boundary).map_or(text.len(), |at| last_digit + at);
    let glued = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let touches = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let before = text[..start_at].trim_end();
    let or = before.strip_suffix("or").or_else(|| before.strip_suffix("OR")).is_some_and(|t| t.ends_with([' ', '\n']));
    if or || before.ends_with('或') {
        return Err("several answers".to_string());
    }
    let run = &text[start_at..end];
    if (glued(start.map(|(_, c)| c)) && touches(run.chars().next()))
        || (glued(text[end..].chars().next()) && touches(run.chars().next_back()))
    {
        return Err("the last number is glued to a word".to_string());
    }
    // Markdown in front and behind, and the full stop of the sentence.
    let run = run.trim().trim_end_matches(['✓', '✔', '✅', '🎉', ' ']).trim_start_matches("**");
    let run = run.strip_suffix(['.', ',', ';']).unwrap_or(run).trim_end_matches("**");
    Ok(run.strip_suffix('.').unwrap_or(run))
}

/// `Ok(Some(expression))` when it is right, `Ok(None)` when it cannot be computed.
fn check<'a>(numbers: &[u64], target: i64, answer: &'a str) -> Result<Option<&'a str>, String> {
    let expression = match answer.split_once('=') {
        None => answer,
        Some((expression, claimed)) => {
            if claimed.trim().replace('−', "-") != target.to_string() {
                return Err(format!("`{}` is not the target {target}", claimed.trim()));
            }
            expression.trim()
        }
    };
    let tokens = tokens(expression)?;
    let mut used: Vec<u64> =
        tokens.iter().filter_map(|token| if let Token::Number(n) = token { Some(*n) } else { None }).collect();
    let mut given = numbers.to_vec();
    used.sort_unstable();
    given.sort_unstable();
    if used != given {
        return Err(format!("uses {used:?} instead of each of {given:?} exactly once"));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let value = parser.sum()?;
    if parser.at < tokens.len() {
        return Err(format!("unexpected {:?}", tokens[parser.at]));
    }
    match value {
        Value::TooLarge => Ok(None),
        Value::Exact(top, 1) if top == i128::from(target) => Ok(Some(expression)),
        Value::Exact(top, 1) => Err(format!("{expression} is {top}, not {target}")),
        Value::Exact(top, bottom) => Err(format!("{expression} is {top}/{bottom}, not {target}")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Number(u64),
    Operator(char),
    Open,
    Close,
}

fn tokens(expression: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if n_digits > 0 {
            let digits = &rest[..n_digits];
            if n_digits > 1 && digits.starts_with('0') {
                return Err(format!("`{digits}` has a leading zero"));
            }
            tokens.push(Token::Number(digits.parse().map_err(|_| "a number is too long".to_string())?));
            rest = &rest[n_digits..];
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '+' | '-' | '*' | '/' => tokens.push(Token::Operator(c)),
            '×' => tokens.push(Token::Operator('*')),
            '÷' => tokens.push(Token::Operator('/')),
            '−' => tokens.push(Token::Operator('-')),
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            _ => return Err(format!("`{c}` is not allowed; only the numbers, + - * / and parentheses are")),
        }
        rest = &rest[c.len_utf8()..];
    }
    Ok(tokens)
}

/// A fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Exact(i128, i128),
    TooLarge,
}

fn fraction(top: Option<i128>, bottom: Option<i128>) -> Value {
    let (Some(top), Some(bottom)) = (top, bottom) else { return Value::TooLarge };
    let (mut a, mut b) = (top.unsigned_abs(), bottom.unsigned_abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let Ok(divisor) = i128::try_from(a.max(1)) else { return Value::TooLarge };
    let sign = if bottom < 0 { -1 } else { 1 };
    match ((top / divisor).checked_mul(sign), (bottom / divisor).checked_mul(sign)) {
        (Some(top), Some(bottom)) => Value::Exact(top, bottom),
        _ => Value::TooLarge,
    }
}

fn apply(left: Value, operator: char, right: Value) -> Result<Value, String> {
    if operator == '/' && matches!(right, Value::Exact(0, _)) {
        return Err("division by zero".to_string());
    }
    let (Value::Exact(a, b), Value::Exact(c, d)) = (left, right) else { return Ok(Value::TooLarge) };
    let (ad, bc, bd) = (a.checked_mul(d), b.checked_mul(c), b.checked_mul(d));
    Ok(match operator {
        '+' => fraction(ad.zip(bc).and_then(|(x, y)| x.checked_add(y)), bd),
        '-' => fraction(ad.zip(bc).and_then(|(x, y)| x.checked_sub(y)), bd),
        '*' => fraction(a.checked_mul(c), bd),
        _ => fraction(ad, bc),
    })
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn operator(&mut self, among: [char; 2]) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(c)) if among.contains(c) => {
                self.at += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        while let Some(operator) = self.operator(['+', '-']) {
            value = apply(value, operator, self.product()?)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.atom()?;
        while let Some(operator) = self.operator(['*', '/']) {
            value = apply(value, operator, self.atom()?)?;
        }
        Ok(value)
    }

    fn atom(&mut self) -> Result<Value, String> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        match token {
            Some(Token::Number(n)) => Ok(Value::Exact(i128::from(n), 1)),
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(format!("brackets nest more than {MAX_DEPTH} deep"));
                }
                let value = self.sum()?;
                if self.tokens.get(self.at) != Some(&Token::Close) {
                    return Err("a bracket is not closed".to_string());
                }
                self.at += 1;
                self.depth -= 1;
                Ok(value)
            }
            Some(token) => Err(format!("a number is missing before {token:?}; signs are not allowed")),
            None => Err("the expression ends too early".to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
