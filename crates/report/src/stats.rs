//! Statistics of noisy curves: is there a trend, and how large is it? Last minus first says little; these tests say
//! how sure one can be.

#[cfg(test)]
mod tests;

use crate::curves::Curve;

/// Blocks that a long curve is averaged into before it is tested: neighbours of one block are alike, blocks much less.
const N_BLOCKS: usize = 24;

/// Fewest values that a trend is looked for in.
const MIN_POINTS: usize = 4;

/// Fewest values that the correlation of neighbours is estimated from.
const MIN_CORRELATED: usize = 10;

/// A curve's trend by Mann and Kendall's test, with its size by Theil and Sen's slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Change over the whole curve: the median slope between pairs, times the length.
    pub change: f64,
    /// Chance of so clear an order of values in a curve without a trend (both sides).
    pub p_value: f64,
    /// Mean of the first fifth.
    pub begin: f64,
    /// Mean of the last fifth.
    pub end: f64,
}

impl Trend {
    /// Mann and Kendall's test over blocks of the curve, its variance widened for neighbours that resemble each other
    /// (a first-order correction, as Yue and Wang 2004). `None` for curves too short to say anything.
    pub fn of(curve: &Curve) -> Option<Trend> {
        let finite: Vec<f64> = curve.values.iter().copied().filter(|v| v.is_finite()).collect();
        if finite.len() < MIN_POINTS {
            return None;
        }
        let blocks = block_means(&finite, N_BLOCKS);
        let n = blocks.len() as f64;
        let slope = median_slope(&blocks);
        let (s, variance) = mann_kendall(&blocks);
        let inflation = correlation_inflation(&blocks, slope);
        let z = if s == 0.0 { 0.0 } else { (s.abs() - 1.0).max(0.0) / (variance * inflation).sqrt() };
        let fifth = (finite.len() / 5).max(1);
        Some(Trend {
            change: slope * (n - 1.0),
            p_value: if variance == 0.0 { 1.0 } else { two_sided(z) },
            begin: mean(&finite[..fifth]),
            end: mean(&finite[finite.len() - fifth..]),
        })
    }

    /// Surely up: at a level of one in a hundred.
    pub fn rises(&self) -> bool {
        self.p_value < 0.01 && self.change > 0.0 && self.end > self.begin
    }

    /// Surely down.
    pub fn falls(&self) -> bool {
        self.p_value < 0.01 && self.change < 0.0 && self.end < self.begin
    }
}

/// Whether a curve has gone up and stayed up, however early: nearly all values of its second half are above nearly all of its
/// beginning. A rise in the first steps of a long run is no trend over the whole of it.
pub fn has_risen(curve: &Curve) -> bool {
    const FEWEST: usize = 5;
    let finite: Vec<f64> = curve.values.iter().copied().filter(|v| v.is_finite()).collect();
    let n_first = (finite.len() / 20).max(FEWEST);
    if finite.len() < 4 * FEWEST {
        return false;
    }
    let comparison = Comparison::of(&finite[finite.len() / 2..], &finite[..n_first]);
    comparison.is_some_and(|c| c.larger > 0.95 && c.p_value < 0.001)
}

/// The change from a curve's first point to its last, by a straight line through all, with a 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The best guess.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Change {
    /// Least squares over steps. `noise` is a standard error of a single value that is known from elsewhere; the interval
    /// uses whichever is larger, it or the scatter around the line. `None` below three points.
    pub fn of(curve: &Curve, noise: f64) -> Option<Change> {
        let points: Vec<(f64, f64)> =
            curve.points().filter(|(_, v)| v.is_finite()).map(|(s, v)| (s as f64, v)).collect();
        let n = points.len();
        if n < 3 {
            return None;
        }
        let mean_x = mean(&points.iter().map(|p| p.0).collect::<Vec<_>>());
        let mean_y = mean(&points.iter().map(|p| p.1).collect::<Vec<_>>());
        let sxx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        let sxy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
        let slope = sxy / sxx;
        let residuals: f64 = points.iter().map(|p| (p.1 - mean_y - slope * (p.0 - mean_x)).powi(2)).sum();
        let scatter = (residuals / (n - 2) as f64).max(noise * noise);
        let length = points[n - 1].0 - points[0].0;
        let reach = t_quantile(n - 2) * (scatter / sxx).sqrt() * length;
        let estimate = slope * length;
        Some(Change { estimate, low: estimate - reach, high: estimate + reach })
    }
}

