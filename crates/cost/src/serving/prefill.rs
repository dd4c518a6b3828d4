//! A prompt through a prefill chip: its seconds, and the arithmetic of their parts.

use serde::Serialize;

use crate::assumptions as assume;
use crate::plan::Line;
use crate::text::{si, significant, whole};

/// A prompt through a prefill chip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prefill {
    /// Its tokens.
    pub tokens: f64,
    /// Seconds of computation with all units.
    pub compute_s: f64,
    /// What it takes longer with the units that are left.
    pub lost_s: f64,
    /// Seconds of rows on their way, which hide behind computation as far as they can.
    pub sent_s: f64,
    /// Chips that share it.
    pub chips: f64,
    /// Operations of a chip's products.
    pub product_flops: f64,
    /// Operations a second of most of those.
    pub product_rate: f64,
    /// Seconds of them, among those of computation.
    pub products_s: f64,
    /// Operations of a chip's attention.
    pub attention_flops: f64,
    /// Operations a second of those.
    pub attention_rate: f64,
    /// Seconds of what streams through memory between products.
    pub stream_s: f64,
    /// Bytes a second of that.
    pub stream_rate: f64,
    /// Seconds of sums over the chips that share it.
    pub exchange_s: f64,
}

impl Prefill {
    /// Tokens a second and chip.
    pub fn tokens_per_s(&self) -> f64 {
        self.tokens / (self.compute_s + self.lost_s).max(self.sent_s) / self.chips
    }

    /// The arithmetic of a prompt's seconds and of its parts.
    pub(super) fn lines(&self) -> Vec<Line> {
        let s = |seconds: f64| format!("{} s", significant(seconds));
        let attention_s = self.attention_flops / self.attention_rate;
        let parts = [self.products_s, attention_s, self.stream_s, self.exchange_s].map(s).join(" + ");
        vec![
            Line::new(
                "input: products",
                s(self.products_s),
                format!(
                    "{} TFLOP a chip / {} TFLOP/s; for {} tokens{}",
                    significant(self.product_flops / 1e12),
                    significant(self.product_rate / 1e12),
                    whole(self.tokens),
                    if self.products_s > 1.005 * self.product_flops / self.product_rate {
                        ", longer where weights take longer to be read and where products stay in BF16"
                    } else {
                        ""
                    }
                ),
                "products as in training",
            ),
            Line::new(
                "input: attention",
                s(attention_s),
                format!(
                    "{} TFLOP a chip / {} TFLOP/s; {} of the BF16 peak",
                    significant(self.attention_flops / 1e12),
                    significant(self.attention_rate / 1e12),
                    assume::ATTENTION_FORWARD
                ),
                "FlashAttention-3, arXiv:2407.08608, figure 5",
            ),
            Line::new(
                "input: streaming through memory",
                s(self.stream_s),
                format!(
                    "{} GB a chip between products / {} GB/s; {} of the bandwidth, FITTED",
                    significant(self.stream_s * self.stream_rate / 1e9),
                    significant(self.stream_rate / 1e9),
                    assume::STREAM_SHARE
                ),
                "as in training",
            ),
            Line::new(
                "input: computation",
                s(self.compute_s),
                format!("{parts} within layers among the chips that share matrices"),
                "the three above, and sums over chips",
            ),
            self.line(),
        ]
    }

    fn line(&self) -> Line {
        let seconds = match self.compute_s + self.lost_s >= self.sent_s {
            true => format!("({} s + {} s", significant(self.compute_s), significant(self.lost_s)),
            false => format!("({} s", significant(self.sent_s)),
        };
        Line::new(
            "input computed",
            format!("{} tokens/s a chip", si(self.tokens_per_s())),
            format!(
                "{} tokens / {seconds}) / {} chips; rows to experts take {} s, beside which computation loses {} s",
                significant(self.tokens),
                self.chips,
                significant(self.sent_s),
                significant(self.lost_s)
            ),
            "simulated as a forward pass of training",
        )
    }
}
