//! Families by weight, sampled by seed and index.
//!
//! [`Mixture::sample`] is random access: sample 1,000,000 costs as much as sample 0 and needs no state, so a data loader
//! that was killed goes on anywhere.

use crate::registry;
use crate::rng::{Rng, mix};
use crate::split::Split;
use crate::task::{Example, Options, Task, TaskError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// First number of every stream drawn here, so that no other use of a seed sees the same numbers.
const STREAM: u64 = 0x7461_736b_6d69_7831;

/// What people try first, by weight: a family's levels in order.
const EVERYDAY: &[(&str, &[f64])] = &[
    ("addition", &[1.0, 3.0, 11.0, 4.0]),
    ("subtraction", &[1.0, 4.0, 13.0, 5.0]),
    ("multiplication", &[1.5, 3.0, 4.0, 19.0, 3.0]),
    ("division", &[3.0, 7.0, 4.0]),
    ("signed", &[1.5, 2.0, 1.5]),
    ("chain", &[3.0, 3.0, 3.0]),
    ("comparison", &[2.0, 4.0]),
    ("digits", &[2.0, 3.0]),
    ("word_problems", &[6.0, 6.0]),
];

/// Share of the characters of [`MixtureSpec::reasoning`] that is not of [`EVERYDAY`].
const OTHERS_SHARE: f64 = 0.6;

/// Families without a right answer.
const NOT_JUDGED: &[&str] = &["conversation", "out_of_scope"];

/// One line of a mixture: a task at one difficulty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureEntry {
    /// A family of the [`mod@crate::registry`], or `file:PATH` ([`registry::open`]).
    pub task: String,
    /// Share of samples, relative to the other entries.
    pub weight: f64,
    /// Difficulty within the task's levels.
    pub difficulty: u8,
}

/// A mixture as it stands in a recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixtureSpec {
    /// What is drawn, in which shares.
    pub entries: Vec<MixtureEntry>,
    /// What may vary in demonstrations and prompts.
    #[serde(default)]
    pub options: Options,
}

impl MixtureSpec {
    /// The mixture called `name`: `reasoning`, or one task ([`registry::open`]) at all its difficulties.
    ///
    /// # Errors
    /// A name that is none of these, a file that cannot be read.
    pub fn named(name: &str) -> Result<Self, TaskError> {
        match name {
            "reasoning" => Ok(Self::reasoning()),
            _ => {
                let task = registry::open(name)?;
                let entry = |difficulty| MixtureEntry { task: name.to_string(), weight: 1.0, difficulty };
                Ok(Self { entries: (1..=task.levels()).map(entry).collect(), options: Options::default() })
            }
        }
    }

    /// Every native family whose answers are judged. Everyday arithmetic has two fifths of the text; the others share the
    /// rest, each family as much as the next and each level half as much as the one below it.
    pub fn reasoning() -> Self {
        let entry = |task: &str, difficulty: usize, weight| MixtureEntry {
            task: task.to_string(),
            weight,
            difficulty: u8::try_from(difficulty).expect("levels are few"),
        };
        let everyday = |task: &str| EVERYDAY.iter().find(|(name, _)| *name == task).map(|(_, weights)| *weights);
        let (mut entries, mut others, mut n_characters) = (Vec::new(), Vec::new(), 0.0);
        for task in registry::registry() {
            if let Some(weights) = everyday(task.name()) {
                for (level, &weight) in (1..).zip(weights) {
                    n_characters += weight * mean_length(task.as_ref(), level as u8);
                    entries.push(entry(task.name(), level, weight));
                }
            } else if !NOT_JUDGED.contains(&task.name()) {
                others.push(task);
            }
        }
        let n_each = n_characters * OTHERS_SHARE / (1.0 - OTHERS_SHARE) / others.len() as f64;
        for task in others {
            let halves = |level: u8| 0.5_f64.powi(i32::from(level));
            let total: f64 = (1..=task.levels()).map(halves).sum();
            for level in 1..=task.levels() {
                let weight = n_each * halves(level) / total / mean_length(task.as_ref(), level);
                entries.push(entry(task.name(), usize::from(level), weight));
            }
        }
        Self { entries, options: Options::default() }
    }
}

/// Tasks by weight.
#[derive(Clone)]
pub struct Mixture {
    entries: Vec<(Arc<dyn Task>, f64, u8)>,
    total_weight: f64,
    options: Options,
}

impl Mixture {
    /// Looks the tasks up and checks weights and difficulties.
    ///
    /// # Errors
    /// Unknown names, difficulties outside a task's levels, weights that are negative, not finite or all 0.
    pub fn new(spec: &MixtureSpec) -> Result<Self, TaskError> {
        let tasks = spec.entries.iter().map(|entry| Ok((registry::open(&entry.task)?, entry.weight, entry.difficulty)));
        Self::of(tasks.collect::<Result<_, TaskError>>()?, spec.options)
    }

