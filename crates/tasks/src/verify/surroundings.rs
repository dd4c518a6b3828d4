//! What stands in front of an answer and behind it. A verifier finds where the answer is; whether the text around it lets
//! it stand is decided here, for all of them: a sign or an operator, another number, a word of doubt ([`super::words`])
//! and it is not the answer that is said.

use super::answer::names::is_symbol;
use super::number::units::is_number_word;
use super::words::{
    change_after, change_before, doubt, doubt_behind, doubt_in_front, ignorance, is_east_asian, is_factor, links,
    without_claims, words,
};

/// Marks that open in front of an answer and say nothing: quotes, Markdown, the delimiters of formulas.
const OPENS: [&str; 16] = [
    "\"",
    "“",
    "「",
    "`",
    "$",
    "\\(",
    "\\[",
    "\\quad",
    "\\;",
    "\\,",
    "\\ ",
    "\\displaystyle",
    "\\left",
    "\\\\",
    "&",
    "<answer>",
];

/// The same behind an answer.
const CLOSES: [&str; 13] =
    ["\"", "”", "」", "`", "\\)", "\\]", "\\,", "\\;", "\\!", "\\right", "\\\\", "</answer>", "\\ "];

/// What formulas say of what follows, without being a part of it.
const COMMANDS: [&str; 7] =
    ["\\implies", "\\Rightarrow", "\\Longrightarrow", "\\therefore", "\\Leftrightarrow", "\\quad", "\\qquad"];

/// `front` without the marks that open at its end.
pub fn without_opens(front: &str) -> &str {
    let mut rest = front;
    loop {
        let bare = rest.trim_end();
        let before_word = |cut: &str| {
            let line_start = cut.trim_end_matches([' ', '\t']).ends_with('\n');
            let cut = cut.trim_end();
            line_start || cut.is_empty() || cut.ends_with(|c: char| ":.,;：，。；".contains(c)) || ends_in_word(cut)
        };
        let cut = OPENS
            .iter()
            .find_map(|open| bare.strip_suffix(open))
            .or_else(|| bare.strip_suffix(is_picture))
            .or_else(|| {
                // `2**3` and `7 *6` are operations, `is **6**` and `*6*` are not; `(6)` stands alone, `f(6)` does not.
                let marked =
                    bare.strip_suffix("**").or_else(|| bare.strip_suffix('*').filter(|_| bare.len() == rest.len()));
                let apart = ["(", "[", "{", "'"].iter().find_map(|open| bare.strip_suffix(open));
                let apart = apart.filter(|cut| !cut.ends_with(|c: char| c.is_alphanumeric() || ")]}_^\\".contains(c)));
                let heading = bare
                    .strip_suffix('#')
                    .filter(|cut| cut.trim_end_matches('#').ends_with(['\n', '#']) || cut.is_empty());
                let named = ["\\text{", "\\mathrm{", "\\mathbf{", "\\textbf{", "\\num{", "\\underline{"];
                let named = named.iter().find_map(|open| bare.strip_suffix(open));
                // "=> 17" on a line of its own.
                let arrow = bare.strip_suffix("=>").filter(|cut| cut.is_empty() || cut.ends_with('\n'));
                marked.filter(|cut| before_word(cut)).or(apart).or(heading).or(named).or(arrow)
            });
        match cut {
            Some(cut) => rest = cut,
            None => return bare,
        }
    }
}

/// `rest` without the marks that close at its start; what is left keeps its space in front.
pub fn without_closes(rest: &str) -> &str {
    let mut rest = rest;
    loop {
        let bare = rest.trim_start();
        let cut = CLOSES.iter().find_map(|close| bare.strip_prefix(close)).or_else(|| {
            let follows_operand =
                |cut: &str| cut.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '(' || c == '-');
            let marks = ["**", "*", "$", ")", "]", "}"].iter().find_map(|close| bare.strip_prefix(close));
            marks.filter(|cut| !follows_operand(cut))
        });
        match cut {
            Some(cut) => rest = cut,
            None => return rest,
        }
    }
}

/// `✅`, `👉`
fn is_picture(c: char) -> bool {
    matches!(u32::from(c), 0x2600..=0x27bf | 0x1f300..=0x1faff) && !matches!(c, '✕' | '✖' | '➕' | '➖' | '➗' | '❌')
}

