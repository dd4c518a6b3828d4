//! `report.html`: a run on one page that needs nothing else: no script, font or picture from elsewhere. Light or dark as
//! the reader's system, and good on paper.

mod charts;
mod samples;
#[cfg(test)]
mod tests;

use crate::chain::Chain;
use crate::doctor::{self, Diagnosis, Finding, Severity, Verdict};
use crate::error::{Error, Result};
use crate::plot::escape;
use crate::run::{Run, Status};
use cost::bill::StageBill;
use cost::text::{dollars, duration, percent, si, thousands, value};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The page's style; charts that stand elsewhere need it too.
pub const STYLE: &str = include_str!("html/style.css");

/// Shows values under the pointer; the page is complete without it.
pub const SCRIPT: &str = include_str!("html/hover.js");

/// Phases of a step: the key in `timings.jsonl` and the word for it.
const PHASES: [(&str, &str); 5] = [
    ("rollout_s", "sampling"),
    ("verify_s", "verifying"),
    ("update_s", "updating"),
    ("eval_s", "evaluating"),
    ("checkpoint_s", "checkpoints"),
];

/// Writes the page of a run, by default as `report.html` in its directory, whole or not at all. Gives the place.
///
/// # Errors
/// Files that cannot be read, a place that cannot be written.
pub fn write(run_dir: &Path, out: Option<&Path>) -> Result<PathBuf> {
    let chain = Chain::open(run_dir)?;
    let path = out.map_or_else(|| run_dir.join("report.html"), Path::to_owned);
    replace(&path, &page(&chain)?)?;
    Ok(path)
}

/// Writes the page of a stage, and of the chain that it is part of.
///
/// # Errors
/// As [`write()`].
pub fn refresh(run_dir: &Path) -> Result<()> {
    write(run_dir, None)?;
    if let Some(chain_dir) = run_dir.parent().filter(|dir| dir.join("chain.json").is_file()) {
        write(chain_dir, None)?;
    }
    Ok(())
}

/// Writes a text file whole or not at all.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|e| Error::io("write", path, e))
}

/// The page.
///
/// # Errors
/// Files that cannot be read.
pub fn page(chain: &Chain) -> Result<String> {
    let diagnosis = doctor::examine(chain)?;
    let mut body = header(chain, &diagnosis);
    if chain.is_chain() {
        body += &stage_table(chain);
    }
    for run in &chain.stages {
        body += &stage(run, chain.is_chain())?;
    }
    body += &bill(chain);
    body += &recipes(chain);
    Ok(document(&chain.label(), &body))
}

/// A whole document around a body.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} · penseur</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(title)
    )
}

fn header(chain: &Chain, diagnosis: &Diagnosis) -> String {
    let status = chain.status();
    let last = chain.last();
    let mut html = format!(
        "<header><h1>{}</h1><span class=\"badge {}\">{}</span></header>\n",
        escape(&chain.label()),
        status.word(),
        status.word()
    );
    html += &tiles(chain);
    html += &verdict(diagnosis);
    let info = last.info.as_ref();
    let _ = writeln!(
        html,
        "<p class=\"note\">Code {} on {}. Seed {}.{}</p>",
        escape(info.map_or("?", |i| &i.code_version)),
        escape(info.map_or("?", |i| &i.isa)),
        last.recipe_number("seed").unwrap_or(0.0),
        if status == Status::Running {
            " The run goes on; this page shows it as it was at its last evaluation."
        } else {
            ""
        }
    );
    html
}