    /// A mixture of tasks that need not be in the registry.
    ///
    /// # Errors
    /// As [`Mixture::new`].
    pub fn of(entries: Vec<(Arc<dyn Task>, f64, u8)>, options: Options) -> Result<Self, TaskError> {
        for (task, weight, difficulty) in &entries {
            if !(weight.is_finite() && *weight >= 0.0) {
                return Err(TaskError::Mixture(format!(
                    "the weight of `{}` is {weight}; it must be 0 or more",
                    task.name()
                )));
            }
            check_difficulty(task.as_ref(), *difficulty)?;
            for split in [Split::Train, Split::Validation] {
                check_split(task.as_ref(), split)?;
            }
        }
        let total_weight: f64 = entries.iter().map(|(_, weight, _)| weight).sum();
        if total_weight <= 0.0 {
            return Err(TaskError::Mixture("no entry has a weight above 0".to_string()));
        }
        Ok(Self { entries, total_weight, options })
    }

    /// Sample `index` of the stream `seed` in `split`: a pure function of its arguments.
    pub fn sample(&self, seed: u64, index: u64, split: Split) -> Example {
        let mut rng = Rng::stream(&[STREAM, seed, split.tag(), index]);
        let (task, difficulty) = self.choose(rng.unit() * self.total_weight);
        task.generate(&mut rng, difficulty, split, &self.options)
    }

    /// The tasks with their weights and difficulties, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Arc<dyn Task>, f64, u8)> {
        self.entries.iter().map(|(task, weight, difficulty)| (task, *weight, *difficulty))
    }

    /// What may vary in prompts and demonstrations.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// A dialogue whose last turn is [`Mixture::sample`] of the same arguments; with probability `share` one or two
    /// unrelated questions come before it, so that a model learns to answer the last one.
    pub fn sample_dialogue(&self, seed: u64, index: u64, split: Split, share: f64) -> Vec<Example> {
        let mut rng = Rng::stream(&[STREAM, seed, split.tag(), index, 1]);
        let n_earlier = if rng.chance(share) { 1 + u64::from(rng.chance(0.3)) } else { 0 };
        let earlier = (0..n_earlier).map(|turn| self.sample(mix(seed ^ (turn + 1)), index, split));
        earlier.chain([self.sample(seed, index, split)]).collect()
    }

    fn choose(&self, mut point: f64) -> (&dyn Task, u8) {
        let mut chosen = None;
        for (task, weight, difficulty) in self.entries.iter().filter(|(_, weight, _)| *weight > 0.0) {
            chosen = Some((task.as_ref(), *difficulty));
            if point < *weight {
                break;
            }
            point -= weight;
        }
        chosen.expect("a mixture has an entry of weight above 0")
    }
}

/// `Ok` when `difficulty` is one of the task's levels.
///
/// # Errors
/// [`TaskError::Difficulty`] otherwise.
pub fn check_difficulty(task: &dyn Task, difficulty: u8) -> Result<(), TaskError> {
    if (1..=task.levels()).contains(&difficulty) {
        return Ok(());
    }
    Err(TaskError::Difficulty { task: task.name().to_string(), levels: task.levels(), difficulty })
}

/// `Ok` when the task has a problem of `split`.
///
/// # Errors
/// [`TaskError::Split`] otherwise.
pub fn check_split(task: &dyn Task, split: Split) -> Result<(), TaskError> {
    match task.count(split) {
        Some(0) => Err(TaskError::Split { task: task.name().to_string(), split: split.name() }),
        _ => Ok(()),
    }
}

/// Mean length of a few examples in characters: prompt, thinking and reply.
fn mean_length(task: &dyn Task, difficulty: u8) -> f64 {
    const N_SAMPLES: u64 = 32;
    let length = |index| {
        let mut rng = Rng::stream(&[STREAM, u64::from(difficulty), index]);
        let example = task.generate(&mut rng, difficulty, Split::Train, &Options::default());
        let shown = example.demonstration.map(|shown| shown.reasoning + &shown.answer_text).unwrap_or_default();
        (example.prompt.chars().count() + shown.chars().count()) as u64
    };
    (0..N_SAMPLES).map(length).sum::<u64>() as f64 / N_SAMPLES as f64
}

/// Up to `n` examples of one task with different problems, for evaluation; those of a file in its order. Fewer when the
/// split holds fewer problems at this difficulty: the search ends after 50 draws in a row that bring nothing new.
pub fn distinct(task: &dyn Task, seed: u64, n: usize, difficulty: u8, split: Split, options: &Options) -> Vec<Example> {
    if let Some(all) = task.all() {
        return all.into_iter().filter(|(of, _)| *of == split).map(|(_, example)| example).take(n).collect();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut examples = Vec::with_capacity(n);
    let mut n_stale = 0;
    for index in 0.. {
        if examples.len() == n || n_stale == 50 {
            break;
        }
        let mut rng = Rng::stream(&[STREAM, seed, split.tag(), index]);
        let example = task.generate(&mut rng, difficulty, split, options);
        if seen.insert(example.problem.to_string()) {
            examples.push(example);
            n_stale = 0;
        } else {
            n_stale += 1;
        }
    }
    examples
}
