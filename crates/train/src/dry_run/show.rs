//! A stage's plan in words.

use super::{StagePlan, gigabytes};
use cost::text::{duration, thousands};

impl StagePlan {
    /// What most of the time goes to.
    pub fn limited_by(&self) -> &'static str {
        let parts = [
            ("training", self.training_s),
            ("answers to learn from", self.rollout_s),
            ("evaluations", self.evaluation_s),
        ];
        parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |(name, _)| name)
    }

    /// The arithmetic behind its numbers.
    pub fn explain(&self) -> Vec<cost::plan::Line> {
        let line = |name: &str, value: String, how: String, source: &str| cost::plan::Line {
            name: format!("{}: {name}", self.stage),
            value,
            how,
            source: source.to_owned(),
        };
        let estimate = &self.estimate;
        let speed = match self.is_measured {
            true => "this model, trained and asked here a moment ago",
            false => "assumed: measuring would take long",
        };
        let length = match self.is_answer_worked {
            true => "assumed: as long as worked answers to these problems, of which 256 were counted",
            false => "assumed: half of the longest allowed",
        };
        let mut lines = vec![line(
            "operations",
            format!("{:.3e}", estimate.flops),
            format!(
                "{} tokens x {:.4} GFLOP",
                thousands(self.tokens),
                estimate.flops / self.tokens.max(1) as f64 / 1e9
            ),
            "counted from the configuration",
        )];
        if self.answer_tokens > 0.0 {
            lines.push(line(
                "an answer",
                format!("{:.0} tokens", self.answer_tokens),
                "on average, thinking included".to_owned(),
                length,
            ));
        }
        lines.push(line(
            "time",
            duration(estimate.wall_s),
            format!(
                "{} of preparing, {} of answers to learn from, {} of training at {:.1}% of this machine's peak, {} of \
                 evaluations",
                duration(self.preparing_s),
                duration(self.rollout_s),
                duration(self.training_s),
                100.0 * self.efficiency,
                duration(self.evaluation_s)
            ),
            speed,
        ));
        lines.push(line(
            "dollars",
            format!("${:.4}", estimate.dollars),
            format!("{:.4} core-hours", estimate.core_s / 3600.0),
            &self.price_source,
        ));
        lines
    }

    /// For people: the recipe, then what it means.
    pub fn render(&self) -> String {
        let estimate = &self.estimate;
        let free = self.memory_available.map_or(String::new(), |free| format!(" of {:.2} GB free", gigabytes(free)));
        format!(
            "{}\n# stage {}\n# parameters   {} in all, {} active for a token, {} trained with the MTP layers\n\
             # memory       {:.2} GB{free}\n# tokens       {}\n\
             # time         {} at {} tokens/s with evaluations, {:.0}% of this machine's peak ({})\n# cost         ${:.4}\n",
            self.recipe,
            self.stage,
            thousands(self.params_total),
            thousands(self.params_active),
            thousands(self.params_trained),
            gigabytes(self.memory_bytes),
            thousands(self.tokens),
            duration(estimate.wall_s),
            thousands(estimate.tokens_per_s as u64),
            100.0 * self.efficiency,
            if self.is_measured { "measured" } else { "assumed" },
            estimate.dollars
        )
    }
}
