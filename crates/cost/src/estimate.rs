//! What a training run should take on a machine, before it starts: operations over speed, time over price.

use model::Config;
use model::count::{AttentionSpan, FlopModel, MlaForm};
use serde::Serialize;

use crate::machine::Machine;
use crate::price::Price;

/// A training run to be estimated.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The model.
    pub config: &'a Config,
    /// Tokens to train on.
    pub tokens: u64,
    /// Mean length of a document, over which attention runs.
    pub context: u64,
    /// Whether the MTP layers are trained.
    pub mtp: bool,
    /// Whether matrices are multiplied in bf16.
    pub bf16: bool,
    /// Share of the machine's peak that training reaches, as measured before.
    pub efficiency: f64,
}

/// What it should take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Floating-point operations of the model.
    pub flops: f64,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds times cores.
    pub core_s: f64,
    /// Tokens a second.
    pub tokens_per_s: f64,
    /// At the given price.
    pub dollars: f64,
}

impl Run<'_> {
    /// Floating-point operations of one trained token.
    pub fn flops_per_token(&self) -> f64 {
        let flops = FlopModel::new(self.config, MlaForm::Expanded);
        let main = flops.train_per_token(self.context, AttentionSpan::Causal);
        let mean_pairs = (self.context + 1) as f64 / 2.0;
        let mtp_layers = (flops.mtp_per_token + flops.n_mtp_layers * flops.per_logit_row) as f64;
        let mtp = 3.0 * (mtp_layers + flops.mtp_per_pair as f64 * mean_pairs);
        main + if self.mtp { mtp } else { 0.0 }
    }

    /// Time and dollars of this run on `machine`.
    ///
    /// # Panics
    /// When the efficiency is not above 0, or the machine has no speed: the caller's bugs.
    pub fn on(&self, machine: &Machine, price: &Price) -> Estimate {
        let peak = 1e9 * if self.bf16 { machine.bf16_gflops } else { machine.f32_gflops };
        assert!(self.efficiency > 0.0 && peak > 0.0, "efficiency {}, peak {peak}", self.efficiency);
        let flops = self.flops_per_token() * self.tokens as f64;
        let wall_s = flops / (peak * self.efficiency);
        let core_s = wall_s * machine.cores as f64;
        Estimate { flops, wall_s, core_s, tokens_per_s: self.tokens as f64 / wall_s, dollars: price.dollars(core_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::presets::published;

    #[test]
    fn a_run_takes_its_operations_over_its_speed() {
        let machine = Machine {
            cpu: String::new(),
            cores: 4,
            isa: String::new(),
            f32_gflops: 100.0,
            bf16_gflops: 200.0,
            memory_gb_s: 1.0,
            memory_bytes: None,
        };
        let config = published("deepseek-v3").unwrap();
        let run = Run { config: &config, tokens: 1000, context: 4096, mtp: false, bf16: true, efficiency: 0.5 };
        let estimate = run.on(&machine, &Price::stated(0.36).unwrap());
        assert!((estimate.flops / 250e12 - 1.0).abs() < 0.005);
        assert!((estimate.wall_s - estimate.flops / 100e9).abs() < 1e-6);
        assert!((estimate.dollars - 4.0 * estimate.wall_s * 1e-4).abs() < 1e-9);
        let with_mtp = Run { mtp: true, ..run };
        assert!(with_mtp.flops_per_token() > run.flops_per_token());
    }
}