/// Ends in a word of two letters or more, or one of a script without spaces.
fn ends_in_word(text: &str) -> bool {
    let mut letters = text.chars().rev().take_while(|c| c.is_alphabetic());
    match (letters.next(), letters.next()) {
        (Some(last), None) => !last.is_ascii() || text.chars().count() == 1,
        (Some(_), Some(_)) => true,
        _ => false,
    }
}

/// The clause that `front` ends in. `not A but B` begins again at its "but".
pub fn clause(front: &str) -> &str {
    let front = front.trim_end().trim_end_matches([',', '，']);
    if front.ends_with(['.', ';', '!', '?', '。', '；', '！', '？']) {
        return "";
    }
    let mut start = 0;
    let mut after_stop = false;
    for (at, c) in front.char_indices() {
        let ends = match c {
            '\n' | ';' | '!' | '?' | '。' | '，' | '；' | '！' | '？' => true,
            _ => after_stop && c.is_whitespace(),
        };
        if ends {
            start = at + c.len_utf8();
        }
        after_stop = matches!(c, '.' | ',');
    }
    // "No, wait" sets aside what is in front of it.
    let clause = front[start..].rsplit("wait").next().unwrap_or_default().trim_start();
    let clause = ["but ", "But "].iter().find_map(|but| clause.strip_prefix(but)).unwrap_or(clause);
    let but = clause.rsplit_once(" but ").or_else(|| clause.strip_suffix(" but").map(|set_aside| (set_aside, "")));
    match but {
        Some((set_aside, kept)) if doubt(set_aside).is_some_and(|word| word == "not" || word.ends_with("n't")) => kept,
        _ => clause,
    }
}

/// Whether what is in front of an answer lets it stand.
///
/// # Errors
/// Says in words what stands in its way.
pub fn before(front: &str) -> Result<(), String> {
    stands_behind(front, false)
}

/// As [`before`], of an answer that a mark sets apart: a number on the line above it is no other answer.
///
/// # Errors
/// Says in words what stands in its way.
pub fn before_mark(front: &str) -> Result<(), String> {
    stands_behind(front, true)
}

fn stands_behind(front: &str, is_marked: bool) -> Result<(), String> {
    let bare = without_opens(front);
    let sentence = bare.rsplit(['\n', '.', '!', '?', '。']).next().unwrap_or_default();
    if let Some(words) = ignorance(sentence) {
        return Err(format!("the answer is said with `{words}`"));
    }
    const ABBREVIATIONS: [&str; 8] = ["approx.", "ca.", "cf.", "e.g.", "eg.", "est.", "resp.", "vs."];
    // "the largest." ends in no "est."
    let is_apart = |front: &str| !front.ends_with(char::is_alphabetic);
    let start = bare.len().saturating_sub(8);
    let end = bare.get(start..).unwrap_or_default().to_lowercase();
    if let Some(word) = ABBREVIATIONS.iter().find(|word| end.strip_suffix(**word).is_some_and(is_apart)) {
        return Err(format!("the answer is said with `{word}`"));
    }
    if front[bare.len()..].contains('\n') {
        return line_above(front, bare, is_marked);
    }
    let clause = clause(bare);
    if let Some(word) = doubt_in_front(clause) {
        return Err(format!("the answer is said with `{word}`"));
    }
    let Some(last) = bare.chars().next_back() else { return Ok(()) };
    let tight = bare.len() == front.len();
    let refused = || Err(format!("`{last}` stands in front of the answer"));
    match last {
        '=' if ["!=", "<=", ">=", "==", "\\neq =", "≠="].iter().any(|sign| bare.ends_with(sign)) => refused(),
        '!' | '?' if tight => refused(),
        ',' | '，' | ';' | '；' | '、' | '.' | '。' => {
            let listed = bare[..bare.len() - last.len_utf8()].trim_end();
            let in_list = listed.ends_with(|c: char| c.is_ascii_digit() || "])}".contains(c));
            let is_stop = matches!(last, '.' | '。');
            let alone = listed.rsplit(['\n', '.', '。', ':', '：']).next().is_some_and(is_bare_number);
            let is_place = |line: &str| line.len() <= 3 && line.bytes().all(|b| b.is_ascii_digit());
            let numbered = is_stop && listed.rsplit('\n').next().is_some_and(is_place);
            if in_list && (!is_stop || alone) && !numbered {
                Err("the answer stands in a list".to_string())
            } else {
                Ok(())
            }
        }
        '=' | ':' | '：' | '!' | '?' | '！' | '？' | '∴' | '⇒' | '⟹' => Ok(()),
        '∈' if front[bare.len()..].contains('{') => Ok(()),
        // "Result → 48"
        '→' if !clause.contains(|c: char| c.is_ascii_digit()) => Ok(()),
        '—' if !tight => Ok(()),
        ')' if !tight => Ok(()),
        '}' if ends_in_text(bare) => Ok(()),
        _ if last.is_alphabetic() => {
            if let Some(word) = change_before(bare) {
                return Err(format!("`{word}` stands in front of the answer"));
            }
            let spoken = words(bare).next_back().filter(|word| bare.ends_with(word) && is_number_word(word));
            if spoken.is_some_and(|word| !word.eq_ignore_ascii_case("one")) {
                return Err("a number in words stands in front of the answer".to_string());
            }
            let letters = bare.len() - bare.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
            if bare[..bare.len() - letters].ends_with('\\') && letters > 0 {
                let command = &bare[bare.len() - letters - 1..];
                return if COMMANDS.contains(&command) { Ok(()) } else { Err(format!("`{command}` stands in front")) };
            }
            let is_symbol =
                letters == 1 && !"aAI".contains(last) && !bare[..bare.len() - 1].ends_with(['\'', '’', '.']);
            let is_glued = tight && !is_east_asian(last);
            if is_glued || is_symbol { refused() } else { Ok(()) }
        }
        _ => refused(),
    }
}

