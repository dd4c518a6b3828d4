//! A model without weights, and a tokenizer of bytes: for tests and examples.
//!
//! [`MockModel`] keeps tokens where a model keeps keys and values, in the blocks it is told to use, and answers from what
//! it reads back. A wrong block table, a block shared too early or freed too soon changes its answers.

use std::time::Duration;

use crate::detokenizer::Decode;
use crate::language_model::{BLOCK_SIZE, LanguageModel, SeqStep};
use crate::request::ThinkingParams;

/// Logits `[vocab]` for the token after `context`, written into the second argument (all zero at first).
pub type Script = Box<dyn FnMut(&[u32], &mut [f32]) + Send>;

/// A model that follows a script.
pub struct MockModel {
    /// Number of token ids.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_positions: usize,
    /// Time one forward pass takes.
    pub step_time: Duration,
    pool: Vec<Option<u32>>,
    script: Script,
}

impl MockModel {
    /// A model of [`ByteTokenizer`]'s vocabulary with `n_blocks` blocks.
    pub fn new(n_blocks: usize, script: Script) -> Self {
        Self {
            vocab_size: ByteTokenizer::VOCAB_SIZE,
            max_positions: 1 << 20,
            step_time: Duration::ZERO,
            pool: vec![None; n_blocks * BLOCK_SIZE],
            script,
        }
    }

    /// Logits that are a hash of the whole context: any mistake about it shows in the next token.
    pub fn hashing(n_blocks: usize) -> Self {
        Self::new(
            n_blocks,
            Box::new(|context, logits| {
                let mut state = 0xcbf2_9ce4_8422_2325u64;
                for &token in context {
                    state = (state ^ u64::from(token)).wrapping_mul(0x0100_0000_01b3);
                }
                for logit in logits {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    *logit = (state >> 40) as f32 / (1u64 << 22) as f32;
                }
            }),
        )
    }

    /// Answers each prompt (everything up to the last [`ByteTokenizer::ASSISTANT`]) with the tokens that `reply` gives for
    /// it, then ends its turn. What the prompt already holds of the assistant's turn, such as `<think>`, is part of the reply.
    pub fn replying(n_blocks: usize, mut reply: impl FnMut(&[u32]) -> Vec<u32> + Send + 'static) -> Self {
        Self::new(
            n_blocks,
            Box::new(move |context, logits| {
                let turn = context.iter().rposition(|&t| t == ByteTokenizer::ASSISTANT).map_or(0, |at| at + 1);
                let (prompt, said) = context.split_at(turn);
                let reply = reply(prompt);
                let next = reply.get(said.len()).copied().unwrap_or(ByteTokenizer::END);
                logits[next as usize] = 100.0;
            }),
        )
    }

    /// A reasoner: for each prompt (as in [`Self::replying`]) it thinks the first text, closes its thinking, and answers the
    /// second. Where the thinking is closed for it, or off, it answers at once.
    pub fn reasoning(n_blocks: usize, mut reply: impl FnMut(&[u32]) -> (String, String) + Send + 'static) -> Self {
        Self::new(
            n_blocks,
            Box::new(move |context, logits| {
                let turn = context.iter().rposition(|&t| t == ByteTokenizer::ASSISTANT).map_or(0, |at| at + 1);
                let (prompt, said) = context.split_at(turn);
                let (thought, answer) = reply(prompt);
                let (script, from) = match said.iter().position(|&t| t == ByteTokenizer::THINK_END) {
                    None => (format!("<think>\n{thought}\n</think>"), 0),
                    Some(at) => (format!("\n\n{answer}<end>"), at + 1),
                };
                let script = ByteTokenizer::encode(&script);
                let next = script.get(said.len() - from).copied().unwrap_or(ByteTokenizer::END);
                logits[next as usize] = 100.0;
            }),
        )
    }
}

impl LanguageModel for MockModel {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn max_positions(&self) -> usize {
        self.max_positions
    }

    fn n_blocks(&self) -> usize {
        self.pool.len() / BLOCK_SIZE
    }

    fn forward(&mut self, steps: &[SeqStep]) -> Vec<f32> {
        std::thread::sleep(self.step_time);
        let slot = |blocks: &[u32], position: usize| {
            blocks[position / BLOCK_SIZE] as usize * BLOCK_SIZE + position % BLOCK_SIZE
        };
        // All writes come before all reads, as in a layer that serves the whole batch.
        for step in steps {
            for (i, &token) in step.tokens.iter().enumerate() {
                self.pool[slot(step.blocks, step.n_cached + i)] = Some(token);
            }
        }
        let mut all = vec![0.0; steps.len() * self.vocab_size];
        for (step, logits) in steps.iter().zip(all.chunks_mut(self.vocab_size)) {
            let read =
                |position| self.pool[slot(step.blocks, position)].expect("a position was read before it was written");
            let context: Vec<u32> = (0..step.n_cached + step.tokens.len()).map(read).collect();
            (self.script)(&context, logits);
        }
        all
    }
}

/// Bytes as tokens, and R1's control tokens after them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteTokenizer;

impl ByteTokenizer {
    /// End of the assistant's turn.
    pub const END: u32 = 256;
    /// Start of a user's turn.
    pub const USER: u32 = 257;
    /// Start of the assistant's turn.
    pub const ASSISTANT: u32 = 258;
    /// `<think>`.
    pub const THINK_START: u32 = 259;
    /// `</think>`.
    pub const THINK_END: u32 = 260;
    /// Number of ids.
    pub const VOCAB_SIZE: usize = 261;

    /// The bytes of `text`, with `<think>`, `</think>` and `<end>` read as control tokens: for scripts, not for users.
    pub fn encode(text: &str) -> Vec<u32> {
        let tags = [("<think>", Self::THINK_START), ("</think>", Self::THINK_END), ("<end>", Self::END)];
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((tag, id)) = tags.iter().find(|(tag, _)| rest.starts_with(tag)) {
                tokens.push(*id);
                rest = &rest[tag.len()..];
            } else {
                let (character, after) = rest.split_at(first.len_utf8());
                tokens.extend(character.bytes().map(u32::from));
                rest = after;
            }
        }
        tokens
    }

    /// The bytes of every token, for constraints.
    pub fn vocabulary() -> Vec<Option<Vec<u8>>> {
        (0..Self::VOCAB_SIZE as u32).map(|id| u8::try_from(id).ok().map(|byte| vec![byte])).collect()
    }

    /// Thinking as this tokenizer writes it, opened by the prompt, unbounded.
    pub fn thinking() -> ThinkingParams {
        ThinkingParams {
            start_token: Self::THINK_START,
            end_token: Self::THINK_END,
            open: true,
            budget: None,
            closing: Self::encode("\n</think>\n\n"),
            answer_reserve: 16,
            loop_guard: true,
            min_tokens: 0,
            wait: Self::encode("\nWait"),
        }
    }
}

impl Decode for ByteTokenizer {
    fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().filter_map(|&t| u8::try_from(t).ok()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
