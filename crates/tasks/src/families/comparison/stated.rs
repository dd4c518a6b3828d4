//! What a text says of two numbers: "127 is larger than 65", `65 < 127`, "the smaller number is 65", 127比65大.

use crate::verify::words;

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number that is said to be larger.
    pub larger: u64,
    /// The number that it is said of.
    pub subject: u64,
    /// By a sign between both numbers.
    pub by_sign: bool,
    /// Nothing follows it, and nothing in the text puts it in doubt.
    pub stands_last: bool,
}

const LARGER: [&str; 14] = [
    ">", "bigger", "biggest", "greater", "greatest", "higher", "highest", "larger", "largest", "max", "maximum",
    "more", "大", "高",
];
const SMALLER: [&str; 11] =
    ["<", "fewer", "least", "less", "lower", "lowest", "min", "minimum", "smaller", "smallest", "小"];

/// A number, a word, a sign or a Chinese character.
fn tokens(clause: &str) -> Vec<String> {
    let kind = |c: char| match c {
        _ if words::is_east_asian(c) || "<>≤≥=".contains(c) => 0,
        _ if c.is_ascii_digit() || c == ',' || c == '.' => 1,
        _ if c.is_alphabetic() || c == '\'' => 2,
        _ => 3,
    };
    let mut tokens: Vec<String> = Vec::new();
    let mut previous = 3;
    for c in clause.chars() {
        let now = kind(c);
        match tokens.last_mut() {
            Some(token) if now == previous && now != 0 => token.push(c),
            _ => tokens.push(c.to_string()),
        }
        previous = now;
    }
    let number =
        |token: String| if token.starts_with(|c: char| c.is_ascii_digit()) { token.replace(',', "") } else { token };
    tokens.into_iter().map(number).filter(|token| token.contains(|c| kind(c) < 3)).collect()
}

/// All comparisons of `a` and `b`, of which "it" is the first; questions are none.
pub fn read(a: u64, b: u64, text: &str) -> Vec<Said> {
    let lower = words::lower(text).replace(['>', '＞'], ">").replace(['<', '＜'], "<");
    let mut found = Vec::new();
    let mut clause = String::new();
    let mut depth = 0i32;
    let mut characters = lower.chars().peekable();
    while let Some(c) = characters.next() {
        let in_number = matches!(c, ',' | '.') && characters.peek().is_some_and(char::is_ascii_digit);
        depth += i32::from(c == '(') - i32::from(c == ')');
        let ends = ".,;:!?。，；：！？\n".contains(c) && !in_number && (c != ',' || depth <= 0);
        if !ends {
            clause.push(c);
        }
        if ends || characters.peek().is_none() {
            if !matches!(c, '?' | '？')
                && let Some(said) = compare(a, b, &clause)
            {
                found.push(said);
            }
            clause.clear();
        }
    }
    // What stands behind the last one may be another answer.
    let is_plain = words::doubt(&lower.replace("than", "").replace('不', "").replace(" not ", " ")).is_none();
    let last_line = lower.trim_end_matches(|c: char| !c.is_alphanumeric()).rsplit(['\n', '.', ';', '。', ',']).next();
    let ends_with = last_line.and_then(|line| compare(a, b, line));
    if let (Some(last), Some(end)) = (found.last_mut(), ends_with) {
        last.stands_last = is_plain && *last == end && !lower.contains(['?', '？']);
    }
    found
}

fn compare(a: u64, b: u64, clause: &str) -> Option<Said> {
    let tokens = tokens(clause);
    let is_comparison = |token: &&String| LARGER.contains(&token.as_str()) || SMALLER.contains(&token.as_str());
    let mut comparisons = tokens.iter().enumerate().filter(|(_, token)| is_comparison(token));
    let (at, comparison) = comparisons.next()?;
    if comparisons.next().is_some() || tokens.iter().any(|token| matches!(token.as_str(), "≤" | "≥")) {
        return None;
    }
    let numbers: Vec<(usize, u64)> =
        tokens.iter().enumerate().filter_map(|(at, token)| Some((at, token.parse().ok()?))).collect();
    if numbers.iter().any(|(_, number)| *number != a && *number != b) {
        return None;
    }
    let other = |number: u64| if number == a { b } else { a };
    let is_than = |token: &String| matches!(token.as_str(), "than" | "比" | "于");
    let subject = match numbers.as_slice() {
        [] if tokens.iter().any(|token| token == "it") => a,
        // "larger than 65" is said of the other one.
        [(place, number)] if tokens[..*place].iter().any(is_than) => other(*number),
        [(_, number)] => *number,
        [(place, first), (_, second)] if first != second && *place < at => *first,
        // "The smaller of 65 and 127 is 65"
        [(_, first), (_, second), (_, last)] if first != second => *last,
        _ => return None,
    };
    let is_negated = tokens.iter().any(|token| matches!(token.as_str(), "not" | "不") || token.ends_with("n't"));
    let is_larger = LARGER.contains(&comparison.as_str()) != is_negated;
    let by_sign = matches!(comparison.as_str(), "<" | ">") && numbers.len() == 2;
    Some(Said { larger: if is_larger { subject } else { other(subject) }, subject, by_sign, stands_last: false })
}
