//! The update: a step's answers, packed into micro-batches, and the optimizer's steps over them.
//!
//! The first pass over the first minibatch is on-policy: the policy is the one that answered, and its log-probabilities are
//! the recorded ones to the bit, which every step checks (`mismatch_kl`). Later minibatches and epochs see a policy that
//! has moved. Either way an answer's slopes are made of the log-probabilities that its own forward gives.
//!
//! Answers to one problem share their prompt's rows, which are computed once for all that lie in one micro-batch.

use super::objective::{AnswerTerms, LossStats, Norms, gradient};
use super::policy::Policy;
use super::rollouts::{Answer, Group};
use crate::recipe::{GrpoSpec, KlKind};
use crate::schedule::StepSettings;
use kernels::attention::Shared;
use kernels::distribution::Filter;
use model::{PackedBatch, StepLoss};
use std::cmp::Reverse;
use std::collections::HashMap;

/// What the updates of one step did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Updated {
    /// The loss, over all passes.
    pub stats: LossStats,
    /// Optimizer steps.
    pub n_updates: u64,
    /// The largest gradient norm.
    pub grad_norm: f64,
    /// k3 divergence between recorded and recomputed log-probabilities where the policy had not moved; a mean over tokens.
    pub mismatch_kl: f64,
    /// Rows that went through forward and backward.
    pub n_rows: u64,
    /// Operations of that.
    pub flops: f64,
}

/// An answer with its prompt.
#[derive(Clone, Copy)]
struct Learnt<'a> {
    prompt: &'a [u32],
    answer: &'a Answer,
}

impl Learnt<'_> {
    /// Rows of the prompt that any answer can share: all but the last, which predicts the answer's first token.
    fn n_shared(&self) -> usize {
        self.prompt.len() - 1
    }

    /// Rows beyond those.
    fn n_own(&self) -> usize {
        self.answer.tokens.len()
    }
}

/// Some answers in the rows of one micro-batch.
struct Micro<'a> {
    answers: Vec<Learnt<'a>>,
    batch: PackedBatch,
    /// log π_old of the learnt tokens, answer by answer.
    old: Vec<Vec<f32>>,
    /// log π_ref of the same; empty without a divergence.
    reference: Vec<Vec<f32>>,
}

/// Learns from the groups' answers that have an advantage. Where no answer has one, the first group is scored all the
/// same, so that `mismatch_kl` is measured in every step; the weights then stay as they are. `watch` is told how many of an
/// optimizer step's micro-batches are done.
pub fn update(
    policy: &mut impl Policy,
    spec: &GrpoSpec,
    settings: &StepSettings,
    micro_batch_tokens: usize,
    groups: &[Group],
    watch: &mut dyn FnMut(usize, usize),
) -> Updated {
    let mut updated = Updated { grad_norm: 0.0, ..Updated::default() };
    let parts = split(groups, spec.minibatches);
    for epoch in 0..spec.epochs {
        for minibatch in &parts {
            let learnt = learnt(minibatch, |answer| answer.advantage.is_some());
            if learnt.is_empty() {
                continue;
            }
            let is_on_policy = epoch == 0 && updated.n_updates == 0;
            let micros = pack(&learnt, micro_batch_tokens);
            one_update(policy, spec, settings, &micros, is_on_policy, &mut updated, watch);
        }
    }
    if updated.n_updates == 0 {
        updated.mismatch_kl =
            measure_mismatch(policy, &spec.filter(), &groups[..groups.len().min(1)], micro_batch_tokens);
    }
    updated
}

/// One optimizer step over a minibatch's micro-batches.
fn one_update(
    policy: &mut impl Policy,
    spec: &GrpoSpec,
    settings: &StepSettings,
    micros: &[Packed],
    is_on_policy: bool,
    updated: &mut Updated,
    watch: &mut dyn FnMut(usize, usize),
) {
    let norms = Norms {
        n_answers: micros.iter().map(|micro| micro.answers.len()).sum(),
        n_tokens: micros.iter().flat_map(|micro| &micro.answers).map(|learnt| n_chosen(learnt.answer)).sum(),
    };
    let (filter, mut stats) = (spec.filter(), LossStats::default());
    for (idx, packed) in micros.iter().enumerate() {
        watch(idx, micros.len());
        let micro = Micro::new(packed, policy, spec);
        let terms = micro.terms();
        policy.reinforce(&micro.batch, &filter, &mut |idx, new| {
            let (slopes, own) = gradient(spec, norms, &terms[idx], new);
            stats.add(&own);
            slopes
        });
        updated.n_rows += micro.batch.len() as u64;
        updated.flops += policy.flops(&micro.batch, false);
    }
    if is_on_policy {
        updated.mismatch_kl = stats.mismatch / stats.n_tokens.max(1) as f64;
    }
    let norm = policy.update(settings, &StepLoss::default());
    // A norm that is not a number must not hide behind a maximum.
    updated.grad_norm = if norm.is_finite() { updated.grad_norm.max(norm) } else { norm };
    updated.n_updates += 1;
    updated.stats.add(&stats);
}

