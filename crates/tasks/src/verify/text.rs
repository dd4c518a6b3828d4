//! Words: equal texts, or the one of a few possible words that is said.

mod spoken;

use super::extract;
use super::surroundings;
use super::words;
use crate::task::Judgement;

/// Right when both texts are equal but for case, spaces, quotes and the marks that end a sentence.
pub fn judge(gold: &str, answer_text: &str) -> Judgement {
    let expected = normal(gold);
    if expected.is_empty() {
        return Judgement::cannot_judge("there is no gold answer");
    }
    if answer_text.len() > extract::MAX_BYTES.max(2 * gold.len()) {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    if normal(answer_text) == expected {
        Judgement::right("the texts are equal")
    } else {
        Judgement::wrong(format!("the text is not `{gold}`"))
    }
}

fn normal(text: &str) -> String {
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '*' | '“' | '”');
    let text = text.trim_matches(quotes);
    // Behind a digit, `!` may be a factorial.
    let is_word = text.trim_end_matches('!').ends_with(char::is_alphabetic);
    let text = text
        .trim_end_matches(|c: char| quotes(c) || matches!(c, '.' | ',' | ';' | '。' | '！') || (c == '!' && is_word));
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Negations, which may stand beside a "no".
const NEGATIONS: [&str; 6] = ["cannot", "neither", "never", "none", "nor", "not"];

/// Right when `gold` is what the text says of `choices`, as a whole word, and nothing denies it. Of two choices only one
/// may be said; of more, the last counts when a word such as "is" leads to it. "No" counts where it stands alone, not in
/// "no doubt".
pub fn judge_word(choices: &[&str], gold: &str, answer_text: &str) -> Judgement {
    let text = match extract::answer_text(answer_text).and_then(enclosed_or_all) {
        Ok(text) => words::lower(text),
        Err(reason) => return Judgement::wrong(reason),
    };
    let said = said(choices, &text);
    if said.is_empty() {
        match spoken::said(choices, &text) {
            Ok(Some(idx)) if choices[idx] == gold => return Judgement::right(format!("the answer says `{gold}`")),
            Ok(Some(idx)) => return Judgement::wrong(format!("the answer says `{}`, not `{gold}`", choices[idx])),
            Ok(None) => {}
            Err(reason) => return Judgement::wrong(reason),
        }
    }
    let (Some(&(first, _)), Some(&(last, word))) = (said.first(), said.last()) else {
        return Judgement::wrong(format!("the answer says none of {}", choices.join(", ")));
    };
    let others: Vec<&(usize, &str)> = said.iter().filter(|(_, other)| *other != word).collect();
    let leads = |(at, other): &&(usize, &str)| choices.len() > 2 && words::links(&text[at + other.len()..last]);
    if others.last().is_some_and(|other| !leads(other)) {
        return Judgement::wrong("the answer says several of the words");
    }
    let at = if others.is_empty() { first } else { last };
    let (front, rest) = (&text[..at], &text[at + word.len()..]);
    let stands = match word {
        _ if spoken::contradicts(choices, word, &text) => Err("the answer says several of the words".to_string()),
        _ if ["not true that", "not the case that", "false that"].iter().any(|words| front.contains(words)) => {
            Err("a negation stands in front of the answer".to_string())
        }
        "no" if is_negated(front) => Err("a negation stands in front of the answer".to_string()),
        "no" if spoken::takes_back(rest) => Err("the answer is taken back".to_string()),
        "no" => surroundings::before(&without(front, word)),
        _ => surroundings::before(front),
    };
    let stands = stands.and_then(|()| match rest.trim_start().starts_with('=') {
        true => Err("the word is a side of an equation".to_string()),
        false => surroundings::words_after(&without(rest, word)),
    });
    let stands = stands.and_then(|()| match words::change_after(rest).filter(|_| rest.starts_with(' ')) {
        Some(word) => Err(format!("`{word}` stands behind the answer")),
        None if text.contains(['?', '？']) => Err("the answer is a question".to_string()),
        None => Ok(()),
    });
    match stands {
        Err(reason) => Judgement::wrong(reason),
        Ok(()) if word == gold => Judgement::right(format!("the answer says `{word}`")),
        Ok(()) => Judgement::wrong(format!("the answer says `{word}`, not `{gold}`")),
    }
}

/// The last marked answer, or the whole text.
fn enclosed_or_all(text: &str) -> Result<&str, String> {
    Ok(extract::enclosed(text)?.unwrap_or(text))
}

/// Where `text` says which of `choices`.
fn said<'a>(choices: &[&'a str], text: &str) -> Vec<(usize, &'a str)> {
    let mut found: Vec<(usize, &'a str)> = Vec::new();
    for choice in choices {
        let stands_alone = |at: usize| {
            let rest = &text[at + choice.len()..];
            let touches = |c: char| (c.is_alphanumeric() && !words::is_east_asian(c)) || c == '\'';
            let is_whole = !choice.is_ascii()
                || !(text[..at].ends_with(touches)
                    || rest.starts_with(touches)
                    || rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(touches)));
            // "No doubt" is no "no", "no path" is one.
            let next = rest.trim_start_matches(['*', '"', ' ']);
            let is_determiner = next.len() < rest.len() && next.starts_with(char::is_alphanumeric);
            let denies = ["path", "route", "connection"].iter().any(|thing| next.starts_with(thing));
            let is_answer = *choice != "no" || !is_determiner || denies;
            is_whole && is_answer
        };
        found.extend(text.match_indices(choice).map(|(at, _)| (at, *choice)).filter(|(at, _)| stands_alone(*at)));
    }
    found.sort_unstable();
    found
}

