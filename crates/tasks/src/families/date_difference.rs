//! How many days from one date to another.

use super::calendar::{MONTHS, is_leap, n_days};
use super::reply_number;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Days between dates.
pub struct DateDifference;

/// Two dates, the first not after the second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    from: Date,
    to: Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Date {
    year: u32,
    month: u32,
    day: u32,
}

/// Years that are judged.
const YEARS: std::ops::RangeInclusive<u32> = 1600..=2400;

const WORDINGS: Wordings = Wordings {
    questions: &[
        "how many days are there from {a} to {b}",
        "how many days are between {a} and {b}",
        "how many days is it from {a} until {b}",
        "how many days after {a} is {b}",
        "how many days pass from {a} to {b}",
        "how long is it from {a} to {b} in days",
    ],
    nouns: &["the number of days from {a} to {b}", "the difference in days between {a} and {b}"],
    orders: &["count the days from {a} to {b}"],
    chinese: &["从{x}到{y}有多少天？", "{x}和{y}相差几天？", "{x}到{y}经过了多少天？"],
    ..Wordings::NONE
};

impl Date {
    fn is_sound(self) -> bool {
        YEARS.contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=n_days(self.month, self.year)).contains(&self.day)
    }

    fn draw(year: u32, month: u32, rng: &mut Rng) -> Self {
        Self { year, month, day: rng.between(1, u64::from(n_days(month, year))) as u32 }
    }

    fn name(self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }

    fn text(self, rng: &mut Rng) -> String {
        let Self { year, month, day } = self;
        match rng.below(6) {
            0 => format!("{year}-{month:02}-{day:02}"),
            1 => format!("{day} {} {year}", self.name()),
            _ => format!("{} {day}, {year}", self.name()),
        }
    }

    fn chinese(self) -> String {
        format!("{}年{}月{}日", self.year, self.month, self.day)
    }

    /// Days since a fixed day, by counting leap years: not the way of the thinking.
    fn number(self) -> i64 {
        let before = i64::from(self.year) - 1;
        let months: u32 = (1..self.month).map(|month| n_days(month, self.year)).sum();
        before * 365 + before / 4 - before / 100 + before / 400 + i64::from(months + self.day)
    }

    /// The next month and its year.
    fn next_month(year: u32, month: u32) -> (u32, u32) {
        if month == 12 { (year + 1, 1) } else { (year, month + 1) }
    }
}

impl Problem {
    fn is_sound(&self) -> bool {
        self.from.is_sound() && self.to.is_sound() && self.from <= self.to
    }

    fn days(&self) -> i64 {
        self.to.number() - self.from.number()
    }
}

impl Family for DateDifference {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "date_difference"
    }

    fn about(&self) -> &'static str {
        "days between two dates: of one month, of two, up to 5 months apart"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n_months = match difficulty {
            3 => rng.between(2, 5),
            _ => u64::from(difficulty) - 1,
        };
        loop {
            let (mut year, mut month) = (rng.between(1950, 2050) as u32, rng.between(1, 12) as u32);
            let from = Date::draw(year, month, rng);
            for _ in 0..n_months {
                (year, month) = Date::next_month(year, month);
            }
            let to = Date::draw(year, month, rng);
            if from < to {
                return Problem { from, to };
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("days {:?} {:?}", p.from, p.to)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let (a, b) = (p.from.text(rng), p.to.text(rng));
        WORDINGS.ask(&[("a", &a), ("b", &b), ("x", &p.from.chinese()), ("y", &p.to.chinese())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if p.is_sound() { p.days().to_string() } else { String::new() }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let Problem { from, to } = p;
        trace.line(format!("{} {} to {} {}", from.name(), from.day, to.name(), to.day));
        let days = if (from.year, from.month) == (to.year, to.month) {
            trace.brief(i64::from(to.day), '-', i64::from(from.day))
        } else {
            months(&mut trace, *from, *to)
        };
        Some(reply_number(asked, trace, "The number of days is", days))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_sound() {
            return Judgement::cannot_judge("there is no such date, or the first is after the second");
        }
        integer::judge_in(&["days", "天"], &p.days().to_string(), answer_text)
    }
}

/// The rest of the first month, whole months, the days of the last.
fn months(trace: &mut Trace, from: Date, to: Date) -> i64 {
    let length = |trace: &mut Trace, year: u32, month: u32| {
        if month == 2 {
            let left = trace.remainder(u64::from(year % 100), 4);
            let century = year.is_multiple_of(100);
            let kind = if is_leap(year) { "a leap year" } else { "no leap year" };
            let why = if century { format!(", {year} ends in 00") } else { String::new() };
            debug_assert!(century || (left == 0) == is_leap(year));
            trace.line(format!("{year} is {kind}{why}"));
        }
        let days = n_days(month, year);
        trace.line(format!("{} has {days}", MONTHS[month as usize - 1]));
        i64::from(days)
    };
    let first = length(trace, from.year, from.month);
    let mut days = trace.brief(first, '-', i64::from(from.day));
    let (mut year, mut month) = Date::next_month(from.year, from.month);
    while (year, month) != (to.year, to.month) {
        let whole = length(trace, year, month);
        days = trace.brief(days, '+', whole);
        (year, month) = Date::next_month(year, month);
    }
    trace.line(format!("{} {}", to.name(), to.day));
    trace.brief(days, '+', i64::from(to.day))
}
