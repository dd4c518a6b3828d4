//! Rollouts: for each problem a group of answers from the policy itself, as token ids with their log-probabilities, and
//! what each of them earned.

use super::objective::{advantages, std_of};
use super::prompts::Problem;
use super::rewards::{Answered, Rewards};
use crate::data::Codec;
use crate::learner::Learner;
use crate::recipe::{GrpoSpec, OverlongKind};
use engine::{Completion, FinishReason, Request, SamplingParams};
use rollout::Parts;
use tasks::{Judgement, Rng, Verdict};

/// First number of this module's random streams.
const STREAM: u64 = 0x6772_706f_5f72_6f6c;

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its tokens, the stop token included.
    pub tokens: Vec<u32>,
    /// log π of each, recorded while sampling.
    pub logprobs: Vec<f32>,
    /// Which of them the policy chose.
    pub chosen: Vec<bool>,
    /// Whether the model ended it.
    pub is_stopped: bool,
    /// Thinking and answer.
    pub parts: Parts,
    /// The verdict.
    pub judgement: Judgement,
    /// What it earned.
    pub rewards: Rewards,
    /// Their weighted sum; `None` for an answer that cannot be judged.
    pub reward: Option<f64>,
    /// How much better it was than its group; `None` for an answer that is not learnt from.
    pub advantage: Option<f64>,
}

/// A problem and its answers.
#[derive(Clone)]
pub struct Group {
    /// The problem.
    pub problem: Problem,
    /// Its answers.
    pub answers: Vec<Answer>,
}

impl Group {
    /// Whether all rewards are equal, so that nothing can be learnt.
    pub fn has_zero_variance(&self) -> bool {
        self.reward_std() == 0.0
    }

    /// Standard deviation of the rewards.
    pub fn reward_std(&self) -> f64 {
        std_of(&self.answers.iter().filter_map(|answer| answer.reward).collect::<Vec<f64>>())
    }

    /// Share of right answers among those judged.
    pub fn share_right(&self) -> Option<f64> {
        let judged: Vec<f64> = self.answers.iter().filter_map(|answer| answer.rewards.accuracy).collect();
        rollout::statistics::mean(&judged)
    }
}

/// Where a sample's random numbers come from.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The stage's seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// Number of the first problem within the step.
    pub first: u64,
}

/// The requests of the groups, one after another. An answer's seed is a function of (seed, step, problem, answer).
pub fn requests(spec: &GrpoSpec, problems: &[Problem], stop_tokens: &[u32], draw: Draw) -> Vec<Request> {
    let of_problem = |(idx, problem): (usize, &Problem)| {
        let idx = draw.first + idx as u64;
        let prompt = problem.prompt.clone();
        (0..spec.group_size as u64).map(move |answer| {
            let seed = Rng::stream(&[STREAM, draw.seed, draw.step, idx, answer]).next_u64();
            Request {
                prompt: prompt.clone(),
                max_tokens: spec.max_new_tokens,
                stop_tokens: stop_tokens.to_vec(),
                sampling: SamplingParams {
                    temperature: spec.temperature as f32,
                    top_k: spec.top_k,
                    top_p: spec.top_p as f32,
                    min_p: spec.min_p as f32,
                    seed,
                    ..SamplingParams::default()
                },
                ..Request::default()
            }
        })
    };
    problems.iter().enumerate().flat_map(of_problem).collect()
}

/// Samples a group for each problem. Nothing is judged yet.
pub fn sample(
    learner: &mut impl Learner,
    spec: &GrpoSpec,
    problems: &[Problem],
    codec: &Codec,
    draw: Draw,
    watch: &mut dyn FnMut(usize, u64),
) -> Vec<Vec<Completion>> {
    let requests = requests(spec, problems, codec.tokenizer.eos_ids(), draw);
    let mut completions = learner.generate(requests, watch).into_iter();
    problems.iter().map(|_| completions.by_ref().take(spec.group_size).collect()).collect()
}

/// Verifies a group's answers and rewards them; a judge's grades come later, see [`set_grades`].
pub fn verify(spec: &GrpoSpec, problem: Problem, completions: Vec<Completion>, codec: &Codec, coin: &mut Rng) -> Group {
    let answers = completions.into_iter().map(|completion| {
        let tokens: Vec<u32> = completion.tokens.iter().map(|token| token.id).collect();
        let is_stopped = completion.finished.reason == FinishReason::Stop;
        let parts = Parts::from_tokens(&codec.tokenizer, &tokens, problem.in_thinking);
        let judgement = rollout::judge(problem.task.as_ref(), &problem.example.problem, &parts, is_stopped);
        let answered = Answered {
            prompt: &problem.example.prompt,
            parts: &parts,
            verdict: judgement.verdict,
            n_tokens: tokens.len(),
            is_stopped,
        };
        let rewards = Rewards::of(spec, &answered, coin);
        Answer {
            logprobs: completion.tokens.iter().map(|token| token.logprob).collect(),
            chosen: completion.tokens.iter().map(|token| token.chosen).collect(),
            reward: rewards.total(&spec.reward),
            advantage: None,
            tokens,
            is_stopped,
            parts,
            judgement,
            rewards,
        }
    });
    let answers = answers.collect();
    Group { problem, answers }
}

/// Takes a judge's grades, an answer each in order, into the rewards.
pub fn set_grades(spec: &GrpoSpec, groups: &mut [Group], grades: &[Option<f64>]) {
    let answers = groups.iter_mut().flat_map(|group| &mut group.answers);
    for (answer, grade) in answers.zip(grades) {
        answer.rewards.judge = *grade;
        answer.reward = answer.rewards.total(&spec.reward);
    }
}

/// Gives every answer that is learnt from its advantage, and the others none: those without a reward, those of groups
/// without variance where these are filtered, and cut ones where these are masked.
pub fn assign_advantages(spec: &GrpoSpec, groups: &mut [Group]) {
    let rewards: Vec<Vec<Option<f64>>> =
        groups.iter().map(|group| group.answers.iter().map(|answer| answer.reward).collect()).collect();
    for (group, advantages) in groups.iter_mut().zip(advantages(&rewards, spec.scale_rewards)) {
        let is_filtered = spec.zero_variance_filter && group.has_zero_variance();
        for (answer, advantage) in group.answers.iter_mut().zip(advantages) {
            let is_masked = spec.overlong == OverlongKind::Mask && !answer.is_stopped;
            answer.advantage = advantage.filter(|_| !is_filtered && !is_masked);
        }
    }
}

/// Answers that no verdict was possible on.
pub fn n_cannot_judge(groups: &[Group]) -> usize {
    let answers = groups.iter().flat_map(|group| &group.answers);
    answers.filter(|answer| answer.judgement.verdict == Verdict::CannotJudge).count()
}
