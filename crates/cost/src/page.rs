//! An answer as one would put it before a board: the answer first, then the table, then what it rests on. Printed as
//! text, or written as one HTML file that needs nothing beside it.

mod chart;
mod html;
mod of_plan;
#[cfg(test)]
mod tests;

pub use chart::{Bar, Chart, Curve, Stage};
pub(crate) use chart::{colour, legend};
pub use html::escape;
pub(crate) use of_plan::{energy, hours};

use serde::Serialize;
use serde_json::{Value, json};

use crate::plan::Line;

/// A table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Heads of its columns.
    pub columns: Vec<String>,
    /// Its rows; the first column is words, the others are numbers.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(title: &str, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        Table { title: title.to_owned(), columns, rows: Vec::new() }
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.columns).chain(&self.rows);
        let width = |i: usize| all().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, w))| match i {
                0 => format!("{cell:<w$}"),
                _ => format!("{cell:>w$}"),
            });
            format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
        };
        let rule = format!("  {}", "─".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
        let mut lines = vec![self.title.clone(), line(&self.columns), rule];
        lines.extend(self.rows.iter().map(line));
        lines.join("\n")
    }
}

/// An answer with what it rests on.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What was asked.
    pub title: String,
    /// The answer in a sentence.
    pub headline: String,
    /// Figures with their names, the most important first.
    pub facts: Vec<(String, String)>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Plots.
    pub charts: Vec<Chart>,
    /// Drawings as SVG, with their titles.
    pub drawings: Vec<(String, String)>,
    /// The arithmetic.
    pub lines: Vec<Line>,
    /// What the reader should know before relying on it.
    pub notes: Vec<String>,
}

impl Page {
    /// For a terminal. With `explain`, every number's arithmetic.
    pub fn text(&self, explain: bool) -> String {
        let mut parts =
            vec![format!("{}\n{}", self.title, "═".repeat(self.title.chars().count())), self.headline.clone()];
        if !self.facts.is_empty() {
            let width = self.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            let lines: Vec<String> = self.facts.iter().map(|(name, v)| format!("  {name:<width$}  {v}")).collect();
            parts.push(lines.join("\n"));
        }
        parts.extend(self.tables.iter().map(Table::text));
        parts.extend(self.charts.iter().map(Chart::text));
        if explain && !self.lines.is_empty() {
            let lines = self.lines.iter().map(|line| {
                let value = if line.value.is_empty() { String::new() } else { format!(" = {}", line.value) };
                let source = if line.source.is_empty() { String::new() } else { format!("\n      [{}]", line.source) };
                format!("  {}{value}\n      {}{source}", line.name, line.how)
            });
            parts.push(format!("Why\n{}", lines.collect::<Vec<_>>().join("\n")));
        }
        if !self.notes.is_empty() {
            let notes = self.notes.iter().map(|note| format!("  - {note}"));
            parts.push(format!("Rests on\n{}", notes.collect::<Vec<_>>().join("\n")));
        }
        parts.join("\n\n")
    }

    /// One HTML file: styles and drawings inside, nothing from elsewhere, light and dark.
    pub fn html(&self) -> String {
        html::document(self)
    }

    /// For an app: everything that the page shows, plots and drawings as SVG.
    pub fn json(&self) -> Value {
        let plots = self.charts.iter().map(|chart| json!({ "title": chart.title(), "svg": chart.svg() }));
        let drawn = self.drawings.iter().map(|(title, svg)| json!({ "title": title, "svg": svg }));
        json!({
            "title": self.title, "headline": self.headline, "facts": self.facts, "tables": self.tables,
            "notes": self.notes, "lines": self.lines, "drawings": plots.chain(drawn).collect::<Vec<_>>(),
        })
    }
}
