//! A run before it starts: what it takes, what limits it, and why. The answer of `penseur plan`.

#[cfg(test)]
mod arithmetic;
mod explain;
mod presets;
#[cfg(test)]
mod tests;

use model::Config;
use model::count::{AttentionSpan, count_params};
use serde::Serialize;

pub use explain::Line;
pub(crate) use explain::{cost, energy};
pub use presets::{Changes, PRESETS, preset, preset_job};

use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec};
use crate::rl::Cycles;
use crate::training::{Asked, Interruptions, Step, best_of, flops_per_token, stated_layout};

/// More chips than this are a slip: all that were sold in a year are fewer.
const MAX_CHIPS: u64 = 10_000_000;

/// A step of more tokens is a slip: V3's are 63M.
const MAX_STEP_TOKENS: f64 = 1e11;

/// A chip-hour that costs more, in dollars, is a slip.
const MAX_PRICE: f64 = 10_000.0;

/// A run that wastes more than this share of its chip-hours against fewer chips is told so.
const WORTH_SAYING: f64 = 0.1;

/// A cluster: chips of one kind at a price.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster {
    /// The chip.
    pub chip: Chip,
    /// How many.
    pub count: u64,
    /// Dollars for a chip-hour; not a number where nobody says, as all dollars that follow: `null` in JSON.
    pub price: f64,
    /// Where the price is from.
    pub price_source: String,
}

impl Cluster {
    /// `count` of `chip` at the stated price, or at the catalogue's, or at one that nobody says.
    ///
    /// # Errors
    /// No chips, or a price that is none.
    pub fn new(chip: &Chip, count: u64, price: Option<f64>) -> Result<Cluster> {
        if !(1..=MAX_CHIPS).contains(&count) {
            let found = crate::text::thousands(count);
            return Err(Error::Question(format!("{found} chips: expected --count 1 to {MAX_CHIPS}")));
        }
        if let Some(bad) = price.filter(|price| !(0.0..=MAX_PRICE).contains(price)) {
            return Err(Error::Question(format!(
                "a price of {bad:?}: expected dollars for a chip-hour, from 0 to {MAX_PRICE}"
            )));
        }
        let unknown = || (f64::NAN, format!("nobody says what {} costs; --price DOLLARS does", chip.name));
        let (price, price_source) = chip.price(price).unwrap_or_else(|_| unknown());
        Ok(Cluster { chip: chip.clone(), count, price, price_source })
    }

    /// Dollars for chip-hours.
    pub fn dollars(&self, chip_hours: f64) -> f64 {
        chip_hours * self.price
    }

    /// Whether anybody says what a chip-hour costs.
    pub fn is_priced(&self) -> bool {
        !self.price.is_nan()
    }

    /// For a question whose answer is a price.
    ///
    /// # Errors
    /// Nobody says what a chip-hour costs.
    pub(crate) fn expect_price(&self) -> Result<()> {
        match self.is_priced() {
            true => Ok(()),
            false => Err(Error::NoPrice { chip: self.chip.id.clone() }),
        }
    }
}

/// A part of a run, as a row of V3's Table 1.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    /// What it is.
    pub name: String,
    /// Tokens that it trains on or makes, where it is counted in tokens.
    pub tokens: Option<f64>,
    /// Chip-hours.
    pub gpu_hours: f64,
    /// What they cost.
    pub dollars: f64,
    /// Chip-hours that were published for it, where they were.
    pub published_gpu_hours: Option<f64>,
    /// Derived here; otherwise the published figure stands in.
    pub derived: bool,
}

/// A run before it starts.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What was asked, in words.
    pub title: String,
    /// Parameters of the main model.
    pub params_total: u64,
    /// Those that one token meets, embedding included.
    pub params_active: u64,
    /// Seconds of an optimizer step.
    pub step_seconds: f64,
    /// Tokens trained in a day without interruptions.
    pub tokens_per_day: f64,
    /// Useful operations over the BF16 peak, causal attention counted once.
    pub mfu_causal: f64,
    /// Chip-hours of the whole run, interruptions included.
    pub gpu_hours: f64,
    /// Days on the clock.
    pub days: f64,
    /// At the cluster's price.
    pub dollars: f64,
    /// The same, as much less and more as published runs of the kind took against what is derived for them.
    pub dollars_range: Option<[f64; 2]>,
    /// Chip-hours of published runs of the kind over those that are derived for them; `None` where none is derived.
    pub spread: Option<[f64; 2]>,
    /// The fullest chip, 1e9 bytes.
    pub memory_gb: f64,
    /// What most of the time goes to.
    pub limited_by: String,
    /// Tokens of the run.
    pub tokens: f64,
    /// Where it runs.
    pub cluster: Cluster,
    /// Kilowatt-hours, at the chips' full power and the machines' share.
    pub energy_kwh: f64,
    /// The parts.
    pub phases: Vec<Phase>,
    /// The step, where one was simulated.
    pub step: Option<Step>,
    /// The cycles of a run of reinforcement learning.
    pub cycles: Vec<Cycles>,
    /// What failures add.
    pub interruptions: Option<Interruptions>,
    /// Every number's arithmetic.
    pub explain: Vec<Line>,
    /// What would serve better.
    pub hint: Option<String>,
}

