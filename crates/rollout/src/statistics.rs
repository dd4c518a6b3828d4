//! What verdicts allow to conclude.
//!
//! Problems are a sample of what might be asked, and the samples of one problem belong together: every interval and
//! test here takes the problem as the unit (a cluster; Miller 2024, arXiv:2411.00640, sections 2 and 4). All of it is
//! closed-form and deterministic.
//!
//! - pass@1 is the mean over problems of the share of right samples (R1 report, section 3), what could not be judged
//!   left out. Its 95% interval is Wilson's with an effective number of samples (Korn and Graubard 1998): between the
//!   number of problems, if samples of a problem always agree, and that of samples, if they are independent. So it is
//!   Wilson's own for one sample a problem, and still an interval where everything is right.
//! - pass@k is Chen et al.'s unbiased estimator (arXiv:2107.03374, equation 1).
//! - Two models on the same problems are compared by McNemar's exact test for one sample each, by a paired t test on
//!   the problems' shares otherwise.

mod student;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use student::{t_quantile, t_two_sided};
use tasks::Verdict;

/// Two-sided 95% of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The verdicts on one problem's samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Samples that are right.
    pub n_right: u64,
    /// Samples that are right or wrong.
    pub n_judged: u64,
    /// Samples that could not be judged.
    pub n_cannot_judge: u64,
}

impl Tally {
    /// Counts one more sample.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Right => (self.n_right, self.n_judged) = (self.n_right + 1, self.n_judged + 1),
            Verdict::Wrong => self.n_judged += 1,
            Verdict::CannotJudge => self.n_cannot_judge += 1,
        }
    }

    /// Of some verdicts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Tally {
        let mut tally = Tally::default();
        verdicts.into_iter().for_each(|verdict| tally.add(verdict));
        tally
    }

    /// Share of right samples among those judged; `None` where none was.
    pub fn share(&self) -> Option<f64> {
        (self.n_judged > 0).then(|| self.n_right as f64 / self.n_judged as f64)
    }
}

/// A share with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Problems with a judged sample.
    pub n_problems: u64,
    /// Judged samples.
    pub n_samples: u64,
}

/// pass@1 with its 95% interval, clustered by problem; `None` where nothing was judged.
pub fn accuracy(tallies: &[Tally]) -> Option<Estimate> {
    let shares: Vec<f64> = tallies.iter().filter_map(Tally::share).collect();
    let mean = mean(&shares)?;
    let (n_problems, n_samples) = (shares.len() as u64, tallies.iter().map(|tally| tally.n_judged).sum::<u64>());
    let n = n_problems as f64;
    let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
    let variance = squares / (n - 1.0).max(1.0) / n;
    // The bounds of the effective number hold in truth; the estimate of a variance need not keep them.
    let n_effective = match variance > 0.0 {
        true => (mean * (1.0 - mean) / variance).clamp(n, n_samples as f64),
        false if mean > 0.0 && mean < 1.0 => n_samples as f64,
        false => n,
    };
    let (low, high) = wilson(mean, n_effective);
    Some(Estimate { mean, low, high, n_problems, n_samples })
}

/// Wilson's score interval (1927) for a share seen in `n` independent trials; 95%.
pub fn wilson(share: f64, n: f64) -> (f64, f64) {
    let z2n = Z * Z / n;
    let center = (share + z2n / 2.0) / (1.0 + z2n);
    let half = Z * (share * (1.0 - share) / n + z2n / (4.0 * n)).sqrt() / (1.0 + z2n);
    // At the ends the formula is exact but for rounding.
    let low = if share <= 0.0 { 0.0 } else { (center - half).max(0.0) };
    let high = if share >= 1.0 { 1.0 } else { (center + half).min(1.0) };
    (low, high)
}

