//! Answers that must match a JSON schema, a regular expression or a grammar: which token may come next.
//!
//! `llguidance` does the work; it is told the bytes of every token once for each model ([`Constraints`]), and compiles
//! what a request asks for into a [`Constraint`] that the engine consults at each token of the answer. Control tokens are
//! not text: no grammar lets them in unless it names them by `<[id]>`.

use std::fmt;
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::Value;
use thiserror::Error;

use json_place::JsonPlace;

mod json_place;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

/// States of the automaton that may be built for one answer.
const MAX_LEXER_STATES: usize = 50_000;

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Grammar {
    /// A JSON value that fulfils this schema to the letter.
    JsonSchema(Value),
    /// A JSON value that fulfils of this schema what can be held to; other keywords and formats say nothing.
    LenientSchema(Value),
    /// A text that this regular expression matches as a whole.
    Regex(String),
    /// A text of the language of this grammar, in `llguidance`'s dialect of Lark.
    Lark(String),
}

impl Grammar {
    /// Any JSON object.
    pub fn json_object() -> Self {
        Self::JsonSchema(serde_json::json!({"type": "object"}))
    }
}

/// Why a constraint cannot be used; the user reads it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConstraintError {
    /// The schema, expression or grammar is not valid, or uses what is not supported.
    #[error("{0}")]
    Invalid(String),
    /// The parser gave up in the middle of an answer: what may come next is bounded work.
    #[error(
        "the form that the answer must have is more work than is allowed ({0}): ask for a simpler one, with shorter repetitions"
    )]
    Failed(String),
    /// The request's bias rules out every token that the form lets in.
    #[error(
        "`logit_bias` rules out every token that may come next in the form that the answer must have: remove some of it, or the form"
    )]
    RuledOut,
}

/// Compiles constraints for one vocabulary.
pub struct Constraints {
    factory: ParserFactory,
}

impl fmt::Debug for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constraints")
    }
}

/// Most references of a schema, or rules of a grammar: the compiler follows a chain of them by recursion, and takes 2 MB of
/// its thread's stack for 250. Threads that compile need [`COMPILER_STACK`].
const MAX_REFERENCES: usize = 500;

/// Bytes of stack of a thread that calls [`Constraints::compile`].
pub const COMPILER_STACK: usize = 32 << 20;

/// References of a schema; rules of a grammar, and references of the schemas in it.
fn references(grammar: &Grammar) -> usize {
    match grammar {
        Grammar::JsonSchema(schema) | Grammar::LenientSchema(schema) => references_of(schema),
        Grammar::Regex(_) => 0,
        Grammar::Lark(text) => {
            // An escape may spell what is counted.
            let spelt = text.matches("$ref").count() + text.matches("\\u").count();
            text.lines().filter(|line| is_rule(line)).count() + spelt
        }
    }
}

fn references_of(schema: &Value) -> usize {
    match schema {
        Value::Object(map) => map.iter().map(|(key, value)| usize::from(key == "$ref") + references_of(value)).sum(),
        Value::Array(items) => items.iter().map(references_of).sum(),
        _ => 0,
    }
}

/// Whether a line of Lark begins a rule: a name, then a colon. Lines of a schema begin with quotes or brackets.
fn is_rule(line: &str) -> bool {
    let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | '?' | '!');
    line.contains(':') && line.trim_start().starts_with(begins)
}