impl Plan {
    /// Its dollars as published runs vary, where anybody says what a chip-hour costs.
    fn range_of_dollars(&self) -> Option<[f64; 2]> {
        let spread = self.spread.filter(|_| self.cluster.is_priced())?;
        Some(spread.map(|times| times * self.dollars))
    }

    /// Chip-hours that were published for all of it, where they were.
    pub fn published_gpu_hours(&self) -> Option<f64> {
        self.phases.iter().map(|phase| phase.published_gpu_hours).sum()
    }

    /// What was published of this very run says more than how far other runs were off: it stands where their spread does.
    /// `of` says of which phases the arithmetic is.
    fn compare_to_published(&mut self, of: &str) {
        let Some(published) = self.published_gpu_hours() else { return };
        self.dollars_range = None;
        self.explain.retain(|line| !line.name.ends_with(explain::SPREAD));
        let off = 100.0 * (self.gpu_hours / published - 1.0);
        let how = format!(
            "{} chip-hours derived over {} published",
            crate::text::whole(self.gpu_hours),
            crate::text::whole(published)
        );
        self.explain.push(Line::new(&format!("{of}off by"), format!("{off:+.1}%"), how, "the published run itself"));
    }
}

/// Plans `job` on `cluster` in the layout of `spec`, or in the quickest one where `spec` leaves it open.
///
/// # Errors
/// A layout that does not divide or fit, with the nearest one that does.
pub fn plan_training(name: &str, job: &Job, cluster: &Cluster, spec: &LayoutSpec) -> Result<Plan> {
    plan_asked(name, &Asked::new(job, spec, &cluster.chip, cluster.count), cluster)
}

/// Plans what is asked, on `cluster`, whose chips it is asked of.
///
/// # Errors
/// As [`plan_training`].
fn plan_asked(name: &str, asked: &Asked, cluster: &Cluster) -> Result<Plan> {
    let job = &asked.job;
    if job.step_tokens() > MAX_STEP_TOKENS {
        return Err(Error::Question(format!(
            "{} sequences a step: expected at most {} tokens in a step; nearest: --batch {}",
            crate::text::thousands(job.batch),
            crate::text::si(MAX_STEP_TOKENS),
            (MAX_STEP_TOKENS / job.seq_len as f64) as u64
        )));
    }
    if !(job.tokens >= 1.0 && job.tokens.is_finite()) {
        return Err(Error::Question(format!("{} tokens: expected at least one, as in --tokens 14.8T", job.tokens)));
    }
    let (chip, count) = (&cluster.chip, cluster.count);
    let interruptions = Interruptions::of(count);
    if !interruptions.leave_half() {
        let fewer = (0..count.ilog2()).map(|i| (1u64 << count.ilog2()) >> i);
        let mut fewer = fewer.filter(|count| Interruptions::of(*count).leave_half());
        let first = fewer.next().unwrap_or(1);
        let most = std::iter::once(first).chain(fewer).find(|count| asked.on(*count).works()).unwrap_or(first);
        return Err(Error::Question(format!("{}; nearest: --count {most}", interruptions.too_many(count))));
    }
    let is_open = asked.whole_spec().is_open();
    let step = step_of(asked)?;
    let busy_s = busy_s(job, &step, &interruptions);
    let gpu_hours = busy_s / 3600.0 * count as f64;
    let rate = flops_per_token(job, AttentionSpan::Causal) * job.step_tokens() / step.seconds;
    let params = count_params(&job.config);
    let mut plan = Plan {
        title: format!("{name} on {} tokens, {count} x {}", crate::text::si(job.tokens), chip.name),
        params_total: params.total(),
        params_active: params.active(),
        step_seconds: step.seconds,
        tokens_per_day: job.step_tokens() / step.seconds * 86_400.0,
        mfu_causal: rate / (count as f64 * chip.bf16_tflops * 1e12),
        gpu_hours,
        days: busy_s / 86_400.0,
        dollars: cluster.dollars(gpu_hours),
        dollars_range: None,
        spread: Some(published_spread(&job.config)),
        memory_gb: step.memory.total() / 1e9,
        limited_by: step.spent.limit().to_owned(),
        tokens: job.tokens,
        energy_kwh: energy_kwh(cluster, gpu_hours),
        cluster: cluster.clone(),
        phases: vec![phase("training", Some(job.tokens), gpu_hours, cluster)],
        step: Some(step),
        cycles: Vec::new(),
        interruptions: Some(interruptions),
        explain: Vec::new(),
        hint: None,
    };
    plan.dollars_range = plan.range_of_dollars();
    plan.explain = explain::training(job, &plan);
    if is_open {
        plan.hint = fewer_chips(asked, gpu_hours);
    }
    Ok(plan)
}

