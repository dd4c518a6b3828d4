//! The contract that every source of problems keeps, and the typed form in which native families are written.
//!
//! [`Task`] is what trainers and evaluators hold: object-safe, its problems are JSON. [`Family`] is what a native
//! family implements: its problems are a Rust type. [`Native`] turns the second into the first.

use crate::rng::Rng;
use crate::split::{Split, stable_hash};
use crate::verify::extract::after_thinking;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One problem as it is put to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// `task/hash of canonical problem and prompt`; the same problem in the same words has the same id.
    pub id: String,
    /// Name of the task it comes from.
    pub task: String,
    /// The difficulty it was drawn at (see [`Task::generate`]).
    pub difficulty: u8,
    /// What the user says.
    pub prompt: String,
    /// Everything that [`Task::score`] needs.
    pub problem: Value,
    /// The gold answer, bare (`935`, `even`); empty where there is none.
    pub answer: String,
    /// Worked thinking that reaches the answer, where the family has it.
    pub demonstration: Option<Demonstration>,
}

/// Worked thinking and the reply that follows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demonstration {
    /// What goes between `<think>` and `</think>`, without the surrounding line breaks.
    pub reasoning: String,
    /// What is said after the thinking. Where the answer is a number, the last number is the answer.
    pub answer_text: String,
}

/// Is an answer right? The third value is never counted as a reward (ARCHITECTURE.md, invariant 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Proven right.
    Right,
    /// Proven wrong, or not an answer of the asked form.
    Wrong,
    /// This task cannot say; excluded from rewards, and counted.
    CannotJudge,
}

/// A verdict with its reason in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for a person.
    pub reason: String,
}

impl Judgement {
    /// A right answer.
    pub fn right(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Right, reason: reason.into() }
    }

    /// A wrong answer.
    pub fn wrong(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, reason: reason.into() }
    }

    /// No verdict.
    pub fn cannot_judge(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::CannotJudge, reason: reason.into() }
    }
}

/// What may vary in demonstrations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Share of demonstrations of sums, differences and products that end in a check by casting out nines.
    pub checks: f64,
    /// Share of demonstrations in which one step goes wrong, is noticed and put right.
    pub slips: f64,
    /// Share of prompts in Chinese.
    pub chinese: f64,
    /// Only problems whose worked thinking has at least so many bytes; where a family has none after 512 draws, the
    /// longest of them. A family's hard problems can be rare: this is how a recipe takes more of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_thinking: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Default for Options {
    fn default() -> Self {
        Self { checks: 0.0, slips: 0.0, chinese: 0.04, min_thinking: 0 }
    }
}

/// Why a task could not be had or used.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No family or verifier of that name.
    #[error("unknown {kind} `{name}`; did you mean `{nearest}`? (known: {known})")]
    UnknownName {
        /// `task` or `verifier`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The known name nearest to it.
        nearest: String,
        /// Known names, nearest first.
        known: String,
    },
    /// A difficulty outside the family's levels.
    #[error("task `{task}` has difficulties 1 to {levels}, not {difficulty}")]
    Difficulty {
        /// The task.
        task: String,
        /// Its highest level.
        levels: u8,
        /// What was asked for.
        difficulty: u8,
    },
    /// A mixture that cannot be sampled.
    #[error("mixture: {0}")]
    Mixture(String),
    /// A file without problems of one split.
    #[error("task `{task}` has no problem of split `{split}`; a line may say `\"split\": \"{split}\"`")]
    Split {
        /// The task.
        task: String,
        /// What was asked for.
        split: &'static str,
    },
    /// A problem file that cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What went wrong and what was expected.
        reason: String,
    },
}

/// A source of problems that can be checked.
pub trait Task: Send + Sync {
    /// Name on the command line and in recipes.
    fn name(&self) -> &str;

    /// One line for `penseur tasks list`.
    fn about(&self) -> &str;

    /// Difficulties are `1..=levels()`.
    fn levels(&self) -> u8;

    /// Draws a problem of `split`, puts it into words and works it out. A pure function of its arguments.
    ///
    /// A level with too few problems to hold one of `split` (the products of single digits, say) gives one of the
    /// next level; [`Example::difficulty`] tells.
    ///
    /// # Panics
    /// When `difficulty` is not in `1..=levels()`, or there is no problem of `split` (see [`Task::count`]).
    fn generate(&self, rng: &mut Rng, difficulty: u8, split: Split, options: &Options) -> Example;

    /// Judges the text that follows the thinking; thinking in front of it is left out, and thinking that does not end has
    /// no answer. Bounded in time and space by the text's length.
    fn score(&self, problem: &Value, answer_text: &str) -> Judgement;

    /// Every problem in order, where they can be counted: those of a file. `None` for generators.
    fn all(&self) -> Option<Vec<(Split, Example)>> {
        None
    }

    /// Number of problems of `split`, where they can be counted.
    fn count(&self, split: Split) -> Option<usize> {
        self.all().map(|all| all.iter().filter(|(of, _)| *of == split).count())
    }
}