/// As [`before`], of lines above an answer that begins a line: a step of the solution may end in anything but words of
/// doubt and what goes on in the next line (`7 +`, `2(`, `5 or`). `bare` is `front` without the marks that open at its end.
fn line_above(front: &str, bare: &str, is_marked: bool) -> Result<(), String> {
    let (above, is_ruled) = without_rules(bare);
    if let Some(word) = doubt_in_front(clause(above)) {
        return Err(format!("the answer is said with `{word}`"));
    }
    if let Some(word) = change_before(above) {
        return Err(format!("`{word}` stands in front of the answer"));
    }
    let line = above.rsplit('\n').next().unwrap_or_default().trim();
    // `5 to`, `between 5 and`
    let mut last_words = words(line).rev();
    if let (Some(link @ ("and" | "to")), Some(number)) = (last_words.next(), last_words.next())
        && line.ends_with(link)
        && number.ends_with(|c: char| c.is_ascii_digit())
    {
        return Err(format!("`{link}` stands in front of the answer"));
    }
    let Some(last) = line.chars().next_back() else { return Ok(()) };
    let refused = || Err(format!("`{last}` stands in front of the answer"));
    let opened = front[bare.len()..].lines().next().unwrap_or_default();
    let opens_bracket = opened.replace("\\(", "").replace("\\[", "").contains(['(', '[']);
    if opens_bracket && !is_ruled && (last.is_alphanumeric() || ")]}".contains(last)) {
        return refused();
    }
    let command = line.rfind('\\').map_or("", |at| &line[at..]);
    let is_command = command.len() > 1 && command[1..].bytes().all(|b| b.is_ascii_alphabetic());
    const ENDS: [&str; 5] = ["\\checkmark", "\\square", "\\blacksquare", "\\dots", "\\ldots"];
    let is_number = |text: &str| {
        is_bare_number(text) && !text.trim_start_matches(['+', '-', '−']).contains(['+', '-', '/', '*', '|', '<', '>'])
    };
    let is_list = |text: &str| text.split([',', '，', ';', '；', '、']).all(is_bare_number);
    match last {
        _ if !is_marked && !is_ruled && is_number(line.trim_matches(['*', '$', '`', '.', '。', '!'])) => {
            Err("another number stands in front of the answer".to_string())
        }
        '=' if ["!=", "<=", ">=", "==", "\\neq =", "≠="].iter().any(|sign| line.ends_with(sign)) => refused(),
        '>' if line.rfind('<').is_some_and(|at| !line[at..].contains(' ')) => Ok(()),
        '*' if is_bold(line) => Ok(()),
        _ if "+-−–*×÷/·⋅∙•∗✕＋∕⁄^~≈±∓<>≤≥≠([{√_≡→❌✗✘✖➕➖➗".contains(last) => {
            refused()
        }
        'x' | 'X' if line[..line.len() - 1].trim_end().ends_with(|c: char| c.is_ascii_digit() || c == ')') => {
            if line[..line.len() - 1].ends_with(' ') || line.len() < 3 { refused() } else { Ok(()) }
        }
        _ if is_command && !COMMANDS.contains(&command) && !ENDS.contains(&command) && !is_symbol(command) => {
            Err(format!("`{command}` stands in front"))
        }
        ',' | '，' | ';' | '；' | '、' if is_list(&line[..line.len() - last.len_utf8()]) => {
            Err("the answer stands in a list".to_string())
        }
        _ => Ok(()),
    }
}

