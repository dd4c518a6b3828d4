//! A conversation as Markdown, to read and to bring back: a heading for each message, thinking in a fold.
//!
//! A line of a message that looks like one of our headings or folds is written with a backslash before it.

use super::super::store::{Conversation, Message, Role, Sample, Settings, Summary, new_id};

const QUESTION: &str = "## Question";
const ANSWER: &str = "## Answer";
const FOLD: &str = "<details><summary>Thinking</summary>";
const FOLD_END: &str = "</details>";

/// The path that is shown, as Markdown.
pub fn write(title: &str, messages: &[&Message]) -> String {
    let mut out = format!("# {title}\n");
    for message in messages {
        match message.role {
            Role::User => {
                out += &format!("\n{QUESTION}\n\n");
                for file in &message.files {
                    out += &format!("*File: {}*\n\n", file.name);
                }
                out += &guarded(&message.content);
                out.push('\n');
            }
            Role::Assistant => {
                let Some(sample) = message.samples.get(message.chosen) else { continue };
                out += &format!("\n{ANSWER} ({})\n\n", message.model);
                if !sample.reasoning.is_empty() {
                    out += &format!("{FOLD}\n\n{}\n\n{FOLD_END}\n\n", guarded(&sample.reasoning));
                }
                out += &guarded(&sample.content);
                out.push('\n');
            }
        }
    }
    out
}

fn is_ours(line: &str) -> bool {
    line == QUESTION || line.starts_with(ANSWER) || line == FOLD || line == FOLD_END
}

fn guarded(text: &str) -> String {
    let line = |line: &str| if is_ours(line.trim_start_matches('\\')) { format!("\\{line}") } else { line.to_owned() };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn unguarded(lines: &[&str]) -> String {
    let line = |line: &&str| match line.strip_prefix('\\') {
        Some(rest) if is_ours(rest.trim_start_matches('\\')) => rest.to_owned(),
        _ => (*line).to_owned(),
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Reads what [`write`] writes. `now`: milliseconds since 1970, for all of it.
pub fn read(text: &str, now: i64) -> Result<Conversation, String> {
    let mut lines = text.trim_start().lines().peekable();
    let title = lines.next().unwrap_or("").trim_start_matches("# ").trim().to_owned();
    let mut messages: Vec<Message> = Vec::new();
    while let Some(head) = lines.next() {
        if head.trim().is_empty() {
            continue;
        }
        let role = match head {
            QUESTION => Role::User,
            head if head.starts_with(ANSWER) => Role::Assistant,
            other => return Err(format!("expected \"{QUESTION}\" or \"{ANSWER}\", but found \"{other}\"")),
        };
        let mut body = Vec::new();
        while let Some(line) = lines.next_if(|line| *line != QUESTION && !line.starts_with(ANSWER)) {
            body.push(line);
        }
        if messages.last().is_some_and(|before| before.role == role) || (messages.is_empty() && role == Role::Assistant)
        {
            return Err("questions and answers must take turns, a question first".into());
        }
        let parent = messages.last().map(|before| before.id.clone());
        messages.push(message(role, head, &body, parent, now));
    }
    if messages.is_empty() {
        return Err(format!("there is no message in it: expected lines \"{QUESTION}\" and \"{ANSWER}\""));
    }
    let leaf = messages.last().map(|last| last.id.clone());
    let summary = Summary { id: String::new(), title, created_at: now, updated_at: now };
    Ok(Conversation { summary, leaf, messages })
}

fn message(role: Role, head: &str, body: &[&str], parent: Option<String>, now: i64) -> Message {
    let model = head.trim_start_matches(ANSWER).trim().trim_start_matches('(').trim_end_matches(')').to_owned();
    let fold = body.iter().position(|line| *line == FOLD);
    let fold_end = body.iter().position(|line| *line == FOLD_END);
    let (reasoning, content) = match (fold, fold_end) {
        (Some(start), Some(end)) if start < end => (unguarded(&body[start + 1..end]), unguarded(&body[end + 1..])),
        _ => (String::new(), unguarded(body)),
    };
    let is_answer = role == Role::Assistant;
    Message {
        id: new_id(),
        parent,
        role,
        created_at: now,
        model: if is_answer { model } else { String::new() },
        settings: Settings::default(),
        chosen: 0,
        files: Vec::new(),
        samples: if is_answer {
            vec![Sample { reasoning, content: content.clone(), ..Sample::default() }]
        } else {
            Vec::new()
        },
        content: if is_answer { String::new() } else { content },
    }
}
