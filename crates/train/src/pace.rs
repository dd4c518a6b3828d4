//! How fast this machine trains a recipe's own model and answers with it, measured: a micro-batch of the stage's documents,
//! forward, backward and update, and some steps of decoding. Nothing else is known of a model that nobody has trained.
//!
//! Other programs may be running. Where the system says how long threads waited for a core, that is taken off, so that a
//! plan is one for a machine of one's own ([`Watch`]). What is measured is a model of its own: its weights change.

use crate::data::Document;
use crate::learner::Learner;
use crate::model_learner::{self, ModelLearner};
use crate::outlook::Outlook;
use crate::recipe::{PrecisionSpec, StageRecipe};
use crate::schedule::StepSettings;
use cost::{Machine, Run};
use engine::{Request, SamplingParams};
use model::{Config, LossSpec, PackedBatch};
use std::collections::BTreeMap;
use std::time::Instant;

/// Share of the peak that is assumed where measuring would take too long: what training of models of 1M to 10M parameters
/// reached on two cores of an AMD EPYC, as `penseur bench` measures it.
pub(crate) const USUAL: f64 = 0.4;

/// A decoded token's share of a trained one's time, where neither is measured: a forward pass is a third, at half the
/// speed because few rows are decoded together. Assumed.
const DECODING: f64 = 0.67;

/// A micro-batch that should take longer is not measured.
const MOST_S: f64 = 6.0;

/// Rounds, of which the median counts: a run meets the same disturbances, which no clock tells, and the same changes of
/// the processor's frequency. One more goes before them, in which memory is touched for the first time.
const ROUNDS: usize = 7;

/// The same of decoding, whose prompts take long to read.
const DECODING_ROUNDS: usize = 3;

/// Steps of decoding that are timed.
const DECODING_STEPS: usize = 16;

/// Sequences of the smaller of two decoding batches, between which the time of a row is.
const FEW: usize = 16;

/// What a model takes on this machine, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// A row of training, forward and backward.
    pub(crate) row_s: f64,
    /// An optimizer step.
    pub(crate) update_s: f64,
    /// A step of decoding, beside its rows.
    pub(crate) decode_step_s: f64,
    /// A row of it.
    pub(crate) decode_row_s: f64,
    /// Share of the cores that training keeps busy, and decoding; `None` where the system does not say.
    pub(crate) busy: Option<f64>,
    pub(crate) decode_busy: Option<f64>,
    /// Share of the machine's peak that training reaches, in the stage's precision.
    pub(crate) efficiency: f64,
    /// Whether it was measured here and now.
    pub(crate) is_measured: bool,
}

impl Pace {
    /// A row of a forward pass alone: a third of the operations.
    pub(crate) fn forward_row_s(&self) -> f64 {
        self.row_s / 3.0
    }

    /// Answers of these lengths, `n_running` at a time: when one ends, the next begins.
    pub(crate) fn answers_s(&self, lengths: &[usize], n_running: usize) -> f64 {
        let mut waiting = lengths.iter().copied().filter(|length| *length > 0);
        let mut left: Vec<usize> = waiting.by_ref().take(n_running.max(1)).collect();
        let mut seconds = 0.0;
        while let Some(n_steps) = left.iter().copied().min() {
            seconds += n_steps as f64 * (self.decode_step_s + left.len() as f64 * self.decode_row_s);
            left.iter_mut().for_each(|length| *length -= n_steps);
            left.retain(|length| *length > 0);
            left.extend(waiting.by_ref().take(n_running.max(1) - left.len()));
        }
        seconds
    }
}

/// Decoding that was measured before, by the model's configuration and precision: stages share models.
pub(crate) type Decoded = BTreeMap<String, Decoding>;

/// Seconds of a step of decoding beside its rows, and of a row; the share of the cores that it keeps busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoding {
    step_s: f64,
    row_s: f64,
    busy: Option<f64>,
}

