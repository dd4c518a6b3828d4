//! The loop: problems, rollouts, rewards, update, evaluation; written down, and kept.

#[cfg(test)]
mod tests;

use super::curriculum::Curriculum;
use super::judge::Judge;
use super::policy::Policy;
use super::prompts::{Problem, Prompts};
use super::rollouts::{self, Draw, Group};
use super::update::{Updated, update};
use crate::accuracy::ProblemSet;
use crate::checkpoint::Best;
use crate::data::Codec;
use crate::error::Result;
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::progress::Snapshot;
use crate::recipe::{GrpoSpec, KlKind};
use crate::run_dir::Log;
use crate::schedule::{self, Budget, Position};
use crate::trainer::Outcome;
use cost::text::duration;
use rollout::statistics::mean;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tasks::Rng;

/// First number of the coins' random streams.
const COIN_STREAM: u64 = 0x6772_706f_636f_696e;

/// Groups of a step that go into `samples.jsonl` at evaluations, one answer each.
const MAX_SAMPLES: usize = 8;

/// The loop's counters in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrpoState {
    /// How far the run is.
    pub at: Position,
    /// When it ends, where that is known yet.
    pub budget: Option<Budget>,
    /// The lowest validation error (1 - accuracy) so far.
    pub best: Option<Best>,
    /// The error at this very step, where it was measured.
    pub held_out_loss: Option<f64>,
    /// Steps in a row whose gradient was not finite.
    pub n_bad_steps: u64,
    /// Rates of success; empty before the first step.
    pub curriculum: Curriculum,
}

/// Where a step's time went, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Timing {
    rollout_s: f64,
    verify_s: f64,
    update_s: f64,
    eval_s: f64,
    checkpoint_s: f64,
    rollout_tokens: u64,
    update_tokens: u64,
}

/// A GRPO stage in progress.
pub struct GrpoTrainer<'a, P> {
    /// Its files, bill and clock.
    pub keeper: Keeper<'a>,
    /// The model, its optimizer and its reference.
    pub policy: P,
    /// What it is asked.
    pub prompts: Prompts,
    /// What accuracy is measured on.
    pub problems: ProblemSet,
    /// Who grades the answers, where one is asked.
    pub judge: Option<Judge>,
    /// Tokenizer and template.
    pub codec: Arc<Codec>,
    /// The counters.
    pub state: GrpoState,
    /// `timings.jsonl`.
    pub timings: Log,
    /// `gradients.jsonl`.
    pub gradients: Log,
}

