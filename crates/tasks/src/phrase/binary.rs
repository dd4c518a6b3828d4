//! Cores for one operation on two numbers.
//!
//! The meaning is always `a op b`. "The difference between a and b" is `a - b`, negative when b is larger; the reply
//! spells the expression out, so that one sees how the words were taken.

use super::{Core, chinese, fill, numbers};
use crate::rng::Rng;
use crate::task::{Asked, Options};

/// Spellings of an operator between two numbers.
fn signs(op: char) -> &'static [&'static str] {
    match op {
        '+' => &["+"],
        '-' => &["-", "-", "-", "-", "-", "-", "−", "–"],
        '×' => &["*", "*", "*", "*", "×", "×", "×", "x", "x", "x", "·", "X"],
        '÷' => &["/", "/", "/", "÷", "÷", ":"],
        _ => panic!("operator {op}: known are + - × ÷"),
    }
}

/// One spelling of the operator for a whole expression.
pub fn sign(op: char, rng: &mut Rng) -> &'static str {
    rng.pick(signs(op))
}

/// How an operator is spoken between two numbers.
pub fn spoken(op: char) -> &'static [&'static str] {
    match op {
        '+' => &["plus", "plus", "plus", "plus", "plus", "added to", "and", "add"],
        '-' => &["minus", "minus", "minus", "minus", "minus", "take away", "less", "subtract"],
        '×' => &["times", "times", "times", "times", "multiplied by", "multiplied with", "by", "multiply by"],
        '÷' => &["divided by", "divided by", "divided by", "over", "divide by"],
        _ => panic!("operator {op}: known are + - × ÷"),
    }
}

fn nouns(op: char) -> &'static [&'static str] {
    match op {
        '+' => &[
            "the sum of {a} and {b}",
            "the sum of {a} and {b}",
            "the sum of {a} and {b}",
            "the total of {a} and {b}",
            "sum of {a} and {b}",
            "{a} and {b} added together",
            "{a} and {b} together",
            "{a} plus {b}",
            "{a} increased by {b}",
            "{a} added to {b}",
            "the result of adding {a} and {b}",
            "the result when {a} is added to {b}",
            "the sum {e}",
            "the sum: {e}",
            "{a} more than {b}",
            "{a} combined with {b}",
            "the addition of {a} and {b}",
            "the number that is {a} more than {b}",
            "the sum of the numbers {a} and {b}",
            "the sum of two numbers, {a} and {b}",
            "the sum when you add {a} and {b}",
            "{a} with {b} added",
            "total of {a} and {b}",
        ],
        '-' => &[
            "the difference between {a} and {b}",
            "the difference of {a} and {b}",
            "the difference between {a} and {b}",
            "difference between {a} and {b}",
            "{a} minus {b}",
            "{a} take away {b}",
            "{a} less {b}",
            "{a} decreased by {b}",
            "{a} reduced by {b}",
            "{b} less than {a}",
            "{b} less than {a}",
            "{b} subtracted from {a}",
            "{b} subtracted from {a}",
            "{b} taken away from {a}",
            "{b} taken from {a}",
            "the result of subtracting {b} from {a}",
            "the result of subtracting {b} from {a}",
            "the result of taking {b} from {a}",
            "the difference {e}",
            "the difference: {e}",
            "the number that is {b} less than {a}",
            "what is left when {b} is taken from {a}",
            "the result when {b} is subtracted from {a}",
            "{a} after subtracting {b}",
            "{a} with {b} subtracted",
            "{a} diminished by {b}",
        ],
        '×' => &[
            "the product of {a} and {b}",
            "the product of {a} and {b}",
            "the product of {a} and {b}",
            "the product of {a} and {b}",
            "product of {a} and {b}",
            "{a} times {b}",
            "{a} multiplied by {b}",
            "the result of multiplying {a} by {b}",
            "the result of multiplying {a} and {b}",
            "the product {e}",
            "the product: {e}",
            "{a} groups of {b}",
            "{a} lots of {b}",
            "the multiplication of {a} and {b}",
            "{a} and {b} multiplied together",
            "{a} and {b} multiplied",
            "the result when {a} is multiplied by {b}",
            "the product of the numbers {a} and {b}",
            "{a} by {b}",
            "the product when you multiply {a} and {b}",
            "{a} sets of {b}",
        ],
        _ => &[
            "{a} divided by {b}",
            "{a} divided by {b}",
            "the quotient of {a} and {b}",
            "the quotient of {a} divided by {b}",
            "{a} over {b}",
            "the result of dividing {a} by {b}",
            "the result when {a} is divided by {b}",
            "the quotient when {a} is divided by {b}",
            "the quotient {e}",
            "the quotient: {e}",
            "{a} split by {b}",
            "the division of {a} by {b}",
        ],
    }
}