/// The form in which a prompt wants its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A short sentence or an equation.
    #[default]
    Sentence,
    /// The bare answer.
    Bare,
    /// The answer within `\boxed{}`.
    Boxed,
}

/// A prompt, and the form it wants the answer in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the user says.
    pub prompt: String,
    /// What the reply should look like.
    pub form: Form,
}

impl Asked {
    /// A prompt that wants nothing special.
    pub fn plain(prompt: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), form: Form::Sentence }
    }

    /// The reply: `sentence`, unless the prompt wants the bare or the boxed `answer`.
    pub fn reply(&self, answer: &str, sentence: String) -> String {
        match self.form {
            Form::Sentence => sentence,
            Form::Bare => answer.to_string(),
            Form::Boxed => format!("\\boxed{{{answer}}}"),
        }
    }
}

/// A native family of problems. Implement this, add a line to [`mod@crate::registry`], done.
pub trait Family: Send + Sync {
    /// All that is needed to ask, work out and judge.
    type Problem: Serialize + DeserializeOwned;

    /// Name on the command line and in recipes.
    fn name(&self) -> &'static str;
    /// One line that says what is asked.
    fn about(&self) -> &'static str;
    /// Difficulties are `1..=levels()`, harder upwards.
    fn levels(&self) -> u8;
    /// Draws a problem, without regard to splits.
    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Self::Problem;
    /// The one spelling of this problem, whatever the words and the order of commuting operands. Families that ask
    /// for the same result share it (see [`crate::split`]).
    fn canonical(&self, problem: &Self::Problem) -> String;
    /// Puts the problem into words.
    fn ask(&self, problem: &Self::Problem, rng: &mut Rng, options: &Options) -> Asked;
    /// The gold answer, bare; empty where there is none.
    fn answer(&self, problem: &Self::Problem) -> String;
    /// Works the problem out.
    fn demonstrate(
        &self,
        problem: &Self::Problem,
        asked: &Asked,
        rng: &mut Rng,
        options: &Options,
    ) -> Option<Demonstration>;
    /// Judges the text that follows the thinking.
    fn judge(&self, problem: &Self::Problem, answer_text: &str) -> Judgement;
}

/// A [`Family`] as a [`Task`].
pub struct Native<F>(pub F);

/// Draws at one level before the next is tried. At 1% acceptance, a level with a problem of the split is missed with
/// probability e^-41.
const MAX_DRAWS: usize = 4096;

/// Draws of a problem that needs [`Options::min_thinking`].
const MAX_LONG_DRAWS: usize = 512;

impl<F: Family> Native<F> {
    /// Any problem of `split`, of `difficulty` or, where that has none, of a higher one.
    fn draw(&self, rng: &mut Rng, difficulty: u8, split: Split, options: &Options) -> Example {
        let family = &self.0;
        let (name, levels) = (family.name(), family.levels());
        for level in difficulty..=levels {
            for _ in 0..MAX_DRAWS {
                let problem = family.draw(rng, level);
                let canonical = family.canonical(&problem);
                if Split::of(&canonical) != split {
                    continue;
                }
                let asked = family.ask(&problem, rng, options);
                let demonstration = family.demonstrate(&problem, &asked, rng, options);
                return Example {
                    id: format!("{name}/{:016x}", stable_hash(&format!("{canonical}\n{}", asked.prompt))),
                    task: name.to_string(),
                    difficulty: level,
                    answer: family.answer(&problem),
                    problem: serde_json::to_value(&problem).expect("problems are plain data"),
                    prompt: asked.prompt,
                    demonstration,
                };
            }
        }
        panic!("task `{name}` has no problem of split {split:?} at difficulties {difficulty} to {levels}")
    }
}

impl<F: Family> Task for Native<F> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn about(&self) -> &str {
        self.0.about()
    }

    fn levels(&self) -> u8 {
        self.0.levels()
    }

    fn generate(&self, rng: &mut Rng, difficulty: u8, split: Split, options: &Options) -> Example {
        let (name, levels) = (self.name(), self.levels());
        assert!((1..=levels).contains(&difficulty), "task `{name}` has difficulties 1 to {levels}, not {difficulty}");
        let thinking = |example: &Example| example.demonstration.as_ref().map_or(0, |shown| shown.reasoning.len());
        let mut longest = self.draw(rng, difficulty, split, options);
        for _ in 1..MAX_LONG_DRAWS {
            if thinking(&longest) >= options.min_thinking {
                break;
            }
            let example = self.draw(rng, difficulty, split, options);
            if thinking(&example) > thinking(&longest) {
                longest = example;
            }
        }
        longest
    }

    fn score(&self, problem: &Value, answer_text: &str) -> Judgement {
        match F::Problem::deserialize(problem) {
            Ok(problem) => match after_thinking(answer_text) {
                Ok(answer_text) => self.0.judge(&problem, answer_text),
                Err(reason) => Judgement::wrong(reason),
            },
            Err(error) => Judgement::cannot_judge(format!("not a problem of `{}`: {error}", self.0.name())),
        }
    }
}
