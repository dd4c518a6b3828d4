//! The HTML of a page.

use std::fmt::Write;

use super::{Page, Table};

/// Text as HTML's text and attribute values.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// [`escape`] for running text, in which a layout may break after its commas, and a number may not.
fn running(text: &str) -> String {
    let mut out = escape(text);
    let commas: Vec<usize> = out.match_indices(',').map(|(at, _)| at + 1).collect();
    for at in commas.into_iter().rev() {
        if out[at..].starts_with(|next: char| next.is_ascii_alphabetic()) {
            out.insert_str(at, "<wbr>");
        }
    }
    out
}

/// `1.08 x` on one line.
fn times(cell: &str) -> String {
    match cell.strip_suffix(" x") {
        Some(number) => format!("{number}&nbsp;x"),
        None => cell.to_owned(),
    }
}

const STYLE: &str = include_str!("page.css");

pub(super) fn document(page: &Page) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body><main>\
         <p class=\"kind\">Plan</p><h1>{title}</h1><p class=\"headline\">{headline}</p>",
        title = escape(&page.title),
        headline = escape(&page.headline)
    );
    if !page.facts.is_empty() {
        html.push_str("<dl class=\"facts\">");
        for (name, value) in &page.facts {
            let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
        }
        html.push_str("</dl>");
    }
    for table in &page.tables {
        html.push_str(&table_html(table));
    }
    for chart in &page.charts {
        let _ = write!(html, "<figure><figcaption>{}</figcaption>{}</figure>", escape(chart.title()), chart.svg());
    }
    for (title, svg) in &page.drawings {
        let _ = write!(html, "<figure><figcaption>{}</figcaption>{svg}</figure>", escape(title));
    }
    if !page.notes.is_empty() {
        html.push_str("<h2>What it rests on</h2><ul>");
        for note in &page.notes {
            let _ = write!(html, "<li>{}</li>", running(note));
        }
        html.push_str("</ul>");
    }
    if !page.lines.is_empty() {
        html.push_str("<h2>Every number, and why</h2><div class=\"scroll\"><table class=\"why\"><tbody>");
        for line in &page.lines {
            let source = match line.source.as_str() {
                "" => String::new(),
                source => format!("<small>{}</small>", running(source)),
            };
            let _ = write!(
                html,
                "<tr><th scope=\"row\">{}</th><td class=\"value\">{}</td><td>{}{source}</td></tr>",
                escape(&line.name),
                escape(&line.value),
                running(&line.how)
            );
        }
        html.push_str("</tbody></table></div>");
    }
    html + "</main></body></html>\n"
}

fn table_html(table: &Table) -> String {
    let cells = |row: &[String], tag: &str| -> String {
        row.iter().map(|cell| format!("<{tag}>{}</{tag}>", times(&running(cell)))).collect()
    };
    let mut html = format!(
        "<h2>{}</h2><div class=\"scroll\"><table><thead><tr>{}</tr></thead><tbody>",
        escape(&table.title),
        cells(&table.columns, "th")
    );
    for row in &table.rows {
        let is_total = row.first().is_some_and(|name| name == "total");
        let class = if is_total { " class=\"total\"" } else { "" };
        let _ = write!(html, "<tr{class}>{}</tr>", cells(row, "td"));
    }
    html + "</tbody></table></div>"
}
