//! What a value is the value of: the `x` of `x = 5`. A left side that is no name (`2x`, `x^2`, `|x|`) is left to solve.

use crate::task::Judgement;
use crate::verify::words;

/// Functions and operations in words: no names of values.
const OPERATIONS: [&str; 15] =
    ["abs", "cos", "cot", "csc", "deg", "det", "dim", "exp", "ln", "log", "sec", "sgn", "sin", "sqrt", "tan"];

/// LaTeX that names may hold.
const LATEX: [&str; 34] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "varepsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "varphi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Sigma",
    "Phi",
    "Psi",
    "Omega",
    "angle",
    "triangle",
];

/// `x = 5` as `x` and `5`; the whole text when it is no such equation.
pub fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((left, right))
            if !right.contains('=') && !left.ends_with(['!', '<', '>', ':']) && is_name(left.trim()) =>
        {
            (Some(left.trim()), right.trim())
        }
        _ => (None, text),
    }
}

/// Names that both sides give must be the same; otherwise `verdict`.
pub fn judge(gold: Option<&str>, name: Option<&str>, verdict: impl FnOnce() -> Judgement) -> Judgement {
    match (gold, name) {
        (Some(gold), Some(name)) if plain(gold) != plain(name) => {
            Judgement::cannot_judge(format!("a value of `{}` where `{}` is asked for", shown(name), shown(gold)))
        }
        _ => verdict(),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !"{}".contains(*c)).collect()
}

/// One letter, perhaps with a subscript or primes: `x`, `x_1`, `\alpha`, `y'`.
pub fn is_symbol(text: &str) -> bool {
    let text = plain(text);
    let (letter, rest) = match text.strip_prefix('\\') {
        Some(command) => {
            let Some(name) = LATEX.iter().filter(|name| command.starts_with(**name)).max_by_key(|name| name.len())
            else {
                return false;
            };
            (true, &command[name.len()..])
        }
        None => {
            let first = text.chars().next();
            (first.is_some_and(char::is_alphabetic), &text[first.map_or(0, char::len_utf8)..])
        }
    };
    let subscript = rest.trim_end_matches('\'');
    let subscript = subscript.strip_prefix('_').unwrap_or(subscript);
    letter
        && subscript.chars().count() <= 3
        && subscript.chars().all(|c| c.is_ascii_digit() || (rest.starts_with('_') && c.is_alphanumeric()))
}

/// What a value can be the value of: a symbol, `f(3)`, `(x, y)`, `AB`, `\angle ABC`, or words.
pub fn is_name(text: &str) -> bool {
    if text.len() > 80 || text.is_empty() {
        return false;
    }
    if is_symbol(text) {
        return true;
    }
    if let Some((function, inside)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let is_argument = |c: char| c.is_alphanumeric() || " ,.-_'".contains(c);
        let is_difference = inside.trim_start().trim_start_matches('-').contains('-') && !inside.contains(',');
        let function = function.trim().trim_start_matches('\\');
        let is_known = is_symbol(function) || is_label(function) || (function.is_empty() && inside.contains(','));
        let is_function = is_known || (function.len() > 2 && is_words(function));
        return is_function && !is_difference && inside.chars().all(is_argument);
    }
    let bare = ["\\angle", "\\triangle", "\\overline", "angle", "triangle"];
    let label = bare.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let label: String = label.chars().filter(|c| !"{}".contains(*c)).collect();
    is_label(label.trim()) || is_words(&label)
}

/// The symbol that words lead to: the `x` of `so x`.
pub fn behind_words(text: &str) -> Option<&str> {
    let (front, symbol) = text.rsplit_once(' ')?;
    (is_symbol(symbol) && is_words(front)).then_some(symbol)
}

/// `f(x)`, of which an equation is left to solve, where `f(3)` is a number.
pub fn is_open(text: &str) -> bool {
    text.split_once('(')
        .is_some_and(|(function, inside)| !function.is_empty() && inside.contains(|c: char| c.is_lowercase()))
}

/// Points: `AB`, `ABC`.
fn is_label(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Ordinary words, none of which computes anything.
fn is_words(text: &str) -> bool {
    let all: Vec<&str> = text.split_whitespace().collect();
    let is_word = |word: &&str| {
        let lower = word.to_lowercase();
        (word.chars().count() > 2
            || !word.is_ascii()
            || matches!(lower.as_str(), "a" | "of" | "in" | "is" | "my" | "so" | "we"))
            && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '-')
            && !OPERATIONS.contains(&lower.as_str())
            && words::change_before(word).is_none()
    };
    !all.is_empty() && all.len() <= 8 && all.iter().all(is_word) && words::doubt(text).is_none()
}
