//! One unit to another: lengths, weights, times, money; then two units together.

use super::reply_number;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Conversions with whole results.
pub struct UnitConversion;

/// `large` of the large unit and `small` of the small one, in small units; or, `back`, so many small units in large
/// ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// The name of the large unit, then of the small one.
    units: [String; 2],
    large: u64,
    small: u64,
    back: bool,
}

/// Large unit, small unit, how many small ones make a large one, both in Chinese.
struct Unit {
    names: [&'static str; 2],
    factor: u64,
    chinese: [&'static str; 2],
}

const UNITS: &[Unit] = &[
    Unit { names: ["hours", "minutes"], factor: 60, chinese: ["小时", "分钟"] },
    Unit { names: ["minutes", "seconds"], factor: 60, chinese: ["分钟", "秒"] },
    Unit { names: ["days", "hours"], factor: 24, chinese: ["天", "小时"] },
    Unit { names: ["weeks", "days"], factor: 7, chinese: ["周", "天"] },
    Unit { names: ["years", "months"], factor: 12, chinese: ["年", "个月"] },
    Unit { names: ["kilometers", "meters"], factor: 1000, chinese: ["千米", "米"] },
    Unit { names: ["meters", "centimeters"], factor: 100, chinese: ["米", "厘米"] },
    Unit { names: ["centimeters", "millimeters"], factor: 10, chinese: ["厘米", "毫米"] },
    Unit { names: ["kilograms", "grams"], factor: 1000, chinese: ["千克", "克"] },
    Unit { names: ["tons", "kilograms"], factor: 1000, chinese: ["吨", "千克"] },
    Unit { names: ["liters", "milliliters"], factor: 1000, chinese: ["升", "毫升"] },
    Unit { names: ["feet", "inches"], factor: 12, chinese: ["英尺", "英寸"] },
    Unit { names: ["yards", "feet"], factor: 3, chinese: ["码", "英尺"] },
    Unit { names: ["gallons", "quarts"], factor: 4, chinese: ["加仑", "夸脱"] },
    Unit { names: ["pounds", "ounces"], factor: 16, chinese: ["磅", "盎司"] },
    Unit { names: ["dollars", "cents"], factor: 100, chinese: ["美元", "美分"] },
    Unit { names: ["dozens", "single pieces"], factor: 12, chinese: ["打", "个"] },
];

const WORDINGS: Wordings = Wordings {
    questions: &[
        "how many {t} are {q}",
        "how many {t} are in {q}",
        "how many {t} make {q}",
        "how many {t} is {q}",
        "{q} is how many {t}",
        "what is {q} in {t}",
    ],
    orders: &["convert {q} to {t}", "convert {q} into {t}", "change {q} into {t}", "express {q} in {t}"],
    nouns: &["the number of {t} in {q}", "{q} in {t}"],
    chinese: &["{z}等于多少{y}？", "{z}是多少{y}？", "把{z}换算成{y}。"],
    ..Wordings::NONE
};

/// `1 hour`, `3 hours`
fn amount(n: u64, unit: &str) -> String {
    let single = match unit {
        "feet" => "foot",
        "inches" => "inch",
        "centimeters" | "millimeters" | "meters" | "kilometers" => unit.trim_end_matches('s'),
        _ => unit.strip_suffix('s').unwrap_or(unit),
    };
    format!("{n} {}", if n == 1 { single } else { unit })
}

impl Problem {
    fn unit(&self) -> Option<&'static Unit> {
        UNITS.iter().find(|unit| unit.names[0] == self.units[0] && unit.names[1] == self.units[1])
    }

    /// All in small units; `None` for units that are not known or numbers too large.
    fn total(&self) -> Option<u64> {
        self.large.checked_mul(self.unit()?.factor)?.checked_add(self.small)
    }

    fn value(&self) -> Option<u64> {
        let total = self.total()?;
        match self.back {
            true => (self.small == 0).then_some(self.large),
            false => Some(total),
        }
    }
}

impl Family for UnitConversion {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "unit_conversion"
    }

    fn about(&self) -> &'static str {
        "times, lengths, weights, money: up to 9 units, there and back, two units together"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let unit = &UNITS[rng.below(UNITS.len() as u64) as usize];
        let large = rng.between(if difficulty == 1 { 1 } else { 2 }, [9, 40, 30][usize::from(difficulty) - 1]);
        let small = if difficulty == 3 { rng.between(1, unit.factor - 1) } else { 0 };
        Problem { units: unit.names.map(String::from), large, small, back: difficulty == 2 && rng.chance(0.5) }
    }

    fn canonical(&self, p: &Problem) -> String {
        // There and back are the same fact.
        format!("units {} {} {} {}", p.large, p.units[0], p.small, p.units[1])
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let unit = p.unit().expect("drawn units are known");
        let total = p.total().expect("drawn numbers are small");
        let (large, small) = (amount(p.large, unit.names[0]), amount(p.small, unit.names[1]));
        let (large_zh, small_zh) =
            (format!("{}{}", p.large, unit.chinese[0]), format!("{}{}", p.small, unit.chinese[1]));
        let (quantity, chinese) = match (p.back, p.small) {
            (true, _) => (amount(total, unit.names[1]), format!("{total}{}", unit.chinese[1])),
            (_, 0) => (large, large_zh),
            _ => (format!("{large} and {small}"), large_zh + &small_zh),
        };
        let wanted = usize::from(!p.back);
        let values =
            [("t", unit.names[wanted]), ("q", quantity.as_str()), ("z", chinese.as_str()), ("y", unit.chinese[wanted])];
        WORDINGS.ask(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let unit = p.unit()?;
        let mut trace = Trace::with_slips(rng, options.slips);
        let [large, small] = unit.names;
        trace.line(format!("{} is {} {small}", amount(1, large), unit.factor));
        if p.back {
            let total = p.total()?;
            let zeros = unit.factor.ilog10();
            if unit.factor == 10u64.pow(zeros) {
                trace.line(format!("{total}÷{}={}", unit.factor, p.large));
            } else {
                trace.line(format!("{total}÷{}", unit.factor));
                trace.remainder(total, unit.factor);
                trace.line(format!("{}×{}={total}", unit.factor, p.large));
            }
            return Some(reply_number(asked, trace, &format!("The number of {large} is"), p.large));
        }
        let mut total = p.large * unit.factor;
        if unit.factor.is_multiple_of(10) {
            // Zeros are put behind: 7×60 is 7×6 and a zero.
            let zeros = if unit.factor == 60 { 10 } else { unit.factor };
            let part = p.large * unit.factor / zeros;
            if unit.factor == 60 {
                trace.brief(p.large as i64, '×', 6);
            }
            trace.line(format!("{part}×{zeros}={total}"));
        } else {
            trace.brief(p.large as i64, '×', unit.factor as i64);
        }
        if p.small > 0 {
            total = trace.brief(total as i64, '+', p.small as i64) as u64;
        }
        Some(reply_number(asked, trace, &format!("The number of {small} is"), total))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => {
                let wanted = usize::from(!p.back);
                let units = p.unit().map_or([""; 2], |unit| [unit.names[wanted], unit.chinese[wanted]]);
                integer::judge_in(&units, &value.to_string(), answer_text)
            }
            None => Judgement::cannot_judge("the units are not known, or the result is not whole"),
        }
    }
}
