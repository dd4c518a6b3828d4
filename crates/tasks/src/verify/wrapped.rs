//! What stands around the whole of an answer and says nothing of it: a quotation, a heading, a bullet, emphasis, tags of
//! other names, a JSON object of one key, a table above it, an environment of LaTeX; and behind it what gives its
//! reason ("since 8 × 12 = 96", "Check: 3(-4) + 7 = -5") or closes a letter ("Hope this helps!").

use super::words;

/// Longest text that something is taken off, and longest reason.
const MAX_BYTES: usize = 4000;
const MAX_REASON: usize = 400;

/// `text` without what wraps the whole of it.
pub(super) fn unwrapped(text: &str) -> &str {
    const LAYERS: [fn(&str) -> Option<&str>; 6] = [tagged, emphasized, led, only_value, last_cell, last_row];
    let mut bare = without_turn(text);
    // As many layers as anyone writes: a heading, emphasis, an object.
    for _ in 0..3 {
        let text = bare.trim();
        if text.len() > MAX_BYTES {
            break;
        }
        bare = LAYERS.iter().find_map(|layer| layer(text)).unwrap_or(bare);
    }
    bare
}

/// `text` without the reasons behind it.
pub(super) fn without_reasons(text: &str) -> &str {
    let mut bare = text;
    while let Some(start) = reason(bare) {
        bare = &bare[..start];
    }
    bare
}

/// Without the token that ends a turn: `<|im_end|>`.
fn without_turn(text: &str) -> &str {
    let bare = text.trim_end();
    let token = bare.strip_suffix("|>").and_then(|front| front.rfind("<|").map(|at| (at, &front[at + 2..])));
    match token {
        Some((at, name)) if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => &text[..at],
        _ => text,
    }
}

/// Where the last line, sentence, clause or bracket of `text` starts, if it only gives the reason for what stands in
/// front: nothing in it doubts, asks, or leads to another answer.
fn reason(text: &str) -> Option<usize> {
    const OPENINGS: [&str; 17] = [
        "because",
        "check:",
        "checking:",
        "feel free",
        "hope ",
        "i hope",
        "let me know",
        "proof:",
        "reason:",
        "since",
        "verification:",
        "verify:",
        "you can check",
        "you can verify",
        "因为",
        "检验",
        "验算",
    ];
    const LEADS: [&str; 9] = ["answer", "get", "hence", "have", "result", "so", "then", "therefore", "thus"];
    let line = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    let from = line.max(text.len().saturating_sub(MAX_REASON));
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let marks = ["\n", ". ", "! ", ", ", " (", "。", "，", "（"];
    let behind = |mark: &'static str| text[from..].match_indices(mark).map(move |(at, _)| (from + at, mark));
    let mut starts: Vec<(usize, &str)> = marks.into_iter().flat_map(behind).collect();
    starts.extend((from == line).then_some((line, "\n")));
    starts.sort_unstable();
    let is_reason = |&(at, mark): &(usize, &str)| {
        let said = words::lower(&text[at..].replace("**", ""));
        let said = said.trim_start_matches(|c: char| c.is_whitespace() || "*#-_(（.!,。，".contains(c)).trim_end();
        let sentence = said.trim_end_matches(['.', '。', '!', ')', '）', ' ', '✓', '✅']);
        // A clause or bracket ends with its sentence.
        let is_clause = matches!(mark, ", " | "，" | " (" | "（");
        let is_whole = !is_clause || !(sentence.contains(". ") || sentence.contains(['。', '!']));
        let is_closed = !matches!(mark, " (" | "（") || said.trim_end_matches(['.', '。']).ends_with([')', '）']);
        let leads = words::words(said).any(|word| LEADS.contains(&word))
            || ["所以", "因此", "答案", "得"].iter().any(|lead| said.contains(lead));
        OPENINGS.iter().any(|opening| said.starts_with(opening))
            && is_whole
            && is_closed
            && !leads
            && !said.contains(['?', '？', '\\', '<'])
            && words::doubt(said).is_none()
    };
    starts.into_iter().find(is_reason).map(|(at, _)| at).filter(|at| !text[..*at].trim().is_empty())
}

/// `<final_answer>48</final_answer>`
fn tagged(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_answer =
        name != "answer" && matches!(name.to_lowercase().as_str(), "answer" | "final_answer" | "final answer");
    let inside = rest.strip_suffix('>')?.strip_suffix(name)?.strip_suffix("</")?;
    (is_answer && !inside.contains(['<', '>'])).then_some(inside)
}

