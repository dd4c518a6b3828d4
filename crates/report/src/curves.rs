//! Metrics as columns: each name's values over the steps that have one.

use serde_json::Value;
use std::collections::BTreeMap;

/// Values over steps, in the order of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Steps that have a value.
    pub steps: Vec<u64>,
    /// The values; not finite where the run said so.
    pub values: Vec<f64>,
}

impl Curve {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The latest value.
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied()
    }

    /// The value at a step.
    pub fn at(&self, step: u64) -> Option<f64> {
        self.steps.binary_search(&step).ok().map(|idx| self.values[idx])
    }

    /// Step and value, one after the other.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = (u64, f64)> + ExactSizeIterator + '_ {
        self.steps.iter().copied().zip(self.values.iter().copied())
    }

    /// The part from an index on.
    pub fn from_index(&self, begin: usize) -> Curve {
        let begin = begin.min(self.len());
        Curve { steps: self.steps[begin..].to_vec(), values: self.values[begin..].to_vec() }
    }

    /// The last share of the values, at least one where there is one.
    pub fn tail(&self, share: f64) -> Curve {
        let n = ((self.len() as f64 * share).ceil() as usize).min(self.len());
        self.from_index(self.len() - n)
    }

    /// The first share of the values, at least one where there is one.
    pub fn head(&self, share: f64) -> Curve {
        let n = ((self.len() as f64 * share).ceil() as usize).min(self.len());
        Curve { steps: self.steps[..n].to_vec(), values: self.values[..n].to_vec() }
    }

    /// Mean of the finite values; `None` where there is none.
    pub fn mean(&self) -> Option<f64> {
        let finite: Vec<f64> = self.values.iter().copied().filter(|v| v.is_finite()).collect();
        (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64)
    }

    /// First and last step; zeros where there is no value.
    pub fn span(&self) -> (u64, u64) {
        (self.steps.first().copied().unwrap_or(0), self.steps.last().copied().unwrap_or(0))
    }

    fn push(&mut self, step: u64, value: f64) {
        self.steps.push(step);
        self.values.push(value);
    }
}

/// All metrics of a file of JSON lines that carry their `step`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves(BTreeMap<String, Curve>);

impl Curves {
    /// Collects the numbers of each line. Text that names a number (`NaN`, `inf`) is one, anything else is passed over.
    pub fn of(lines: &[Value]) -> Curves {
        let mut curves = Curves::default();
        for line in lines {
            let Some(step) = line.get("step").and_then(Value::as_u64) else { continue };
            for (name, value) in line.as_object().into_iter().flatten() {
                if let Some(value) = number(value) {
                    curves.0.entry(name.clone()).or_default().push(step, value);
                }
            }
        }
        curves
    }

    /// A curve by its name; empty where there is none.
    pub fn get(&self, name: &str) -> &Curve {
        static EMPTY: Curve = Curve { steps: Vec::new(), values: Vec::new() };
        self.0.get(name).unwrap_or(&EMPTY)
    }

    /// The latest value of a metric.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name).last()
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Curves whose name is `prefix` and one part more (`val/accuracy/` gives tasks), by that part.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Curve)> {
        self.0.iter().filter_map(move |(name, curve)| {
            let part = name.strip_prefix(prefix)?;
            (!part.contains('/')).then_some((part, curve))
        })
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