impl<P: Policy> GrpoTrainer<'_, P> {
    /// Trains until the budget is spent or a stop is asked for.
    ///
    /// # Errors
    /// A full disk, a run that diverges, prompts that do not fit.
    pub fn run(mut self) -> Result<Outcome> {
        self.begin()?;
        while !self.is_finished()? {
            let mut timing = Timing::default();
            let mut metrics = self.step(&mut timing)?;
            let begun = Instant::now();
            let is_best = self.evaluate_when_due(&mut metrics)?;
            timing.eval_s = begun.elapsed().as_secs_f64();
            self.keeper.write_down(&metrics, self.state.at)?;
            let stops = self.keeper.stop.is_raised();
            let begun = Instant::now();
            if stops || is_best || self.keeper.is_checkpoint_due(self.state.at.step) {
                self.write_checkpoint()?;
            }
            timing.checkpoint_s = begun.elapsed().as_secs_f64();
            self.write_timing(&timing)?;
            if stops {
                return self.keeper.pause(self.state.at.step);
            }
        }
        if !self.keeper.has_checkpoint(self.state.at.step)? {
            self.write_checkpoint()?;
        }
        self.keeper.finish(self.state.at)
    }

    /// Before the first step: the reference is the model that training starts from, and what it can do is measured.
    fn begin(&mut self) -> Result<()> {
        if self.state.at.step > 0 {
            return Ok(());
        }
        self.state.curriculum = Curriculum::new(self.prompts.n_entries());
        if self.spec().kl != KlKind::Off {
            self.policy.set_reference();
        }
        // An attempt that was killed before its first checkpoint may have left these lines already.
        for log in [&mut self.keeper.metrics, &mut self.keeper.samples, &mut self.timings, &mut self.gradients] {
            log.clear()?;
        }
        let mut metrics = Metrics::default();
        self.measure(&mut metrics)?;
        self.keeper.write_down(&metrics, self.state.at)
    }

    fn spec(&self) -> &GrpoSpec {
        self.keeper.stage.grpo.as_ref().expect("the recipe was checked")
    }

    fn is_finished(&mut self) -> Result<bool> {
        let budget = self.keeper.budget(self.state.budget, self.state.at)?;
        self.state.budget = Some(budget);
        Ok(budget.is_spent(self.state.at))
    }

    /// One step; the weights move at most `minibatches · epochs` times.
    fn step(&mut self, timing: &mut Timing) -> Result<Metrics> {
        let spec = self.spec().clone();
        let mut metrics = Metrics::default();
        let sampled = self.rollouts(&spec, timing)?;
        let (mut groups, seen, n_resampled) = (sampled.groups, sampled.seen, sampled.n_resampled);
        rollouts::assign_advantages(&spec, &mut groups);

        let begun = Instant::now();
        let budget = self.state.budget.expect("asked before every step");
        let settings = schedule::settings(&self.keeper.stage.train, budget, self.state.at);
        let is_eval_step = self.is_evaluation(self.state.at.step + 1);
        let micro_batch_tokens = self.keeper.stage.train.micro_batch_tokens;
        self.policy.watch_gradients(is_eval_step);
        let (keeper, step) = (&mut self.keeper, self.state.at.step + 1);
        let mut watch = |n_done: usize, n_all: usize| {
            keeper.meter.beat(keeper.dir);
            keeper.progress.phase(&format!("step {step} update {n_done}/{n_all}"));
        };
        let updated = update(&mut self.policy, &spec, &settings, micro_batch_tokens, &groups, &mut watch);
        timing.update_s = begun.elapsed().as_secs_f64();
        timing.update_tokens = updated.n_rows;
        self.keeper.check_finite(updated.grad_norm, &mut self.state.n_bad_steps, self.state.at.step + 1)?;

        self.advance(&spec, &seen, &updated)?;
        step_metrics(&spec, &groups, &updated, settings.lr, &mut metrics);
        metrics.set("n_resampled", n_resampled as f64);
        self.curriculum_metrics(&groups, &mut metrics);
        if is_eval_step {
            self.write_gradients()?;
            self.write_samples(&groups)?;
        }
        Ok(metrics)
    }

    /// Moves the counters, the curriculum, the reference and the bill, by all that was sampled.
    fn advance(&mut self, spec: &GrpoSpec, seen: &[Seen], updated: &Updated) -> Result<()> {
        let n_tokens: u64 = seen.iter().map(|group| group.n_tokens).sum();
        self.state.at = Position { step: self.state.at.step + 1, tokens: self.state.at.tokens + n_tokens };
        for group in seen {
            if let Some(share) = group.share_right {
                self.state.curriculum.observe(group.entry, share);
            }
        }
        if spec.kl != KlKind::Off && spec.reference_every > 0 && self.state.at.step.is_multiple_of(spec.reference_every)
        {
            self.policy.set_reference();
        }
        let flops = seen.iter().map(|group| group.flops).sum::<f64>() + updated.flops;
        self.keeper.meter.add(self.keeper.dir, self.state.at.step, n_tokens, flops)?;
        self.keeper.progress.step(&Snapshot {
            at: self.state.at,
            share_done: self.state.budget.map_or(0.0, |budget| budget.progress(self.state.at)),
            flops,
            n_tokens,
            dollars: self.keeper.meter.dollars(),
        });
        Ok(())
    }

    /// The step's groups, judged. With dynamic sampling, groups without variance are replaced while rounds are left.
    fn rollouts(&mut self, spec: &GrpoSpec, timing: &mut Timing) -> Result<Sampled> {
        let (mut kept, mut flat, mut seen) = (Vec::<Group>::new(), Vec::<Group>::new(), Vec::new());
        let mut n_drawn = 0;
        for _ in 0..=spec.dynamic_sampling {
            let n = spec.prompts - kept.len();
            if n == 0 {
                break;
            }
            let step = self.state.at.step;
            let problems: Vec<Problem> = (n_drawn..n_drawn + n as u64)
                .map(|idx| self.prompts.draw(&spec.curriculum, &self.state.curriculum, step, idx))
                .collect::<Result<_>>()?;
            let draw = Draw { seed: self.keeper.stage.seed, step, first: n_drawn };
            let begun = Instant::now();
            let (keeper, n_all) = (&mut self.keeper, n * spec.group_size);
            let mut watch = |n_done: usize, n_tokens: u64| {
                keeper.meter.beat(keeper.dir);
                let speed = n_tokens as f64 / begun.elapsed().as_secs_f64().max(1e-3);
                keeper.progress.phase(&format!("step {} rollouts {n_done}/{n_all} · {speed:.0} tokens/s", step + 1));
            };
            let sampled = rollouts::sample(&mut self.policy, spec, &problems, &self.codec, draw, &mut watch);
            timing.rollout_s += begun.elapsed().as_secs_f64();
            timing.rollout_tokens += sampled.iter().flatten().map(|c| c.tokens.len() as u64).sum::<u64>();
            let begun = Instant::now();
            let mut fresh = Vec::with_capacity(n);
            for (idx, (problem, completions)) in (n_drawn..).zip(problems.into_iter().zip(sampled)) {
                let mut coin = Rng::stream(&[COIN_STREAM, self.keeper.stage.seed, step, idx]);
                fresh.push(rollouts::verify(spec, problem, completions, &self.codec, &mut coin));
            }
            if let Some(judge) = &self.judge {
                let grades = judge.grade(&fresh);
                // The bill counts what was paid, also where it went wrong.
                self.keeper.meter.paid(self.keeper.dir, judge.spent())?;
                rollouts::set_grades(spec, &mut fresh, &grades?);
            }
            self.keeper.meter.beat(self.keeper.dir);
            for group in fresh {
                seen.push(Seen::of(&group, &self.policy));
                let is_kept = spec.dynamic_sampling == 0 || !group.has_zero_variance();
                if is_kept { kept.push(group) } else { flat.push(group) }
            }
            timing.verify_s += begun.elapsed().as_secs_f64();
            n_drawn += n as u64;
        }
        let n_resampled = n_drawn - spec.prompts as u64;
        // What could not be replaced stays, so that the step's figures tell of it.
        flat.truncate(spec.prompts - kept.len());
        kept.extend(flat);
        Ok(Sampled { groups: kept, seen, n_resampled })
    }

    fn is_evaluation(&self, step: u64) -> bool {
        let every = self.keeper.stage.eval.every;
        every > 0 && step.is_multiple_of(every)
    }

    /// Measures accuracy where it is due. True if it is the highest so far and to be kept.
    fn evaluate_when_due(&mut self, metrics: &mut Metrics) -> Result<bool> {
        self.state.held_out_loss = None;
        let is_last = self.is_finished()?;
        if !(is_last || self.is_evaluation(self.state.at.step)) {
            return Ok(false);
        }
        self.measure(metrics)
    }

    fn measure(&mut self, metrics: &mut Metrics) -> Result<bool> {
        let step = self.state.at.step;
        let (meter, dir, progress) = (&mut self.keeper.meter, self.keeper.dir, &self.keeper.progress);
        let mut watch = |n_done: usize, _| {
            meter.beat(dir);
            progress.phase(&format!("step {step} evaluation, {n_done} answers"));
        };
        self.problems.measure(&mut self.policy, step, metrics, &mut self.keeper.samples, &mut watch)?;
        self.keeper.progress.evaluated(step, metrics);
        let error = metrics.get("val/accuracy").map(|accuracy| 1.0 - accuracy);
        self.state.held_out_loss = error;
        let is_best = error.is_some_and(|error| self.state.best.is_none_or(|best| error < best.loss));
        if let (true, Some(loss)) = (is_best, error) {
            self.state.best = Some(Best { step, loss });
        }
        Ok(is_best && step > 0 && self.keeper.stage.checkpoint.keep_best)
    }

    fn curriculum_metrics(&self, groups: &[Group], metrics: &mut Metrics) {
        let mut by_task = BTreeMap::<&str, (Vec<f64>, Vec<f64>)>::new();
        for group in groups {
            let (right, difficulty) = by_task.entry(&group.problem.example.task).or_default();
            right.extend(group.share_right());
            difficulty.push(f64::from(group.problem.example.difficulty));
        }
        for (task, (right, difficulty)) in by_task {
            if let Some(share) = mean(&right) {
                metrics.set(&format!("accuracy/{task}"), share);
            }
            metrics.set(&format!("curriculum/{task}"), mean(&difficulty).unwrap_or(0.0));
        }
    }

    fn write_gradients(&mut self) -> Result<()> {
        let norms = self.policy.gradient_norms();
        let norms: Map<String, serde_json::Value> = norms.into_iter().map(|(name, norm)| (name, json!(norm))).collect();
        self.gradients.append(&json!({ "step": self.state.at.step, "norms": norms }))
    }

    /// One answer of some groups.
    fn write_samples(&mut self, groups: &[Group]) -> Result<()> {
        let stride = groups.len().div_ceil(MAX_SAMPLES);
        for group in groups.iter().step_by(stride) {
            let (example, answer) = (&group.problem.example, &group.answers[0]);
            self.keeper.samples.append(&json!({
                "step": self.state.at.step, "split": "train", "task": example.task, "difficulty": example.difficulty,
                "prompt": example.prompt, "reasoning": answer.parts.reasoning, "content": answer.parts.content,
                "answer": example.answer, "verdict": answer.judgement.verdict, "tokens": answer.tokens.len(),
                "reward": answer.reward, "advantage": answer.advantage,
                "finish_reason": if answer.is_stopped { "stop" } else { "length" },
            }))?;
        }
        Ok(())
    }

    fn write_timing(&mut self, timing: &Timing) -> Result<()> {
        let mut line = serde_json::to_value(timing).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
        line["step"] = json!(self.state.at.step);
        self.timings.append(&line)?;
        let seconds = timing.rollout_s + timing.update_s;
        tracing::debug!("step {}: {} of rollouts and update", self.state.at.step, duration(seconds));
        Ok(())
    }

    fn write_checkpoint(&mut self) -> Result<()> {
        self.timings.sync()?;
        self.gradients.sync()?;
        self.keeper.write_checkpoint(&mut self.policy, self.state.at, self.state.held_out_loss, &self.state)
    }
}

