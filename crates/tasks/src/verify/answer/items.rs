//! Lists, tuples, sets and intervals, item by item.

use super::{judge_number, judge_text, names};
use crate::task::{Judgement, Verdict};
use crate::verify::clean::trim;
use crate::verify::extract::Source;
use crate::verify::{number, surroundings};

/// Most items, and deepest nesting, of a list that is read.
const MAX_ITEMS: usize = 200;
const MAX_DEPTH: usize = 4;

/// Items within brackets, or bare.
pub struct List {
    brackets: Brackets,
    /// Without the spaces around them.
    pub items: Vec<String>,
    /// The items are joined by "or": they may be one answer of several.
    is_choice: bool,
}

/// What kind of thing the brackets make of the items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// Items and nothing around them.
    Bare,
    /// `\{1, 2\}`, `{1, 2}`
    Set,
    /// Tuples, vectors, intervals: the brackets are a part of what is said.
    Pair(char, char),
}

impl List {
    /// Brackets stand around the items.
    pub fn is_bracketed(&self) -> bool {
        self.brackets != Brackets::Bare
    }

    fn is_ordered(&self) -> bool {
        matches!(self.brackets, Brackets::Pair(..))
    }
}

/// Items separated at the top level, when there are at least two.
pub fn list(text: &str) -> Option<List> {
    let pairs = [('(', ')'), ('[', ']'), ('⦃', '⦄'), ('{', '}'), ('(', ']'), ('[', ')'), ('⟨', '⟩')];
    let brackets = pairs.into_iter().find(|(open, close)| {
        let inside = text.strip_prefix(*open).and_then(|text| text.strip_suffix(*close));
        inside.is_some_and(|inside| inside.contains([',', ';']) && is_one_group(inside))
    });
    let inside = match brackets {
        Some((open, close)) => text.strip_prefix(open)?.strip_suffix(close)?,
        None => text,
    };
    let inside = &inside.replace("{ or }", " or ").replace("{ and }", " and ").replace("\\lor", " or ");
    let is_choice = inside.contains(" or ") || inside.contains('或');
    let mut joined = inside.replace(", and ", ", ").replace(", or ", ", ");
    for word in [" and ", " or ", "或", "和", " & "].iter().filter(|word| **word != " & " || !inside.contains('\\')) {
        joined = joined.replace(*word, ", ");
    }
    let mut items = vec![String::new()];
    let mut depth = 0i32;
    for c in joined.chars() {
        match c {
            '(' | '[' | '{' | '⦃' => depth += 1,
            ')' | ']' | '}' | '⦄' => depth -= 1,
            ',' | ';' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().expect("there is an item").push(c);
    }
    // `4, , 9` lacks an item, `4, 9, ...` has more.
    let is_whole = |item: &String| !trim(item).is_empty() && !item.trim_end().ends_with("...") && !item.contains('…');
    let n_whole = items.iter().filter(|item| is_whole(item)).count();
    let ends_in_comma = items.last().is_some_and(|item| item.trim().is_empty());
    if n_whole + usize::from(ends_in_comma) < items.len() {
        return None;
    }
    let items: Vec<String> = items.iter().map(|item| trim(item).to_string()).filter(|item| !item.is_empty()).collect();
    let brackets = match brackets {
        None => Brackets::Bare,
        Some(('⦃' | '{', _)) => Brackets::Set,
        Some((open, close)) => Brackets::Pair(open, close),
    };
    (items.len() > 1 && items.len() <= MAX_ITEMS).then_some(List { brackets, items, is_choice })
}

/// No bracket closes that did not open: `(1,2) or (2,1)` is no tuple.
fn is_one_group(inside: &str) -> bool {
    let mut depth = 0i32;
    inside.chars().all(|c| {
        depth += i32::from("([{⦃".contains(c)) - i32::from(")]}⦄".contains(c));
        depth >= 0
    })
}

/// Judges the list that `answer`, a cleaned text, is.
pub fn judge(gold: &List, answer: &str, source: Source) -> Judgement {
    judge_at(gold, answer, source, 0)
}

fn judge_at(gold: &List, answer: &str, source: Source, depth: usize) -> Judgement {
    let (_, value) = names::split(answer);
    let is_clause = |item: &String| [" is ", " are "].iter().any(|link| item.contains(link));
    let is_said = source != Source::Enclosed && depth == 0 && !gold.items.iter().any(is_clause);
    let value = if is_said { without_words(value) } else { Ok(value) };
    let found = match value {
        Ok(value) => {
            let of_name = value.split_once('∈').filter(|(name, _)| names::is_symbol(name));
            list(of_name.map_or(value, |(_, set)| set.trim()))
        }
        Err(reason) => return Judgement::wrong(reason),
    };
    let Some(found) = found else {
        return Judgement::wrong(format!("one answer where {} are asked for", gold.items.len()));
    };
    let is_set = gold.brackets == Brackets::Set;
    if found.is_choice && !gold.is_choice && !is_set {
        return Judgement::wrong("several answers");
    }
    let found = if is_set { without_name(found) } else { found };
    if found.items.len() != gold.items.len() {
        return Judgement::wrong(format!("{} items, not {}", found.items.len(), gold.items.len()));
    }
    if gold.is_ordered() && found.is_ordered() && gold.brackets != found.brackets {
        return Judgement::wrong("other brackets than the gold answer's");
    }
    if gold.is_bracketed() && (gold.is_ordered() != found.is_ordered() || (gold.is_ordered() && found.is_choice)) {
        let is_set = !gold.is_ordered() && found.brackets == Brackets::Bare;
        if !is_set && !is_point(gold, &found) {
            return Judgement::cannot_judge("other brackets than the gold answer's");
        }
    }
    let found = match in_gold_order(gold, &found) {
        Ok(found) => found,
        Err(judgement) => return judgement,
    };
    let pairs = gold.items.iter().zip(&found.items);
    let verdicts: Vec<Judgement> = pairs.map(|(gold, item)| judge_item(gold, item, depth)).collect();
    if verdicts.iter().all(|judgement| judgement.verdict == Verdict::Right) {
        return Judgement::right("all items are equal");
    }
    if keys(&gold.items) == keys(&found.items) {
        return if gold.is_ordered() || found.is_ordered() {
            Judgement::wrong("the items are equal, but in another order")
        } else if gold.brackets == Brackets::Bare {
            Judgement::cannot_judge("the items are equal, but in another order")
        } else {
            Judgement::right("all items are equal, in another order")
        };
    }
    match verdicts.into_iter().find(|judgement| judgement.verdict == Verdict::Wrong) {
        Some(wrong) => wrong,
        None => Judgement::cannot_judge("some items are written in another way"),
    }
}

/// `x = 5 or x = -2` as `5, -2`: the solutions of one name.
fn without_name(found: List) -> List {
    let parts: Vec<(Option<&str>, &str)> = found.items.iter().map(|item| names::split(item)).collect();
    let is_same = parts[0].0.is_some() && parts.iter().all(|(name, _)| *name == parts[0].0);
    let items =
        if is_same { parts.iter().map(|(_, value)| (*value).to_string()).collect() } else { found.items.clone() };
    List { items, ..found }
}

/// `x = 3, y = 4` for a gold `(3, 4)`: letters in their order name the coordinates.
fn is_point(gold: &List, found: &List) -> bool {
    let names: Vec<Option<&str>> = found.items.iter().map(|item| names::split(item).0).collect();
    let are_coordinates = matches!(names.as_slice(), [Some("x"), Some("y")] | [Some("x"), Some("y"), Some("z")]);
    gold.brackets == Brackets::Pair('(', ')') && !found.is_choice && found.brackets == Brackets::Bare && are_coordinates
}

/// "The solutions are 1, 2 and 3" as what follows its words.
fn without_words(text: &str) -> Result<&str, String> {
    let links = [" are ", " is ", ": "];
    let Some(start) = links.iter().filter_map(|link| text.find(link).map(|at| at + link.len())).min() else {
        return Ok(text);
    };
    let front = &text[..start];
    if front.contains(|c: char| c.is_ascii_digit() || "([{⦃,".contains(c)) {
        return Ok(text);
    }
    surroundings::before(front)?;
    Ok(trim(&text[start..]))
}

/// Items that are named, in the order of the gold answer's names.
fn in_gold_order(gold: &List, found: &List) -> Result<List, Judgement> {
    let name = |item: &String| names::split(item).0.map(|name| name.replace(' ', ""));
    let (expected, given): (Vec<_>, Vec<_>) =
        (gold.items.iter().map(name).collect(), found.items.iter().map(name).collect());
    let copy = |items: Vec<String>| List { items, ..*found };
    if expected.iter().any(Option::is_none) || given.iter().all(Option::is_none) {
        return Ok(copy(found.items.clone()));
    }
    if found.is_choice && !gold.is_choice {
        return Err(Judgement::wrong("several answers"));
    }
    let of_name =
        |name: &Option<String>| given.iter().position(|given| given == name).map(|at| found.items[at].clone());
    match expected.iter().map(of_name).collect::<Option<Vec<String>>>() {
        Some(items) => Ok(copy(items)),
        None => Err(Judgement::wrong("other names than the gold answer's")),
    }
}

fn judge_item(gold: &str, item: &str, depth: usize) -> Judgement {
    let ((gold_name, gold_value), (name, value)) = (names::split(gold), names::split(item));
    if let Some(list) = list(gold_value).filter(|list| list.is_bracketed() && depth < MAX_DEPTH) {
        return judge_at(&list, item, Source::Enclosed, depth + 1);
    }
    let verdict = || match (number::parse_gold(gold_value), number::parse(value)) {
        // Among items, the sign of percent is no matter of taste.
        (Some(gold), Some(number)) if gold.form.percent != number.form.percent && gold.value != number.value => {
            Judgement::cannot_judge("one item in percent, the other not")
        }
        (Some(gold), Some(number)) => judge_number(&gold, &number),
        (Some(_), None) if value.contains(['\\', '^', '√', 'π']) => {
            Judgement::cannot_judge("an item is no number that is read")
        }
        (Some(_), None) => Judgement::wrong("an item is no number"),
        (None, _) => judge_text(gold, item, Source::Enclosed),
    };
    names::judge(gold_name, name, verdict)
}

/// Items in an order that does not depend on theirs: numbers by value and unit, others by their words.
fn keys(items: &[String]) -> Vec<(String, String)> {
    let key = |item: &String| match number::parse(item) {
        Some(number) if !number.form.uncomputed => (number.value.to_string(), number.unit),
        _ => (String::new(), item.split_whitespace().collect::<String>()),
    };
    let mut keys: Vec<_> = items.iter().map(key).collect();
    keys.sort_unstable();
    keys
}
