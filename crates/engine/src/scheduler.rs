//! Whose tokens run in the next step: continuous batching in arrival order.
//!
//! There is no prefill phase and no decode phase. Every running sequence has some tokens that are not computed yet (a
//! whole prompt, or the one token just drawn); a step takes them oldest sequence first, at most `max_step_tokens` in
//! all, so a long prompt is computed in pieces while others go on answering. When blocks run out, the youngest sequence
//! gives its blocks back and waits at the head of the queue; it recomputes its tokens later and continues with the same
//! ones, since they are a function of its seed and not of its history in the batch. The oldest always advances. Of the
//! waiting, the user with the fewest running sequences goes first, so that one user's hundred requests do not hold up
//! another's single one.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};

use crate::block_manager::BlockManager;
use crate::language_model::BLOCK_SIZE;
use crate::sequence::{SeqId, Sequence};

#[cfg(test)]
mod tests;

/// Bounds on one step.
#[derive(Clone, Copy, Debug)]
pub struct SchedulerConfig {
    /// Most sequences in a step.
    pub max_running: usize,
    /// Most new tokens in a step; at least `max_running`, so that every running sequence can decode.
    pub max_step_tokens: usize,
}

/// The waiting, the running, and the blocks they share.
pub struct Scheduler {
    config: SchedulerConfig,
    blocks: BlockManager,
    /// Those that have begun, and then the others as they came.
    waiting: VecDeque<Sequence>,
    /// How many wait of each user, never none.
    n_waiting_of: BTreeMap<u64, usize>,
    /// In order of admission.
    running: Vec<Sequence>,
    n_preemptions: u64,
}

impl Scheduler {
    /// An empty scheduler over a pool of `n_blocks`.
    pub fn new(config: SchedulerConfig, n_blocks: usize) -> Self {
        assert!(
            config.max_running > 0 && config.max_step_tokens >= config.max_running,
            "a step must hold at least one token of every running sequence: {config:?}"
        );
        let blocks = BlockManager::new(n_blocks);
        Self {
            config,
            blocks,
            waiting: VecDeque::new(),
            n_waiting_of: BTreeMap::new(),
            running: Vec::new(),
            n_preemptions: 0,
        }
    }

    /// Puts a sequence at the end of the queue.
    pub fn add(&mut self, sequence: Sequence) {
        *self.n_waiting_of.entry(sequence.user).or_default() += 1;
        self.waiting.push_back(sequence);
    }

    fn take_waiting(&mut self, idx: usize) -> Option<Sequence> {
        let sequence = self.waiting.remove(idx)?;
        if let Entry::Occupied(mut n_waiting) = self.n_waiting_of.entry(sequence.user) {
            *n_waiting.get_mut() -= 1;
            if *n_waiting.get() == 0 {
                n_waiting.remove();
            }
        }
        Some(sequence)
    }

    /// Chooses the next step. Entry `i` of the result is how many tokens of running sequence `i` to compute; the blocks
    /// for them are allocated. Empty only if there is nothing to do.
    pub fn schedule(&mut self) -> Vec<usize> {
        let mut n_new = Vec::with_capacity(self.running.len());
        let mut room = self.config.max_step_tokens;
        let mut all_have_blocks = true;
        while n_new.len() < self.running.len() {
            // Keep one token for each sequence behind this one: nobody's answer stalls for a neighbour's long prompt.
            let n_behind = self.running.len() - n_new.len() - 1;
            let n = self.running[n_new.len()].n_pending().min(room - n_behind);
            if self.make_room_for(n_new.len(), n) {
                n_new.push(n);
                room -= n;
            } else {
                all_have_blocks = false;
            }
        }
        while all_have_blocks && room > 0 && self.running.len() < self.config.max_running {
            let Some(n) = self.admit_next(room) else { break };
            n_new.push(n);
            room -= n;
        }
        n_new
    }

    /// Gives running sequence `idx` blocks for `n` more tokens, at the cost of younger ones; false if it was itself the
    /// youngest and had to go.
    fn make_room_for(&mut self, idx: usize, n: usize) -> bool {
        loop {
            let sequence = &mut self.running[idx];
            if self.blocks.grow(&mut sequence.table, sequence.n_computed + n) {
                return true;
            }
            let mut youngest = self.running.pop().expect("the sequence itself is running");
            assert!(
                !self.running.is_empty(),
                "one sequence of {} tokens does not fit the whole pool of {} blocks",
                youngest.tokens.len(),
                self.blocks.n_blocks()
            );
            self.blocks.release(&mut youngest.table);
            youngest.preempted();
            *self.n_waiting_of.entry(youngest.user).or_default() += 1;
            self.waiting.push_front(youngest);
            self.n_preemptions += 1;
            if idx == self.running.len() {
                return false;
            }
        }
    }