/// A stretch of work, as long as it would take on a machine of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) seconds: f64,
    /// Of all cores together; `None` where the system does not say.
    pub(crate) cpu_s: Option<f64>,
}

impl Stretch {
    const NONE: Stretch = Stretch { seconds: 0.0, cpu_s: Some(0.0) };

    /// The one in the middle, by length.
    fn median(mut stretches: Vec<Stretch>) -> Stretch {
        stretches.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        stretches.get(stretches.len() / 2).copied().unwrap_or(Stretch::NONE)
    }

    fn busy(&self, n_cores: usize) -> Option<f64> {
        self.cpu_s.map(|cpu_s| (cpu_s / (n_cores as f64 * self.seconds)).clamp(0.0, 1.0))
    }
}

/// Times work on a machine that others may use.
pub(crate) struct Watch {
    n_cores: usize,
    started: Instant,
    cpu_s: Option<f64>,
    waited_s: Option<f64>,
}

impl Watch {
    pub(crate) fn start(n_cores: usize) -> Watch {
        let (cpu_s, waited_s) = (sys::cpu::process_cpu_seconds(), sys::cpu::waited_seconds());
        Watch { n_cores, started: Instant::now(), cpu_s, waited_s }
    }

    /// What was done since the start.
    pub(crate) fn stop(&self) -> Stretch {
        let since = |now: Option<f64>, before: Option<f64>| Some((now? - before?).max(0.0));
        let wall_s = self.started.elapsed().as_secs_f64();
        let cpu_s = since(sys::cpu::process_cpu_seconds(), self.cpu_s);
        let waited_s = since(sys::cpu::waited_seconds(), self.waited_s);
        Stretch { seconds: alone(wall_s, waited_s, cpu_s, self.n_cores), cpu_s }
    }
}

/// Seconds without others: the clock's less what threads waited for a core (work is joined after every operation, so that
/// one thread's wait is all threads'), and no less than the cores computed.
fn alone(wall_s: f64, waited_s: Option<f64>, cpu_s: Option<f64>, n_cores: usize) -> f64 {
    let least = cpu_s.map_or(wall_s, |cpu_s| cpu_s / n_cores as f64).min(wall_s);
    (wall_s - waited_s.unwrap_or(0.0)).max(least)
}

/// Measures the pace of `stage`, whose model is `config`; the machine's limits are known.
pub(crate) fn measure(
    stage: &StageRecipe,
    config: &Config,
    outlook: &Outlook,
    machine: &Machine,
    decoded: &mut Decoded,
) -> Pace {
    let run = run_of(stage, config, outlook, 1);
    let peak = 1e9 * if run.bf16 { machine.bf16_gflops } else { machine.f32_gflops };
    let usual_row_s = run.flops_per_token() / (peak * USUAL);
    let assumed = Pace {
        row_s: usual_row_s,
        update_s: 0.0,
        decode_step_s: 0.0,
        decode_row_s: DECODING * usual_row_s,
        busy: None,
        decode_busy: None,
        efficiency: USUAL,
        is_measured: false,
    };
    if usual_row_s * stage.train.micro_batch_tokens as f64 > MOST_S {
        return assumed;
    }
    let parts = model_learner::Parts {
        config: config.clone(),
        precision: stage.model.precision,
        train: &stage.train,
        seed: stage.seed,
        parent: None,
        files: Vec::new(),
    };
    let Ok(mut learner) = ModelLearner::new(parts) else { return assumed };
    let n_cores = machine.cores;
    let (n_rows, pass, update) = training(&mut learner, stage, outlook, config.vocab_size(), n_cores);
    let model = format!("{:?} {}", stage.model.precision, config.to_json());
    let decoding = *decoded.entry(model).or_insert_with(|| decoding(&mut learner, stage, outlook, n_cores));
    let row_s = pass.seconds / n_rows as f64;
    Pace {
        row_s,
        update_s: update.seconds,
        decode_step_s: decoding.step_s,
        decode_row_s: decoding.row_s,
        busy: pass.busy(n_cores),
        decode_busy: decoding.busy,
        efficiency: run.flops_per_token() / row_s / peak,
        is_measured: true,
    }
}