/// The step in the layout that is asked for, or in the quickest one where none is.
fn step_of(asked: &Asked) -> Result<Step> {
    if asked.whole_spec().is_open() { best_of(asked) } else { stated_layout(asked) }
}

/// Seconds of the run, failures and checkpoints included.
fn busy_s(job: &Job, step: &Step, interruptions: &Interruptions) -> f64 {
    (job.tokens / job.step_tokens()).ceil() * step.seconds * (1.0 + interruptions.overhead)
}

/// Odd numbers of chips leave few layouts: whether the next smaller power of two does the same for less, in steps of
/// the same batch where one was stated.
fn fewer_chips(asked: &Asked, gpu_hours: f64) -> Option<String> {
    if asked.count.is_power_of_two() {
        return None;
    }
    let fewer = asked.on(asked.count.next_power_of_two() / 2);
    let count = fewer.count;
    let busy_s = busy_s(&fewer.job, &step_of(&fewer).ok()?, &Interruptions::of(count));
    let hours = busy_s / 3600.0 * count as f64;
    (hours < (1.0 - WORTH_SAYING) * gpu_hours).then(|| {
        let counts = [asked.count, count].map(crate::text::thousands);
        format!(
            "{} chips divide badly: {} do it in {} chip-hours and {}.",
            counts[0],
            counts[1],
            crate::text::whole(hours),
            crate::text::duration(busy_s)
        )
    })
}

/// How published runs of such a model's kind, dense or with experts, vary about what is derived for them.
fn published_spread(config: &Config) -> [f64; 2] {
    match config.experts() {
        Some(_) => crate::assumptions::SPREAD_WITH_EXPERTS,
        None => crate::assumptions::SPREAD_DENSE,
    }
}

/// Energy of the chips at full power and of their machines.
pub(crate) fn energy_kwh(cluster: &Cluster, gpu_hours: f64) -> f64 {
    gpu_hours * cluster.chip.watts / 1e3 * (1.0 + cluster.chip.host_share)
}

fn phase(name: &str, tokens: Option<f64>, gpu_hours: f64, cluster: &Cluster) -> Phase {
    let dollars = cluster.dollars(gpu_hours);
    Phase { name: name.to_owned(), tokens, gpu_hours, dollars, published_gpu_hours: None, derived: true }
}

/// Tokens of a step where nobody says: V3's 62.9M for a model of its size (report, section 4.2), Llama 3's 16M for a
/// large one (arXiv:2407.21783, Table 4), 4M below (Llama 2, arXiv:2307.09288, section 2.2). More chips do not make a step
/// larger: where there are more of them than sequences, several share one. A multiple of the copies that see data, and
/// within a third of what is usual, whatever divides the chips.
pub fn usual_batch(config: &Config, seq_len: u64, count: u64) -> u64 {
    let total = count_params(config).total();
    let tokens: u64 = match (total, config.experts()) {
        (n, Some(_)) if n > 500_000_000_000 => 15360 * 4096,
        (n, _) if n > 60_000_000_000 => 16 << 20,
        (n, _) if n > 1_000_000_000 => 4 << 20,
        _ => 1 << 19,
    };
    divided((tokens / seq_len).max(1), count)
}

/// The multiple of the copies that see data which is near `sequences`, whatever divides the chips.
fn divided(sequences: u64, count: u64) -> u64 {
    let most = (sequences + sequences / 3).min(count);
    let copies = (1..=most).rev().find(|copies| count.is_multiple_of(*copies)).unwrap_or(1);
    (sequences as f64 / copies as f64).round().max(1.0) as u64 * copies
}
