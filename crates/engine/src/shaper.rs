//! What changes the logits before a token is drawn: bias, penalties, and the constraint on the answer.
//!
//! A request that asks for none of it has no [`Shaper`], and its logits are drawn from as they are, without a copy.

use std::collections::{BTreeSet, HashMap};

use crate::constraint::{Constraint, ConstraintError, all_ruled_out};
use crate::request::{Request, SamplingParams};

#[cfg(test)]
mod tests;

/// The state of one sequence.
#[derive(Debug)]
pub struct Shaper {
    repetition_penalty: f32,
    presence_penalty: f32,
    frequency_penalty: f32,
    logit_bias: Vec<(u32, f32)>,
    /// Tokens of the prompt, where repetition is penalised.
    in_prompt: BTreeSet<u32>,
    /// How often the completion holds a token.
    counts: HashMap<u32, u32>,
    constraint: Option<Constraint>,
    stop_tokens: Vec<u32>,
    shaped: Vec<f32>,
}

impl Shaper {
    /// `None` where the request leaves the logits as they are.
    pub fn new(request: &Request) -> Option<Self> {
        let SamplingParams { repetition_penalty, presence_penalty, frequency_penalty, .. } = request.sampling;
        let penalised = repetition_penalty != 1.0 || presence_penalty != 0.0 || frequency_penalty != 0.0;
        if !penalised && request.sampling.logit_bias.is_empty() && request.constraint.is_none() {
            return None;
        }
        let prompt = if repetition_penalty == 1.0 { &[][..] } else { &request.prompt };
        Some(Self {
            repetition_penalty,
            presence_penalty,
            frequency_penalty,
            logit_bias: request.sampling.logit_bias.clone(),
            in_prompt: prompt.iter().copied().collect(),
            counts: HashMap::new(),
            constraint: request.constraint.clone(),
            stop_tokens: request.stop_tokens.clone(),
            shaped: Vec::new(),
        })
    }

    /// The logits to draw from. `constrained`: the token belongs to the answer; `also`: a token that the constraint may
    /// not rule out, such as the tag that opens thinking.
    pub fn shape(&mut self, logits: &[f32], constrained: bool, also: Option<u32>) -> Result<&[f32], ConstraintError> {
        self.shaped.clear();
        self.shaped.extend_from_slice(logits);
        let repeated = self.counts.keys().chain(self.in_prompt.iter().filter(|id| !self.counts.contains_key(id)));
        if self.repetition_penalty != 1.0 {
            for &id in repeated {
                let logit = &mut self.shaped[id as usize];
                *logit = if *logit > 0.0 { *logit / self.repetition_penalty } else { *logit * self.repetition_penalty };
            }
        }
        for (&id, &n) in &self.counts {
            self.shaped[id as usize] -= self.presence_penalty + self.frequency_penalty * n as f32;
        }
        for &(id, bias) in &self.logit_bias {
            self.shaped[id as usize] += bias;
        }
        if constrained && let Some(constraint) = &mut self.constraint {
            let kept = also.map(|id| (id, self.shaped[id as usize]));
            let may_end = constraint.mask(&mut self.shaped, &self.stop_tokens)?;
            if all_ruled_out(&self.shaped) && self.logit_bias.iter().any(|(_, bias)| *bias == f32::NEG_INFINITY) {
                if !may_end {
                    return Err(ConstraintError::RuledOut);
                }
                // An answer that can only end ends, whatever the bias says of the tokens that end it.
                for &id in &self.stop_tokens {
                    self.shaped[id as usize] = logits[id as usize];
                }
            }
            if let Some((id, logit)) = kept {
                self.shaped[id as usize] = logit;
            }
        }
        Ok(&self.shaped)
    }

    /// Takes note of the completion's next token. `constrained`: the model chose it as a part of the answer.
    pub fn observe(&mut self, token: u32, constrained: bool) -> Result<(), ConstraintError> {
        *self.counts.entry(token).or_default() += 1;
        match &mut self.constraint {
            Some(constraint) if constrained => constraint.accept(token),
            _ => Ok(()),
        }
    }

    /// Whether the answer is complete and nothing may follow.
    pub fn is_complete(&self) -> bool {
        self.constraint.as_ref().is_some_and(Constraint::is_complete)
    }
}
