//! What a model writes, as HTML that can do nothing but be read.
//!
//! The browser never interprets a model's text: Markdown, formulas and code are turned into HTML here, and everything
//! passes one sieve of allowed tags and attributes (`sieve`) on its way out. HTML in the text is shown as the text that it
//! is; pictures become links, because fetching one would tell its server who reads; a formula becomes MathML by our own
//! converter or stays source.
//!
//! A growing text is rendered block by block ([`Rendered`]): blocks whose source did not change keep their HTML, so an
//! update costs what the last block costs.

use std::sync::Arc;

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, TextMergeWithOffset,
};

mod highlight;
mod links;
mod math;
mod prepare;
mod sieve;
#[cfg(test)]
mod tests;

/// Text that is longer is shown as plain text: nobody reads it formatted, and it must not hold a core.
const MAX_MARKDOWN_BYTES: usize = 1 << 20;
/// Nesting of quotes and lists that is shown; anything deeper is flattened.
const MAX_DEPTH: usize = 24;

/// Whether more text is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Growing,
    Whole,
}

/// A block of a text.
#[derive(Clone, Debug, PartialEq)]
struct Block {
    source: Arc<str>,
    html: Arc<str>,
}

/// A text as far as it is rendered. A copy shares its blocks.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    blocks: Vec<Block>,
}

impl Rendered {
    /// Renders `text`; returns the index of the first block that changed.
    pub fn update(&mut self, text: &str, extent: Extent) -> usize {
        let prepared = prepare::prepare(text, extent);
        let mut n_kept = 0;
        let mut n_blocks = 0;
        for (source, events) in blocks(&prepared) {
            let kept = self.blocks.get(n_blocks).is_some_and(|block| *block.source == *source) && n_kept == n_blocks;
            if kept {
                n_kept += 1;
            } else {
                self.blocks.truncate(n_blocks);
                self.blocks.push(Block { source: source.into(), html: html(events).into() });
            }
            n_blocks += 1;
        }
        self.blocks.truncate(n_blocks);
        n_kept
    }

    /// The HTML of each block.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &str> {
        self.blocks.iter().map(|block| &*block.html)
    }
}

/// The HTML of a whole text, block by block.
pub fn whole(text: &str) -> Vec<String> {
    let mut rendered = Rendered::default();
    rendered.update(text, Extent::Whole);
    rendered.blocks.into_iter().map(|block| block.html.to_string()).collect()
}

/// Loads what highlighting needs, so that the first code block does not wait for it.
pub fn warm_up() {
    highlight::warm_up();
}

/// `text` with the five characters that mean something in HTML escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no such character.
            '\0' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The top-level blocks of a text: source and events.
fn blocks(text: &str) -> Vec<(&str, Vec<Event<'_>>)> {
    if text.len() > MAX_MARKDOWN_BYTES {
        let events = vec![Event::Start(Tag::Paragraph), Event::Text(text.into()), Event::End(TagEnd::Paragraph)];
        return vec![(text, events)];
    }
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_MATH;
    let mut found = Vec::new();
    let (mut depth, mut start, mut events) = (0usize, 0, Vec::new());
    for (event, range) in TextMergeWithOffset::new(Parser::new_ext(text, options).into_offset_iter()) {
        if depth == 0 {
            start = range.start;
        }
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        events.push(event);
        if depth == 0 {
            found.push((&text[start..range.end], std::mem::take(&mut events)));
        }
    }
    found
}

/// The HTML of one block.
fn html(events: Vec<Event<'_>>) -> String {
    let mut writer = Writer::default();
    events.into_iter().for_each(|event| writer.event(event));
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, writer.events.into_iter());
    // The page's policy allows no inline style; text cannot hold these words, its quotes are escaped.
    for side in ["left", "center", "right"] {
        html = html.replace(&format!("style=\"text-align: {side}\""), &format!("class=\"{side}\""));
    }
    sieve::sift(&html)
}

