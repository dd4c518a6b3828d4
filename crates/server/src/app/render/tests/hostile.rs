//! Markdown, HTML, LaTeX and code that want to be more than text.
//!
//! The corpus is also fed to a real browser by `cargo xtask browser`.

use std::time::{Duration, Instant};

use super::*;

/// Each is a whole text of a model.
const CORPUS: &str = include_str!("../../../../web-tests/hostile.txt");

/// The texts of the corpus.
fn corpus() -> impl Iterator<Item = &'static str> {
    CORPUS.split("\n%%%%\n").filter(|text| !text.trim().is_empty())
}

/// Tags and attributes of a piece of HTML, read as a browser would read them: by html5ever, through ammonia's own parser
/// with everything allowed that could be there.
fn tags(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag that ends");
        found.push(rest[..end].to_ascii_lowercase());
        rest = &rest[end + 1..];
    }
    found
}

#[test]
fn nothing_in_the_corpus_becomes_more_than_text() {
    let mut n = 0;
    for text in corpus() {
        n += 1;
        for html in
            [html(text), html(&format!("```html\n{text}\n```")), html(&format!("$${text}$$")), math::mathml(text, true)]
        {
            for tag in tags(&html) {
                let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or("");
                let forbidden = [
                    "script",
                    "iframe",
                    "img",
                    "svg",
                    "object",
                    "embed",
                    "form",
                    "input",
                    "style",
                    "link",
                    "meta",
                    "base",
                    "annotation-xml",
                    "annotation",
                    "semantics",
                    "maction",
                    "video",
                    "audio",
                    "button",
                    "textarea",
                    "template",
                    "noscript",
                    "details",
                    "mglyph",
                    "body",
                    "html",
                ];
                assert!(!forbidden.contains(&name), "<{tag}> from {text}");
                let attributes = tag.split_once(' ').map_or("", |(_, attributes)| attributes);
                for attribute in attributes.split("\" ").filter(|a| !a.trim().is_empty()) {
                    let name = attribute.split('=').next().unwrap_or("").trim();
                    assert!(!name.starts_with("on"), "{attribute} in <{tag}> from {text}");
                    assert!(
                        !["style", "id", "name", "src", "srcset", "xlink:href", "formaction"].contains(&name),
                        "<{tag}>"
                    );
                    if name == "href" {
                        let url = attribute.split('"').nth(1).unwrap_or("");
                        assert!(tag.starts_with("a "), "<{tag}> from {text}");
                        let safe = ["http://", "https://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
                        assert!(safe, "<{tag}> from {text}");
                    }
                }
            }
        }
    }
    assert!(n >= 60, "the corpus has {n} texts");
}

#[test]
fn the_sieve_alone_holds_too() {
    for text in corpus() {
        let html = sieve::sift(text);
        for tag in tags(&html) {
            assert!(
                !tag.starts_with("script") && !tag.contains(" on") && !tag.contains("javascript:"),
                "<{tag}> from {text}"
            );
        }
    }
}

#[test]
fn texts_made_to_take_for_ever_do_not() {
    let texts = [
        ">".repeat(20_000),
        "- ".repeat(5_000),
        "[".repeat(20_000),
        "![".repeat(10_000),
        "**a".repeat(20_000),
        "`".repeat(10_001) + &"a`".repeat(10_000),
        "<".repeat(20_000),
        "$".repeat(20_000),
        "\\(".repeat(10_000),
        format!("$${}$$", "{".repeat(5_000)),
        format!("$${}$$", "\\sqrt".repeat(1_000)),
        format!("$${}$$", "x^".repeat(3_000)),
        format!("$${}$$", "\\left(".repeat(2_000)),
        format!("```python\n{}\n```", "(".repeat(50_000)),
        format!("```js\n{}\n```", "/*\n".repeat(10_000)),
        "|a".repeat(10_000) + "\n" + &"|-".repeat(10_000) + "\n" + &"|b".repeat(10_000),
        "a\n".repeat(50_000),
        "x".repeat(2 << 20),
    ];
    for text in texts {
        let start = Instant::now();
        let n_bytes = html(&text).len();
        let shown: String = text.chars().take(20).collect();
        assert!(start.elapsed() < Duration::from_secs(4), "{shown}: {:?}", start.elapsed());
        assert!(n_bytes < 40 * text.len() + 1000, "{shown}: {n_bytes} bytes");
    }
}

#[test]
fn macros_that_expand_without_bound_stay_source() {
    for tex in
        ["\\def\\a{xx}\\a", "\\newcommand{\\a}{\\b\\b}", "\\let\\a=\\b", "\\gdef\\x{}", "\\DeclareMathOperator{\\x}{x}"]
    {
        assert!(math::mathml(tex, false).starts_with("<code"), "{tex}");
    }
    assert!(math::mathml("\\operatorname{let} x", false).starts_with("<math"));
}
