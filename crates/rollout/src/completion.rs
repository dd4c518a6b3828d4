//! What a sample says: its thinking, its answer, its form, and the verdict on it.
//!
//! Where the tokenizer has control tokens for the tags, these alone divide a completion, so that a tag which the model
//! spells out in letters is text; elsewhere the tags' text does, by [`engine::ReasoningParser`].

use engine::ReasoningParser;
use model::tokenizer::Tokenizer;
use serde_json::Value;
use tasks::{Judgement, Task};

#[cfg(test)]
mod tests;

/// A completion, divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The thinking, without its tags and the white space around it.
    pub reasoning: String,
    /// The answer, without the white space around it; empty where the thinking does not end.
    pub content: String,
    /// Tokens of the thinking, tags left out; 0 where a text was divided.
    pub n_thinking: usize,
    /// Whether there was a thinking block, opened by the prompt or by the model.
    pub has_thinking: bool,
    /// Whether every block that was opened is closed, once, with no tag left over.
    pub is_balanced: bool,
}

impl Parts {
    /// Divides a completion's tokens. `in_thinking`: the prompt ended inside an open block. The stop token may be among them.
    pub fn from_tokens(tokenizer: &Tokenizer, tokens: &[u32], in_thinking: bool) -> Parts {
        let (Some(start), Some(end)) = (tokenizer.think_start_id(), tokenizer.think_end_id()) else {
            return Parts::from_text(&tokenizer.decode(tokens, true), in_thinking);
        };
        let text = |tokens: &[u32]| tokenizer.decode(tokens, true).trim().to_owned();
        let without_tags =
            |tokens: &[u32]| tokens.iter().copied().filter(|t| *t != start && *t != end).collect::<Vec<_>>();
        let closed_at = tokens.iter().position(|t| *t == end);
        let n_starts = tokens.iter().filter(|t| **t == start).count();
        let n_ends = tokens.iter().filter(|t| **t == end).count();
        // A prompt that opened the block leaves no opening tag to the model.
        let n_opened = usize::from(in_thinking) + n_starts;
        let (thinking, answer) = match closed_at {
            Some(at) => (without_tags(&tokens[..at]), without_tags(&tokens[at + 1..])),
            None if n_opened > 0 => (without_tags(tokens), Vec::new()),
            None => (Vec::new(), tokens.to_vec()),
        };
        Parts {
            reasoning: text(&thinking),
            content: text(&answer),
            n_thinking: thinking.len(),
            has_thinking: n_opened + n_ends > 0,
            is_balanced: n_opened == n_ends && n_opened <= 1,
        }
    }

    /// Divides a completion's text.
    pub fn from_text(text: &str, in_thinking: bool) -> Parts {
        let mut parser = ReasoningParser::new(in_thinking);
        let (first, last) = (parser.push(text), parser.finish());
        let (reasoning, content) = (first.reasoning + &last.reasoning, first.content + &last.content);
        let has_thinking = in_thinking || !reasoning.is_empty();
        let has_stray_tag = content.contains("<think>") || content.contains("</think>");
        Parts {
            is_balanced: !parser.is_thinking() && !has_stray_tag,
            reasoning: reasoning.trim().to_owned(),
            content: content.trim().to_owned(),
            n_thinking: 0,
            has_thinking,
        }
    }

    /// Thinking and answer that came apart, as endpoints give them.
    pub fn from_fields(reasoning: &str, content: &str) -> Parts {
        Parts {
            reasoning: reasoning.trim().to_owned(),
            content: content.trim().to_owned(),
            n_thinking: 0,
            has_thinking: !reasoning.trim().is_empty(),
            is_balanced: !content.contains("<think>") && !content.contains("</think>"),
        }
    }

    /// R1's format reward: thinking that is closed, and an answer after it.
    pub fn is_well_formed(&self) -> bool {
        self.is_balanced && !self.content.is_empty()
    }
}

/// The verdict on a completion. `is_finished`: the model ended it; what ran out of tokens has no answer and is wrong.
pub fn judge(task: &dyn Task, problem: &Value, parts: &Parts, is_finished: bool) -> Judgement {
    if !is_finished {
        return Judgement::wrong("cut off before its end");
    }
    if parts.content.is_empty() {
        let why = if parts.has_thinking && !parts.is_balanced { "the thinking does not end" } else { "no answer" };
        return Judgement::wrong(why);
    }
    task.score(problem, &parts.content)
}