/// The sign that `front` ends in, with the space behind it; of words, nothing.
pub(super) fn sign_at_end(front: &str) -> &str {
    let bare = without_opens(front);
    let begins_line = front[bare.len()..].contains('\n');
    let above = if begins_line { without_rules(bare).0 } else { bare };
    let sign = above.chars().next_back().filter(|c| !c.is_alphanumeric() && *c != '>').map_or(0, char::len_utf8);
    let closes = begins_line && is_bold(above.rsplit('\n').next().unwrap_or_default());
    &front[if closes || above.len() < bare.len() { bare.len() } else { bare.len() - sign }..]
}

/// A text without the lines at its end that are rules (`---`), and whether there is one.
fn without_rules(text: &str) -> (&str, bool) {
    let mut rest = text.trim_end();
    loop {
        let start = rest.rfind('\n').map_or(0, |at| at + 1);
        let line = rest[start..].trim();
        if line.len() < 3 || !line.chars().all(|c| "-=*_—─|".contains(c)) {
            return (rest, rest.len() < text.trim_end().len());
        }
        rest = rest[..start].trim_end();
    }
}

/// Ends in Markdown's bold or italic marks, which open in front of a word or a number: no `2*3*`.
fn is_bold(line: &str) -> bool {
    let mark = if line.ends_with("**") { "**" } else { "*" };
    let Some(inside) = line.strip_suffix(mark) else { return false };
    let Some(at) = inside.find(mark) else { return false };
    let opens = !line[..at].ends_with(|c: char| c.is_ascii_digit() || c == ')')
        && !line[at + mark.len()..].starts_with([' ', '*']);
    let trimmed = line[..at].trim_end();
    let is_operand = trimmed.ends_with(|c: char| c.is_ascii_digit() || c == ')' || c == '=') && mark == "*";
    let closes = !inside.ends_with(|c: char| "+-−–*×÷/^=(< ".contains(c));
    opens && closes && !is_operand && line.matches(mark).count().is_multiple_of(2)
}

/// Ends in `\text{so }`.
fn ends_in_text(text: &str) -> bool {
    let open = text.rfind('{').map_or("", |at| &text[..at]);
    ["\\text", "\\mathrm", "\\textbf", "\\mbox"].iter().any(|command| open.ends_with(command))
}

