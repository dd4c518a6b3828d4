//! The bill of a run: the lines of its `ledger.jsonl`, added up by stage and shown as the V3 report's Table 1 is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::page::Table;
use crate::text::{dollars, duration, percent, si, significant, thousands};

/// What work has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of cores that were held, busy or not.
    pub core_s: f64,
    /// Of them those that this process computed in, where the machine says.
    #[serde(default)]
    pub cpu_s: Option<f64>,
    /// Tokens processed.
    pub tokens: u64,
    /// Floating-point operations of the model.
    pub flops: f64,
    /// Energy, where the machine reports it.
    pub joules: Option<f64>,
}

impl Usage {
    /// Both together. Energy and processor time are known as far as one of them knows it.
    pub fn plus(&self, other: &Usage) -> Usage {
        let sum = |a: Option<f64>, b: Option<f64>| a.or(b).map(|_| a.unwrap_or(0.0) + b.unwrap_or(0.0));
        Usage {
            wall_s: self.wall_s + other.wall_s,
            core_s: self.core_s + other.core_s,
            tokens: self.tokens + other.tokens,
            flops: self.flops + other.flops,
            cpu_s: sum(self.cpu_s, other.cpu_s),
            joules: sum(self.joules, other.joules),
        }
    }
}

/// One line of `ledger.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// Name of the stage.
    pub stage: String,
    /// Which start of the process, from 1.
    pub attempt: u64,
    /// What was spent.
    #[serde(flatten)]
    pub usage: Usage,
    /// Dollars for a core-hour.
    pub price: f64,
    /// Where that price is from.
    #[serde(default)]
    pub price_source: String,
    /// What the line costs.
    pub dollars: f64,
    /// Whether a crash threw this work away.
    pub lost: bool,
    /// The optimizer step at which this line's work ended.
    #[serde(default)]
    pub to_step: u64,
}

/// What was promised when a stage began (`plan.json` in its directory).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Tokens.
    pub tokens: u64,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of cores that compute, where the machine says; other programs on it do not change them.
    #[serde(default)]
    pub cpu_s: Option<f64>,
    /// Dollars.
    pub dollars: f64,
}

/// Promise and bill beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// What was promised.
    pub promised: Promise,
    /// What was taken, lost work left out.
    pub taken: Promise,
    /// By how much a token took longer than promised: 0.1 is 10% longer. Holds for stopped runs too.
    pub error: f64,
    /// The same in processor time, which is fair on a machine that others use as well; `None` where it is not known.
    pub cpu_error: Option<f64>,
}

impl Against {
    /// The planner's error: in processor time where that is known.
    pub fn planner_error(&self) -> f64 {
        self.cpu_error.unwrap_or(self.error)
    }
}

/// Holds `promise` against the lines of a stage's ledger; `None` before the first token.
pub fn against(promise: &Promise, lines: &[LedgerLine]) -> Option<Against> {
    let kept: Vec<&LedgerLine> = lines.iter().filter(|line| !line.lost).collect();
    let usage = kept.iter().fold(Usage::default(), |sum, line| sum.plus(&line.usage));
    let taken = Promise {
        tokens: usage.tokens,
        wall_s: usage.wall_s,
        cpu_s: usage.cpu_s.filter(|_| kept.iter().all(|line| line.attempt == 0 || line.usage.cpu_s.is_some())),
        dollars: kept.iter().map(|line| line.dollars).sum(),
    };
    if taken.tokens == 0 || promise.tokens == 0 || promise.wall_s <= 0.0 {
        return None;
    }
    let tokens = promise.tokens as f64 / taken.tokens as f64;
    let off = |taken: f64, promised: f64| taken / promised * tokens - 1.0;
    Some(Against {
        promised: *promise,
        taken,
        error: off(taken.wall_s, promise.wall_s),
        cpu_error: taken.cpu_s.zip(promise.cpu_s).map(|(taken, promised)| off(taken, promised)),
    })
}

/// What one stage took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageBill {
    /// Name of the stage.
    pub stage: String,
    /// Starts of the process.
    pub attempts: u64,
    /// All work, lost work included.
    #[serde(flatten)]
    pub usage: Usage,
    /// What it cost.
    pub dollars: f64,
    /// The part of `dollars` that paid for lost work.
    pub lost_dollars: f64,
}

/// A run's bill, in the order in which stages began.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bill {
    /// One entry a stage.
    pub stages: Vec<StageBill>,
    /// What was charged and by whose word, each once.
    pub prices: Vec<String>,
}

