//! One spelling for what answers are written in: LaTeX and Unicode mathematics, Markdown, full-width characters.

use super::words;

/// Longest answer (not solution text) that is read.
pub const MAX_BYTES: usize = 4000;

/// LaTeX and Unicode on the left, what it is read as on the right. Longer entries come before their prefixes.
const SPELLINGS: &[(&str, &str)] = &[
    ("\\left", ""),
    ("\\right", ""),
    ("\\displaystyle", ""),
    ("\\dfrac", "\\frac"),
    ("\\tfrac", "\\frac"),
    ("\\cfrac", "\\frac"),
    ("\\nicefrac", "\\frac"),
    ("\\textbf", ""),
    ("\\textit", ""),
    ("\\textrm", ""),
    ("\\text", ""),
    ("\\mathrm", ""),
    ("\\mathbf", ""),
    ("\\mathit", ""),
    ("\\mbox", ""),
    ("\\operatorname", ""),
    ("\\boxed", ""),
    ("\\num{", "{"),
    ("\\overline", "\\overline"),
    ("\\over", "/"),
    ("\\in ", "∈"),
    ("\\cdot", "*"),
    ("\\times", "*"),
    ("\\div", "/"),
    ("\\approx", "≈"),
    ("\\quad", " "),
    ("^{\\circ}", " degrees"),
    ("^\\circ", " degrees"),
    ("\\circ", " degrees"),
    ("\\%", "%"),
    ("\\$", "＄"),
    ("\\!", ""),
    ("\\,", ""),
    ("\\;", ""),
    ("\\:", ""),
    ("\\ ", " "),
    ("\\(", ""),
    ("\\)", ""),
    ("\\[", ""),
    ("\\]", ""),
    ("\\{", "⦃"),
    ("\\}", "⦄"),
    ("\\\\ &=", "="),
    ("\\\\", "\\\\"),
    ("&=", "="),
    ("**", ""),
    ("`", ""),
    ("{,}", ","),
    ("$", ""),
    ("°", " degrees"),
    ("−", "-"),
    ("–", "-"),
    ("×", "*"),
    ("·", "*"),
    ("⋅", "*"),
    ("÷", "/"),
    ("⁄", "/"),
    ("∕", "/"),
    ("½", "\\frac{1}{2}"),
    ("⅓", "\\frac{1}{3}"),
    ("⅔", "\\frac{2}{3}"),
    ("¼", "\\frac{1}{4}"),
    ("¾", "\\frac{3}{4}"),
    ("⅕", "\\frac{1}{5}"),
    ("⅖", "\\frac{2}{5}"),
    ("⅗", "\\frac{3}{5}"),
    ("⅘", "\\frac{4}{5}"),
    ("⅙", "\\frac{1}{6}"),
    ("⅚", "\\frac{5}{6}"),
    ("⅛", "\\frac{1}{8}"),
    ("⅜", "\\frac{3}{8}"),
    ("⅝", "\\frac{5}{8}"),
    ("⅞", "\\frac{7}{8}"),
    ("‑", "-"),
    ("\\infty", "∞"),
    ("\\lbrace", "⦃"),
    ("\\rbrace", "⦄"),
    ("\\bigl", ""),
    ("\\bigr", ""),
    ("\u{a0}", " "),
    ("\u{202f}", " "),
    ("\u{2009}", " "),
    ("’", "'"),
    ("\u{3000}", " "),
    ("、", ","),
    ("“", ""),
    ("”", ""),
    ("\"", ""),
];

