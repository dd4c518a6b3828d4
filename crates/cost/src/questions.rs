//! The questions that people ask before they rent anything. Each answer is a page with a table and a plot, and a JSON
//! value of the same figures.

mod budget;
mod compare;
mod reach;
mod serve;
#[cfg(test)]
mod tests;

pub use budget::{model_for_budget, scaling_optimum};
pub use compare::{cheapest_within, compare_chips, compare_layouts};
pub use reach::{Curve as LearningCurve, Forecast, cost_to_reach, forecast};
pub use serve::{ServeQuestion, serve};

use serde_json::Value;

use crate::page::Page;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For people.
    pub page: Page,
    /// For programs.
    pub json: Value,
}
