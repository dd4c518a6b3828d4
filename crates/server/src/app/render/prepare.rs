//! Models' Markdown, before a strict parser reads it.
//!
//! Models write formulas in LaTeX's own delimiters, `\( \)` and `\[ \]`, over several lines and with environments outside
//! of any; they write sums in columns and `4*5*6`. All of that means something else in CommonMark. Code is left alone.
//!
//! While a text still grows, a formula without its end is held back.

use super::Extent;

/// Environments that are formulas by themselves.
const MATH_ENVIRONMENTS: &[&str] = &[
    "align", "aligned", "equation", "gather", "gathered", "cases", "matrix", "pmatrix", "bmatrix", "vmatrix", "array",
    "split", "multline",
];

/// Rewrites a text for the parser.
pub fn prepare(text: &str, extent: Extent) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut prose = String::new();
    // The character and length of the fence that is open.
    let mut fence: Option<(char, usize)> = None;
    for line in text.split_inclusive('\n') {
        let mark = fence_of(line);
        match (fence, mark) {
            (None, Some(opened)) => {
                scan(&std::mem::take(&mut prose), Extent::Whole, &mut out);
                fence = Some(opened);
                out.push_str(line);
            }
            (Some((c, n)), _) => {
                let closes = mark.is_some_and(|(d, m)| c == d && m >= n) && line.trim().chars().all(|d| d == c);
                if closes {
                    fence = None;
                }
                out.push_str(line);
            }
            (None, None) => push_line(&mut prose, line),
        }
    }
    scan(&prose, extent, &mut out);
    out
}

/// The fence that a line opens or closes.
fn fence_of(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start().trim_start_matches("> ");
    let c = line.chars().next().filter(|c| *c == '`' || *c == '~')?;
    let n = line.chars().take_while(|d| *d == c).count();
    // A code span on one line is no fence.
    let spans = c == '`' && line.trim_start_matches('`').contains('`');
    (n >= 3 && !spans).then_some((c, n))
}

/// Appends a line of prose. Lines of sums in columns lose what CommonMark would read into them.
fn push_line(prose: &mut String, line: &str) {
    let content = line.trim();
    let indent = &line[..line.len() - line.trim_start().len()];
    let follows_text = prose.strip_suffix('\n').is_some_and(|before| {
        let last = before.rsplit('\n').next().unwrap_or("").trim();
        !last.is_empty() && !last.starts_with('|')
    });
    if content.starts_with("+ ") {
        prose.push_str(indent);
        prose.push('\\');
        prose.push_str(line.trim_start());
    } else if follows_text && content.len() > 2 && content.chars().all(|c| c == '-') {
        // A rule under a column, not a heading above it.
        prose.push('\n');
        prose.push_str(line);
    } else if follows_text && !content.is_empty() && content.chars().all(|c| c == '=') {
        prose.push('\\');
        prose.push_str(line);
    } else {
        prose.push_str(line);
    }
}

/// Rewrites prose: formulas, and stars and tildes between numbers.
fn scan(text: &str, extent: Extent, out: &mut String) {
    let mut at = 0;
    let mut before = ' ';
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let step = match c {
            '`' => code_span(rest, out),
            '\\' | '$' => match formula(rest) {
                Found::Formula { tex, display, len } => {
                    push_formula(tex, display, out);
                    len
                }
                Found::Unfinished if extent == Extent::Growing => return,
                Found::Unfinished | Found::Nothing => plain(rest, out),
            },
            '*' | '~' if is_operator(c, before, rest) => {
                out.push('\\');
                out.push(c);
                1
            }
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
        before = text[at..at + step].chars().next_back().unwrap_or(' ');
        at += step;
    }
}

/// Copies a code span, or backticks that open none; returns its length.
fn code_span(rest: &str, out: &mut String) -> usize {
    let n = rest.bytes().take_while(|b| *b == b'`').count();
    let ticks = &rest[..n];
    let paragraph = rest[n..].find("\n\n").map_or(rest.len(), |end| n + end);
    let mut from = n;
    while let Some(found) = rest[from..paragraph].find(ticks) {
        let start = from + found;
        let end = start + rest[start..].bytes().take_while(|b| *b == b'`').count();
        if end - start == n {
            out.push_str(&rest[..end]);
            return end;
        }
        from = end;
    }
    out.push_str(ticks);
    n
}

enum Found<'a> {
    Formula {
        tex: &'a str,
        display: bool,
        /// With its delimiters, in bytes.
        len: usize,
    },
    /// Its end is not there yet.
    Unfinished,
    Nothing,
}

