//! Countdown answers: an expression that uses every given number exactly once and reaches the target.
//!
//! Allowed are the given numbers as they are, binary `+ - * /` (also `÷ × −`, `\times`, `\div`, `\cdot`, `\frac{a}{b}`) and
//! parentheses. Not allowed: signs, decimal points, powers, `//`, joined or spaced digits, leading zeros, implied
//! multiplication. The value is an exact rational, so `1/3*3` is 1 and nothing is rounded. Only the last answer behind the
//! thinking counts: what the last tag, box or phrase holds, else the last run of signs and digits; `= target` may follow
//! it, and words that neither change nor doubt it may stand around ([`super::surroundings`]). Bounded: at most [`MAX_BYTES`]
//! are parsed, brackets nest at most [`MAX_DEPTH`] deep, and the numbers are counted before anything is computed.

use super::extract::{self, Source};
use super::surroundings;
use crate::task::Judgement;
use std::borrow::Cow;

/// Longest expression that is read.
pub const MAX_BYTES: usize = 2000;
/// Deepest nesting of brackets.
pub const MAX_DEPTH: usize = 100;

/// Judges `answer_text` as an expression over `numbers` that equals `target`.
pub fn judge(numbers: &[u64], target: i64, answer_text: &str) -> Judgement {
    let outcome = extract::claim(answer_text).and_then(|text| {
        let text = plain(text);
        let expression = expression(&text)?;
        check(numbers, target, &expression).map(|is_right| is_right.map(str::to_string))
    });
    match outcome {
        Ok(Some(expression)) => Judgement::right(format!("{expression} = {target}, every number once")),
        Ok(None) => Judgement::cannot_judge("the intermediate results are too large to compute exactly"),
        Err(reason) => Judgement::wrong(reason),
    }
}

/// LaTeX's `×`, `÷` and large brackets, and "equals", as the signs they stand for.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') && !text.contains(" equals ") {
        return Cow::Borrowed(text);
    }
    let mut signs = text.to_string();
    for link in ["$, which equals ", ", which equals ", " which equals ", "$ equals ", " equals "] {
        signs = signs.replace(link, " = ");
    }
    let signs = signs.replace("\\times", "×").replace("\\cdot", "×").replace("\\div", "÷").replace("\\dfrac", "\\frac");
    Cow::Owned(signs.replace("\\left(", "(").replace("\\right)", ")"))
}

/// The expression of the last answer, without the marks around it.
fn expression(text: &str) -> Result<Cow<'_, str>, String> {
    let answer = match extract::marked(text)? {
        Some(found) if found.source == Source::Enclosed => {
            found.stands()?;
            let inside = bare(found.text);
            // What a mark holds is the expression, and what it is equal to behind it.
            let is_number = |side: &str| side.trim().bytes().all(|b| b.is_ascii_digit());
            if inside.split_once('=').is_some_and(|(left, right)| is_number(left) && !is_number(right)) {
                return Err("the answer begins with a number, not with the expression".to_string());
            }
            inside
        }
        Some(found) => {
            found.stands()?;
            surroundings::after(found.rest)?;
            last_run(found.text)?
        }
        None => last_run(text)?,
    };
    if answer.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes, more than {MAX_BYTES}", answer.len()));
    }
    fractions(answer.trim())
}

/// What a tag or box holds, without delimiters of formulas and Markdown around it.
fn bare(inside: &str) -> &str {
    const PAIRS: [(&str, &str); 5] = [("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("`", "`"), ("**", "**")];
    let mut text = inside.trim();
    while let Some(inner) = PAIRS.iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close)) {
        text = inner.trim();
    }
    text
}

