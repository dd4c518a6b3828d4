//! How long the parts of a stage take, from what it will read and write and from this machine's pace.

use crate::model_learner::MAX_RUNNING;
use crate::outlook::{N_DOCUMENTS, Outlook, mean};
use crate::pace::Pace;
use crate::recipe::{GrpoSpec, KlKind, SampleSpec, StageRecipe};
use crate::schedule::n_micro_batches;

/// How long the parts of a stage take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    pub(super) tokens: u64,
    pub(super) step_tokens: u64,
    pub(super) rollout_s: f64,
    pub(super) training_s: f64,
    pub(super) evaluation_s: f64,
    pub(super) flops: f64,
    pub(super) answer_tokens: f64,
}

/// What a stage will do, at its pace.
pub(super) struct Forecast<'a> {
    pub(super) stage: &'a StageRecipe,
    pub(super) outlook: &'a Outlook,
    pub(super) pace: Pace,
    /// Operations of training on one.
    pub(super) flops_per_token: f64,
}

impl Forecast<'_> {
    /// What its kind makes of it.
    pub(super) fn course(&self) -> Course {
        match (&self.stage.sample, &self.stage.grpo) {
            (Some(spec), _) => self.sampled(spec),
            (None, Some(spec)) => self.reinforced(spec),
            (None, None) => self.supervised(),
        }
    }

    /// Documents are read; answers are given at evaluations alone.
    fn supervised(&self) -> Course {
        let train = &self.stage.train;
        let row_s = self.pace.row_s + self.pace.update_s / (train.batch_tokens as f64).max(1.0);
        let step_tokens = tokens_of_steps(self.stage, 1);
        let tokens = match (train.tokens, train.steps) {
            (Some(tokens), _) => tokens,
            (None, Some(steps)) => tokens_of_steps(self.stage, steps),
            (None, None) => {
                // Evaluations come out of the same minutes.
                let step_s = step_tokens as f64 * row_s + self.evaluation_s() * self.evaluations_a_step();
                (self.minutes_s() / step_s * step_tokens as f64) as u64
            }
        };
        let steps = tokens as f64 / step_tokens.max(1) as f64;
        Course {
            tokens,
            step_tokens,
            training_s: tokens as f64 * row_s,
            evaluation_s: self.evaluation_s() * self.n_evaluations(steps),
            flops: self.flops_per_token * tokens as f64,
            answer_tokens: self.answer_tokens(self.stage.eval.max_new_tokens),
            ..Course::default()
        }
    }

    /// Each step answers its problems and learns from the answers: no group is left out, none is drawn again.
    fn reinforced(&self, spec: &GrpoSpec) -> Course {
        let n = spec.prompts * spec.group_size;
        let answers = self.outlook.answers(n, spec.max_new_tokens);
        let (prompt, answered) = (self.outlook.prompt(), answers.iter().sum::<usize>() as f64);
        let rollout_s =
            self.pace.answers_s(&answers, MAX_RUNNING) + self.pace.forward_row_s() * prompt * spec.prompts as f64;
        // Answers share their prompt's rows, in every micro-batch over which a group is spread.
        let group_rows = answered / spec.prompts.max(1) as f64 + prompt;
        let n_prompts = spec.prompts as f64 * (group_rows / self.stage.train.micro_batch_tokens.max(1) as f64).ceil();
        let rows = answered + n_prompts * (prompt - 1.0).max(0.0);
        let (n_updates, epochs) = ((spec.epochs * spec.minibatches) as f64, spec.epochs as f64);
        let scored = if n_updates > 1.0 { (n_updates - 1.0) / n_updates } else { 0.0 };
        let passes = 3.0 + scored + f64::from(u8::from(spec.kl != KlKind::Off));
        let update_s = epochs * rows * passes * self.pace.forward_row_s() + n_updates * self.pace.update_s;
        let step_tokens = answered + prompt * spec.prompts as f64;
        let train = &self.stage.train;
        let steps = match (train.steps, train.tokens) {
            (Some(steps), _) => steps as f64,
            (None, Some(tokens)) => (tokens as f64 / step_tokens).ceil(),
            (None, None) => {
                let step_s = rollout_s + update_s + self.evaluation_s() * self.evaluations_a_step();
                (self.minutes_s() / step_s).floor()
            }
        };
        Course {
            tokens: (steps * step_tokens) as u64,
            step_tokens: step_tokens as u64,
            rollout_s: steps * rollout_s,
            training_s: steps * update_s,
            evaluation_s: self.evaluation_s() * self.n_evaluations(steps),
            flops: steps * self.flops_per_token * (step_tokens / 3.0 + epochs * rows),
            answer_tokens: answered / n.max(1) as f64,
        }
    }

    /// Every problem is answered so many times; nothing is learnt.
    fn sampled(&self, spec: &SampleSpec) -> Course {
        let n = spec.problems * spec.samples as usize;
        let answers = self.outlook.answers(n, spec.max_new_tokens);
        let tokens = answers.iter().sum::<usize>() as u64;
        let prompts = self.outlook.prompt() * spec.problems as f64;
        Course {
            tokens,
            step_tokens: tokens,
            rollout_s: self.pace.answers_s(&answers, rollout::local::MAX_RUNNING) + self.pace.forward_row_s() * prompts,
            flops: self.flops_per_token / 3.0 * (tokens as f64 + prompts),
            answer_tokens: tokens as f64 / n.max(1) as f64,
            ..Course::default()
        }
    }

    /// Losses are forward passes; problems are answered, all at once.
    fn evaluation_s(&self) -> f64 {
        let eval = &self.stage.eval;
        let answers = self.outlook.answers(eval.problems * eval.samples, eval.max_new_tokens);
        let rows = eval.tokens as f64 + self.outlook.prompt() * eval.problems as f64;
        self.pace.forward_row_s() * rows + self.pace.answers_s(&answers, MAX_RUNNING)
    }

    fn evaluations_a_step(&self) -> f64 {
        if self.stage.eval.every > 0 { 1.0 / self.stage.eval.every as f64 } else { 0.0 }
    }

    /// At the steps that the recipe says, and one more: before the first step, or after the last.
    fn n_evaluations(&self, steps: f64) -> f64 {
        (steps * self.evaluations_a_step()).floor() + 1.0
    }

    fn minutes_s(&self) -> f64 {
        60.0 * self.stage.train.minutes.unwrap_or(0.0)
    }

    fn answer_tokens(&self, longest: usize) -> f64 {
        let answers = self.outlook.answers(N_DOCUMENTS, longest);
        mean(&answers).unwrap_or(0.0)
    }
}

/// Tokens of so many steps of documents, the ramp included.
fn tokens_of_steps(stage: &StageRecipe, steps: u64) -> u64 {
    let train = &stage.train;
    let mut tokens = 0;
    for step in 0..steps {
        let batch = (n_micro_batches(train, tokens) * train.micro_batch_tokens) as u64;
        if train.batch_ramp.is_none_or(|ramp| tokens >= ramp.tokens) {
            return tokens + (steps - step) * batch;
        }
        tokens += batch;
    }
    tokens
}
