//! What to change in a layout that is refused: the nearest thing that is itself accepted.
//!
//! A check knows what it refuses and what would please it alone. What is offered to people is tried first, by the same
//! checks and with the chip's memory, so that nobody is sent in circles.

use super::search::candidates;
use super::{fits, simulate_step};
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, LayoutSpec};
use crate::plan::usual_batch;

/// What a preset has of its own on so many chips of a kind: sequences of a step, and a layout.
pub(crate) type Own = fn(&Chip, u64) -> (u64, LayoutSpec);

/// What was asked, of which parts may be changed.
#[derive(Clone)]
pub struct Asked<'a> {
    /// The run.
    pub job: Job,
    /// The layout, as far as it is said.
    pub spec: LayoutSpec,
    /// Of a preset, what `spec` is laid over. Its batch is its own, and no flag changes it.
    pub(crate) own: Option<Own>,
    /// The chip.
    pub chip: &'a Chip,
    /// How many.
    pub count: u64,
}

/// The step in the layout that `asked` states.
///
/// # Errors
/// A layout that does not divide or fit, with the nearest change that helps.
pub fn stated_layout(asked: &Asked) -> Result<super::Step> {
    let layout = asked.layout();
    layout
        .check(&asked.job, asked.chip, asked.count)
        .and_then(|()| simulate_step(&asked.job, &layout, asked.chip))
        .map_err(|error| advise(error, asked))
}