impl Bill {
    /// Adds up the ledger at `path`.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not a ledger's (named by its number).
    pub fn read(path: &Path) -> Result<Bill> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
        let mut lines = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line = serde_json::from_str(line).map_err(|e| Error::Ledger {
                path: path.to_path_buf(),
                line: i + 1,
                message: e.to_string(),
            })?;
            lines.push(line);
        }
        Ok(Bill::of(&lines))
    }

    /// Adds up the lines of a ledger.
    pub fn of(lines: &[LedgerLine]) -> Bill {
        let mut bill = Bill::default();
        for line in lines {
            let at = bill.stages.iter().position(|s| s.stage == line.stage).unwrap_or_else(|| {
                bill.stages.push(StageBill {
                    stage: line.stage.clone(),
                    attempts: 0,
                    usage: Usage::default(),
                    dollars: 0.0,
                    lost_dollars: 0.0,
                });
                bill.stages.len() - 1
            });
            let price = match (line.price, line.price_source.as_str()) {
                // What an endpoint charges is not by the hour.
                (0.0, source) => source.to_owned(),
                (price, "") => format!("{} a core-hour", crate::text::dollars(price)),
                (price, source) => format!("{} a core-hour: {source}", crate::text::dollars(price)),
            };
            if !price.is_empty() && !bill.prices.contains(&price) {
                bill.prices.push(price);
            }
            let stage = &mut bill.stages[at];
            stage.attempts = stage.attempts.max(line.attempt);
            stage.usage = stage.usage.plus(&line.usage);
            stage.dollars += line.dollars;
            stage.lost_dollars += if line.lost { line.dollars } else { 0.0 };
        }
        bill
    }

    /// What everything took.
    pub fn total(&self) -> StageBill {
        let empty = StageBill {
            stage: "total".to_owned(),
            attempts: 0,
            usage: Usage::default(),
            dollars: 0.0,
            lost_dollars: 0.0,
        };
        self.stages.iter().fold(empty, |sum, stage| StageBill {
            stage: sum.stage,
            attempts: sum.attempts + stage.attempts,
            usage: sum.usage.plus(&stage.usage),
            dollars: sum.dollars + stage.dollars,
            lost_dollars: sum.lost_dollars + stage.lost_dollars,
        })
    }

    /// The bill as the V3 report's Table 1 is, with what was lost, energy where it is known, and the price it rests on.
    pub fn render(&self) -> String {
        let total = self.total();
        let mut rows: Vec<&StageBill> = self.stages.iter().collect();
        if rows.len() > 1 {
            rows.push(&total);
        }
        let has_energy = total.usage.joules.is_some();
        let mut columns = vec!["", "time", "core-hours", "tokens", "PFLOP"];
        columns.extend(has_energy.then_some("Wh"));
        columns.extend((total.lost_dollars > 0.0).then_some("lost"));
        columns.push("dollars");
        let mut table = Table::new("The bill", &columns);
        for row in rows {
            let usage = &row.usage;
            let mut cells = vec![
                row.stage.clone(),
                duration(usage.wall_s),
                format!("{:.3}", usage.core_s / 3600.0),
                thousands(usage.tokens),
                significant(usage.flops / 1e15),
            ];
            if has_energy {
                cells.push(usage.joules.map_or("-".to_owned(), |joules| significant(joules / 3600.0)));
            }
            if total.lost_dollars > 0.0 {
                cells.push(dollars(row.lost_dollars));
            }
            cells.push(dollars(row.dollars));
            table.rows.push(cells);
        }
        let notes: Vec<String> = self.prices.iter().map(|price| format!("\n  At {price}.")).collect();
        table.text() + &notes.concat()
    }
}

/// Plan against bill, stage by stage, and all together where there are several.
pub fn render_against(stages: &[(String, Against)]) -> String {
    let has_cpu = stages.iter().any(|(_, held)| held.cpu_error.is_some());
    let mut columns = vec!["", "planned", "taken", "dollars", "taken", "tokens", "taken", "time a token"];
    columns.extend(has_cpu.then_some("processor time"));
    let mut table = Table::new("Plan and bill", &columns);
    let row = |name: &str, held: &Against| {
        let (promised, taken) = (&held.promised, &held.taken);
        let off = |error: f64| format!("{:+.0}%", 100.0 * error);
        let mut row = vec![
            name.to_owned(),
            duration(promised.wall_s),
            duration(taken.wall_s),
            dollars(promised.dollars),
            dollars(taken.dollars),
            si(promised.tokens as f64),
            si(taken.tokens as f64),
            off(held.error),
        ];
        row.extend(has_cpu.then(|| held.cpu_error.map_or("-".to_owned(), off)));
        row
    };
    table.rows.extend(stages.iter().map(|(name, held)| row(name, held)));
    if stages.len() > 1 {
        table.rows.push(row("total", &together(stages)));
    }
    let shared = "\n  Processor time is what other programs on the machine do not change: the planner is judged by it.";
    table.text() + if has_cpu { shared } else { "" }
}

