//! This machine, by measurement: the most that its cores compute and its memory delivers. Every speed is reported
//! beside these limits, and every plan starts from them.

use std::time::{Duration, Instant};

use kernels::gemm::Compute;
use kernels::isa::Isa;
use kernels::peak;
use serde::{Deserialize, Serialize};

/// What a machine is and what it can do at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Physical cores that may be used.
    pub cores: usize,
    /// The instruction set in use.
    pub isa: String,
    /// Most operations a second in f32, in 1e9, all cores together.
    pub f32_gflops: f64,
    /// The same with bf16 inputs (the f32 figure where there is no bf16 product).
    pub bf16_gflops: f64,
    /// Bytes a second that all cores read from memory together, in 1e9.
    pub memory_gb_s: f64,
    /// Memory that this process could use, in bytes.
    pub memory_bytes: Option<u64>,
}

impl Machine {
    /// Measures this machine, in about a second. Other programs running at the time make it look slower.
    pub fn measure() -> Machine {
        let cores = sys::cpu::physical_cores();
        let isa = Isa::active();
        Machine {
            cpu: sys::cpu::model_name(),
            cores,
            isa: isa.name().to_owned(),
            f32_gflops: peak::measure(isa, Compute::F32, cores) / 1e9,
            bf16_gflops: peak::measure(isa, Compute::Bf16, cores) / 1e9,
            memory_gb_s: measure_memory(cores) / 1e9,
            memory_bytes: sys::memory::total_bytes(),
        }
    }

    /// Which machine it is, whatever is measured: processor, cores, instruction set.
    pub fn name(&self) -> String {
        format!("{}, {} cores, {}", self.cpu, self.cores, self.isa)
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let memory = match self.memory_bytes {
            Some(bytes) => format!(", {:.0} GB", bytes as f64 / 1e9),
            None => String::new(),
        };
        format!(
            "{}, {} cores{memory}, {}: {:.0} GFLOP/s in f32, {:.0} in bf16, {:.1} GB/s from memory",
            self.cpu, self.cores, self.isa, self.f32_gflops, self.bf16_gflops, self.memory_gb_s
        )
    }
}

/// Bytes a second that `threads` threads read together: each sums its own array, too large for any cache, and the best
/// of several rounds counts.
fn measure_memory(threads: usize) -> f64 {
    const ROUNDS: usize = 4;
    let budget = sys::memory::available_bytes().unwrap_or(1 << 30) / 8;
    // All threads together read half a gigabyte, more than the caches of one socket; less where memory is short.
    let n_words = (budget.min(512 << 20) as usize / threads / 8).max(1 << 17);
    let rates = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|i| scope.spawn(move || read_rounds(n_words, i as u64, ROUNDS))).collect();
        workers.into_iter().map(|w| w.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    // Threads run side by side, so round r of one overlaps round r of the others.
    let total = |round: usize| rates.iter().filter_map(|of_thread| of_thread.get(round)).sum::<f64>();
    (0..ROUNDS).map(total).fold(0.0, f64::max)
}

fn read_rounds(n_words: usize, seed: u64, n_rounds: usize) -> Vec<f64> {
    // Written once, so that every page is there before the clock starts.
    let words: Vec<u64> = (0..n_words as u64).map(|i| i ^ seed).collect();
    let mut rates = Vec::with_capacity(n_rounds);
    for _ in 0..n_rounds {
        let start = Instant::now();
        let sum = std::hint::black_box(&words).iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
        std::hint::black_box(sum);
        rates.push((8 * n_words) as f64 / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64());
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_limits() {
        let machine = Machine::measure();
        assert!(machine.cores >= 1 && machine.f32_gflops > 0.1, "{machine:?}");
        assert!(machine.memory_gb_s > 0.1 && machine.memory_gb_s < 1e5, "{machine:?}");
        let text = machine.describe();
        assert!(text.contains("GFLOP/s") && text.contains(&machine.isa), "{text}");
        let json = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&json).unwrap().cores, machine.cores);
    }
}