impl<'a> Asked<'a> {
    /// `job` in the layout of `spec` on `count` of `chip`.
    pub fn new(job: &Job, spec: &LayoutSpec, chip: &'a Chip, count: u64) -> Asked<'a> {
        Asked { job: job.clone(), spec: spec.clone(), own: None, chip, count }
    }

    /// What is said, over a preset's own layout where it has one here.
    pub(crate) fn whole_spec(&self) -> LayoutSpec {
        self.own.map_or_else(|| self.spec.clone(), |own| self.spec.over(&own(self.chip, self.count).1))
    }

    fn layout(&self) -> Layout {
        self.whole_spec().complete(&self.job, self.chip, self.count)
    }

    /// Why it does not divide; `None` where it does, whether it fits or not.
    fn refusal(&self) -> Option<Error> {
        self.layout().check(&self.job, self.chip, self.count).err()
    }

    /// Whether it divides and fits, in some layout where none is said.
    pub(crate) fn works(&self) -> bool {
        let spec = self.whole_spec();
        if spec.is_open() {
            let all = candidates(&self.job, &spec, self.chip, self.count);
            return all.iter().any(|layout| fits(&self.job, layout, self.chip));
        }
        let layout = spec.complete(&self.job, self.chip, self.count);
        layout.check(&self.job, self.chip, self.count).is_ok() && fits(&self.job, &layout, self.chip)
    }

    /// With `advice` followed: `KEY=VALUE`, `--layout KEY=VALUE,..`, `--batch N`, `--count N` or `leave KEY out`,
    /// several joined by " and ". `None`: words that change nothing here.
    pub fn following(&self, advice: &str) -> Option<Self> {
        let mut next = self.clone();
        for part in advice.split(" and ") {
            match part.split_once(['=', ' '])? {
                ("--batch", _) if self.own.is_some() => return None,
                ("--batch", n) => next.job.batch = n.parse().ok()?,
                ("--count", n) => next = next.on(n.parse().ok()?),
                ("--layout", text) => next.spec = LayoutSpec::parse(text).ok()?,
                ("leave", "dp out") => next.spec.dp = None,
                ("leave", "--layout out") => next.spec = LayoutSpec::default(),
                (key, value) => next.spec.set(key, value).ok()?,
            }
        }
        Some(next)
    }

    /// Of `advice` what is typed: all keys of the layout that it leads to, those that were said included.
    fn typed(&self, advice: &str) -> String {
        let typed = |alternative: &str| {
            let (flags, keys): (Vec<&str>, Vec<&str>) =
                alternative.split(" and ").partition(|part| part.starts_with("--"));
            let next = if keys.is_empty() { None } else { self.following(&keys.join(" and ")) };
            let Some(next) = next else { return alternative.to_owned() };
            let layout = match next.spec.written() {
                none if none.is_empty() => "leave --layout out".to_owned(),
                keys => format!("--layout {keys}"),
            };
            std::iter::once(layout.as_str()).chain(flags).collect::<Vec<_>>().join(" and ")
        };
        advice.split(", or ").map(typed).collect::<Vec<_>>().join(", or ")
    }

    fn usual_batch(&self, count: u64) -> u64 {
        match self.own {
            Some(own) => own(self.chip, count).0,
            None => usual_batch(&self.job.config, self.job.seq_len, count),
        }
    }

    /// On another number of chips, with the batch that is usual there where it is usual here.
    pub(crate) fn on(&self, count: u64) -> Self {
        let batch =
            if self.job.batch == self.usual_batch(self.count) { self.usual_batch(count) } else { self.job.batch };
        Asked { job: Job { batch, ..self.job.clone() }, count, ..self.clone() }
    }
}

/// `error` with a nearest change that works.
pub(super) fn advise(error: Error, asked: &Asked) -> Error {
    match error {
        Error::Layout { found, expected, nearest } => {
            // Where nobody chose a batch, chips that do not divide it are what is wrong.
            let is_open = asked.whole_spec().is_open();
            let is_usual = is_open && asked.job.batch == asked.usual_batch(asked.count);
            let is_stated = is_open && !is_usual;
            // Another key that was said may be what is wrong.
            let is_usual = is_usual && nearest.starts_with("--batch");
            let nearest = Some(asked)
                .filter(|_| is_stated)
                .and_then(batch_or_count)
                .or_else(|| works_of(&nearest, asked))
                .filter(|_| !is_usual)
                .or_else(|| change(asked, nearest.split('=').next()).filter(|_| !is_usual))
                .unwrap_or_else(|| more_chips(asked));
            let nearest = asked.typed(nearest.strip_prefix("nearest: ").unwrap_or(&nearest));
            Error::Layout { found, expected, nearest }
        }
        Error::DoesNotFit { needed_gb, available_gb, chip, .. } => {
            let nearest = change(asked, None)
                .map_or_else(|| more_chips(asked), |advice| format!("nearest: {}", asked.typed(&advice)));
            Error::DoesNotFit { needed_gb, available_gb, chip, nearest }
        }
        other => other,
    }
}

/// Of the alternatives that a check offers those that work, each with what else must be changed for it.
fn works_of(nearest: &str, asked: &Asked) -> Option<String> {
    let good: Vec<String> = nearest.split(", or ").filter_map(|advice| completed(advice, asked)).collect();
    (!good.is_empty()).then(|| good.join(", or "))
}

/// `advice`, and what the next checks ask for once it is followed.
fn completed(advice: &str, asked: &Asked) -> Option<String> {
    let mut advice = advice.to_owned();
    for _ in 0..3 {
        let next = asked.following(&advice)?;
        if next.works() {
            return Some(advice);
        }
        let Some(Error::Layout { nearest, .. }) = next.refusal() else { return None };
        // What is asked of the same key takes the place of what was asked before.
        let more = nearest.split(", or ").next()?;
        let key = more.split(['=', ' ']).next()?;
        let others = advice.split(" and ").filter(|part| part.split(['=', ' ']).next() != Some(key));
        advice = others.chain([more]).collect::<Vec<_>>().join(" and ");
    }
    None
}

/// The change of one key that works, or of two: of `key` where it is known which is wrong, then of the others, each to the
/// value that is nearest to what it is now.
fn change(asked: &Asked, key: Option<&str>) -> Option<String> {
    let works = |advice: &String| asked.following(advice).is_some_and(|next| next.works());
    let layout = asked.layout();
    let sized = [
        ("ep", layout.ep),
        ("pp", layout.pp),
        ("tp", layout.tp),
        ("cp", layout.cp),
        ("vpp", layout.vpp),
        ("micro_batch", layout.micro_batch),
    ];
    let values = |(name, now): (&'static str, u64)| {
        let mut values: Vec<u64> = (1..=64).filter(|n| *n != now).collect();
        let distance = |n: u64| (n as f64 / now as f64).ln().abs();
        values.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        values.into_iter().map(move |n| format!("{name}={n}"))
    };
    let named = sized.into_iter().filter(|(name, _)| Some(*name) == key).flat_map(values);
    let said = ["recompute=full", "zero=1", "zero=3", "schedule=zb1p", "schedule=1f1b"].map(str::to_owned);
    let single = named.chain(said).chain(sized.into_iter().flat_map(values));
    let pairs = sized.into_iter().flat_map(values).map(|change| format!("recompute=full and {change}"));
    let open = (asked.spec != LayoutSpec::default()).then(|| "leave --layout out".to_owned());
    single.chain(pairs).chain(open).find(works)
}

/// Batches that are tried at most.
const MOST_BATCHES: usize = 64;

/// Of a batch that was stated and chips that no layout divides over it: the nearest batch that works, and the nearest number
/// of chips where a neighbour does.
fn batch_or_count(asked: &Asked) -> Option<String> {
    let (batch, count) = (asked.job.batch, asked.count);
    // A batch is a multiple of the copies that see data, and those divide the chips.
    let copies = (1..=count).filter(|n| count.is_multiple_of(*n));
    let mut batches: Vec<u64> = copies.flat_map(|n| [batch / n * n, (batch / n + 1) * n]).filter(|n| *n > 0).collect();
    batches.sort_by_key(|n| (n.abs_diff(batch), *n));
    batches.dedup();
    let works = |advice: &String| asked.following(advice).is_some_and(|next| next.works());
    let near = |n: u64, to: u64| n != to && n.abs_diff(to) * 8 <= to;
    let batches = batches.into_iter().filter(|n| *n != batch).take(MOST_BATCHES).map(|n| format!("--batch {n}"));
    let counts = (1..=64).flat_map(|i| [count.saturating_sub(i), count + i]).filter(|n| *n > 0 && near(*n, count));
    let found = [batches.into_iter().find(works), counts.map(|n| format!("--count {n}")).find(works)];
    let found: Vec<String> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join(", or "))
}

/// The nearest number of chips on which it works, in words.
pub(super) fn more_chips(asked: &Asked) -> String {
    let works = |advice: &String| asked.following(advice).is_some_and(|next| next.works());
    let near = (1..=64).flat_map(|i| [asked.count.saturating_sub(i), asked.count + i]).filter(|count| *count > 0);
    let more = || (0..=10).map(|i| asked.count.next_power_of_two() << i).filter(|count| *count != asked.count);
    let counts =
        |before: &'static str, counts: Vec<u64>| counts.into_iter().map(move |n| format!("{before}--count {n}"));
    // A neighbour only where the number is what is wrong.
    let is_odd = asked.whole_spec().is_open() && asked.refusal().is_some();
    let mut all = counts("", near.filter(|_| is_odd).collect())
        .chain(counts("", more().collect()))
        .chain(counts("leave dp out and ", more().filter(|_| asked.spec.dp.is_some()).collect()))
        .chain(counts("leave --layout out and ", more().filter(|_| asked.spec != LayoutSpec::default()).collect()));
    match all.find(works) {
        Some(advice) => format!("nearest: {}", asked.typed(&advice)),
        None => "no number of these chips holds it in this precision; a chip with more memory may".to_owned(),
    }
}
