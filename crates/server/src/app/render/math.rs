//! LaTeX formulas as MathML, by `pulldown-latex`. What it cannot read is shown as source.
//!
//! The parser does not know `\boxed`, in which reasoning models give their answers, nor a few words of text mode; they are
//! rewritten first. Definitions of macros are refused: a few of them expand without bound.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, Storage, push_mathml};

use super::escape;

/// Longer formulas and deeper ones stay source.
const MAX_BYTES: usize = 8_000;
const MAX_DEPTH: usize = 60;
/// Private characters that mark where a box begins and ends on their way through the parser.
const BOX_START: char = '\u{e000}';
const BOX_END: char = '\u{e001}';
const DEFINITIONS: &[&str] =
    &["def", "gdef", "edef", "xdef", "let", "futurelet", "command", "environment", "DeclareMath"];

/// A formula as MathML, or as its source.
pub fn mathml(tex: &str, display: bool) -> String {
    let converted = if is_harmless(tex) { catch_unwind(AssertUnwindSafe(|| convert(tex, display))) } else { Ok(None) };
    match converted {
        Ok(Some(mathml)) => mathml,
        // An error of the parser, or a panic in it, is no reason to lose the formula.
        Ok(None) | Err(_) => format!("<code class=\"formula\">{}</code>", escape(tex.trim())),
    }
}

fn is_harmless(tex: &str) -> bool {
    let mut depth = 0usize;
    let mut deepest = 0;
    for byte in tex.bytes() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let n_nested = ["\\left", "\\begin", "\\sqrt", "^", "_"].map(|word| tex.matches(word).count());
    tex.len() <= MAX_BYTES
        && deepest <= MAX_DEPTH
        && n_nested[..3].iter().all(|n| *n <= MAX_DEPTH)
        && n_nested[3..].iter().all(|n| *n <= 1000)
        && !tex.contains([BOX_START, BOX_END])
        && !commands(tex).any(|name| DEFINITIONS.iter().any(|word| name.ends_with(word) && name != "operatorname"))
}

/// The names of the commands in a formula.
fn commands(tex: &str) -> impl Iterator<Item = &str> {
    tex.split('\\').skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        &rest[..end]
    })
}

fn convert(tex: &str, display: bool) -> Option<String> {
    let rewritten = rewrite(tex);
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(&rewritten, &storage).collect::<Result<_, _>>().ok()?;
    let display_mode = if display { DisplayMode::Block } else { DisplayMode::Inline };
    let mut html = String::new();
    let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
    push_mathml(&mut html, events, RenderConfig { display_mode, ..RenderConfig::default() }).ok()?;
    let boxed = html.replace(&format!("<mrow><mtext>{BOX_START}</mtext>"), "<mrow class=\"boxed\">");
    Some(boxed.replace(&format!("<mtext>{BOX_START}</mtext>"), "").replace(&format!("<mtext>{BOX_END}</mtext>"), ""))
}

/// Puts what the parser does not know into words that it does.
fn rewrite(tex: &str) -> String {
    let mut out = String::with_capacity(tex.len() + 16);
    let mut rest = tex;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = commands(rest).next().unwrap_or("");
        let after = &rest[1 + name.len()..];
        match (name, argument(after)) {
            ("boxed" | "fbox", Some((inner, tail))) => {
                out.push_str(&format!("{{\\text{{{BOX_START}}}{}\\text{{{BOX_END}}}}}", rewrite(inner)));
                rest = tail;
            }
            ("tag", Some((inner, tail))) => {
                out.push_str(&format!("\\qquad\\text{{({inner})}}"));
                rest = tail;
            }
            ("label", Some((_, tail))) => rest = tail,
            ("mbox" | "hbox" | "textrm" | "textnormal", Some(_)) => {
                out.push_str("\\text");
                rest = after;
            }
            ("nonumber" | "notag", _) => rest = after,
            ("", _) => {
                // An escaped character, such as `\\` or `\,`.
                let n = rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..1 + n]);
                rest = &rest[1 + n..];
            }
            _ => {
                out.push_str(&rest[..1 + name.len()]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The braced argument at the start of a text, and what follows it.
fn argument(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('{')?;
    let mut depth = 1;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}
