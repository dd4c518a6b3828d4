//! A conversation as one HTML file that needs nothing else: to send to somebody, to keep, to print.
//!
//! It holds no script, and its own policy allows none; the text is rendered as in the app.

use super::super::render::{escape, whole};
use super::super::store::{Message, Role};

const STYLE: &str = concat!(include_str!("../../../web/share.css"), include_str!("../../../web/text.css"));

/// The page's own words.
struct Words {
    lang: &'static str,
    thought: fn(f64, usize) -> String,
    footer: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    thought: |seconds, n| format!("Thought for {seconds:.1} s · {n} tokens"),
    footer: "Written with penseur. A model wrote the answers: check them.",
};

const CHINESE: Words = Words {
    lang: "zh",
    thought: |seconds, n| format!("已思考 {seconds:.1} 秒 · {n} 个 token"),
    footer: "由 penseur 生成。回答由模型写出，请核实。",
};

/// The path that is shown, as a page in the language of the app's page: Chinese, or else English.
pub fn write(title: &str, messages: &[&Message], language: &str) -> String {
    let words = if language == "zh" { CHINESE } else { ENGLISH };
    let mut body = String::new();
    for message in messages {
        match message.role {
            Role::User => question(message, &mut body),
            Role::Assistant => answer(message, &words, &mut body),
        }
    }
    let title = escape(title);
    let Words { lang, footer, .. } = words;
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n\
         <footer>{footer}</footer>\n</body>\n</html>\n"
    )
}

fn question(message: &Message, body: &mut String) {
    for file in &message.files {
        *body += &format!("<p class=\"file\">{}</p>\n", escape(&file.name));
    }
    // Files can be all of it.
    if !message.content.is_empty() {
        *body += &format!("<div class=\"question\" dir=\"auto\">{}</div>\n", escape(&message.content));
    }
}

fn answer(message: &Message, words: &Words, body: &mut String) {
    let Some(sample) = message.samples.get(message.chosen) else { return };
    let blocks = |text: &str| {
        whole(text).iter().map(|html| format!("<div class=\"block\" dir=\"auto\">{html}</div>\n")).collect::<String>()
    };
    if !sample.reasoning.is_empty() {
        let seconds = sample.facts.thinking_ms as f64 / 1000.0;
        let thought = (words.thought)(seconds, sample.facts.reasoning_tokens);
        *body += &format!(
            "<details><summary>{thought}</summary>\n<div class=\"text thought\">{}</div></details>\n",
            blocks(&sample.reasoning)
        );
    }
    *body += &format!("<div class=\"text answer\">{}</div>\n", blocks(&sample.content));
    *body += &format!("<p class=\"by\">{}</p>\n", escape(&message.model));
}