/// `\frac{8}{2}` as `(8)/(2)`, within brackets of its own.
fn fractions(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains("\\frac") {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len() + 16);
    // What the next closing brace closes: a numerator, or a denominator.
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\frac{") {
            plain.push_str("((");
            open.push(true);
            rest = after;
        } else if c == '}' {
            match open.pop() {
                Some(true) => {
                    rest = rest[1..].strip_prefix('{').ok_or("a fraction has no denominator")?;
                    plain.push_str(")/(");
                    open.push(false);
                }
                Some(false) => {
                    plain.push_str("))");
                    rest = &rest[1..];
                }
                None => return Err("a brace closes that did not open".to_string()),
            }
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if open.is_empty() { Ok(Cow::Owned(plain)) } else { Err("a fraction is not closed".to_string()) }
}

/// The last stretch of signs and digits. The sentence around it must let it stand.
fn last_run(text: &str) -> Result<&str, String> {
    let is_part = |c: char| c.is_ascii_digit() || " \t+-*/()=×÷−".contains(c);
    let last_digit = text.rfind(|c: char| c.is_ascii_digit()).ok_or("there is no number in the answer")?;
    // Fractions hold letters and braces.
    let line_start = text[..last_digit].rfind('\n').map_or(0, |at| at + 1);
    let mut start =
        text[..last_digit].char_indices().rev().find(|(_, c)| !is_part(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let mut end = text[last_digit..].find(|c: char| !is_part(c)).map_or(text.len(), |at| last_digit + at);
    if text[line_start..end].contains("\\frac{") {
        let is_part = |c: char| is_part(c) || "{}\\".contains(c);
        end = text[last_digit..].find(|c: char| !is_part(c)).map_or(text.len(), |at| last_digit + at);
        let hidden = text[line_start..end].replace("\\frac", "\\\\\\\\\\");
        start = hidden
            .char_indices()
            .rev()
            .find(|(_, c)| !is_part(*c))
            .map_or(line_start, |(at, c)| line_start + at + c.len_utf8());
    }
    // Bold marks belong to the text around.
    let run = &text[start..end];
    let led = run.trim_start();
    let led = led.strip_prefix('(').filter(|_| text[..start].ends_with('\\')).unwrap_or(led);
    let led = led.strip_prefix("**").unwrap_or(led);
    let closed = led.trim_end();
    let closed = closed.strip_suffix("**").unwrap_or(closed);
    let unclosed = closed.strip_suffix('(').map_or(closed, str::trim_end);
    let start = start + (run.len() - led.len());
    let (front, rest) = (&text[..start], &text[start + unclosed.len()..]);
    // Brackets of other kinds, and braces, are no part of an expression, nor are signs behind it.
    let (in_front, behind) = (front.trim_end(), rest.trim_start());
    if front.ends_with(['.', '_'])
        || in_front.ends_with('{')
        || (in_front.ends_with('[') && !in_front.ends_with("\\["))
        || behind.starts_with([']', '}', '°'])
        || (in_front.ends_with('“') && !behind.starts_with('”'))
    {
        return Err("the expression is glued to what is beside it".to_string());
    }
    if behind.starts_with(';') {
        return Err("more than an expression is said".to_string());
    }
    // `x = (2+3)*5`
    let (front, unclosed) = match named(front, unclosed) {
        Some((front, expression)) => (front, expression),
        None => (front, unclosed),
    };
    surroundings::before(front)?;
    surroundings::joined(front, false)?;
    surroundings::after(rest)?;
    if rest.trim_start().starts_with('!') && !unclosed.contains('=') {
        return Err("a factorial, or an exclamation".to_string());
    }
    Ok(unclosed)
}

/// Of `x` and `= (2+3)*5`, what stands in front of the name, and the expression.
fn named<'a>(front: &'a str, run: &'a str) -> Option<(&'a str, &'a str)> {
    let expression = run.strip_prefix('=')?.trim_start();
    let name = front.trim_end_matches(' ').strip_suffix(|c: char| c.is_ascii_lowercase())?;
    let is_alone =
        !name.trim_end().ends_with('=') && !name.ends_with(|c: char| c.is_alphanumeric() || "\\_'^".contains(c));
    is_alone.then_some((name, expression))
}

/// `Ok(Some(expression))` when it is right, `Ok(None)` when it cannot be computed.
fn check<'a>(numbers: &[u64], target: i64, answer: &'a str) -> Result<Option<&'a str>, String> {
    let is_target = |side: &str| side.replace('−', "-") == target.to_string();
    let sides: Vec<&str> = answer.split('=').map(str::trim).collect();
    let expression = match sides.as_slice() {
        [expression] => expression,
        [left, right] if is_target(left) && !is_target(right) => right,
        [expression, steps @ .., claimed] => {
            if !is_target(claimed) {
                return Err(format!("`{claimed}` is not the target {target}"));
            }
            // `(2+3)*5 = 5*5 = 25`: what is worked out on the way has the same value.
            for step in steps {
                let tokens = tokens(step)?;
                let value = Parser { tokens: &tokens, at: 0, depth: 0 }.all()?;
                let computes = tokens.iter().any(|token| matches!(token, Token::Operator(_)));
                if !computes || value != Value::Exact(i128::from(target), 1) {
                    return Err(format!("`{step}` is not the target {target}"));
                }
            }
            expression
        }
        [] => answer,
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
    match parser.all()? {
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

    /// The value of all tokens.
    fn all(&mut self) -> Result<Value, String> {
        let value = self.sum()?;
        match self.tokens.get(self.at) {
            Some(token) => Err(format!("unexpected {token:?}")),
            None => Ok(value),
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
