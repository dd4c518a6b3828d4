//! For this crate's tests: noise without a library, and run directories that were never run.

use crate::chain::Chain;
use crate::curves::Curve;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Pseudo-random numbers (SplitMix64).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Noise {
        Noise(seed)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal with mean 0 and variance 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// A curve over steps 1, 2, ..
pub(crate) fn curve(values: impl IntoIterator<Item = f64>) -> Curve {
    let values: Vec<f64> = values.into_iter().collect();
    Curve { steps: (1..=values.len() as u64).collect(), values }
}

/// A run directory in a temporary place, written line by line as a run writes it.
pub(crate) struct FakeRun {
    pub(crate) dir: tempfile::TempDir,
    lines: Vec<Map<String, Value>>,
    samples: Vec<Value>,
    gradients: Vec<Value>,
    timings: Vec<Value>,
    ledger: Vec<Value>,
    recipe: String,
}

impl FakeRun {
    /// `n_steps` lines that carry what every line does.
    pub(crate) fn new(kind: &str, n_steps: u64) -> FakeRun {
        let recipe = format!(
            "name = \"{kind}\"\nkind = \"{kind}\"\nseed = 1\n[train]\nlr = 1e-3\nseq_len = 256\n[eval]\nproblems = 100\n"
        );
        let line = |step| {
            let Value::Object(line) =
                json!({ "step": step, "tokens": step * 1000, "seconds": step as f64, "dollars": step as f64 * 1e-5 })
            else {
                unreachable!("an object literal")
            };
            line
        };
        FakeRun {
            dir: tempfile::tempdir().unwrap(),
            lines: (1..=n_steps).map(line).collect(),
            samples: Vec::new(),
            gradients: Vec::new(),
            timings: Vec::new(),
            ledger: Vec::new(),
            recipe,
        }
    }

    /// Text at the end of the recipe.
    pub(crate) fn recipe(mut self, text: &str) -> FakeRun {
        self.recipe += text;
        self
    }

    /// A value at every step, of the share of the run that is done and a generator of noise.
    pub(crate) fn metric(self, name: &str, value: impl FnMut(f64, &mut Noise) -> f64) -> FakeRun {
        self.metric_every(1, name, value)
    }

    /// A value at every `every`-th step.
    pub(crate) fn metric_every(
        mut self,
        every: usize,
        name: &str,
        mut value: impl FnMut(f64, &mut Noise) -> f64,
    ) -> FakeRun {
        let seed = name.bytes().fold(17_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let (mut noise, n) = (Noise::new(seed), self.lines.len());
        for (idx, line) in self.lines.iter_mut().enumerate().filter(|(idx, _)| (idx + 1).is_multiple_of(every)) {
            let x = value((idx + 1) as f64 / n as f64, &mut noise);
            line.insert(name.to_owned(), if x.is_finite() { json!(x) } else { json!(x.to_string()) });
        }
        self
    }

    pub(crate) fn sample(mut self, sample: Value) -> FakeRun {
        self.samples.push(sample);
        self
    }

    pub(crate) fn gradients(mut self, step: u64, norms: Value) -> FakeRun {
        self.gradients.push(json!({ "step": step, "norms": norms }));
        self
    }

    pub(crate) fn timing(mut self, timing: Value) -> FakeRun {
        self.timings.push(timing);
        self
    }

    pub(crate) fn ledger(mut self, attempt: u64, core_s: f64, is_lost: bool) -> FakeRun {
        self.ledger.push(json!({
            "stage": "fake", "attempt": attempt, "wall_s": core_s / 2.0, "core_s": core_s, "tokens": 100, "flops": 1e9,
            "joules": null, "price": 0.04, "dollars": core_s / 3600.0 * 0.04, "lost": is_lost,
        }));
        self
    }

    /// Writes the files and reads them as a run.
    pub(crate) fn open(&self) -> Chain {
        self.write_to(self.dir.path());
        Chain::open(self.dir.path()).unwrap()
    }

    /// Writes the files into a directory.
    pub(crate) fn write_to(&self, dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        let text = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let json = |lines: &[Value]| text(lines.iter().map(Value::to_string).collect());
        let metrics = self.lines.iter().map(|line| Value::Object(line.clone()).to_string()).collect();
        let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
        write("recipe.toml", self.recipe.clone());
        write("run.json", json!({ "digest": "d", "code_version": "1+x", "isa": "avx2" }).to_string());
        write("metrics.jsonl", text(metrics));
        write("samples.jsonl", json(&self.samples));
        write("gradients.jsonl", json(&self.gradients));
        write("timings.jsonl", json(&self.timings));
        write("ledger.jsonl", json(&self.ledger));
    }
}