/// pass@k: the chance that at least one of `k` samples of a problem is right, without bias, as the mean over problems.
/// `None` where a problem has fewer than `k` judged samples; problems without any are left out.
pub fn pass_at(k: u64, tallies: &[Tally]) -> Option<f64> {
    let judged = tallies.iter().filter(|tally| tally.n_judged > 0);
    let of_one = |tally: &Tally| (tally.n_judged >= k).then(|| pass_at_of(k, tally));
    mean(&judged.map(of_one).collect::<Option<Vec<f64>>>()?)
}

/// `1 - C(n - c, k) / C(n, k)`, as a product that does not overflow.
fn pass_at_of(k: u64, tally: &Tally) -> f64 {
    let (n, n_wrong) = (tally.n_judged, tally.n_judged - tally.n_right);
    if n_wrong < k {
        return 1.0;
    }
    1.0 - (n_wrong - k + 1..=n_wrong).zip(n - k + 1..=n).map(|(a, b)| a as f64 / b as f64).product::<f64>()
}

/// Which test gave a p-value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// McNemar's, exact: a fair coin over the problems that only one of the two solved.
    McnemarExact,
    /// Student's, paired by problem.
    PairedT,
    /// An exact sign test: all problems that differ do so by the same amount, so that there is no variance to test with.
    Sign,
}

/// Two models on the same problems.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Problems judged for both.
    pub n_problems: u64,
    /// pass@1 of the first on them.
    pub first: f64,
    /// pass@1 of the second on them.
    pub second: f64,
    /// The second less the first.
    pub difference: f64,
    /// Lower end of the difference's 95% interval, paired by problem.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Problems on which the first has the larger share.
    pub n_first_better: u64,
    /// Problems on which the second has the larger share.
    pub n_second_better: u64,
    /// The test.
    pub test: Test,
    /// Chance, two-sided, of a difference at least as large if both were equally good.
    pub p_value: f64,
}

/// Compares two models by their tallies of the same problems, in pairs. `None` where no problem was judged for both.
pub fn compare(pairs: &[(Tally, Tally)]) -> Option<Comparison> {
    let judged: Vec<(f64, f64)> = pairs.iter().filter_map(|(a, b)| a.share().zip(b.share())).collect();
    let (first, second): (Vec<f64>, Vec<f64>) = judged.iter().copied().unzip();
    let differences: Vec<f64> = judged.iter().map(|(a, b)| b - a).collect();
    let difference = mean(&differences)?;
    let n = differences.len() as f64;
    let squares: f64 = differences.iter().map(|d| (d - difference).powi(2)).sum();
    let error = (squares / (n - 1.0).max(1.0) / n).sqrt();
    let n_first_better = differences.iter().filter(|d| **d < 0.0).count() as u64;
    let n_second_better = differences.iter().filter(|d| **d > 0.0).count() as u64;
    let is_single = pairs.iter().all(|(a, b)| a.n_judged <= 1 && b.n_judged <= 1);
    let (test, p_value) = if is_single {
        (Test::McnemarExact, fair_coin(n_first_better, n_second_better))
    } else if error <= f64::EPSILON {
        (Test::Sign, fair_coin(n_first_better, n_second_better))
    } else {
        (Test::PairedT, t_two_sided(difference / error, n - 1.0))
    };
    let half = if n > 1.0 { t_quantile(n - 1.0) * error } else { 1.0 };
    Some(Comparison {
        n_problems: differences.len() as u64,
        first: mean(&first)?,
        second: mean(&second)?,
        difference,
        low: (difference - half).max(-1.0),
        high: (difference + half).min(1.0),
        n_first_better,
        n_second_better,
        test,
        p_value,
    })
}

/// Two-sided chance that a fair coin falls at least as unevenly as `a` to `b`.
fn fair_coin(a: u64, b: u64) -> f64 {
    let n = a + b;
    let ln_half_to_n = n as f64 * 0.5f64.ln();
    let mut ln_choose = 0.0;
    let mut tail = 0.0;
    for i in 0..=a.min(b) {
        if i > 0 {
            ln_choose += ((n - i + 1) as f64).ln() - (i as f64).ln();
        }
        tail += (ln_choose + ln_half_to_n).exp();
    }
    (2.0 * tail).min(1.0)
}

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
