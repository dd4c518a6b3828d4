//! Code blocks with colours: syntect's syntaxes, as classes that the style sheet colours by day and by night.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use syntect::html::{ClassStyle, ClassedHTMLGenerator};
use syntect::parsing::{SyntaxReference, SyntaxSet};
use syntect::util::LinesWithEndings;

use super::escape;

/// Code that is longer stays plain: highlighting costs about a millisecond for ten lines.
const MAX_BYTES: usize = 60_000;
/// A longer line makes regular expressions slow.
const MAX_LINE_BYTES: usize = 2_000;

/// Names that models use for syntaxes that the set has under another one.
const ALIASES: &[(&str, &str)] = &[
    ("typescript", "js"),
    ("ts", "js"),
    ("tsx", "js"),
    ("jsx", "js"),
    ("javascript", "js"),
    ("shell", "sh"),
    ("console", "sh"),
    ("zsh", "sh"),
    ("jsonc", "json"),
    ("c++", "cpp"),
    ("cuda", "cpp"),
    ("golang", "go"),
    ("python3", "py"),
    ("toml", "properties"),
    ("ini", "properties"),
    ("kotlin", "java"),
    ("latex", "tex"),
];

fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)
}

/// Loads the syntaxes.
pub fn warm_up() {
    syntaxes();
}

/// A block of code with its language above it.
pub fn code_block(language: &str, code: &str) -> String {
    let inner = highlighted(language, code).unwrap_or_else(|| escape(code));
    let head = match language {
        "" => String::new(),
        name => format!("<span class=\"language\">{}</span>", escape(name)),
    };
    format!("<div class=\"code\">{head}<pre tabindex=\"0\"><code>{inner}</code></pre></div>")
}

fn find(language: &str) -> Option<&'static SyntaxReference> {
    let language = language.to_ascii_lowercase();
    let name = ALIASES.iter().find(|(alias, _)| *alias == language).map_or(language.as_str(), |(_, name)| name);
    (!name.is_empty()).then(|| syntaxes().find_syntax_by_token(name)).flatten()
}

fn highlighted(language: &str, code: &str) -> Option<String> {
    let syntax = find(language)?;
    if code.len() > MAX_BYTES || code.lines().any(|line| line.len() > MAX_LINE_BYTES) {
        return None;
    }
    // A syntax that trips over hostile code must not take an answer with it.
    let html = catch_unwind(AssertUnwindSafe(|| {
        let style = ClassStyle::SpacedPrefixed { prefix: "hl-" };
        let mut generator = ClassedHTMLGenerator::new_with_class_style(syntax, syntaxes(), style);
        for line in LinesWithEndings::from(code) {
            generator.parse_html_for_line_which_includes_newline(line).ok()?;
        }
        Some(generator.finalize())
    }));
    html.ok().flatten()
}
