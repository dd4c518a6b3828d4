//! A problem as the tokens that a model is asked with: one user turn through its chat template.

use model::chat_template::{ChatTemplate, ChatTemplateError, Message, Prompt, RenderOptions};
use model::tokenizer::Tokenizer;
use serde_json::Map;
use std::time::{Duration, SystemTime};

/// The date that templates with a clock show: fixed, so that a prompt is a function of its problem.
const NOW: Duration = Duration::from_secs(1_767_225_600);

/// How problems are put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// With thinking or without; `None` leaves it to the template.
    pub thinking: Option<bool>,
    /// What stands before the question as a system message.
    pub system: Option<String>,
}

impl Asking {
    /// The messages before the answer.
    pub fn messages(&self, prompt: &str) -> Vec<Message> {
        self.system.iter().map(Message::system).chain([Message::user(prompt)]).collect()
    }

    /// The prompt's tokens, to the place where the model begins to write. A pure function of its arguments.
    ///
    /// # Errors
    /// A template that refuses the messages.
    pub fn encode(
        &self,
        template: &ChatTemplate,
        tokenizer: &Tokenizer,
        prompt: &str,
    ) -> Result<Prompt, ChatTemplateError> {
        let options = RenderOptions {
            thinking: self.thinking,
            now: Some(SystemTime::UNIX_EPOCH + NOW),
            variables: Map::new(),
            ..RenderOptions::default()
        };
        template.encode(tokenizer, &self.messages(prompt), &options)
    }
}
