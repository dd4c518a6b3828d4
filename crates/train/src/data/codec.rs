//! From texts and conversations to documents: the tokenizer and the chat template of one model.
//!
//! A conversation is cut where generation will cut it: the prompt is what the template gives for the messages before an
//! answer, and what is learnt is the rest, up to and with the stop token. So the tokens of training are the tokens of
//! use.

use super::Document;
use crate::recipe::Learn;
use model::chat_template::{ChatTemplate, Message, RenderOptions};
use model::tokenizer::Tokenizer;
use std::time::{Duration, SystemTime};

/// The text side of a model.
pub struct Codec {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The chat template.
    pub template: ChatTemplate,
}

impl Codec {
    /// A plain text: begin token, text, end token, where the tokenizer has such.
    pub fn text(&self, text: &str) -> Vec<u32> {
        let mut tokens: Vec<u32> = self.tokenizer.bos_id().into_iter().collect();
        tokens.extend(self.tokenizer.encode(text));
        tokens.extend(self.tokenizer.eos_id());
        tokens
    }

    /// One document for each answer of a conversation: what stands before it as a prompt, the answer to be learnt.
    /// `None` where there is no answer, or the template does not end a prompt where it begins the answer.
    pub fn conversation(&self, messages: &[Message], learn: Learn) -> Option<Vec<Document>> {
        let answers = messages.iter().enumerate().filter(|(_, message)| message.role == "assistant");
        let documents = answers.map(|(idx, _)| self.answer(&messages[..=idx], learn)).collect::<Option<Vec<_>>>()?;
        (!documents.is_empty()).then_some(documents)
    }

    fn answer(&self, messages: &[Message], learn: Learn) -> Option<Document> {
        let (answer, before) = messages.split_last()?;
        let thinks = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
        let has_thinking = thinks(&answer.reasoning_content)
            || answer.content.as_ref().is_some_and(|text| text.contains(model::tokenizer::THINK_END));
        // A fixed date: what a template writes of the clock must not change what is learnt.
        let now = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
        let options = RenderOptions { thinking: Some(has_thinking), now, ..RenderOptions::default() };
        let whole_options = RenderOptions { add_generation_prompt: false, ..options.clone() };
        let prompt = self.template.encode(&self.tokenizer, before, &options).ok()?.tokens;
        let mut tokens = self.template.encode(&self.tokenizer, messages, &whole_options).ok()?.tokens;
        if !tokens.starts_with(&prompt) {
            return None;
        }
        let is_stop = |token: &u32| self.tokenizer.eos_ids().contains(token);
        let end = tokens.iter().rposition(is_stop).map_or(tokens.len(), |at| at + 1);
        tokens.truncate(end);
        if tokens.len() <= prompt.len() {
            return None;
        }
        let learn = (0..tokens.len()).map(|at| learn == Learn::All || at >= prompt.len()).collect();
        Some(Document { tokens, learn, is_truncated: false })
    }

    /// Bytes of text that the learnt tokens stand for; control tokens stand for none.
    pub fn learnt_bytes(&self, document: &Document) -> u64 {
        let learnt = document.tokens.iter().zip(&document.learn).skip(1).filter(|(_, learn)| **learn);
        let text: Vec<u32> = learnt.map(|(t, _)| *t).filter(|t| !self.tokenizer.is_control_id(*t)).collect();
        let by_token: Option<u64> = text.iter().map(|t| self.tokenizer.token_bytes(*t).map(|b| b.len() as u64)).sum();
        by_token.unwrap_or_else(|| self.tokenizer.decode(&text, true).len() as u64)
    }
}