/// A run of the stage over so many tokens, for counting.
pub(crate) fn run_of<'a>(stage: &StageRecipe, config: &'a Config, outlook: &Outlook, tokens: u64) -> Run<'a> {
    Run {
        config,
        tokens,
        context: outlook.document(stage.train.seq_len).ceil() as u64,
        mtp: mtp_weight(stage) > 0.0,
        bf16: stage.model.precision == PrecisionSpec::Bf16,
        efficiency: USUAL,
    }
}

/// Reinforcement and answers leave the MTP module out.
fn mtp_weight(stage: &StageRecipe) -> f64 {
    if stage.grpo.is_some() || stage.sample.is_some() { 0.0 } else { stage.train.mtp_weight }
}

/// Rows of a pass, a pass, and an update.
fn training(
    learner: &mut ModelLearner,
    stage: &StageRecipe,
    outlook: &Outlook,
    vocab: usize,
    n_cores: usize,
) -> (usize, Stretch, Stretch) {
    let train = &stage.train;
    let batch = match packed(outlook, train.micro_batch_tokens) {
        batch if batch.is_empty() => random_batch(train.micro_batch_tokens, train.seq_len.div_ceil(2), vocab as u64),
        batch => batch,
    };
    let spec = LossSpec::over(std::slice::from_ref(&batch), mtp_weight(stage) as f32, train.balance_alpha as f32);
    let settings = StepSettings { lr: 1e-9, mtp_weight: 0.0, balance_alpha: 0.0, bias_gamma: 0.0 };
    let (mut passes, mut updates) = (Vec::new(), Vec::new());
    for _ in 0..1 + ROUNDS {
        let watch = Watch::start(n_cores);
        let loss = learner.accumulate(&batch, &spec);
        passes.push(watch.stop());
        let watch = Watch::start(n_cores);
        learner.update(&settings, &loss);
        updates.push(watch.stop());
    }
    (batch.len(), Stretch::median(passes.split_off(1)), Stretch::median(updates.split_off(1)))
}

/// Decoding in the middle of an answer.
fn decoding(learner: &mut ModelLearner, stage: &StageRecipe, outlook: &Outlook, n_cores: usize) -> Decoding {
    let most = learner.context().saturating_sub(DECODING_STEPS + 1).max(1);
    let prompt = vec![0u32; ((outlook.document(stage.train.seq_len) / 2.0) as usize).clamp(1, most)];
    let request = |max_tokens: usize| Request {
        prompt: prompt.clone(),
        max_tokens,
        sampling: SamplingParams { temperature: 1.0, ..SamplingParams::default() },
        ..Request::default()
    };
    let mut timed = |n: usize, max_tokens: usize| {
        let rounds = (0..DECODING_ROUNDS).map(|_| {
            let watch = Watch::start(n_cores);
            learner.generate(vec![request(max_tokens); n], &mut |_, _| {});
            watch.stop()
        });
        Stretch::median(rounds.collect())
    };
    let mut steps = |n: usize| {
        let (all, first) = (timed(n, 1 + DECODING_STEPS), timed(n, 1));
        let cpu_s = all.cpu_s.zip(first.cpu_s).map(|(all, first)| (all - first).max(0.0));
        Stretch { seconds: (all.seconds - first.seconds).max(1e-9), cpu_s }
    };
    let (few, many) = (steps(FEW), steps(model_learner::MAX_RUNNING));
    let [few_s, many_s] = [few, many].map(|stretch| stretch.seconds / DECODING_STEPS as f64);
    let row_s = (many_s - few_s).max(0.1 * many_s) / (model_learner::MAX_RUNNING - FEW) as f64;
    let step_s = (many_s - model_learner::MAX_RUNNING as f64 * row_s).max(0.0);
    Decoding { step_s, row_s, busy: many.busy(n_cores) }
}

