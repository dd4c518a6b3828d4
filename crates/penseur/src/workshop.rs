//! What the app shows of this machine's other work: the served model's figures, and the training runs below `runs/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::Config;
use model::inspect::Inspection;
use report::{Curves, Run};
use serde_json::{Value, json};

/// Most points of a curve that the page gets; longer ones are thinned out evenly.
const MAX_POINTS: usize = 500;
/// Figures of a line of metrics that are no curves.
const NO_CURVES: [&str; 4] = ["step", "tokens", "seconds", "dollars"];

/// The workshop of one server.
pub struct Workshop {
    /// Where training runs are.
    pub runs: PathBuf,
    /// The served models, by name.
    pub models: BTreeMap<String, Config>,
}

impl server::Workshop for Workshop {
    fn model(&self, name: &str) -> Option<Value> {
        serde_json::to_value(Inspection::new(self.models.get(name)?, sys::memory::available_bytes())).ok()
    }

    fn runs(&self) -> Result<Option<Value>, String> {
        let all = report::list(&self.runs).map_err(|e| e.to_string())?;
        let root = std::path::absolute(&self.runs).unwrap_or_else(|_| self.runs.clone());
        Ok(Some(json!({"root": root, "runs": all})))
    }

    fn run(&self, path: &str) -> Result<Option<Value>, String> {
        // Only what is listed is shown, so a path leads nowhere else.
        let all = report::list(&self.runs).map_err(|e| e.to_string())?;
        let Some(found) = all.into_iter().find(|run| run.path == Path::new(path)) else { return Ok(None) };
        let run = Run::open(&found.path).map_err(|e| e.to_string())?;
        let (bill, series) = (run.bill().stages, series(&run.metrics));
        Ok(Some(json!({"summary": found, "bill": bill, "series": series, "recipe": run.recipe_text})))
    }

    fn plan(&self, arguments: &Value) -> Result<Option<Value>, String> {
        let texts = arguments.as_object().into_iter().flatten();
        let query = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        cost::app::answer(&query).map(Some).map_err(|e| e.to_string())
    }
}

/// The curves of a run: for every metric, its value at each step that has one.
fn series(metrics: &Curves) -> BTreeMap<&str, Vec<[f64; 2]>> {
    let curve = |name| {
        let finite = metrics.get(name).points().filter(|(_, value)| value.is_finite());
        let mut points = finite.map(|(step, value)| [step as f64, value]).collect();
        thin_out(&mut points);
        (name, points)
    };
    metrics.names().filter(|name| !NO_CURVES.contains(name)).map(curve).collect()
}

/// Keeps every n-th point, and the last.
fn thin_out(points: &mut Vec<[f64; 2]>) {
    let every = points.len().div_ceil(MAX_POINTS);
    if every > 1 {
        let last = points.len() - 1;
        let mut at = 0..;
        points.retain(|_| at.next().is_some_and(|i: usize| i.is_multiple_of(every) || i == last));
    }
}

#[cfg(test)]
mod tests {
    //! Curves.

    use super::*;

    #[test]
    fn a_long_curve_is_thinned_out_and_keeps_its_ends() {
        let mut points: Vec<[f64; 2]> = (0..12_345).map(|i| [f64::from(i), 1.0]).collect();
        thin_out(&mut points);
        assert!(points.len() <= MAX_POINTS + 1);
        assert_eq!((points[0][0], points[points.len() - 1][0]), (0.0, 12_344.0));
    }
}
