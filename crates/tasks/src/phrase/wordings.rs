//! All the ways of asking one question, as data: a family lists its cores, this file frames one of them.
//!
//! Where a prompt carries letters or a drawing that matter, no slip of the finger and no change of case may touch it
//! ([`Wordings::quote`]); where the answer is no number, nobody says "Just the number." ([`Answers`]).

use super::{Core, capitalise, fill, framed, noise};
use crate::rng::Rng;
use crate::task::{Asked, Form, Options};

/// What the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A number: all frames of arithmetic fit.
    Number,
    /// A word, a list, an expression or a path, which "Just the answer." still fits.
    Text,
    /// Yes or no, or a sentence: the reply is always the sentence.
    Sentence,
}

/// Templates by the kind of core (see [`Core`]); all English ones are equally likely.
#[derive(Clone, Copy, Debug)]
pub struct Wordings {
    /// What the answer is.
    pub answers: Answers,
    /// "the greatest common divisor of {a} and {b}"
    pub nouns: &'static [&'static str],
    /// "find the greatest common divisor of {a} and {b}"
    pub orders: &'static [&'static str],
    /// "which is the largest number that divides {a} and {b}"
    pub questions: &'static [&'static str],
    /// Prompts that need no frame.
    pub wholes: &'static [&'static str],
    /// Whole prompts in Chinese.
    pub chinese: &'static [&'static str],
}

const NOUN_FRAMES: &[&str] =
    &["what is {x}?", "what is {x}?", "what is {x}", "what's {x}?", "find {x}.", "give {x}.", "{x}?", "give me {x}."];
const LEADS: &[&str] = &[
    "Please help: ",
    "Question: ",
    "Quick question: ",
    "Hi! ",
    "Hello, ",
    "Puzzle: ",
    "Here is one: ",
    "Can you help me? ",
    "I have a question. ",
    "Next: ",
    "OK, ",
    "Try this: ",
];
const TAILS: &[&str] = &[
    " Thanks!",
    " Please.",
    " Thank you.",
    " Think step by step.",
    " Show the steps.",
    " Explain your steps.",
    " Take your time.",
    " Be careful.",
    " Check your answer.",
    " What is the answer?",
    " Give the answer at the end.",
    "\nAnswer:",
    "\nThink step by step.",
];
const BARE_TAILS: &[&str] = &[
    " Just the answer.",
    " Only the answer.",
    " Answer only.",
    " Only give the answer.",
    " Give only the answer.",
    " No explanation.",
    " Final answer only.",
    " Output only the answer.",
    "\nGive only the final answer.",
];
const BOXED_TAILS: &[&str] = &[
    " Put your final answer in \\boxed{}.",
    " Give your answer in \\boxed{}.",
    " Please reason step by step, and put your final answer within \\boxed{}.",
    "\nPut your final answer within \\boxed{}.",
];

impl Wordings {
    /// No templates yet; for struct update.
    pub const NONE: Self =
        Self { answers: Answers::Number, nouns: &[], orders: &[], questions: &[], wholes: &[], chinese: &[] };

    /// A prompt with all the noise of typing.
    pub fn ask(&self, values: &[(&str, &str)], rng: &mut Rng, options: &Options) -> Asked {
        if let Some(asked) = self.chinese(values, rng, options) {
            return asked;
        }
        match self.choose(values, rng) {
            core @ Core::Whole(_) => self.frame(&core, rng),
            core => noise(self.frame(&core, rng), rng),
        }
    }

    /// A prompt that keeps its letters as they are.
    pub fn quote(&self, values: &[(&str, &str)], rng: &mut Rng, options: &Options) -> Asked {
        if let Some(asked) = self.chinese(values, rng, options) {
            return asked;
        }
        let core = self.choose(values, rng);
        self.frame(&core, rng)
    }

    /// A share of prompts is in Chinese, without English around it.
    fn chinese(&self, values: &[(&str, &str)], rng: &mut Rng, options: &Options) -> Option<Asked> {
        let is_chinese = !self.chinese.is_empty() && rng.chance(options.chinese);
        is_chinese.then(|| Asked::plain(fill(rng.pick(self.chinese), values)))
    }

    fn choose(&self, values: &[(&str, &str)], rng: &mut Rng) -> Core {
        type Kind = fn(String) -> Core;
        let kinds: [(&[&str], Kind); 4] = [
            (self.nouns, Core::Noun),
            (self.orders, Core::Imperative),
            (self.questions, Core::Question),
            (self.wholes, Core::Whole),
        ];
        let n_templates: usize = kinds.iter().map(|(templates, _)| templates.len()).sum();
        let mut idx = rng.below(n_templates as u64) as usize;
        for (templates, kind) in kinds {
            if let Some(template) = templates.get(idx) {
                return kind(fill(template, values));
            }
            idx -= templates.len();
        }
        unreachable!("the index is below the number of templates")
    }

    fn frame(&self, core: &Core, rng: &mut Rng) -> Asked {
        if self.answers == Answers::Number && !matches!(core, Core::Whole(_)) {
            return framed(core, rng);
        }
        let text = match core {
            Core::Noun(text) | Core::Expression(text) => {
                let frame = rng.pick(NOUN_FRAMES);
                let plural = frame.replace("what is", "what are").replace("what's", "what are");
                fill(if is_plural(text) { &plural } else { frame }, &[("x", text)])
            }
            Core::Imperative(text) => format!("{text}{}", rng.pick(&[".", ".", ""])),
            Core::Question(text) => format!("{text}{}", rng.pick(&["?", "?", "?", ""])),
            Core::Whole(text) => text.clone(),
        };
        let prompt = match core {
            _ if rng.chance(0.08) => format!("{}{text}", rng.pick(LEADS)),
            Core::Whole(_) => text,
            _ => capitalise(&text),
        };
        self.tail(prompt, rng)
    }

    /// Sometimes a second sentence, which may ask for a form of answer.
    fn tail(&self, prompt: String, rng: &mut Rng) -> Asked {
        let roll = rng.unit();
        let plain = self.answers == Answers::Sentence;
        let (tails, form) = match roll {
            _ if roll < 0.05 && !plain => (BARE_TAILS, Form::Bare),
            _ if roll < 0.065 && !plain => (BOXED_TAILS, Form::Boxed),
            _ if roll < 0.13 => (TAILS, Form::Sentence),
            _ => return Asked::plain(prompt),
        };
        let tail = rng.pick(tails);
        let ended = prompt.ends_with(['.', '?', '!', ':', '。', '？', '\n']) || tail.starts_with('\n');
        Asked { prompt: format!("{prompt}{}{tail}", if ended { "" } else { "." }), form }
    }
}

/// "the running totals of 3, 4", "all numbers that are even"
fn is_plural(noun: &str) -> bool {
    let head = [" of ", " in ", " that ", ": "].iter().filter_map(|end| noun.find(end)).min();
    head.is_some_and(|end| noun[..end].ends_with('s') && !noun[..end].ends_with("ss"))
}
