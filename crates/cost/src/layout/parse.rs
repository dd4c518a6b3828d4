//! `pp=16,ep=64`: what is written, and what is taken where nothing is.

use model::error::nearest;

use super::{Job, Layout, Precision, Recompute, Schedule, is_like_v3, n_experts, send_units};
use crate::catalogue::Chip;
use crate::error::{Error, Result};

/// A layout as it is written: what is not said is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "fields of `Layout`, each with its description there")]
pub struct LayoutSpec {
    pub pp: Option<u64>,
    pub vpp: Option<u64>,
    pub ep: Option<u64>,
    pub tp: Option<u64>,
    pub cp: Option<u64>,
    pub dp: Option<u64>,
    pub zero: Option<u8>,
    pub schedule: Option<Schedule>,
    pub micro_batch: Option<u64>,
    pub precision: Option<Precision>,
    pub recompute: Option<Recompute>,
    pub comm_sm: Option<u64>,
    pub imbalance: Option<f64>,
    pub hide_dp: Option<bool>,
    pub zigzag: Option<bool>,
}

/// The most of anything in a layout, and of chips that it takes.
const MOST: u64 = 1 << 24;

const KEYS: [&str; 15] = [
    "pp",
    "vpp",
    "ep",
    "tp",
    "cp",
    "dp",
    "zero",
    "schedule",
    "micro_batch",
    "precision",
    "recompute",
    "comm_sm",
    "imbalance",
    "hide_dp",
    "zigzag",
];