fn imperatives(op: char) -> &'static [&'static str] {
    match op {
        '+' => &[
            "add {a} and {b}",
            "add {a} and {b}",
            "add {a} to {b}",
            "add {a} to {b}",
            "add {a} plus {b}",
            "add up {a} and {b}",
            "add together {a} and {b}",
            "sum {a} and {b}",
            "sum up {a} and {b}",
            "put {a} and {b} together",
            "combine {a} and {b}",
            "add the numbers {a} and {b}",
            "start with {a} and add {b}",
            "take {a} and add {b}",
            "increase {a} by {b}",
            "total {a} and {b}",
            "add {a} with {b}",
            "take {a} and add {b} to it",
        ],
        '-' => &[
            "subtract {b} from {a}",
            "subtract {b} from {a}",
            "subtract {b} from {a}",
            "subtract {b} from {a}",
            "take {b} away from {a}",
            "take {b} from {a}",
            "take away {b} from {a}",
            "deduct {b} from {a}",
            "remove {b} from {a}",
            "start with {a} and subtract {b}",
            "decrease {a} by {b}",
            "reduce {a} by {b}",
            "take {a} and subtract {b}",
            "subtract {b} from the number {a}",
            "take {a} and take away {b}",
            "do {a} take away {b}",
        ],
        '×' => &[
            "multiply {a} by {b}",
            "multiply {a} by {b}",
            "multiply {a} by {b}",
            "multiply {a} and {b}",
            "multiply {a} and {b}",
            "multiply {a} with {b}",
            "multiply {a} times {b}",
            "multiply the numbers {a} and {b}",
            "multiply together {a} and {b}",
            "take {a} times {b}",
            "take {a} and multiply it by {b}",
            "find the product of {a} and {b}",
            "compute the product of {a} and {b}",
        ],
        _ => &[
            "divide {a} by {b}",
            "divide {a} by {b}",
            "divide {a} by {b}",
            "divide {a} by the number {b}",
            "split {a} into {b} equal parts",
            "share {a} equally among {b}",
            "divide {a} into {b} equal parts",
            "take {a} and divide it by {b}",
        ],
    }
}

fn questions(op: char) -> &'static [&'static str] {
    match op {
        '+' => &[
            "how much are {a} and {b} together",
            "how much is {a} and {b}",
            "what do {a} and {b} add up to",
            "what do {a} and {b} make",
            "how much do {a} and {b} make",
            "what do {a} and {b} sum to",
            "what is {a} if you add {b}",
            "what do you get by adding {a} and {b}",
            "what number is {a} more than {b}",
            "how much is {a} if I add {b}",
            "what is {a} and {b}",
            "{a} and {b} make how much",
            "adding {a} and {b} gives what",
            "what's {a} and {b} in total",
        ],
        '-' => &[
            "how much is left if you take {b} from {a}",
            "how much is left when {b} is taken from {a}",
            "what is left of {a} after taking away {b}",
            "what do you get by subtracting {b} from {a}",
            "what number is {b} less than {a}",
            "what remains when {b} is subtracted from {a}",
            "how much is {a} without {b}",
            "subtracting {b} from {a} gives what",
            "what is {a} if you subtract {b}",
            "how much is {a} if I take away {b}",
        ],
        '×' => &[
            "how much is {a} times {b}",
            "how many is {a} times {b}",
            "what do you get by multiplying {a} by {b}",
            "what do {a} and {b} multiply to",
            "multiplying {a} by {b} gives what",
            "what are {a} groups of {b}",
            "what is {a} by {b}",
            "how much are {a} times {b}",
        ],
        _ => &[
            "how many times does {b} go into {a}",
            "how many times does {b} fit into {a}",
            "what do you get by dividing {a} by {b}",
            "how much is {a} shared by {b}",
            "dividing {a} by {b} gives what",
            "what is {a} split into {b} equal parts",
        ],
    }
}