/// The figures that one looks for first.
fn tiles(chain: &Chain) -> String {
    let last = chain.last();
    let metrics = &last.metrics;
    let total = chain.bill().total();
    let mut tiles = Vec::new();
    let accuracy = metrics.get("val/accuracy");
    if let (Some(first), Some(now)) = (accuracy.values.first(), accuracy.last()) {
        let interval = metrics.last("val/accuracy_low").zip(metrics.last("val/accuracy_high"));
        let interval = interval.map(|(low, high)| format!("95%: {} to {}", percent(low), percent(high)));
        let began = if accuracy.len() > 1 { format!("first {}", percent(*first)) } else { String::new() };
        let notes: Vec<String> = interval.into_iter().chain((!began.is_empty()).then_some(began)).collect();
        tiles.push(("accuracy", percent(now), notes.join(" · ")));
    }
    if let Some(bpb) = metrics.last("val/bpb").filter(|_| accuracy.is_empty() || metrics.get("reward").is_empty()) {
        tiles.push(("bits per byte", value(bpb), "held out".to_owned()));
    }
    if let Some(reward) = metrics.last("reward") {
        let first = metrics.get("reward").values[0];
        tiles.push(("reward", value(reward), format!("first {}", value(first))));
    }
    if let Some(length) = metrics.last("completions/mean_thinking_length") {
        tiles.push(("thinking", format!("{} tokens", value(length)), "mean of an answer".to_owned()));
    }
    tiles.push((
        "steps",
        thousands(chain.stages.iter().map(Run::step).sum()),
        format!("{} tokens", si(total.usage.tokens as f64)),
    ));
    tiles.push(("time", duration(total.usage.wall_s), format!("{:.2} core-hours", total.usage.core_s / 3600.0)));
    let lost = if total.lost_dollars > 0.0 { format!("{} lost", dollars(total.lost_dollars)) } else { String::new() };
    tiles.push(("cost", dollars(total.dollars), lost));
    let mut html = String::from("<div class=\"tiles\">");
    for (name, figure, note) in tiles {
        let _ =
            write!(html, "<div><small>{name}</small><b>{}</b><span>{}</span></div>", escape(&figure), escape(&note));
    }
    html + "</div>\n"
}

fn verdict(diagnosis: &Diagnosis) -> String {
    let class = match diagnosis.verdict {
        Verdict::Healthy => "good",
        Verdict::Warnings => "fair",
        Verdict::Problems => "bad",
        Verdict::TooEarly => "early",
    };
    let mut html = format!("<section class=\"verdict {class}\"><p>{}</p>", escape(&diagnosis.summary));
    for finding in &diagnosis.findings {
        html += &finding_html(finding);
    }
    html + "</section>\n"
}

fn finding_html(finding: &Finding) -> String {
    let class = match finding.severity {
        Severity::Problem => "bad",
        Severity::Warning => "fair",
        Severity::Note => "early",
    };
    let place = finding.steps.map(|(a, b)| format!(", steps {} to {}", thousands(a), thousands(b))).unwrap_or_default();
    let mut html = format!(
        "<details class=\"finding\"><summary><span class=\"mark {class}\"></span>{}<small> {}{place}</small></summary><p>{}</p><ul>",
        escape(&finding.title),
        escape(&finding.stage),
        escape(&finding.text)
    );
    for advice in &finding.advice {
        let _ = write!(html, "<li><code>{}</code> {}</li>", escape(advice.key), escape(&advice.change));
    }
    html + "</ul></details>"
}

/// The stages of a chain at a glance.
fn stage_table(chain: &Chain) -> String {
    let mut html = String::from(
        "<section><h2>Stages</h2><table><thead><tr><th>stage</th><th>kind</th><th></th><th>steps</th><th>tokens</th>\
         <th>accuracy</th><th>time</th><th>dollars</th></tr></thead><tbody>",
    );
    for run in &chain.stages {
        let total = run.bill().total();
        let accuracy = run.metrics.last("val/accuracy").map(percent).unwrap_or_default();
        let _ = write!(
            html,
            "<tr><td><a href=\"#{0}\">{0}</a></td><td>{1}</td><td><span class=\"badge {2}\">{2}</span></td><td>{3}</td>\
             <td>{4}</td><td>{accuracy}</td><td>{5}</td><td>{6}</td></tr>",
            escape(run.stage()),
            escape(run.kind()),
            run.status.word(),
            thousands(run.step()),
            si(run.tokens() as f64),
            duration(total.usage.wall_s),
            dollars(total.dollars)
        );
    }
    html += "</tbody></table>";
    if !chain.superseded.is_empty() {
        let names: Vec<String> =
            chain.superseded.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
        let _ =
            write!(html, "<p class=\"note\">Earlier versions of stages, not shown: {}.</p>", escape(&names.join(", ")));
    }
    html + "</section>\n"
}

