//! Answers of a run: for each family a few problems, and what the model said to each at every evaluation, so that one can
//! watch it learn; then what it said in training, with what that earned.

use crate::plot::escape;
use crate::run::Sample;
use cost::text::{thousands, value};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Problems shown of one family.
const N_PROBLEMS: usize = 3;

/// Evaluations shown of one problem: the first, the last, and evenly between.
const N_EVALUATIONS: usize = 24;

/// Answers shown from training.
const N_TRAIN: usize = 12;

/// Characters of one text; longer ones say that they were cut.
const MAX_CHARS: usize = 3000;

/// The section; empty without samples.
pub(super) fn section(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return String::new();
    }
    let mut tasks = BTreeMap::<&str, Vec<&Sample>>::new();
    for sample in samples.iter().filter(|sample| !sample.is_train()) {
        tasks.entry(&sample.task).or_default().push(sample);
    }
    let mut html = String::from("<h3>Answers at evaluations</h3>");
    for (task, samples) in &tasks {
        html += &family(task, samples);
    }
    let train: Vec<&Sample> = samples.iter().filter(|sample| sample.is_train()).collect();
    if !train.is_empty() {
        html += "<h3>Answers in training</h3><div class=\"problem\">";
        for sample in train.iter().rev().take(N_TRAIN) {
            html += &answer(sample, true);
        }
        html += "</div>";
    }
    html
}

fn family(task: &str, samples: &[&Sample]) -> String {
    let last = samples.iter().map(|sample| sample.step).max().unwrap_or(0);
    let of_last = samples.iter().filter(|sample| sample.step == last);
    let n_right = of_last.clone().filter(|sample| sample.verdict == "right").count();
    let mut html = format!(
        "<details class=\"fold\"><summary>{} <small>{n_right} of the {} shown are right at step {}</small></summary>",
        escape(task),
        of_last.count(),
        thousands(last)
    );
    for prompt in interesting(samples) {
        let mut answers: Vec<&Sample> = samples.iter().filter(|s| s.prompt == prompt).copied().collect();
        answers.sort_by_key(|sample| sample.step);
        let _ = write!(
            html,
            "<div class=\"problem\"><p class=\"prompt\">{}</p><p class=\"note\">Right is {}</p>",
            text(prompt),
            escape(&answers[0].answer_text())
        );
        for sample in thinned(&answers) {
            html += &answer(sample, false);
        }
        html += "</div>";
    }
    html + "</details>"
}

/// A few problems: first those whose verdict changed, which show the most.
fn interesting<'a>(samples: &[&'a Sample]) -> Vec<&'a str> {
    let mut verdicts = BTreeMap::<&str, (usize, usize, usize)>::new();
    for (idx, sample) in samples.iter().enumerate() {
        let seen = verdicts.entry(&sample.prompt).or_insert((0, 0, idx));
        if sample.verdict == "right" {
            seen.0 += 1;
        } else {
            seen.1 += 1;
        }
    }
    let mut prompts: Vec<(&str, (usize, usize, usize))> = verdicts.into_iter().collect();
    prompts.sort_by_key(|(_, (right, other, idx))| (std::cmp::Reverse((*right).min(*other)), *idx));
    prompts.into_iter().take(N_PROBLEMS).map(|(prompt, _)| prompt).collect()
}

/// At most [`N_EVALUATIONS`] of them, the first and the last among them.
fn thinned<'a>(answers: &[&'a Sample]) -> Vec<&'a Sample> {
    if answers.len() <= N_EVALUATIONS {
        return answers.to_vec();
    }
    (0..N_EVALUATIONS).map(|k| answers[k * (answers.len() - 1) / (N_EVALUATIONS - 1)]).collect()
}

/// One answer on a line, which unfolds.
fn answer(sample: &Sample, with_prompt: bool) -> String {
    let mark = match sample.verdict.as_str() {
        "right" => "good",
        "wrong" => "bad",
        _ => "early",
    };
    let reward = sample.reward.map(|r| format!(" · reward {}", value(r))).unwrap_or_default();
    let cut = if sample.finish_reason.as_deref() == Some("length") { " · cut off" } else { "" };
    let mut html = format!(
        "<details class=\"answer\"><summary><span class=\"mark {mark}\"></span><span>step {}</span><q>{}</q>\
         <small>{} · {} tokens{reward}{cut}</small></summary>",
        thousands(sample.step),
        escape(&first_words(&sample.content)),
        escape(&sample.verdict.replace('_', " ")),
        thousands(sample.tokens)
    );
    if with_prompt {
        let _ = write!(
            html,
            "<p class=\"prompt\">{}</p><p class=\"note\">{}; right is {}</p>",
            text(&sample.prompt),
            escape(&sample.task),
            escape(&sample.answer_text())
        );
    }
    if !sample.reasoning.is_empty() {
        let _ = write!(
            html,
            "<details class=\"thinking\" open><summary>thinking</summary>{}</details>",
            text(&sample.reasoning)
        );
    }
    let content = if sample.content.is_empty() { "<i>no answer</i>".to_owned() } else { text(&sample.content) };
    let _ = write!(html, "<p class=\"content\">{content}</p></details>");
    html
}

fn first_words(content: &str) -> String {
    const LONGEST: usize = 60;
    let line = content.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", &line[..at]),
        None => line,
    }
}

fn text(content: &str) -> String {
    match content.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{} <i>… cut here; samples.jsonl has all of it</i>", escape(&content[..at])),
        None => escape(content),
    }
}