/// `*48*` and `__48__`
fn emphasized(text: &str) -> Option<&str> {
    let inside = |mark: &str| text.strip_prefix(mark)?.strip_suffix(mark);
    let inside = inside("__").or(inside("*"))?;
    (!inside.contains(['*', '_', '\n', ' '])).then_some(inside)
}

/// One line behind `#` or, if it begins with a word, `>`, a bullet or a number: `- yes`, `1. Isaac Newton`.
fn led(text: &str) -> Option<&str> {
    let (mark, rest) = text.split_once(' ').filter(|_| !text.contains('\n'))?;
    let is_word = rest.chars().take(2).all(char::is_alphabetic) && rest.len() > 1;
    let is_number = mark.strip_suffix('.').is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    // `####` is a mark of its own ([`super::extract`]).
    let is_heading = mark.len() <= 6 && mark.len() != 4 && mark.bytes().all(|b| b == b'#');
    // `> 48` may be an inequality.
    let is_quote = mark == ">" && (is_word || rest.starts_with("**") || rest.starts_with("__"));
    let is_lead = is_quote || is_heading || (is_word && (is_number || matches!(mark, "-" | "*" | "•")));
    is_lead.then_some(rest)
}

/// The value in `{"answer": 48}`, perhaps within a fence.
fn only_value(text: &str) -> Option<&str> {
    const KEYS: [&str; 6] = ["answer", "final answer", "final_answer", "result", "solution", "value"];
    let fenced = text.strip_prefix("```json").or(text.strip_prefix("```")).and_then(|text| text.strip_suffix("```"));
    let (key, value) = fenced.unwrap_or(text).trim().strip_prefix('{')?.strip_suffix('}')?.split_once(':')?;
    let key: String = serde_json::from_str(key.trim()).ok()?;
    let value = value.trim();
    let is_one =
        KEYS.contains(&key.to_lowercase().as_str()) && serde_json::from_str::<serde_json::Value>(value).is_ok();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (is_one && !bare.contains(['\\', '{'])).then_some(bare)
}

/// The number in the last row of a table, alone or behind its name.
fn last_cell(text: &str) -> Option<&str> {
    let is_row = |line: &str| line.trim_start().starts_with('|') && line.trim_end().ends_with('|');
    let is_rule = |line: &str| line.contains("--") && line.chars().all(|c| " |:-".contains(c));
    let last = text.lines().next_back()?.trim();
    let mut cells = last.strip_prefix('|')?.strip_suffix('|')?.rsplit('|').map(str::trim);
    let (value, name) = (cells.next()?, cells.next());
    let is_named = name.is_none_or(|name| !name.is_empty() && name.parse::<f64>().is_err()) && cells.next().is_none();
    let is_table = text.lines().all(is_row) && text.lines().any(is_rule);
    (is_table && is_named && value.contains(|c: char| c.is_ascii_digit())).then_some(value)
}

/// The last row of `\begin{align} … \end{align}`; all of them, where it goes on with the one above.
fn last_row(text: &str) -> Option<&str> {
    let inside = text.trim_matches(['$', '\n', ' ']).strip_prefix("\\begin{")?;
    let (name, inside) = inside.split_once('}')?;
    let inside = inside.strip_suffix('}')?.strip_suffix(name)?.strip_suffix("\\end{")?.trim_end();
    let is_display = ["align", "equation", "gather"].iter().any(|display| name.starts_with(display));
    let row = inside.rsplit("\\\\").next()?.trim();
    (is_display && !inside.contains("\\begin")).then_some(if row.starts_with('&') { inside } else { row })
}

/// Items on lines of their own, counted, behind bullets or bare, as one line: `1. 9\n2. 3` as `9, 3`.
pub(super) fn listed(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let item = |(idx, line): (usize, &&str), is_counted: bool| -> Option<String> {
        let rest = if is_counted {
            let line = line.strip_prefix("Row ").or(line.strip_prefix("Step ")).unwrap_or(line);
            line.strip_prefix(&(idx + 1).to_string())?.strip_prefix(['.', ':', ')'])?.strip_prefix(' ')?
        } else {
            ["- ", "* ", "• "].iter().find_map(|bullet| line.strip_prefix(bullet)).unwrap_or(line)
        };
        let is_item = rest.len() <= 20 && !rest.contains([' ', ',', '=', ';', '、', '，']);
        is_item.then(|| rest.to_string())
    };
    let all =
        |is_counted: bool| lines.iter().enumerate().map(|line| item(line, is_counted)).collect::<Option<Vec<_>>>();
    let items = (2..=100).contains(&lines.len()).then(|| all(true).or_else(|| all(false))).flatten()?;
    Some(items.join(", "))
}

#[cfg(test)]
mod tests;