    /// Starts the waiting sequence whose turn it is if all its tokens, and one more block for each sequence to grow into, fit;
    /// returns how many of its tokens (at most `room`) go into this step.
    fn admit_next(&mut self, room: usize) -> Option<usize> {
        let next = self.next_waiting()?;
        let sequence = &mut self.waiting[next];
        let n_cached = self.blocks.share_prefix(&mut sequence.table, &sequence.tokens);
        let n_missing = BlockManager::blocks_for(sequence.tokens.len()) - sequence.table.blocks.len();
        let n_spare = self.running.len();
        let n = (sequence.tokens.len() - n_cached).min(room);
        if n_missing + n_spare > self.blocks.n_free() || !self.blocks.grow(&mut sequence.table, n_cached + n) {
            self.blocks.release(&mut sequence.table);
            return None;
        }
        sequence.admitted(n_cached);
        let admitted = self.take_waiting(next);
        self.running.extend(admitted);
        Some(n)
    }

    /// The waiting sequence whose turn it is: the first that already began (it was preempted), else the first of the user
    /// who has the fewest running. With a single user this is the order of arrival. One whose beginning a running sequence is
    /// about to compute has its turn when that is done, and shares it: a group's prompt is computed once.
    fn next_waiting(&self) -> Option<usize> {
        let n_running = |user| self.running.iter().filter(|s| s.user == user).count();
        // Nobody's turn is before it, but of those that have begun, who come first: the search ends there.
        let earliest = self.n_waiting_of.keys().map(|&user| 1 + n_running(user)).min()?;
        let mut next = None;
        for (idx, sequence) in self.waiting.iter().enumerate() {
            let turn = if sequence.has_begun() { 0 } else { 1 + n_running(sequence.user) };
            if next.is_some_and(|(earlier, _)| earlier <= turn) || self.is_beginning_computed(sequence) {
                continue;
            }
            next = Some((turn, idx));
            if turn <= earliest {
                break;
            }
        }
        next.map(|(_, idx)| idx)
    }

    /// Whether a running sequence still has to compute full blocks that `sequence` could share.
    fn is_beginning_computed(&self, sequence: &Sequence) -> bool {
        let n_shareable = (sequence.tokens.len().saturating_sub(1) / BLOCK_SIZE) * BLOCK_SIZE;
        let computes_for_both = |other: &Sequence| {
            let n_next = other.n_computed + BLOCK_SIZE;
            let n_after = n_next - n_next % BLOCK_SIZE;
            n_after <= n_shareable
                && other.tokens.len() >= n_after
                && other.tokens[..n_after] == sequence.tokens[..n_after]
        };
        self.running.iter().filter(|other| other.n_pending() > 1).any(computes_for_both)
    }

    /// Records that the step chosen by [`Self::schedule`] was computed.
    pub fn computed(&mut self, n_new: &[usize]) {
        for (sequence, n) in self.running.iter_mut().zip(n_new) {
            sequence.n_computed += n;
            self.blocks.register(&mut sequence.table, &sequence.tokens, sequence.n_computed);
        }
    }

    /// The running sequences, oldest first.
    pub fn running(&self) -> &[Sequence] {
        &self.running
    }

    /// The same, to advance them.
    pub fn running_mut(&mut self) -> &mut [Sequence] {
        &mut self.running
    }

    /// A sequence by name, wherever it is.
    pub fn find_mut(&mut self, id: SeqId) -> Option<&mut Sequence> {
        self.running.iter_mut().chain(&mut self.waiting).find(|sequence| sequence.id == id)
    }

    /// Takes a sequence out and frees its blocks.
    pub fn remove(&mut self, id: SeqId) -> Option<Sequence> {
        let mut sequence = if let Some(idx) = self.running.iter().position(|s| s.id == id) {
            self.running.remove(idx)
        } else {
            let idx = self.waiting.iter().position(|s| s.id == id)?;
            self.take_waiting(idx)?
        };
        self.blocks.release(&mut sequence.table);
        Some(sequence)
    }

    /// Forgets cached prefixes, as a change of weights demands; nothing may be running.
    pub fn clear_cache(&mut self) {
        assert!(self.running.is_empty(), "weights changed under {} running sequences", self.running.len());
        self.blocks.clear_cache();
    }

    /// Sequences waiting for memory or a place.
    pub fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Blocks that nobody owns.
    pub fn n_free_blocks(&self) -> usize {
        self.blocks.n_free()
    }

    /// How often a sequence lost its blocks to an older one.
    pub fn n_preemptions(&self) -> u64 {
        self.n_preemptions
    }
}