/// The formula that a text begins with.
fn formula(rest: &str) -> Found<'_> {
    if let Some(inner) = rest.strip_prefix("\\(") {
        return delimited(inner, "\\)", 2, false);
    }
    if let Some(inner) = rest.strip_prefix("\\[") {
        return delimited(inner, "\\]", 2, true);
    }
    if let Some(inner) = rest.strip_prefix("$$") {
        return delimited(inner, "$$", 2, true);
    }
    if let Some(inner) = rest.strip_prefix("\\begin{") {
        let Some((name, _)) = inner.split_once('}') else { return Found::Nothing };
        if !MATH_ENVIRONMENTS.contains(&name.trim_end_matches('*')) {
            return Found::Nothing;
        }
        let close = format!("\\end{{{name}}}");
        return match rest.find(&close) {
            Some(end) => Found::Formula { tex: &rest[..end + close.len()], display: true, len: end + close.len() },
            None => Found::Unfinished,
        };
    }
    if let Some(inner) = rest.strip_prefix("\\boxed{") {
        return boxed(rest, inner);
    }
    if let Some(inner) = rest.strip_prefix('$') {
        return dollars(inner);
    }
    Found::Nothing
}

/// A result in its box without delimiters around it, as models write it that were trained to box their answers.
fn boxed<'a>(rest: &'a str, inner: &str) -> Found<'a> {
    let mut depth = 1;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '\n' => return Found::Nothing,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let len = rest.len() - inner.len() + at + 1;
            return Found::Formula { tex: &rest[..len], display: false, len };
        }
    }
    Found::Unfinished
}

fn delimited<'a>(inner: &'a str, close: &str, n_open: usize, display: bool) -> Found<'a> {
    match inner.find(close) {
        Some(0) => Found::Nothing,
        Some(end) if !display && inner[..end].contains("\n\n") => Found::Nothing,
        Some(end) => Found::Formula { tex: &inner[..end], display, len: n_open + end + close.len() },
        None if inner.contains("\n\n\n") => Found::Nothing,
        None => Found::Unfinished,
    }
}

/// A formula between single dollars, told from money as Pandoc does: no space inside the dollars, no digit after them.
fn dollars(inner: &str) -> Found<'_> {
    if inner.starts_with(|c: char| c.is_whitespace()) {
        return Found::Nothing;
    }
    let paragraph = inner.find("\n\n").unwrap_or(inner.len());
    let mut escaped = false;
    for (at, c) in inner[..paragraph].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '$' => {
                let spaced = inner[..at].ends_with(|c: char| c.is_whitespace());
                let money = inner[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                let found = at > 0 && !spaced && !money;
                return if found {
                    Found::Formula { tex: &inner[..at], display: false, len: at + 2 }
                } else {
                    Found::Nothing
                };
            }
            _ => {}
        }
    }
    Found::Nothing
}

/// Writes a formula on one line, where no line of it can be taken for a list or a heading.
fn push_formula(tex: &str, display: bool, out: &mut String) {
    let lines: Vec<&str> = tex.lines().map(without_comment).filter(|line| !line.is_empty()).collect();
    let tex = lines.join(" ").replace('$', "");
    let dollars = if display { "$$" } else { "$" };
    out.push_str(dollars);
    out.push_str(&tex);
    // A backslash before the dollar would make it a character.
    if tex.ends_with('\\') {
        out.push(' ');
    }
    out.push_str(dollars);
}

fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '%' => return line[..at].trim(),
            _ => {}
        }
    }
    line.trim()
}

/// Copies a character that begins no formula, and the one it escapes; returns their length.
fn plain(rest: &str, out: &mut String) -> usize {
    if let Some(after) = rest.strip_prefix('\\') {
        // `\(` without its end is a bracket to CommonMark too, `\\(` a backslash.
        let n = after.chars().next().map_or(0, char::len_utf8);
        out.push_str(&rest[..1 + n]);
        return 1 + n;
    }
    out.push_str("\\$");
    1
}

/// Whether a star or tilde stands between numbers or brackets, where it multiplies or says "about".
fn is_operator(c: char, before: char, rest: &str) -> bool {
    let after = rest[1..].chars().next().unwrap_or(' ');
    match c {
        '~' => before != '~' && after != '~',
        _ => {
            let numbers = (before.is_alphanumeric() || before == ')') && (after.is_ascii_digit() || after == '(');
            numbers || (before.is_ascii_digit() && after.is_alphanumeric())
        }
    }
}
