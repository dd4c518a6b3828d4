//! Validation problems, answered and judged: does the model solve what it never saw?

use crate::data::{Codec, problem_mixture};
use crate::error::Result;
use crate::learner::Learner;
use crate::metrics::Metrics;
use crate::recipe::{EvalSpec, SourceKind, StageRecipe};
use crate::run_dir::Log;
use engine::{Completion, FinishReason, Request, SamplingParams};
use rollout::Parts;
use rollout::prompt::Asking;
use rollout::statistics::{Estimate, Tally, accuracy};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tasks::{Example, Rng, Split, Task, Verdict};

/// Stream of the validation problems, apart from those that the held-out loss is measured on.
const PROBLEM_SEED: u64 = 1;

/// First number of the answers' random streams.
const STREAM: u64 = 0x6163_6375_7261_6379;

/// Draws in a row without a new problem after which a source has no more of them.
const MAX_STALE: u64 = 200;

/// Answers of each evaluation that go into `samples.jsonl`.
const MAX_SAMPLES: usize = 32;

/// The problems of a stage, the same at every evaluation.
pub struct ProblemSet {
    problems: Vec<Problem>,
    spec: EvalSpec,
    codec: Arc<Codec>,
}

struct Problem {
    task: Arc<dyn Task>,
    example: Example,
    prompt: Vec<u32>,
    in_thinking: bool,
}

/// One answer, judged.
struct Judged {
    parts: Parts,
    verdict: Verdict,
    n_tokens: usize,
    finish_reason: &'static str,
}

impl ProblemSet {
    /// Draws `eval.problems` validation problems from the task sources, in the shares of their weights. No problem comes
    /// twice, which the interval of accuracy counts on; where a source has fewer, there are fewer.
    ///
    /// # Errors
    /// Unknown families.
    pub fn new(stage: &StageRecipe, codec: &Arc<Codec>) -> Result<ProblemSet> {
        let tasks: Vec<_> = stage.data.source.iter().filter(|spec| spec.kind == SourceKind::Task).collect();
        let total: f64 = tasks.iter().map(|spec| spec.weight).sum();
        let mut problems = Vec::new();
        for spec in tasks {
            let mixture = problem_mixture(spec)?;
            let by_name: BTreeMap<String, Arc<dyn Task>> =
                mixture.entries().map(|(task, _, _)| (task.name().to_owned(), Arc::clone(task))).collect();
            let n = (stage.eval.problems as f64 * spec.weight / total).round() as u64;
            let asking = Asking { thinking: Some(spec.think > 0.0), system: None };
            let (mut seen, mut n_stale) = (BTreeSet::new(), 0);
            for index in 0.. {
                if seen.len() as u64 == n || n_stale == MAX_STALE {
                    break;
                }
                let example = mixture.sample(PROBLEM_SEED, index, Split::Validation);
                if !seen.insert((example.task.clone(), example.problem.to_string())) {
                    n_stale += 1;
                    continue;
                }
                n_stale = 0;
                let prompt = asking.encode(&codec.template, &codec.tokenizer, &example.prompt);
                let prompt = prompt.map_err(|e| crate::TrainError::Run(format!("the chat template: {e}")))?;
                let task = Arc::clone(&by_name[&example.task]);
                problems.push(Problem { task, example, prompt: prompt.tokens, in_thinking: prompt.in_thinking });
            }
            if (seen.len() as u64) < n {
                tracing::warn!("validation: {} different problems, fewer than the {n} of eval.problems", seen.len());
            }
        }
        Ok(ProblemSet { problems, spec: stage.eval.clone(), codec: Arc::clone(codec) })
    }

    /// The problems, for tests.
    #[cfg(test)]
    pub(crate) fn examples(&self) -> impl Iterator<Item = &Example> {
        self.problems.iter().map(|problem| &problem.example)
    }