/// `text` in the one spelling, without the marks around it.
///
/// # Errors
/// Says in words why such a text is no answer: it is too long, or has characters that cannot be seen.
pub fn clean(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes, more than {MAX_BYTES}", text.len()));
    }
    if let Some(c) = text.chars().find(|c| is_invisible(*c)) {
        return Err(format!("the answer has an invisible character, U+{:04X}", u32::from(c)));
    }
    // One `$` alone is a price; two of them hold a formula.
    let is_price = text.matches('$').count() - text.matches("\\$").count() == 1;
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(digit) = raised(c) {
            let is_more = cleaned.ends_with('}') && rest.len() < text.len() && ends_raised(text, rest);
            if is_more {
                cleaned.pop();
            } else {
                cleaned.push_str("^{");
            }
            cleaned.extend([digit, '}']);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if c == '$' && is_price && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            cleaned.push(DOLLAR);
            rest = &rest[1..];
            continue;
        }
        // LaTeX's space, between two words.
        let touches = |c: char| c.is_alphanumeric() || "{}$).,".contains(c);
        if c == '~' && cleaned.ends_with(touches) && rest[1..].starts_with(|c: char| touches(c) || c == '\\') {
            cleaned.push(' ');
            rest = &rest[1..];
            continue;
        }
        // `6.02 x 10^5`, `6 x 8`
        let is_digit = |c: char| c.is_ascii_digit();
        let is_times = rest.starts_with("x 10^")
            || (cleaned.ends_with(' ') && rest.strip_prefix("x ").is_some_and(|rest| rest.starts_with(is_digit)));
        if is_times && cleaned.trim_end().ends_with(is_digit) {
            cleaned.push('*');
            rest = &rest[1..];
            continue;
        }
        if let Some(word) = minus(&cleaned, rest) {
            cleaned.push('-');
            rest = rest[word.len()..].trim_start_matches([' ', '$']);
            continue;
        }
        // `2**3` is a power in some languages: no bold text stands between digits.
        let bold = rest.starts_with("**") && is_operand(&cleaned, &rest[2..]);
        let spelling = SPELLINGS.iter().find(|(from, _)| rest.starts_with(from) && !bold);
        match spelling {
            Some((from, to)) => {
                cleaned.push_str(to);
                rest = &rest[from.len()..];
            }
            None => {
                cleaned.push(narrow(c));
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Ok(trim(&cleaned).to_string())
}

/// The sign of a price, which the delimiter of formulas is not.
pub const DOLLAR: char = '＄';

/// `²` as 2
fn raised(c: char) -> Option<char> {
    const RAISED: [char; 11] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁻'];
    let at = RAISED.iter().position(|raised| *raised == c)?;
    Some("0123456789-".as_bytes()[at] as char)
}

/// The character of `text` in front of its end `rest` is raised.
fn ends_raised(text: &str, rest: &str) -> bool {
    text[..text.len() - rest.len()].chars().next_back().and_then(raised).is_some()
}

/// `text` with signs for the words that say them: "minus 4" as -4.
pub(super) fn with_signs(text: &str) -> String {
    let mut signed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match minus(&signed, rest) {
            Some(word) => {
                signed.push('-');
                rest = rest[word.len()..].trim_start_matches([' ', '$']);
            }
            None => {
                signed.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    signed
}

/// A word at the start of `rest` that is the sign of the number behind it. Behind a word that leads to no number, "minus"
/// takes away: "the total minus 4".
fn minus(before: &str, rest: &str) -> Option<&'static str> {
    let word = ["negative ", "minus ", "Negative ", "Minus ", "负"].into_iter().find(|word| rest.starts_with(word))?;
    let front = before.trim_end();
    let leads = || words::words(front).next_back().is_some_and(words::links);
    let follows_word = front.ends_with(|c: char| c.is_alphanumeric() && !words::is_east_asian(c));
    let is_sign = match word {
        "负" => true,
        "minus " if follows_word => front.len() < before.len() && leads(),
        _ => !before.ends_with(char::is_alphanumeric),
    };
    let is_number = rest[word.len()..].trim_start_matches(['$', ' ']).starts_with(|c: char| c.is_ascii_digit());
    (is_sign && is_number).then_some(word)
}

/// A digit, letter or bracket on both sides.
fn is_operand(before: &str, after: &str) -> bool {
    before.ends_with(|c: char| c.is_alphanumeric() || c == ')')
        && after.starts_with(|c: char| c.is_alphanumeric() || c == '(' || c == '-')
}

/// Without spaces and the marks that end a sentence.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：'))
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '。' | ';' | ',' | '!' | '\\'))
}

/// Full-width characters of Chinese typography as ASCII.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Control characters, zero widths, changes of direction: nothing an honest answer has.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(u32::from(c), 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180e
            | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
            | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}
