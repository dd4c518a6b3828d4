//! A model as the policy of reinforcement learning: log-probabilities of the tokens that it chose, and a step along
//! whatever objective is made of them. The same forward as everywhere, without the MTP module; under the sampler's filter
//! the log-probabilities are those that the engine recorded, bit for bit.

use crate::attend::{Attend, Rows};
use crate::batch::PackedBatch;
use crate::deepseek_v3::MoeStats;
use crate::model::Model;
use kernels::distribution::Filter;
use tensor::ops::{Objective, PolicyRows, TokenGrads, TokenLogProbs};
use tensor::{Gradients, Tape};

/// What stays the same over a policy step.
#[derive(Clone, Copy, Debug)]
pub struct PolicySpec {
    /// Temperature and filters of the sampler.
    pub filter: Filter,
    /// α of the sequence-wise balance loss, times this batch's share of the step's rows; 0 turns it off.
    pub balance_alpha: f32,
}

/// What one micro-batch contributed to a policy step.
#[derive(Clone, Debug, Default)]
pub struct PolicyStep {
    /// Of the rows whose weight is not zero, in row order.
    pub tokens: TokenLogProbs,
    /// The balance loss, α included.
    pub balance_loss: f64,
    /// For each MoE layer, tokens sent to each expert.
    pub expert_load: Vec<Vec<u64>>,
}

impl Model {
    /// Log-probability and entropy, under `filter`, of every target whose weight in `batch` is not zero, in row order.
    pub fn token_logprobs(&self, batch: &PackedBatch, filter: &Filter) -> TokenLogProbs {
        let (spec, lent) = (PolicySpec { filter: *filter, balance_alpha: 0.0 }, Lent::new(batch));
        let mut tape = Tape::inference(self.params());
        self.policy(&mut tape, batch, &lent, &spec, &mut |_, _| TokenGrads::default()).tokens
    }

    /// Forward and backward of one micro-batch; gradients are added to `grads`. `objective` is asked once for each
    /// document of `batch` (by its index among the segments) that has weights, about exactly the tokens whose weight is
    /// not zero, and answers with the gradient of the loss that is to be minimised.
    pub fn policy_step(
        &self,
        batch: &PackedBatch,
        spec: &PolicySpec,
        grads: &mut Gradients,
        objective: &mut Objective,
    ) -> PolicyStep {
        let lent = Lent::new(batch);
        let mut tape = Tape::training(self.params(), grads);
        let step = self.policy(&mut tape, batch, &lent, spec, objective);
        tape.backward();
        step
    }

    fn policy<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        batch: &'a PackedBatch,
        lent: &'a Lent,
        spec: &PolicySpec,
        objective: &mut Objective,
    ) -> PolicyStep {
        let mut stats = MoeStats { balance_alpha: spec.balance_alpha, ..MoeStats::default() };
        let mut attend = Attend::Packed(&batch.segments);
        let rows = Rows { tokens: &batch.tokens, positions: &lent.positions };
        let hidden = self.hidden(tape, rows, &mut attend, &mut stats);
        let rows = PolicyRows { targets: &batch.targets, documents: &lent.documents, filter: &spec.filter };
        let tokens = tape.head_policy(&hidden, self.head(), &rows, objective);
        PolicyStep { tokens, balance_loss: stats.balance_loss, expert_load: stats.expert_load }
    }
}

/// What a batch lends to the tape.
struct Lent {
    positions: Vec<u32>,
    documents: Vec<Vec<usize>>,
}

impl Lent {
    fn new(batch: &PackedBatch) -> Lent {
        let chosen = |start: usize, len: usize| (start..start + len).filter(|&i| batch.loss_weights[i] != 0.0);
        let documents = batch.segments.iter().map(|s| chosen(s.start, s.len).collect()).collect();
        Lent { positions: batch.positions(), documents }
    }
}
