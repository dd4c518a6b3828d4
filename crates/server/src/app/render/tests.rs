//! Rendering: what models write, and what attackers make them write.

use super::*;

mod hostile;

fn html(text: &str) -> String {
    whole(text).concat()
}

#[test]
fn markdown_becomes_html() {
    assert_eq!(html("**7** and `x < y`"), "<p><strong>7</strong> and <code>x &lt; y</code></p>\n");
    assert_eq!(html("# One\n## Two"), "<h3>One</h3>\n<h4>Two</h4>\n");
    assert_eq!(html("a\nb"), "<p>a<br>\nb</p>\n");
    assert!(html("| a | b |\n|--:|---|\n| 1 | 2 |").contains("<td class=\"right\">1</td>"));
    assert!(html("- [x] done").contains("☑ done"));
    let link = html("[x](https://example.org)");
    assert!(link.contains("href=\"https://example.org\"") && link.contains("rel=\"noopener noreferrer nofollow\""));
}

#[test]
fn addresses_become_links_where_they_end() {
    let linked = |text: &str, address: &str, rest: &str| {
        let (found, address) = (html(text), address.replace('&', "&amp;"));
        assert!(found.contains(&format!("href=\"{address}\"")), "{found}");
        assert!(found.contains(&format!("rel=\"noopener noreferrer nofollow\">{address}</a>{rest}")), "{found}");
    };
    linked("See https://example.org/a_b?c=1&d=2.", "https://example.org/a_b?c=1&d=2", ".");
    linked("(http://example.org/x_(y))", "http://example.org/x_(y)", ")");
    linked("见https://example.org。谢谢", "https://example.org", "。");
    linked("- **https://example.org/**", "https://example.org/", "</strong>");
    for text in [
        "xhttps://example.org",
        "https://",
        "http:/x",
        "`https://example.org`",
        "javascript:alert(1)",
        "https://\u{202e}",
    ] {
        assert!(!html(text).contains("<a"), "{text}: {}", html(text));
    }
    // A link's own text stays one link.
    assert_eq!(html("[https://a.example](https://b.example)").matches("<a ").count(), 1);
    assert_eq!(html("<https://a.example>").matches("<a ").count(), 1);
}

#[test]
fn code_is_highlighted_and_stays_what_it_is() {
    let code = html("```rust\nlet x = \"<b>\";\n```");
    assert!(code.contains("<span class=\"language\">rust</span>"), "{code}");
    assert!(code.contains("hl-string") && code.contains("&lt;b&gt;"), "{code}");
    assert!(html("```\n4*5*6 $x$ \\(y\\)\n```").contains("4*5*6 $x$ \\(y\\)"));
    assert!(html("`4*5*6 $x$`").contains("<code>4*5*6 $x$</code>"));
    for language in ["python", "ts", "cpp", "json", "sh", "toml", "go", "sql", "unknown", "<script>"] {
        assert!(html(&format!("```{language}\nx = 1\n```")).contains("<pre"), "{language}");
    }
}

#[test]
fn formulas_become_mathml_whatever_their_delimiters() {
    for text in ["$x^2$", "\\(x^2\\)", "\\( x^2 \\)"] {
        let found = html(text);
        assert!(found.contains("<math") && found.contains("<msup>") && !found.contains("display=\"block\""), "{found}");
    }
    for text in
        ["$$x^2$$", "\\[x^2\\]", "\\[\n\n= x^2\n- 1\n\\]", "\\begin{align}\nx &= 1 \\\\\ny &= x^2\n\\end{align}"]
    {
        let found = html(text);
        assert!(found.contains("display=\"block\"") && !found.contains("<h"), "{found}");
    }
    assert!(
        html("$$\\boxed{\\frac{1}{2}}$$").contains("<mrow class=\"boxed\"><mfrac>"),
        "{}",
        html("$$\\boxed{\\frac{1}{2}}$$")
    );
    for text in ["So \\boxed{\\frac{1}{2}}.", "So $\\boxed{\\frac{1}{2}}$."] {
        assert!(html(text).contains("<mrow class=\"boxed\"><mfrac>"), "{}", html(text));
    }
    assert_eq!(html("\\boxed{1"), "<p>\\boxed{1</p>\n");
    // What cannot be read stays source.
    assert!(html("$$\\nosuchcommand{x}$$").contains("<code class=\"formula\">\\nosuchcommand{x}</code>"));
}

#[test]
fn sums_and_money_are_not_markup() {
    assert_eq!(html("4*5*6 = 120, 2*(3)*4"), "<p>4*5*6 = 120, 2*(3)*4</p>\n");
    assert_eq!(html("~5 and ~6"), "<p>~5 and ~6</p>\n");
    assert!(html("~~gone~~").contains("<del>gone</del>"));
    assert_eq!(html("It costs $5, not $10."), "<p>It costs $5, not $10.</p>\n");
    let column = html("  347\n+ 588\n-----\n  935");
    assert!(column.contains("+ 588") && column.contains("<hr>") && !column.contains("<h3"), "{column}");
    assert!(!html("3 + 4\n===\n7").contains("<h3"));
}

#[test]
fn a_growing_text_keeps_the_blocks_that_are_done() {
    let text = "one\n\n```python\nprint(1)\n```\n\nIt is \\(x^2\\) and\n\n- a\n- b\n";
    let mut rendered = Rendered::default();
    let mut n_most = 0;
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        let kept = rendered.update(&text[..end], Extent::Growing);
        assert!(kept + 2 >= n_most, "{kept} of {n_most} kept at {end}");
        n_most = n_most.max(rendered.blocks().len());
    }
    rendered.update(text, Extent::Whole);
    assert_eq!(rendered.blocks().collect::<Vec<_>>(), whole(text));
    assert_eq!(rendered.update(text, Extent::Whole), n_most);
}

#[test]
fn an_unfinished_formula_is_held_back_and_money_is_not() {
    let mut rendered = Rendered::default();
    let mut shown = |text: &str, extent| {
        rendered.update(text, extent);
        rendered.blocks().collect::<String>()
    };
    assert_eq!(shown("It is \\( x^", Extent::Growing), "<p>It is</p>\n");
    assert_eq!(shown("It is \\( x^", Extent::Whole), "<p>It is ( x^</p>\n");
    assert_eq!(shown("It is $$ x^", Extent::Growing), "<p>It is</p>\n");
    assert_eq!(shown("It costs $5 and", Extent::Growing), "<p>It costs $5 and</p>\n");
}