    /// Answers all problems; adds accuracy with its 95% interval, in all and by family, and the answers' lengths, all
    /// below `val/`, and writes some answers down. `watch` is told now and then how many answers are complete.
    ///
    /// # Errors
    /// A full disk.
    pub fn measure(
        &self,
        learner: &mut impl Learner,
        step: u64,
        metrics: &mut Metrics,
        samples: &mut Log,
        watch: &mut dyn FnMut(usize, u64),
    ) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let answers = self.answers(learner, watch);
        let mut tallies = BTreeMap::<&str, Vec<Tally>>::new();
        for (problem, judged) in self.problems.iter().zip(&answers) {
            let verdicts = judged.iter().map(|answer| answer.verdict);
            tallies.entry(&problem.example.task).or_default().push(Tally::of(verdicts));
        }
        let all: Vec<Tally> = tallies.values().flatten().copied().collect();
        set_estimate(metrics, "val/accuracy", "_", accuracy(&all));
        if tallies.len() > 1 {
            for (task, tallies) in &tallies {
                set_estimate(metrics, &format!("val/accuracy/{task}"), "/", accuracy(tallies));
            }
        }
        let flat: Vec<&Judged> = answers.iter().flatten().collect();
        let share = |holds: &dyn Fn(&Judged) -> bool| {
            flat.iter().filter(|answer| holds(answer)).count() as f64 / flat.len() as f64
        };
        let n_tokens: usize = flat.iter().map(|answer| answer.n_tokens).sum();
        metrics.set("val/completions/mean_length", n_tokens as f64 / flat.len() as f64);
        metrics.set("val/completions/clipped_ratio", share(&|answer| answer.finish_reason == "length"));
        metrics.set("val/format", share(&|a| a.finish_reason == "stop" && a.parts.is_well_formed()));
        metrics.set("val/n_cannot_judge", share(&|a| a.verdict == Verdict::CannotJudge) * flat.len() as f64);
        self.write_samples(step, &answers, samples)
    }

    /// All answers, by problem.
    fn answers(&self, learner: &mut impl Learner, watch: &mut dyn FnMut(usize, u64)) -> Vec<Vec<Judged>> {
        let (tokenizer, context) = (&self.codec.tokenizer, learner.context());
        let n_samples = self.spec.samples as u64;
        // A prompt that fills the context has no answer.
        let fits = |problem: &Problem| problem.prompt.len() < context;
        let requests =
            self.problems.iter().enumerate().filter(|(_, problem)| fits(problem)).flat_map(|(idx, problem)| {
                (0..n_samples).map(move |sample| Request {
                    prompt: problem.prompt.clone(),
                    max_tokens: self.spec.max_new_tokens,
                    stop_tokens: tokenizer.eos_ids().to_vec(),
                    sampling: SamplingParams {
                        temperature: self.spec.temperature as f32,
                        seed: Rng::stream(&[STREAM, idx as u64, sample]).next_u64(),
                        ..SamplingParams::default()
                    },
                    ..Request::default()
                })
            });
        let mut completions = learner.generate(requests.collect(), watch).into_iter();
        let judge = |problem: &Problem, completion: Completion| {
            let tokens: Vec<u32> = completion.tokens.iter().map(|token| token.id).collect();
            let parts = Parts::from_tokens(tokenizer, &tokens, problem.in_thinking);
            let is_stopped = completion.finished.reason == FinishReason::Stop;
            let judgement = rollout::judge(problem.task.as_ref(), &problem.example.problem, &parts, is_stopped);
            let finish_reason = if is_stopped { "stop" } else { "length" };
            Judged { parts, verdict: judgement.verdict, n_tokens: tokens.len(), finish_reason }
        };
        let too_long = || Judged {
            parts: Parts::default(),
            verdict: Verdict::Wrong,
            n_tokens: 0,
            finish_reason: "prompt_too_long",
        };
        let of_problem = |problem: &Problem| -> Vec<Judged> {
            if !fits(problem) {
                return (0..n_samples).map(|_| too_long()).collect();
            }
            completions.by_ref().take(self.spec.samples).map(|completion| judge(problem, completion)).collect()
        };
        self.problems.iter().map(of_problem).collect()
    }

    /// The first answer to each of some problems.
    fn write_samples(&self, step: u64, answers: &[Vec<Judged>], samples: &mut Log) -> Result<()> {
        // Spread over the list, so that every source is seen.
        let stride = self.problems.len().div_ceil(MAX_SAMPLES);
        for (problem, judged) in self.problems.iter().zip(answers).step_by(stride) {
            let (example, answer) = (&problem.example, &judged[0]);
            samples.append(&json!({
                "step": step, "split": "validation", "task": example.task, "difficulty": example.difficulty,
                "prompt": example.prompt, "reasoning": answer.parts.reasoning, "content": answer.parts.content,
                "answer": example.answer, "verdict": answer.verdict, "tokens": answer.n_tokens,
                "finish_reason": answer.finish_reason,
            }))?;
        }
        Ok(())
    }
}

fn set_estimate(metrics: &mut Metrics, name: &str, separator: &str, estimate: Option<Estimate>) {
    let Some(Estimate { mean, low, high, .. }) = estimate else { return };
    metrics.set(name, mean);
    metrics.set(&format!("{name}{separator}low"), low);
    metrics.set(&format!("{name}{separator}high"), high);
}