/// "not no", "not a no"
fn is_negated(front: &str) -> bool {
    let last = words::words(front).rev().find(|word| !matches!(*word, "a" | "the"));
    last.is_some_and(|word| NEGATIONS.contains(&word) || word.ends_with("n't"))
}

/// The words of `text` but `word`; beside a "no", negations are left out too.
fn without(text: &str, word: &str) -> String {
    let is_compared = |other: &str| other == "than" && matches!(word, "yes" | "no");
    let is_left_out = |other: &str| {
        other == word || is_compared(other) || (word == "no" && (NEGATIONS.contains(&other) || other.ends_with("n't")))
    };
    let marked: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let kept = marked.split(' ').filter(|other| !is_left_out(other.trim_matches(|c: char| !c.is_alphanumeric())));
    kept.collect::<Vec<_>>().join(" ")
}

/// Right when the answer is the word `gold`, but for case and punctuation around it; in a sentence, its last word.
pub fn judge_last_word(gold: &str, answer_text: &str) -> Judgement {
    if gold.is_empty() {
        return Judgement::cannot_judge("there is no gold answer");
    }
    let spelled = extract::claim(answer_text).and_then(enclosed_or_all).ok().and_then(letters);
    match spelled.as_deref().map_or_else(|| last_word(answer_text), Ok) {
        Ok(word) if word.to_lowercase() == gold.to_lowercase() => Judgement::right("the word is the expected one"),
        Ok(word) => {
            Judgement::wrong(format!("the word is `{}`, not `{gold}`", word.chars().take(40).collect::<String>()))
        }
        Err(reason) => Judgement::wrong(reason),
    }
}

/// A word of which the letters stand alone: `b-m-e-h`, `b m e h`, `[b, m, e, h]`.
fn letters(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.');
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    ["-", " ", ", ", ","].iter().find_map(|separator| {
        let letters: Vec<&str> = inside.split(separator).collect();
        let are_letters = letters.iter().all(|letter| letter.len() == 1 && letter.as_bytes()[0].is_ascii_alphabetic());
        (letters.len() > 2 && are_letters).then(|| letters.concat())
    })
}

/// The word that an answer is or ends in.
fn last_word(answer_text: &str) -> Result<&str, String> {
    let text = extract::claim(answer_text)?;
    let marks = |c: char| c.is_whitespace() || "\"'`*$_.,;:!。“”()[]{}✓✅".contains(c);
    if let Some(inside) = extract::enclosed(text)? {
        let bare = ["\\text{", "\\texttt{", "\\mathrm{"].iter().find_map(|open| inside.trim().strip_prefix(open));
        return Ok(bare.unwrap_or(inside).trim_matches(marks));
    }
    let bare = text.trim_end_matches(marks);
    let start = bare.rfind(|c: char| !c.is_alphanumeric() && !words::is_strange(c)).map_or(0, |at| at + 1);
    let start = (start..=bare.len()).find(|at| bare.is_char_boundary(*at)).unwrap_or(bare.len());
    let chinese = |c: char| c.is_alphabetic() && !c.is_ascii();
    let start = bare[start..]
        .rfind(chinese)
        .map_or(start, |at| start + at + bare[start + at..].chars().next().map_or(1, char::len_utf8));
    let (front, word) = bare.split_at(start);
    if word.is_empty() {
        return Err("there is no word in the answer".to_string());
    }
    if let Some(c) = text.chars().find(|c| words::is_strange(*c)) {
        return Err(format!("the answer has U+{:04X}", u32::from(c)));
    }
    if front.ends_with(['-', '−', '~', '+', '^', '_', '¬', '≈']) {
        return Err("a sign stands in front of the word".to_string());
    }
    // What is asked about may stand in front: "not becomes ton". Behind the last word that leads to the answer, nothing may.
    let clause = surroundings::clause(front);
    let lower = words::lower(clause);
    let leads = ["becomes", "is", "gives", "=", ":", "->", "→", "是", "为", "：", "得到", "变成"];
    let behind = leads.iter().filter_map(|lead| lower.rfind(lead).map(|at| at + lead.len())).max();
    let said = behind.and_then(|at| lower.get(at..)).unwrap_or(&lower);
    let said = said.replace("\\text{", " ");
    let is_plain = said.chars().all(|c| c.is_whitespace() || "\"'`*$_“({[:\\".contains(c));
    match words::doubt(&said).or(words::reversal(&said).map(str::to_string)) {
        Some(word) => Err(format!("the answer is said with `{word}`")),
        None if behind.is_none() && !clause.trim().is_empty() && !is_plain && words::words(&said).count() == 1 => {
            Err("two words are no answer".to_string())
        }
        None => Ok(word),
    }
}