/// Whether what is behind an answer lets it stand: nothing, a mark, or words that do not change it.
///
/// # Errors
/// Says in words what stands in its way.
pub fn after(rest: &str) -> Result<(), String> {
    if let Some(word) = doubt_behind(rest) {
        return Err(format!("the answer is followed by `{word}`"));
    }
    let closed = without_closes(rest);
    let bare = closed.trim_start();
    let Some(first) = bare.chars().next() else { return Ok(()) };
    let spaced = closed.starts_with(char::is_whitespace);
    let new_line = rest[..rest.len() - bare.len()].contains('\n');
    let second = bare[first.len_utf8()..].chars().next();
    let refused = || Err(format!("`{first}` stands behind the answer"));
    match first {
        '.' | ',' | ':' if second.is_some_and(|c| c.is_ascii_digit()) => return refused(),
        '!' if second == Some('=') => return refused(),
        '.' | ',' | ';' | ':' | '!' | '。' | '，' | '；' | '：' | '！' => {}
        '-' | '–' if spaced && (second.is_none_or(|c| c.is_whitespace() || c == '-')) && letters_follow(bare) => {}
        '#' | '*' if new_line => {}
        '#' => return refused(),
        '-' if new_line && bare.starts_with("---") => {}
        '(' if (spaced || new_line) && letters_follow(bare) => {}
        '\\' => match ["\\text{", "\\mathrm{"].iter().find_map(|open| bare.strip_prefix(open)) {
            // `3\text{ km}`
            Some(inside) if !inside.starts_with('\\') => return after(&format!(" {inside}")),
            _ => return refused(),
        },
        '<' if bare.starts_with("</") => {}
        _ if first.is_ascii_digit() && !new_line => return Err("another number follows the answer".to_string()),
        _ if first.is_ascii_digit() => {}
        _ if first.is_numeric() => return refused(),
        _ if first.is_alphabetic() => {
            let start: String = bare.chars().take(24).collect();
            let factor = words(&start).take(if new_line { 0 } else { 2 }).find(|word| is_factor(word));
            if let Some(word) = change_after(bare).or(factor.map(str::to_string)) {
                return Err(format!("`{word}` stands behind the answer"));
            }
            if !is_east_asian(first) && !spaced && rest.starts_with(first) {
                return refused();
            }
        }
        _ if "+-−–*×÷/·⋅∙•∗✕＋∕⁄=^%‰％²³~≈±∓<>≤≥≠|&@!?？、…_'’→←{}[]❌✗✘✖(\"".contains(first) =>
        {
            return refused();
        }
        _ => {}
    }
    no_number(bare)
}

/// Whether the words on the lines in front of an answer let it stand.
///
/// # Errors
/// Names the word that does not.
pub fn words_before(front: &str) -> Result<(), String> {
    doubt_in_front(clause(front)).map_or(Ok(()), |word| Err(format!("the answer is said with `{word}`")))
}

/// Whether the words behind an answer that is no number let it stand.
///
/// # Errors
/// Names what does not.
pub fn words_after(rest: &str) -> Result<(), String> {
    if without_closes(rest).trim_start().starts_with(['?', '？']) {
        return Err("the answer is a question".to_string());
    }
    match doubt_behind(rest) {
        Some(word) => Err(format!("the answer is followed by `{word}`")),
        None => no_number(rest),
    }
}

/// As [`words_after`], of an answer that keeps rules, which what follows may say: "No digit repeats in any row."
///
/// # Errors
/// Names what does not let it stand.
pub fn claims_after(rest: &str) -> Result<(), String> {
    words_after(&without_claims(rest))
}

/// No sentence of `rest` is a number and nothing else.
fn no_number(rest: &str) -> Result<(), String> {
    let mut pieces = rest.split(['\n', '.', '!', ';', '。', '！', '；', '，', ',']);
    match pieces.find(|piece| is_bare_number(piece)) {
        Some(piece) => {
            Err(format!("another number follows the answer: {}", piece.trim().chars().take(40).collect::<String>()))
        }
        None => Ok(()),
    }
}

fn letters_follow(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '\n');
    start.starts_with(char::is_alphabetic)
}

/// Digits and signs, no word, no equation.
fn is_bare_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-−–$*`()[]{}\\#>|/".contains(c);
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// Whether the number behind `front` is joined to another one in front of it: `5 to 6`, `5 / 6`, `between 5 and 6`. A word
/// such as "is" or "makes" between them says that the second is the answer.
///
/// # Errors
/// Says in words that it is.
pub fn joined(front: &str, is_and_allowed: bool) -> Result<(), String> {
    let clause = clause(front);
    let Some(digit) = clause.rfind(|c: char| c.is_ascii_digit()) else { return Ok(()) };
    let between = &front[clause.as_ptr() as usize - front.as_ptr() as usize + digit + 1..];
    // What begins a line stands beside no number.
    let is_end = |c: char| c.is_whitespace() || ".,;:|!?。！？)]}$*\"'`\\✓✅".contains(c);
    if between.contains('\n') && between.lines().next().is_some_and(|line| line.chars().all(is_end)) {
        return Ok(());
    }
    let mut words = super::words::words(between);
    let (first, more) = (words.next(), words.nth(1).is_some());
    let is_and = is_and_allowed && first == Some("and") && !super::words::lower(clause).contains("between");
    if links(between) || more || is_and || between.contains(['(', ')']) {
        return Ok(());
    }
    Err("two numbers stand side by side".to_string())
}

#[cfg(test)]
mod tests;