/// Rewrites a block's events for the page.
#[derive(Default)]
struct Writer<'a> {
    events: Vec<Event<'a>>,
    /// The code block that is being read: its language and text.
    code: Option<(String, String)>,
    in_link: usize,
    /// For each open picture, whether a link stands for it.
    pictures: Vec<bool>,
    /// Open quotes and lists.
    depth: usize,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: Event<'a>) {
        if let Some((_, text)) = &mut self.code {
            match event {
                Event::Text(piece) => text.push_str(&piece),
                Event::End(TagEnd::CodeBlock) => self.end_code(),
                _ => {}
            }
            return;
        }
        let rewritten = match event {
            Event::Start(tag) => return self.start(tag),
            Event::End(end) => return self.end(end),
            Event::Text(text) if self.in_link == 0 && text.contains("http") => return self.linked(&text),
            // Shown as what it is.
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::InlineMath(tex) => Event::InlineHtml(math::mathml(&tex, false).into()),
            Event::DisplayMath(tex) => Event::InlineHtml(math::mathml(&tex, true).into()),
            // Models mean the line breaks that they write.
            Event::SoftBreak => Event::HardBreak,
            Event::TaskListMarker(done) => Event::Text(if done { "☑ " } else { "☐ " }.into()),
            other => other,
        };
        self.events.push(rewritten);
    }

    /// A text with its addresses as links.
    fn linked(&mut self, text: &str) {
        for (piece, is_address) in links::split(text) {
            let piece: CowStr<'a> = piece.to_owned().into();
            if !is_address {
                self.events.push(Event::Text(piece));
                continue;
            }
            let (title, id) = ("".into(), "".into());
            let link = Tag::Link { link_type: LinkType::Autolink, dest_url: piece.clone(), title, id };
            self.events.extend([Event::Start(link), Event::Text(piece), Event::End(TagEnd::Link)]);
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        let kept = match tag {
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or("").to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
                return;
            }
            Tag::HtmlBlock => Tag::Paragraph,
            // The page has headings of its own above these.
            Tag::Heading { level, .. } => {
                Tag::Heading { level: lowered(level), id: None, classes: Vec::new(), attrs: Vec::new() }
            }
            Tag::Table(alignment) => {
                self.events.push(Event::Html("<div class=\"table\" tabindex=\"0\">".into()));
                Tag::Table(alignment)
            }
            Tag::Image { link_type, dest_url, title, id } => {
                let linked = self.in_link == 0;
                self.pictures.push(linked);
                if !linked {
                    return;
                }
                self.in_link += 1;
                Tag::Link { link_type, dest_url, title, id }
            }
            Tag::Link { .. } => {
                self.in_link += 1;
                tag
            }
            Tag::BlockQuote(_) | Tag::List(_) | Tag::Item => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return;
                }
                tag
            }
            other => other,
        };
        self.events.push(Event::Start(kept));
    }

    fn end(&mut self, end: TagEnd) {
        let kept = match end {
            TagEnd::HtmlBlock => TagEnd::Paragraph,
            TagEnd::Heading(level) => TagEnd::Heading(lowered(level)),
            TagEnd::Image => {
                if !self.pictures.pop().unwrap_or(false) {
                    return;
                }
                self.in_link -= 1;
                TagEnd::Link
            }
            TagEnd::Link => {
                self.in_link = self.in_link.saturating_sub(1);
                end
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.depth -= 1;
                if self.depth >= MAX_DEPTH {
                    return;
                }
                end
            }
            other => other,
        };
        self.events.push(Event::End(kept));
        if kept == TagEnd::Table {
            self.events.push(Event::Html("</div>".into()));
        }
    }

    fn end_code(&mut self) {
        let (language, text) = self.code.take().unwrap_or_default();
        self.events.push(Event::Html(highlight::code_block(&language, &text).into()));
    }
}

fn lowered(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from((level as usize + 2).min(6)).unwrap_or(HeadingLevel::H6)
}