impl Constraints {
    /// `vocabulary`: for each id of the model the bytes of its text, `None` for control tokens and unused ids. `eos`: a
    /// token that ends the answer. Takes about a second for each million bytes of vocabulary.
    pub fn new(vocabulary: Vec<Option<Vec<u8>>>, eos: u32) -> Result<Self, ConstraintError> {
        let name = |id: usize, text: Option<Vec<u8>>| match text {
            Some(bytes) if !bytes.is_empty() && bytes[0] != TokTrie::SPECIAL_TOKEN_MARKER => bytes,
            // Marked as a control token: in no text, reachable by its id alone.
            _ => [&[TokTrie::SPECIAL_TOKEN_MARKER], format!("<[{id}]>").as_bytes()].concat(),
        };
        let words: Vec<Vec<u8>> = vocabulary.into_iter().enumerate().map(|(id, text)| name(id, text)).collect();
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, eos), &words);
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &slices)
            .map_err(|e| ConstraintError::Invalid(e.to_string()))?;
        factory.quiet();
        // A kilobyte or two each; what one answer may take up, whatever its form.
        factory.limits_mut().max_lexer_states = MAX_LEXER_STATES;
        Ok(Self { factory })
    }

    /// A constraint before the first token of an answer.
    ///
    /// # Errors
    /// A form that is not understood, that no text fulfils, or that refers on too often.
    pub fn compile(&self, grammar: &Grammar) -> Result<Constraint, ConstraintError> {
        let n_references = references(grammar);
        if n_references > MAX_REFERENCES {
            return Err(ConstraintError::Invalid(format!(
                "it has {n_references} references or rules, and at most {MAX_REFERENCES} are accepted"
            )));
        }
        let json = matches!(grammar, Grammar::JsonSchema(_) | Grammar::LenientSchema(_)).then(JsonPlace::default);
        let grammar = match grammar {
            Grammar::JsonSchema(schema) => TopLevelGrammar::from_json_schema(schema::prepared(schema, false)),
            Grammar::LenientSchema(schema) => TopLevelGrammar::from_json_schema(schema::prepared(schema, true)),
            Grammar::Regex(expression) => TopLevelGrammar::from_regex(expression),
            Grammar::Lark(text) => TopLevelGrammar::from_lark(text.clone()),
        };
        let parser = self.factory.create_parser(grammar);
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(ConstraintError::Invalid(in_a_line(&error))),
            None => {
                // What no text fulfils, or what is too much work, shows at the first token.
                matcher.deep_clone().compute_mask_or_eos().map_err(|e| {
                    let why = match in_a_line(&e.to_string()) {
                        // Its word for what has no text.
                        why if why.contains("NoExtensionBias") => "no text fulfils it".to_owned(),
                        why => why,
                    };
                    ConstraintError::Invalid(format!("no answer can begin under it ({why})"))
                })?;
                Ok(Constraint { matcher, env: self.factory.tok_env().clone(), json })
            }
        }
    }
}

/// What may follow in one answer. A clone goes its own way.
pub struct Constraint {
    matcher: Matcher,
    env: TokEnv,
    /// Where the text is that a schema binds.
    json: Option<JsonPlace>,
}

impl Clone for Constraint {
    fn clone(&self) -> Self {
        Self { matcher: self.matcher.deep_clone(), env: self.env.clone(), json: self.json.clone() }
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constraint")
    }
}

impl Constraint {
    /// Rules out, in `logits` (`[vocab]`), every token that may not come next. Where the answer may end, each of
    /// `stop_tokens` is let through; returns whether it may.
    pub fn mask(&mut self, logits: &mut [f32], stop_tokens: &[u32]) -> Result<bool, ConstraintError> {
        let mut mask = self.matcher.compute_mask_or_eos().map_err(failed)?;
        if let Some(json) = self.json.as_ref().filter(|json| json.is_long_enough()) {
            let mut ending = mask.clone();
            mask.iter_set_entries(|id| {
                if json.goes_on(self.env.tok_trie().token(id as u32)) {
                    ending.disallow_token(id as u32);
                }
            });
            // Some schemas have no end here.
            if !ending.is_zero() {
                mask = ending;
            }
        }
        let may_end = self.matcher.is_stopped() || self.matcher.is_accepting().map_err(failed)?;
        for (id, logit) in (0u32..).zip(logits) {
            let is_stop = stop_tokens.contains(&id);
            if !(if is_stop { may_end } else { mask.is_allowed(id) }) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(may_end)
    }

    /// Whether an answer can go on where `bias` is added to logits; minus infinity rules a token out.
    pub fn allows_bias(
        &self,
        bias: &[(u32, f32)],
        vocab_size: usize,
        stop_tokens: &[u32],
    ) -> Result<bool, ConstraintError> {
        let mut logits = vec![0.0; vocab_size];
        for &(id, bias) in bias {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit += bias;
            }
        }
        let may_end = self.clone().mask(&mut logits, stop_tokens)?;
        Ok(may_end || !all_ruled_out(&logits))
    }

    /// Takes the next token of the answer.
    pub fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        if let Some(json) = &mut self.json {
            json.take(self.env.tok_trie().token(token));
        }
        self.matcher.consume_token(token).map_err(failed)
    }

    /// Whether the answer is complete and nothing may follow.
    pub fn is_complete(&self) -> bool {
        self.matcher.is_stopped()
    }
}

/// Whether no token is left to draw.
pub(crate) fn all_ruled_out(logits: &[f32]) -> bool {
    logits.iter().all(|logit| *logit == f32::NEG_INFINITY)
}

fn failed(error: impl fmt::Display) -> ConstraintError {
    ConstraintError::Failed(in_a_line(&error.to_string()))
}

/// The first line of an error's text, and the reason where it is one that draws a picture of the place first, as that of a
/// regular expression does.
fn in_a_line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default().trim();
    match text.lines().skip(1).find_map(|line| line.trim().strip_prefix("error: ")) {
        Some(reason) => format!("{first} {reason}"),
        None => first.to_owned(),
    }
}