/// Questions that hold any of the four operations: `{e}` is the expression, `{s}` the sign.
const ANY_QUESTIONS: &[&str] = &[
    "if x = {a} and y = {b}, what is x {s} y",
    "let x = {a} and y = {b}. What is x {s} y",
    "if a = {a} and b = {b}, what is a {s} b",
    "what does {e} equal",
    "what does {e} come to",
    "what does {e} give",
    "what number equals {e}",
    "what is x if x = {e}",
    "x = {e}. What is x",
    "what value does {e} have",
    "which number is {e}",
    "what is the number {e}",
    "what should I write for {e}",
    "what do you get when you calculate {e}",
    "what do you get if you work out {e}",
    "how much do I get for {e}",
    "is there a number equal to {e}",
    "what goes in the blank: {e} = __",
    "what is missing: {e} = ?",
    "{e} is what number",
    "{e} equals which number",
    "what is {a} {s} {b} equal to",
    "what comes out of {e}",
];

/// The expression with the spacing of some hand: mostly even, sometimes none, rarely crooked.
pub fn spaced(left: &str, sign: &str, right: &str, rng: &mut Rng) -> String {
    let lettered = sign.starts_with(char::is_alphabetic);
    match rng.below(20) {
        0..13 => format!("{left} {sign} {right}"),
        13 if !lettered => format!("{left} {sign}{right}"),
        14 if !lettered => format!("{left}{sign} {right}"),
        _ => format!("{left}{sign}{right}"),
    }
}

/// LaTeX, as it is pasted from homework sheets.
fn latex(a: &str, op: char, b: &str, rng: &mut Rng) -> String {
    let sign = match op {
        '×' => rng.pick(&["\\times", "\\cdot"]),
        '÷' => "\\div",
        '+' => "+",
        _ => "-",
    };
    let body = format!("{a} {sign} {b}");
    fill(rng.pick(&["${e}$", "$${e}$$", "\\({e}\\)", "\\[{e}\\]", "{e}"]), &[("e", &body)])
}

/// The content of a request for `a op b`; `op` is one of `+ - × ÷`.
pub fn core(a: u64, op: char, b: u64, rng: &mut Rng, options: &Options) -> Core {
    let (x, y) = (numbers::in_digits(a, rng), numbers::in_digits(b, rng));
    if rng.chance(options.chinese) {
        return chinese_core(&x, op, &y, rng);
    }
    let roll = rng.below(100);
    if roll < 45 {
        if rng.chance(0.02) {
            return Core::Expression(latex(&x, op, &y, rng));
        }
        return Core::Expression(spaced(&x, sign(op, rng), &y, rng));
    }
    let (x, y) =
        if a < 100 && b < 100 && rng.chance(0.04) { (numbers::in_words(a), numbers::in_words(b)) } else { (x, y) };
    if roll < 60 {
        return Core::Noun(format!("{x} {} {y}", rng.pick(spoken(op))));
    }
    let sign = sign(op, rng);
    let expression = format!("{x} {sign} {y}");
    let values = [("s", sign), ("a", x.as_str()), ("b", y.as_str()), ("e", expression.as_str())];
    match roll {
        60..80 => Core::Noun(fill(rng.pick(nouns(op)), &values)),
        80..92 => Core::Imperative(fill(rng.pick(imperatives(op)), &values)),
        _ => {
            let templates = if rng.chance(0.7) { questions(op) } else { ANY_QUESTIONS };
            Core::Question(fill(rng.pick(templates), &values))
        }
    }
}

fn chinese_core(a: &str, op: char, b: &str, rng: &mut Rng) -> Core {
    let sign = if op == '×' && rng.chance(0.6) { "×" } else { sign(op, rng) };
    let text = if rng.chance(0.6) {
        fill(rng.pick(chinese::templates(op)), &[("a", a), ("b", b)])
    } else {
        let expression = spaced(a, sign, b, rng);
        fill(rng.pick(chinese::EXPRESSION), &[("e", &expression)])
    };
    let end = if text.ends_with(['？', '=']) { "" } else { rng.pick(chinese::ENDS) };
    Core::Whole(format!("{text}{end}"))
}

/// A whole prompt for `a op b`.
pub fn ask(a: u64, op: char, b: u64, rng: &mut Rng, options: &Options) -> Asked {
    let core = core(a, op, b, rng, options);
    super::ask(&core, rng)
}
