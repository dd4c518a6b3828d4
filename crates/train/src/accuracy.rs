//! Validation problems, answered greedily and judged: does the model solve what it never saw?

use crate::data::{Codec, problem_mixture};
use crate::error::Result;
use crate::learner::Learner;
use crate::metrics::Metrics;
use crate::recipe::{SourceKind, StageRecipe};
use crate::run_dir::Log;
use model::chat_template::Prompt;
use rollout::Parts;
use rollout::prompt::Asking;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tasks::{Example, Split, Verdict};

/// Stream of the validation problems, apart from those that the held-out loss is measured on.
const PROBLEM_SEED: u64 = 1;

/// Answers of each evaluation that go into `samples.jsonl`.
const MAX_SAMPLES: usize = 32;

/// The problems of a stage, the same at every evaluation.
pub struct ProblemSet {
    problems: Vec<(Example, Prompt)>,
    max_new_tokens: usize,
    codec: Arc<Codec>,
}

impl ProblemSet {
    /// Draws `eval.problems` validation problems from the task sources, in the shares of their weights.
    ///
    /// # Errors
    /// Unknown families.
    pub fn new(stage: &StageRecipe, codec: &Arc<Codec>) -> Result<ProblemSet> {
        let tasks: Vec<_> = stage.data.source.iter().filter(|spec| spec.kind == SourceKind::Task).collect();
        let total: f64 = tasks.iter().map(|spec| spec.weight).sum();
        let mut problems = Vec::new();
        for spec in tasks {
            let mixture = problem_mixture(spec)?;
            let n = (stage.eval.problems as f64 * spec.weight / total).round() as u64;
            for index in 0..n {
                let example = mixture.sample(PROBLEM_SEED, index, Split::Validation);
                let asking = Asking { thinking: Some(spec.think > 0.0), system: None };
                let prompt = asking.encode(&codec.template, &codec.tokenizer, &example.prompt);
                let prompt = prompt.map_err(|e| crate::TrainError::Run(format!("the chat template: {e}")))?;
                problems.push((example, prompt));
            }
        }
        Ok(ProblemSet { problems, max_new_tokens: stage.eval.max_new_tokens, codec: Arc::clone(codec) })
    }

    /// Answers all problems; adds `val/accuracy`, one for each family, and the mean length, and writes some answers down.
    ///
    /// # Errors
    /// A full disk.
    pub fn measure(
        &self,
        learner: &mut impl Learner,
        step: u64,
        metrics: &mut Metrics,
        samples: &mut Log,
    ) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let tokenizer = &self.codec.tokenizer;
        let prompts = self.problems.iter().map(|(_, prompt)| prompt.tokens.clone()).collect();
        let answers = learner.answer(prompts, self.max_new_tokens, tokenizer.eos_ids());
        let (mut counts, mut n_tokens, mut n_clipped) = (BTreeMap::<&str, (u32, u32)>::new(), 0, 0);
        for (idx, ((example, prompt), tokens)) in self.problems.iter().zip(&answers).enumerate() {
            let is_stopped = tokens.last().is_some_and(|t| tokenizer.eos_ids().contains(t));
            let parts = Parts::from_tokens(tokenizer, tokens, prompt.in_thinking);
            let task = tasks::find(&example.task)?;
            let verdict = rollout::judge(task.as_ref(), &example.problem, &parts, is_stopped).verdict;
            let is_right = verdict == Verdict::Right;
            let count = counts.entry(&example.task).or_default();
            *count = (count.0 + u32::from(is_right), count.1 + 1);
            n_tokens += tokens.len();
            n_clipped += u32::from(!is_stopped);
            if idx < MAX_SAMPLES {
                samples.append(&json!({
                    "step": step, "task": example.task, "prompt": example.prompt, "reasoning": parts.reasoning,
                    "content": parts.content, "answer": example.answer, "verdict": verdict, "tokens": tokens.len(),
                }))?;
            }
        }
        let n = self.problems.len() as f64;
        metrics.set("val/accuracy", f64::from(counts.values().map(|(right, _)| right).sum::<u32>()) / n);
        for (task, (right, all)) in counts {
            metrics.set(&format!("val/accuracy/{task}"), f64::from(right) / f64::from(all));
        }
        metrics.set("completions/mean_length", n_tokens as f64 / n);
        metrics.set("completions/clipped_ratio", f64::from(n_clipped) / n);
        Ok(())
    }
}