/// A step's groups.
struct Sampled {
    groups: Vec<Group>,
    /// Of these and of those they replaced.
    seen: Vec<Seen>,
    /// Problems drawn in place of groups without variance.
    n_resampled: u64,
}

/// What a sampled group tells the curriculum and costs, whether it is learnt from or replaced.
struct Seen {
    entry: usize,
    share_right: Option<f64>,
    /// Of the prompt, once, and of the answers.
    n_tokens: u64,
    /// Generation is a forward pass over every token: a third of training on it.
    flops: f64,
}

impl Seen {
    fn of(group: &Group, policy: &impl Policy) -> Seen {
        let n_answered: usize = group.answers.iter().map(|answer| answer.tokens.len()).sum();
        Seen {
            entry: group.problem.entry,
            share_right: group.share_right(),
            n_tokens: (group.problem.prompt.len() + n_answered) as u64,
            flops: policy.flops(&whole(group), false) / 3.0,
        }
    }
}

/// A group as rows: what generating it computed, its prompt once.
fn whole(group: &Group) -> model::PackedBatch {
    let mut batch = model::PackedBatch::default();
    for (idx, answer) in group.answers.iter().enumerate() {
        let prompt: &[u32] = if idx == 0 { &group.problem.prompt } else { &group.problem.prompt[..1] };
        let tokens = [prompt, &answer.tokens].concat();
        batch.push(&tokens, &vec![1.0; tokens.len()]);
    }
    batch
}