/// k3 divergence of the policy's log-probabilities from the recorded ones.
fn measure_mismatch(policy: &mut impl Policy, filter: &Filter, groups: &[Group], micro_batch_tokens: usize) -> f64 {
    let (mut sum, mut n) = (0.0, 0usize);
    for packed in pack(&learnt(groups, |_| true), micro_batch_tokens) {
        let old: Vec<f32> = packed.answers.iter().flat_map(|learnt| old_logprobs(learnt.answer)).collect();
        for (new, old) in policy.score(&packed.batch, filter).iter().zip(&old) {
            let x = f64::from(*new) - f64::from(*old);
            sum += x.exp() - x - 1.0;
            n += 1;
        }
    }
    sum / n.max(1) as f64
}

impl<'a> Micro<'a> {
    fn new(packed: &Packed<'a>, policy: &mut impl Policy, spec: &GrpoSpec) -> Micro<'a> {
        let old: Vec<Vec<f32>> = packed.answers.iter().map(|learnt| old_logprobs(learnt.answer)).collect();
        let reference = match spec.kl {
            KlKind::Off => Vec::new(),
            KlKind::K3 | KlKind::Unbiased => {
                let mut all = policy.score_reference(&packed.batch, &spec.filter()).into_iter();
                old.iter().map(|old| all.by_ref().take(old.len()).collect()).collect()
            }
        };
        Micro { answers: packed.answers.clone(), batch: packed.batch.clone(), old, reference }
    }

    fn terms(&self) -> Vec<AnswerTerms<'_>> {
        let of = |(idx, learnt): (usize, &Learnt)| AnswerTerms {
            advantage: learnt.answer.advantage.unwrap_or(0.0),
            old: &self.old[idx],
            reference: self.reference.get(idx).map_or(&[], Vec::as_slice),
        };
        self.answers.iter().enumerate().map(of).collect()
    }
}

/// Answers in the rows of one batch.
struct Packed<'a> {
    answers: Vec<Learnt<'a>>,
    batch: PackedBatch,
}

/// Packs answers into micro-batches of at most `capacity` rows: of the problems the longest first, of a problem's
/// answers too, each into the first that has room.
fn pack<'a>(learnt: &[Learnt<'a>], capacity: usize) -> Vec<Packed<'a>> {
    let mut groups: Vec<Vec<Learnt>> =
        learnt.chunk_by(|a, b| std::ptr::eq(a.prompt, b.prompt)).map(<[Learnt]>::to_vec).collect();
    let n_rows = |group: &Vec<Learnt>| group[0].n_shared() + group.iter().map(Learnt::n_own).sum::<usize>();
    groups.sort_by_key(|group| Reverse(n_rows(group)));
    let mut packed: Vec<Packed> = Vec::new();
    for mut group in groups {
        group.sort_by_key(|learnt| Reverse(learnt.n_own()));
        // Where a micro-batch holds the prompt's rows.
        let mut prompts: HashMap<usize, Shared> = HashMap::new();
        for learnt in group {
            let n_new = |at: usize| learnt.n_own() + if prompts.contains_key(&at) { 0 } else { learnt.n_shared() };
            let has_room = |at: &usize| packed[*at].batch.len() + n_new(*at) <= capacity;
            let at = (0..packed.len()).find(has_room).unwrap_or_else(|| {
                packed.push(Packed { answers: Vec::new(), batch: PackedBatch::default() });
                packed.len() - 1
            });
            let Packed { answers, batch } = &mut packed[at];
            let start = batch.len();
            let tokens = [learnt.prompt, &learnt.answer.tokens].concat();
            let mut weights = vec![0.0; learnt.prompt.len()];
            weights.extend(learnt.answer.chosen.iter().map(|chosen| f32::from(u8::from(*chosen))));
            batch.push_after(prompts.get(&at).copied().unwrap_or_default(), &tokens, &weights);
            prompts.entry(at).or_insert(Shared { start, len: learnt.n_shared() });
            answers.push(learnt);
        }
    }
    packed
}

fn learnt(groups: &[Group], wanted: impl Fn(&Answer) -> bool) -> Vec<Learnt<'_>> {
    let mut learnt = Vec::new();
    for group in groups {
        let answers = group.answers.iter().filter(|answer| wanted(answer));
        learnt.extend(answers.map(|answer| Learnt { prompt: &group.problem.prompt, answer }));
    }
    learnt
}

/// The groups in `n` parts of nearly equal size, in order.
fn split(groups: &[Group], n: usize) -> Vec<&[Group]> {
    let edge = |part: usize| part * groups.len() / n;
    (0..n).map(|part| &groups[edge(part)..edge(part + 1)]).filter(|part| !part.is_empty()).collect()
}

fn old_logprobs(answer: &Answer) -> Vec<f32> {
    answer.logprobs.iter().zip(&answer.chosen).filter(|(_, chosen)| **chosen).map(|(logp, _)| *logp).collect()
}

fn n_chosen(answer: &Answer) -> usize {
    answer.chosen.iter().filter(|chosen| **chosen).count()
}