fn stage(run: &Run, is_in_chain: bool) -> Result<String> {
    let heading = if is_in_chain {
        format!("<h2 id=\"{0}\">{0} <small>{1}</small></h2>", escape(run.stage()), escape(run.kind()))
    } else {
        format!("<h2>Curves <small>{}</small></h2>", escape(run.kind()))
    };
    let mut html = format!("<section>{heading}<div class=\"charts\">");
    let (shown, rest) = charts::of(run);
    for chart in &shown {
        html += &chart.figure();
    }
    html += "</div>";
    if !rest.is_empty() {
        html += "<details class=\"fold\"><summary>Every other metric</summary><div class=\"charts\">";
        for chart in &rest {
            html += &chart.figure();
        }
        html += "</div></details>";
    }
    html += &phases(run);
    html += &samples::section(&run.samples()?);
    Ok(html + "</section>\n")
}

/// Where the time of a stage went.
fn phases(run: &Run) -> String {
    let sum = |name: &str| run.timings.get(name).values.iter().filter(|v| v.is_finite()).sum::<f64>();
    let total: f64 = PHASES.iter().map(|(name, _)| sum(name)).sum();
    if total <= 0.0 {
        return String::new();
    }
    let mut bar = String::from("<h3>Where the time went</h3><div class=\"bar\">");
    let mut legend = String::from("<p class=\"legend\">");
    for (idx, (name, word)) in PHASES.iter().enumerate() {
        let share = sum(name) / total;
        let _ = write!(bar, "<span class=\"c{idx}\" style=\"width:{:.2}%\" title=\"{word}\"></span>", 100.0 * share);
        let _ = write!(legend, "<span class=\"c{idx}\">{word} {} ({})</span>", duration(sum(name)), percent(share));
    }
    bar + "</div>" + &legend + "</p>"
}

/// The bill, a line a stage.
fn bill(chain: &Chain) -> String {
    let bill = chain.bill();
    let mut html = String::from(
        "<section><h2>Bill</h2><table><thead><tr><th>stage</th><th>starts</th><th>time</th><th>core-hours</th><th>tokens</th>\
         <th>PFLOP</th><th>energy</th><th>lost to crashes</th><th>dollars</th></tr></thead><tbody>",
    );
    for row in &bill.stages {
        html += &bill_row(row, "");
    }
    if bill.stages.len() > 1 {
        html += &bill_row(&bill.total(), " class=\"total\"");
    }
    html += "</tbody></table>";
    if let Some(line) = chain.stages.iter().flat_map(|run| &run.ledger).next() {
        let source = if line.price_source.is_empty() { "" } else { &line.price_source };
        let _ = write!(html, "<p class=\"note\">At {} a core-hour. {}</p>", dollars(line.price), escape(source));
    }
    html + "</section>\n"
}

fn bill_row(row: &StageBill, class: &str) -> String {
    format!(
        "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td>{:.3}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escape(&row.stage),
        row.attempts,
        duration(row.usage.wall_s),
        row.usage.core_s / 3600.0,
        si(row.usage.tokens as f64),
        value(row.usage.flops / 1e15),
        row.usage.joules.map_or_else(|| "not reported".to_owned(), |j| format!("{} kJ", value(j / 1e3))),
        if row.lost_dollars > 0.0 { dollars(row.lost_dollars) } else { String::new() },
        dollars(row.dollars)
    )
}

fn recipes(chain: &Chain) -> String {
    let mut html = String::from("<section><h2>Recipe</h2>");
    for run in &chain.stages {
        let _ = write!(
            html,
            "<details class=\"fold\"><summary>{}, every default filled in</summary><pre>{}</pre></details>",
            escape(run.stage()),
            escape(&run.recipe_text)
        );
    }
    html + "</section>\n"
}