impl LayoutSpec {
    /// Reads `pp=16,ep=64,schedule=dualpipe`.
    ///
    /// # Errors
    /// An unknown key, with the nearest known one; a value that is not one of its key's.
    pub fn parse(text: &str) -> Result<LayoutSpec> {
        let mut spec = LayoutSpec::default();
        let mut said: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
                return Err(written(part, "KEY=VALUE", "pp=16,ep=64"));
            };
            if said.contains(&key) {
                return Err(written(&format!("{key} twice"), "each key once", &format!("{key}={value}")));
            }
            said.push(key);
            spec.set(key, value)?;
        }
        // Each number is small enough; what they come to together may not be.
        let [pp, tp, cp, dp] = [spec.pp, spec.tp, spec.cp, spec.dp].map(|n| n.unwrap_or(1));
        let chips = pp.checked_mul(tp).and_then(|n| n.checked_mul(cp)).and_then(|n| n.checked_mul(dp));
        if chips.is_none_or(|chips| chips > MOST) {
            return Err(written(
                &format!("pp·tp·cp·dp = {pp}·{tp}·{cp}·{dp} chips"),
                &format!("at most {MOST}"),
                "leave --layout out",
            ));
        }
        Ok(spec)
    }

    /// What is said here, and elsewhere what `under` says.
    pub fn over(&self, under: &LayoutSpec) -> LayoutSpec {
        LayoutSpec {
            pp: self.pp.or(under.pp),
            vpp: self.vpp.or(under.vpp),
            ep: self.ep.or(under.ep),
            tp: self.tp.or(under.tp),
            cp: self.cp.or(under.cp),
            dp: self.dp.or(under.dp),
            zero: self.zero.or(under.zero),
            schedule: self.schedule.or(under.schedule),
            micro_batch: self.micro_batch.or(under.micro_batch),
            precision: self.precision.or(under.precision),
            recompute: self.recompute.or(under.recompute),
            comm_sm: self.comm_sm.or(under.comm_sm),
            imbalance: self.imbalance.or(under.imbalance),
            hide_dp: self.hide_dp.or(under.hide_dp),
            zigzag: self.zigzag.or(under.zigzag),
        }
    }

    /// As `--layout` reads it; empty where nothing is said.
    pub fn written(&self) -> String {
        let count = |n: Option<u64>| n.map(|n| n.to_string());
        let named = |name: &'static str| name.to_owned();
        let values = [
            count(self.pp),
            count(self.vpp),
            count(self.ep),
            count(self.tp),
            count(self.cp),
            count(self.dp),
            self.zero.map(|n| n.to_string()),
            self.schedule.map(Schedule::name).map(named),
            count(self.micro_batch),
            self.precision.map(Precision::name).map(named),
            self.recompute.map(Recompute::name).map(named),
            count(self.comm_sm),
            self.imbalance.map(|times| times.to_string()),
            self.hide_dp.map(|is_hidden| is_hidden.to_string()),
            self.zigzag.map(|is_even| is_even.to_string()),
        ];
        let said = KEYS.iter().zip(values).filter_map(|(key, value)| Some(format!("{key}={}", value?)));
        said.collect::<Vec<_>>().join(",")
    }

    /// Whether nothing is said that only a layout decides.
    pub fn is_open(&self) -> bool {
        let said = [self.pp, self.tp, self.ep, self.dp, self.vpp];
        said.iter().all(Option::is_none)
    }

    /// Sets one key.
    ///
    /// # Errors
    /// As [`LayoutSpec::parse`].
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let count = |least: u64| match crate::text::parse_whole(value) {
            Ok(n) if (least..=MOST).contains(&n) => Ok(Some(n)),
            _ => Err(written(
                &format!("{key}={value}"),
                &format!("a whole number from {least}"),
                &format!("{key}={least}"),
            )),
        };
        match key {
            "pp" => self.pp = count(1)?,
            "vpp" => self.vpp = count(1)?,
            "ep" => self.ep = count(1)?,
            "tp" => self.tp = count(1)?,
            "cp" => self.cp = count(1)?,
            "dp" => self.dp = count(1)?,
            "micro_batch" => self.micro_batch = count(1)?,
            "comm_sm" => self.comm_sm = count(0)?,
            "zero" => match value.parse::<u64>() {
                Ok(n) if n > 3 => return Err(written(&format!("zero={n}"), "one of 0, 1, 2, 3", "zero=3")),
                _ => self.zero = Some(one_of(key, value, &[("0", 0), ("1", 1), ("2", 2), ("3", 3)])?),
            },
            "schedule" => {
                let known = [("1f1b", Schedule::OneFOneB), ("zb1p", Schedule::Zb1p), ("dualpipe", Schedule::DualPipe)];
                self.schedule = Some(one_of(key, value, &known)?);
            }
            "precision" => {
                self.precision = Some(one_of(key, value, &[("bf16", Precision::Bf16), ("fp8", Precision::Fp8)])?);
            }
            "recompute" => {
                let known = [("none", Recompute::None), ("selective", Recompute::Selective), ("full", Recompute::Full)];
                // No letter of it is near "full", which is what it means.
                if matches!(value, "everything" | "all") {
                    return Err(written(&format!("{key}={value}"), "one of none, selective, full", "recompute=full"));
                }
                self.recompute = Some(one_of(key, value, &known)?);
            }
            "imbalance" => match value.parse::<f64>() {
                Ok(n) if (1.0..=100.0).contains(&n) => self.imbalance = Some(n),
                _ => return Err(written(&format!("imbalance={value}"), "a number from 1 to 100", "imbalance=1.1")),
            },
            "zigzag" => self.zigzag = Some(one_of(key, value, &[("true", true), ("false", false)])?),
            "hide_dp" => self.hide_dp = Some(one_of(key, value, &[("true", true), ("false", false)])?),
            _ => {
                let near = nearest(key, KEYS).unwrap_or("pp");
                return Err(written(key, &format!("one of {}", KEYS.join(", ")), near));
            }
        }
        Ok(())
    }

    /// The layout of `job` on `count` chips, with what is not said chosen; not yet checked.
    pub fn complete(&self, job: &Job, chip: &Chip, count: u64) -> Layout {
        let (pp, tp, cp) = (self.pp.unwrap_or(1), self.tp.unwrap_or(1), self.cp.unwrap_or(1));
        let dp = self.dp.unwrap_or((count / (pp * tp * cp)).max(1));
        let micro_batch = self.micro_batch.unwrap_or(1);
        let n = n_experts(&job.config);
        let group = dp * tp * cp;
        // Experts spread until each chip has four, as V3's do: fewer make products too small.
        let most = (n / 4).max(1);
        let ep = (1..=most.min(group)).rev().find(|ep| n > 0 && n.is_multiple_of(*ep) && group.is_multiple_of(*ep));
        let n_micro = job.batch / (dp * micro_batch).max(1);
        let divides = pp > 1 && pp.is_multiple_of(2) && n_micro >= 2 * pp && n_micro.is_multiple_of(2);
        let dual = divides && is_like_v3(&job.config);
        let schedule = match (self.vpp.unwrap_or(1) > 1 || pp == 1, dual) {
            (true, _) => Schedule::OneFOneB,
            (false, true) => Schedule::DualPipe,
            (false, false) => Schedule::Zb1p,
        };
        Layout {
            dp,
            pp,
            vpp: self.vpp.unwrap_or(1),
            ep: self.ep.or(ep).unwrap_or(1),
            tp,
            cp,
            zero: self.zero.unwrap_or(1),
            schedule: self.schedule.unwrap_or(schedule),
            micro_batch,
            precision: self.precision.unwrap_or(match (chip.fp8_tflops, is_like_v3(&job.config)) {
                (Some(_), true) => Precision::Fp8,
                _ => Precision::Bf16,
            }),
            recompute: self.recompute.unwrap_or(Recompute::Selective),
            comm_sm: self.comm_sm.unwrap_or(send_units(chip)),
            imbalance: self.imbalance.unwrap_or(1.0),
            // As Llama 3's gradients (arXiv:2407.21783, section 3.3.2), and unlike V3's, whose step shows them.
            hide_dp: self.hide_dp.unwrap_or(n == 0),
            zigzag: self.zigzag.unwrap_or(true),
        }
    }
}

fn one_of<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T> {
    match known.iter().find(|(name, _)| *name == value) {
        Some((_, found)) => Ok(*found),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let near = nearest(value, names.iter().copied()).unwrap_or(names[0]);
            Err(written(&format!("{key}={value}"), &format!("one of {}", names.join(", ")), &format!("{key}={near}")))
        }
    }
}

fn written(found: &str, expected: &str, nearest: &str) -> Error {
    Error::Layout { found: found.to_owned(), expected: expected.to_owned(), nearest: nearest.to_owned() }
}