/// All stages as one.
fn together(stages: &[(String, Against)]) -> Against {
    let sum = |side: fn(&Against) -> &Promise| {
        stages.iter().map(|(_, held)| side(held)).fold(Promise::default(), |sum, one| Promise {
            tokens: sum.tokens + one.tokens,
            wall_s: sum.wall_s + one.wall_s,
            cpu_s: None,
            dollars: sum.dollars + one.dollars,
        })
    };
    // What the stages' tokens should have taken at the promised pace; a stage that was stopped counts as far as it got.
    let off = |of: &dyn Fn(&Against) -> Option<(f64, f64)>| {
        let both: Option<Vec<(f64, f64)>> = stages.iter().map(|(_, held)| of(held)).collect();
        both.map(|both| {
            let due: f64 = both.iter().map(|(taken, error)| taken / (1.0 + error)).sum();
            both.iter().map(|(taken, _)| taken).sum::<f64>() / due - 1.0
        })
    };
    Against {
        promised: sum(|held| &held.promised),
        taken: sum(|held| &held.taken),
        error: off(&|held| Some((held.taken.wall_s, held.error))).unwrap_or(0.0),
        cpu_error: off(&|held| held.taken.cpu_s.zip(held.cpu_error)),
    }
}

/// The planner's error on a machine over stages that ran there, in a sentence; `None` of none.
pub fn render_error(machine: &str, stages: &[Against]) -> Option<String> {
    let mut errors: Vec<f64> = stages.iter().map(|held| held.planner_error().abs()).collect();
    errors.sort_by(f64::total_cmp);
    let (most, middle) = (errors.last()?, errors[(errors.len() - 1) / 2]);
    let n = match errors.len() {
        1 => "one stage".to_owned(),
        n => format!("{n} stages"),
    };
    Some(format!(
        "The planner on this machine ({machine}): off by {} at the median of {n}, by {} at most.",
        percent(middle),
        percent(*most)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stage: &str, attempt: u64, core_s: f64, lost: bool, joules: Option<f64>) -> LedgerLine {
        LedgerLine {
            stage: stage.to_owned(),
            attempt,
            usage: Usage { wall_s: core_s / 2.0, core_s, cpu_s: Some(0.9 * core_s), tokens: 10, flops: 1e12, joules },
            price: 0.04,
            price_source: "test".to_owned(),
            dollars: core_s / 3600.0 * 0.04,
            lost,
            to_step: 1,
        }
    }

    #[test]
    fn stages_add_up_and_lost_work_is_shown() {
        let lines = [
            line("pretrain", 1, 3600.0, false, None),
            line("pretrain", 1, 360.0, true, Some(5.0)),
            line("sft", 1, 1800.0, false, None),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let text: String = lines.iter().map(|l| serde_json::to_string(l).unwrap() + "\n").collect();
        std::fs::write(&path, &text).unwrap();
        let bill = Bill::read(&path).unwrap();
        assert_eq!(bill, Bill::of(&lines));
        assert_eq!(bill.stages.len(), 2);
        let total = bill.total();
        assert!((total.dollars - 0.064).abs() < 1e-12 && (total.lost_dollars - 0.004).abs() < 1e-12);
        assert_eq!((total.usage.tokens, total.usage.joules), (30, Some(5.0)));
        let shown = bill.render();
        for part in ["pretrain", "total", "$0.064", "$0.004", "lost", "Wh", "At $0.04 a core-hour: test."] {
            assert!(shown.contains(part), "{part} in {shown}");
        }

        std::fs::write(&path, text + "{\"stage\": 1}\n").unwrap();
        assert!(Bill::read(&path).unwrap_err().to_string().contains("line 4"));
        assert!(Bill::read(&dir.path().join("no")).is_err());
    }

    #[test]
    fn a_promise_is_held_against_the_bill() {
        let promise = Promise { tokens: 40, wall_s: 3600.0, cpu_s: None, dollars: 0.08 };
        let lines = [line("a", 1, 3600.0, false, None), line("a", 1, 720.0, true, None)];
        let held = against(&promise, &lines).unwrap();
        // Ten tokens in half an hour, where forty an hour were promised; lost work is not the planner's fault.
        assert!((held.error - 1.0).abs() < 1e-12 && held.cpu_error.is_none(), "{held:?}");
        let text = render_against(&[("a".to_owned(), held), ("b".to_owned(), held)]);
        assert!(text.contains("+100%") && text.contains("total") && !text.contains("rocessor"), "{text}");
        assert_eq!(against(&promise, &[]), None);
        // The clock ran twice as long as promised, the processor a tenth less.
        let busy = Promise { cpu_s: Some(4.0 * 3600.0), ..promise };
        let held = against(&busy, &lines).unwrap();
        assert!((held.planner_error() + 0.1).abs() < 1e-12, "{held:?}");
        let text = render_against(&[("a".to_owned(), held), ("b".to_owned(), held)]);
        assert!(text.contains("-10%") && text.contains("Processor time"), "{text}");
        let told = render_error("CPU", &[held, Against { cpu_error: Some(0.3), ..held }]).unwrap();
        assert!(told.contains("10.0% at the median of 2 stages, by 30.0% at most"), "{told}");
        assert_eq!(render_error("CPU", &[]), None);
    }

    /// The keys of a ledger line are fixed: tools outside read them.
    #[test]
    fn a_line_has_the_contracted_keys() {
        let value = serde_json::to_value(line("pretrain", 1, 1.0, false, None)).unwrap();
        for key in ["stage", "attempt", "wall_s", "core_s", "tokens", "flops", "joules", "price", "dollars", "lost"] {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert!(value["joules"].is_null());
    }
}
