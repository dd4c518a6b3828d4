//! How much a user wants thought, in the words of the command line and the API, made into [`ThinkingParams`].
//!
//! Without any wish a completion may fill what is left of the context, and thinking is closed in time to leave room for
//! an answer. With `max_tokens` and no other wish the model decides, and a completion may end in the middle of its
//! thinking, as OpenAI's does.

use crate::request::ThinkingParams;

#[cfg(test)]
mod tests;

/// Tokens kept back for the answer when thinking has a budget, as far as there are as many.
const ANSWER_RESERVE: usize = 256;

/// Control tokens around thinking, and what is put in with them.
#[derive(Clone, Debug)]
pub struct ThinkTags {
    /// Id of the opening tag.
    pub start: u32,
    /// Id of the closing tag.
    pub end: u32,
    /// What closes an open block in this template's manner, such as `\n</think>\n\n`; contains `end`.
    pub closing: Vec<u32>,
    /// What makes a block go on that would end too early, such as `\nWait`.
    pub wait: Vec<u32>,
}

/// Named amounts of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Thinking off.
    None,
    /// A quarter of the available tokens at most.
    Low,
    /// Half of them.
    Medium,
    /// As many as the model likes.
    High,
}

impl Effort {
    /// Reads the word, those of other servers too; `Err` lists what is known.
    pub fn parse(word: &str) -> Result<Self, &'static str> {
        match word {
            "none" => Ok(Self::None),
            "minimal" | "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" | "xhigh" | "max" | "ultra" => Ok(Self::High),
            _ => Err("none, minimal, low, medium, high, xhigh or max"),
        }
    }

    /// The budget it sets, of `max_tokens` available.
    fn budget(self, max_tokens: usize) -> Option<usize> {
        match self {
            Self::None | Self::High => None,
            Self::Medium => Some(max_tokens / 2),
            Self::Low => Some(max_tokens / 4),
        }
    }
}

/// What a user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinkingWish {
    /// On, off, or as the model's template has it.
    pub enabled: Option<bool>,
    /// Most thinking tokens.
    pub budget_tokens: Option<usize>,
    /// Named amount; a budget goes before it.
    pub effort: Option<Effort>,
    /// Fewest thinking tokens.
    pub min_tokens: usize,
    /// Whether thinking that repeats itself is closed.
    pub loop_guard: bool,
}

impl Default for ThinkingWish {
    fn default() -> Self {
        Self { enabled: None, budget_tokens: None, effort: None, min_tokens: 0, loop_guard: true }
    }
}

impl ThinkingWish {
    /// On or off, if the user said so in any way.
    pub fn switch(&self) -> Option<bool> {
        self.enabled.or(self.effort.map(|effort| effort != Effort::None))
    }

    /// Whether it can be granted only where the tags are single tokens.
    pub fn needs_tags(&self) -> bool {
        self.budget_tokens.is_some() || self.effort.is_some_and(|e| e.budget(1).is_some()) || self.min_tokens > 0
    }

    /// The engine's parameters for a completion of at most `max_tokens`. `open`: the prompt ends inside a block; `capped`:
    /// `max_tokens` is the user's own bound and not just what is left of the context.
    pub fn params(&self, tags: &ThinkTags, open: bool, max_tokens: usize, capped: bool) -> ThinkingParams {
        // What was switched off and is opened all the same is closed at once.
        let none = (self.switch() == Some(false)).then_some(0);
        let asked = none.or(self.budget_tokens).or(self.effort.and_then(|effort| effort.budget(max_tokens)));
        ThinkingParams {
            start_token: tags.start,
            end_token: tags.end,
            open,
            budget: asked.or((!capped).then_some(max_tokens)),
            closing: tags.closing.clone(),
            answer_reserve: ANSWER_RESERVE.min(max_tokens / 4),
            loop_guard: self.loop_guard,
            min_tokens: self.min_tokens,
            wait: tags.wait.clone(),
        }
    }
}