/// Documents of the outlook, as many as fit into the rows: short and long ones of all sources, as they are among all.
fn packed(outlook: &Outlook, n_rows: usize) -> PackedBatch {
    let mut by_length: Vec<&Document> = outlook.documents.iter().collect();
    by_length.sort_by_key(|document| document.n_rows());
    let evenly = |n: usize| {
        let documents = &by_length;
        (0..n).filter_map(move |i| documents.get((2 * i + 1) * documents.len() / (2 * n)).copied())
    };
    let fits = |n: &usize| evenly(*n).map(Document::n_rows).sum::<usize>() <= n_rows;
    let n = (1..=n_rows).take_while(fits).last().unwrap_or(0);
    let mut batch = PackedBatch::default();
    for document in evenly(n) {
        let weights: Vec<f32> = document.learn.iter().map(|learn| f32::from(u8::from(*learn))).collect();
        batch.push(&document.tokens, &weights);
    }
    batch
}

fn random_batch(n_rows: usize, document_len: usize, vocab: u64) -> PackedBatch {
    let mut batch = PackedBatch::default();
    let (mut left, mut state) = (n_rows, 1u64);
    while left > 0 {
        let len = left.min(document_len.max(1));
        let tokens: Vec<u32> = (0..=len)
            .map(|_| {
                // Knuth's MMIX generator: any tokens do.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % vocab) as u32
            })
            .collect();
        batch.push(&tokens, &vec![1.0; len + 1]);
        left -= len;
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_three_counts() {
        let of = |seconds| Stretch { seconds, cpu_s: Some(2.0 * seconds) };
        assert_eq!(Stretch::median(vec![of(9.0), of(1.0), of(2.0)]), of(2.0));
        assert_eq!(Stretch::median(Vec::new()), Stretch::NONE);
    }

    #[test]
    fn what_is_timed_has_short_and_long_documents() {
        let of = |n: usize| Document { tokens: vec![7; n + 1], learn: vec![true; n + 1], ..Document::default() };
        // Short ones of one source come before the long ones of another.
        let documents = (0..60).map(|_| of(10)).chain((0..30).map(|_| of(100))).collect();
        let mut outlook = Outlook::default();
        outlook.documents = documents;
        assert_eq!(packed(&outlook, 400).len(), 7 * 10 + 3 * 100);
        assert_eq!(packed(&outlook, 10).len(), 10);
        assert!(packed(&outlook, 9).is_empty() && packed(&Outlook::default(), 400).is_empty());
    }

    #[test]
    fn answers_take_their_turns() {
        let pace = Pace {
            row_s: 3.0,
            update_s: 0.0,
            decode_step_s: 1.0,
            decode_row_s: 0.5,
            busy: None,
            decode_busy: None,
            efficiency: 1.0,
            is_measured: true,
        };
        // Two at a time: three steps of two rows, then one step of two (the third joins), then two of one.
        assert_eq!(pace.answers_s(&[3, 4, 3], 2), 3.0 * 2.0 + 2.0 + 2.0 * 1.5);
        assert_eq!(pace.answers_s(&[], 4), 0.0);
        assert_eq!(pace.answers_s(&[5], 0), 5.0 * 1.5);
        assert_eq!(pace.forward_row_s(), 1.0);
    }

    #[test]
    fn waiting_for_others_is_taken_off() {
        // Alone; a second of waiting; waits that overlap, where the processor's time is the floor; a system that is silent.
        assert_eq!(alone(2.0, Some(0.0), Some(3.6), 2), 2.0);
        assert_eq!(alone(3.0, Some(1.0), Some(3.6), 2), 2.0);
        assert_eq!(alone(4.0, Some(4.0), Some(3.6), 2), 1.8);
        assert_eq!(alone(4.0, None, None, 2), 4.0);
        let busy = Stretch { seconds: 2.0, cpu_s: Some(3.0) }.busy(2);
        assert_eq!(busy, Some(0.75));
    }
}