/// Whether values of one group tend to be larger than those of another (Mann and Whitney's test).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Chance that a value of the first group is larger than one of the second; ties count half.
    pub larger: f64,
    /// Chance of so uneven an order if the groups were alike (both sides).
    pub p_value: f64,
}

impl Comparison {
    /// Compares two groups; `None` where one is empty.
    pub fn of(first: &[f64], second: &[f64]) -> Option<Comparison> {
        let (n, m) = (first.len() as f64, second.len() as f64);
        if n == 0.0 || m == 0.0 {
            return None;
        }
        let wins: f64 = first.iter().map(|a| second.iter().map(|b| win(*a, *b)).sum::<f64>()).sum();
        let mut all: Vec<f64> = first.iter().chain(second).copied().collect();
        all.sort_by(f64::total_cmp);
        let total = n + m;
        let ties: f64 = all.chunk_by(|a, b| a == b).map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64).sum();
        let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)).max(1.0));
        let z = if variance > 0.0 { ((wins - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt() } else { 0.0 };
        Some(Comparison { larger: wins / (n * m), p_value: two_sided(z) })
    }
}

fn win(a: f64, b: f64) -> f64 {
    if a > b {
        1.0
    } else if a == b {
        0.5
    } else {
        0.0
    }
}

/// Wilson's 95% interval of a share.
pub fn wilson(n_hits: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let (z2, share) = (1.959_964_f64.powi(2), n_hits / n);
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = (z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

/// Mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Means of at most `n_blocks` runs of neighbours of nearly equal length.
pub fn block_means(values: &[f64], n_blocks: usize) -> Vec<f64> {
    let n_blocks = n_blocks.min(values.len());
    (0..n_blocks).map(|b| mean(&values[b * values.len() / n_blocks..(b + 1) * values.len() / n_blocks])).collect()
}

/// Theil and Sen's slope for one step of the index.
fn median_slope(values: &[f64]) -> f64 {
    let pairs = (0..values.len()).flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)));
    median(&pairs.map(|(i, j)| (values[j] - values[i]) / (j - i) as f64).collect::<Vec<_>>())
}

/// Kendall's sum of signs, and its variance without a trend, ties counted.
fn mann_kendall(values: &[f64]) -> (f64, f64) {
    let sign = |a: f64, b: f64| if a == b { 0.0 } else { (b - a).signum() };
    let s = (0..values.len()).map(|i| values[i + 1..].iter().map(|v| sign(values[i], *v)).sum::<f64>()).sum();
    let weight = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|tied| weight(tied.len() as f64)).sum();
    (s, ((weight(values.len() as f64) - ties) / 18.0).max(0.0))
}

/// How much wider the variance of Kendall's sum is for values that follow their neighbours: (1 + r) / (1 - r), with r the
/// correlation of neighbours once the trend is taken out, where it is positive. What a straight line leaves of a curved
/// trend looks like correlation too, so r is capped; and in a handful of values it cannot be told at all.
fn correlation_inflation(values: &[f64], slope: f64) -> f64 {
    let rest: Vec<f64> = values.iter().enumerate().map(|(i, v)| v - slope * i as f64).collect();
    let centre = mean(&rest);
    let square: f64 = rest.iter().map(|v| (v - centre).powi(2)).sum();
    if square <= 0.0 || values.len() < MIN_CORRELATED {
        return 1.0;
    }
    let product: f64 = rest.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
    // In short series r is underestimated by about (1 + 4r) / n; this is Kendall's first-order correction.
    let n = values.len() as f64;
    let r = ((product / square + 1.0 / n) / (1.0 - 4.0 / n).max(0.5)).clamp(0.0, 0.5);
    (1.0 + r) / (1.0 - r)
}

/// Chance of a standard normal value at least as far from 0.
fn two_sided(z: f64) -> f64 {
    // Abramowitz and Stegun, 7.1.26: the error is below 1.5e-7.
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let poly = series.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    (poly * (-x * x).exp()).clamp(0.0, 1.0)
}

/// Upper 2.5% point of Student's distribution.
fn t_quantile(degrees: usize) -> f64 {
    const EXACT: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match degrees {
        0 => f64::INFINITY,
        d if d <= EXACT.len() => EXACT[d - 1],
        d => 1.960 + 2.4 / d as f64 + 2.9 / (d as f64).powi(2),
    }
}