/// What TRL reports of a step, by its names.
fn step_metrics(spec: &GrpoSpec, groups: &[Group], updated: &Updated, lr: f64, metrics: &mut Metrics) {
    let answers = || groups.iter().flat_map(|group| &group.answers);
    metrics.set("loss", updated.stats.loss);
    metrics.set("lr", lr);
    metrics.set("grad_norm", updated.grad_norm);
    let rewards: Vec<f64> = answers().filter_map(|answer| answer.reward).collect();
    let stds: Vec<f64> = groups.iter().map(Group::reward_std).collect();
    metrics.set("reward", mean(&rewards).unwrap_or(0.0));
    metrics.set("reward_std", mean(&stds).unwrap_or(0.0));
    let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    let n_flat = groups.iter().filter(|group| group.has_zero_variance()).count();
    metrics.set("frac_reward_zero_std", share(n_flat, groups.len()));
    let mut by_name = BTreeMap::<&str, Vec<f64>>::new();
    for answer in answers() {
        for (name, _, value) in answer.rewards.named(&spec.reward) {
            by_name.entry(name).or_default().extend(value);
        }
        // The verifier's own view is always there, whatever is rewarded.
        if spec.reward.accuracy == 0.0 {
            by_name.entry("accuracy").or_default().extend(answer.rewards.accuracy);
        }
    }
    for (name, values) in &by_name {
        metrics.set(&format!("rewards/{name}/mean"), mean(values).unwrap_or(0.0));
        metrics.set(&format!("rewards/{name}/std"), super::objective::std_of(values));
    }
    let lengths: Vec<f64> = answers().map(|answer| answer.tokens.len() as f64).collect();
    let thinking: Vec<f64> = answers().map(|answer| answer.parts.n_thinking as f64).collect();
    metrics.set("completions/mean_length", mean(&lengths).unwrap_or(0.0));
    metrics.set("completions/min_length", lengths.iter().copied().fold(f64::INFINITY, f64::min));
    metrics.set("completions/max_length", lengths.iter().copied().fold(0.0, f64::max));
    metrics.set("completions/mean_thinking_length", mean(&thinking).unwrap_or(0.0));
    let n_cut = answers().filter(|answer| !answer.is_stopped).count();
    metrics.set("completions/clipped_ratio", share(n_cut, lengths.len()));
    // An unbiased estimate of the policy's entropy at each token, without a pass of its own: the mean of -log π over
    // what it drew.
    let surprise: Vec<f64> = answers().flat_map(|answer| &answer.logprobs).map(|logp| -f64::from(*logp)).collect();
    metrics.set("entropy", mean(&surprise).unwrap_or(0.0));
    let stats = &updated.stats;
    let n = stats.n_tokens.max(1) as f64;
    if spec.kl != KlKind::Off {
        metrics.set("kl", stats.kl / n);
    }
    metrics.set("clip_ratio", stats.n_clipped as f64 / n);
    if stats.n_tokens > 0 {
        metrics.set("ratio/max", stats.ratio_max);
        metrics.set("ratio/min", stats.ratio_min);
    }
    if spec.off_policy_mask.is_some() {
        metrics.set("n_off_policy", stats.n_masked as f64);
    }
    metrics.set("mismatch_kl", updated.mismatch_kl);
    metrics.set("n_cannot_judge", rollouts::n_cannot_judge(groups) as f64);
    metrics.set("n_groups", groups.len() as f64);
    let used = groups.iter().filter(|group| group.answers.iter().any(|answer| answer.advantage.is_some())).count();
    metrics.set("n_groups_used", used as f64);
}
