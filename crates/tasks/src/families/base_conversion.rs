//! Numbers from one base to another: by repeated division out of decimal, by Horner's rule into it.

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::numeral;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Conversions from and to decimal.
pub struct BaseConversion;

/// `n` is written in base `from` and wanted in base `to`; one of them is 10.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    n: u64,
    from: u32,
    to: u32,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "convert {n} from {from} to {to}",
        "convert the {from} number {n} to {to}",
        "write the {from} number {n} in {to}",
        "change {n} from {from} to {to}",
        "express {n} ({from}) in {to}",
        "translate {n} from {from} into {to}",
    ],
    nouns: &["the {from} number {n} in {to}", "{n} ({from}) in {to}"],
    questions: &["how is the {from} number {n} written in {to}", "what is {n} in {to} if it is given in {from}"],
    wholes: &[],
    chinese: &["把{cfrom}数{n}转换成{cto}。", "{cfrom}的{n}用{cto}怎么写？", "{cfrom}数{n}等于{cto}的多少？"],
};

fn base_name(base: u32, rng: &mut Rng) -> String {
    match base {
        2 if rng.chance(0.7) => "binary".to_string(),
        8 if rng.chance(0.6) => "octal".to_string(),
        10 if rng.chance(0.8) => "decimal".to_string(),
        16 if rng.chance(0.7) => rng.pick(&["hexadecimal", "hex"]).to_string(),
        _ => format!("base {base}"),
    }
}

fn chinese_name(base: u32) -> String {
    match base {
        2 => "二进制".to_string(),
        10 => "十进制".to_string(),
        16 => "十六进制".to_string(),
        _ => format!("{base}进制"),
    }
}

impl Problem {
    fn is_known(&self) -> bool {
        let one_is_ten = self.from == 10 || self.to == 10;
        one_is_ten && (2..=16).contains(&self.from) && (2..=16).contains(&self.to)
    }
}

impl Family for BaseConversion {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "base_conversion"
    }

    fn about(&self) -> &'static str {
        "between decimal and binary below 16, below 64; bases 3 to 9 below 200; hexadecimal below 256"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (base, n) = match difficulty {
            1 => (2, rng.between(2, 15)),
            2 => (2, rng.between(8, 63)),
            3 => (rng.pick(&[2, 3, 4, 5, 6, 7, 8, 9]), rng.between(16, 199)),
            _ => (16, rng.between(17, 255)),
        };
        let (from, to) = if rng.chance(0.5) { (10, base) } else { (base, 10) };
        Problem { n, from, to }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("base {} {}", p.n, p.from.max(p.to) * 100 + p.from.min(p.to))
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let (n, from, to) = (numeral::written(p.n, p.from), base_name(p.from, rng), base_name(p.to, rng));
        let (cfrom, cto) = (chinese_name(p.from), chinese_name(p.to));
        let values = [("n", n.as_str()), ("from", &from), ("to", &to), ("cfrom", &cfrom), ("cto", &cto)];
        WORDINGS.ask(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if p.is_known() { numeral::written(p.n, p.to) } else { String::new() }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let written = numeral::written(p.n, p.from);
        trace.line(format!("{written} in base {} to base {}", p.from, p.to));
        if p.from == 10 {
            divide(&mut trace, p.n, u64::from(p.to))
        } else {
            horner(&mut trace, &written, p.from)
        }
        let answer = self.answer(p);
        // The numeral stands last, so that it cannot be mistaken for the base.
        let sentence = format!("The base {} number {written} in base {} is {answer}", p.from, p.to);
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_known() {
            return Judgement::cannot_judge("one base must be 10, the other one of 2 to 16");
        }
        numeral::judge(p.n, p.to, answer_text)
    }
}

/// Divides again and again; each remainder is the next digit in front.
fn divide(trace: &mut Trace, n: u64, base: u64) {
    let (mut rest, mut known) = (n, String::new());
    while rest > 0 || known.is_empty() {
        let (q, digit) = (rest / base, rest % base);
        let letter = numeral::written(digit, base as u32);
        known.insert_str(0, &letter);
        if base > 10 && rest >= base {
            trace.remainder(rest, base);
        }
        let named = if digit > 9 { format!(", {digit} is {letter}") } else { String::new() };
        trace.line(format!("{rest}={base}×{q}+{digit}{named}, so far {known}"));
        rest = q;
    }
}

/// The value of the digits so far, times the base, plus the next digit.
fn horner(trace: &mut Trace, written: &str, base: u32) {
    let mut value = 0i64;
    for (place, letter) in written.chars().enumerate() {
        let digit = i64::from(letter.to_digit(base).unwrap_or(0));
        let named = if digit > 9 { format!(" is {digit}") } else { String::new() };
        trace.line(format!("digit {}: {letter}{named}", place + 1));
        if place == 0 {
            value = digit;
            continue;
        }
        value = trace.brief(value, '×', i64::from(base));
        value = trace.brief(value, '+', digit);
    }
}
