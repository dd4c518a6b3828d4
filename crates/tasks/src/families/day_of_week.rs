//! Which day of the week some days later or earlier, or on another date of the same year.

use super::calendar::{CHINESE_DAYS, DAYS, MONTHS, n_days};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options, Verdict};
use crate::verify::{surroundings, text, words};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Days of the week.
pub struct DayOfWeek;

/// `day` (0 for Monday) is the day of `from`; the day of `to` is wanted. Without dates, `shift` days from `day`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    day: usize,
    shift: i64,
    dates: Option<[Date; 2]>,
}

/// A date of a year that is no leap year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Date {
    month: u32,
    day: u32,
}

const SHIFTED: Wordings = Wordings {
    answers: Answers::Text,
    questions: &[
        "today is {d}. What day is it in {n} days",
        "if today is {d}, what day of the week will it be {n} days from now",
        "it is {d}. Which weekday is it after {n} days",
        "what day of the week is {n} days after {d}",
        "which day comes {n} days after a {d}",
        "if it is {d} now, what day will it be in {n} days",
    ],
    nouns: &["the day of the week {n} days after {d}"],
    orders: &["tell me which weekday is {n} days after {d}"],
    wholes: &[],
    chinese: &["今天是{z}，{n}天后是星期几？", "{z}之后第{n}天是星期几？"],
};
const BACK: Wordings = Wordings {
    answers: Answers::Text,
    questions: &[
        "today is {d}. What day was it {n} days ago",
        "if today is {d}, what day of the week was it {n} days ago",
        "what day of the week is {n} days before {d}",
        "which day comes {n} days before a {d}",
    ],
    nouns: &["the day of the week {n} days before {d}"],
    orders: &["tell me which weekday is {n} days before {d}"],
    wholes: &[],
    chinese: &["今天是{z}，{n}天前是星期几？"],
};
const DATED: Wordings = Wordings {
    answers: Answers::Text,
    questions: &[
        "if {a} is a {d}, what day of the week is {b} of the same year (not a leap year)",
        "{a} is a {d}. Which weekday is {b} of that year, which is no leap year",
        "in a year that is not a leap year, {a} is a {d}. What day is {b}",
        "the year has 365 days and {a} is a {d}. On which weekday is {b}",
    ],
    nouns: &[],
    orders: &["find the weekday of {b} if {a} is a {d} (no leap year)"],
    wholes: &[],
    chinese: &["平年的{x}是{z}，同年{y}是星期几？"],
};

impl Date {
    fn is_sound(self) -> bool {
        (1..=12).contains(&self.month) && (1..=n_days(self.month, 1)).contains(&self.day)
    }

    fn text(self) -> String {
        format!("{} {}", MONTHS[self.month as usize - 1], self.day)
    }

    fn chinese(self) -> String {
        format!("{}月{}日", self.month, self.day)
    }

    /// Day of the year, from 1.
    fn number(self) -> i64 {
        i64::from((1..self.month).map(|month| n_days(month, 1)).sum::<u32>() + self.day)
    }
}

impl Problem {
    fn is_sound(&self) -> bool {
        self.day < 7 && self.dates.is_none_or(|dates| dates.iter().all(|date| date.is_sound()))
    }

    fn days_on(&self) -> i64 {
        self.dates.map_or(self.shift, |[from, to]| to.number() - from.number())
    }

    fn result(&self) -> usize {
        (self.day as i64 + self.days_on().rem_euclid(7)).rem_euclid(7) as usize
    }
}

impl Family for DayOfWeek {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "day_of_week"
    }

    fn about(&self) -> &'static str {
        "weekday some days later: up to 30, up to 99, later or earlier up to 365; on another date"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let day = rng.below(7) as usize;
        let (shift, dates) = match difficulty {
            1 => (rng.between(1, 30) as i64, None),
            2 => (rng.between(8, 99) as i64, None),
            3 => (rng.between(8, 365) as i64 * if rng.chance(0.5) { -1 } else { 1 }, None),
            _ => {
                let month = rng.between(1, 11) as u32;
                let later = (month + rng.between(1, 4) as u32).min(12);
                let mut date = |month: u32| Date { month, day: rng.between(1, u64::from(n_days(month, 1))) as u32 };
                (0, Some([date(month), date(later)]))
            }
        };
        Problem { day, shift, dates }
    }

    fn canonical(&self, p: &Problem) -> String {
        match p.dates {
            Some([from, to]) => format!("weekday {} {} {}", p.day, from.text(), to.text()),
            None => format!("weekday {} {}", p.day, p.shift),
        }
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let n = p.shift.unsigned_abs().to_string();
        let mut values = vec![("d", DAYS[p.day].to_string()), ("z", CHINESE_DAYS[p.day].to_string()), ("n", n)];
        if let Some([from, to]) = p.dates {
            values.extend([("a", from.text()), ("b", to.text()), ("x", from.chinese()), ("y", to.chinese())]);
        }
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let wordings = match p.dates {
            Some(_) => &DATED,
            None if p.shift < 0 => &BACK,
            None => &SHIFTED,
        };
        wordings.ask(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if p.is_sound() { DAYS[p.result()].to_string() } else { String::new() }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(format!("{} is {}", DAYS[p.day], p.day + 1));
        let days = p.dates.map_or(p.shift, |dates| count(&mut trace, dates));
        let left = trace.remainder(days.unsigned_abs(), 7) as i64;
        let sum = trace.brief(p.day as i64 + 1, if days < 0 { '-' } else { '+' }, left);
        let number = match sum {
            8.. => trace.brief(sum, '-', 7),
            ..=0 => trace.brief(sum, '+', 7),
            _ => sum,
        };
        let result = DAYS[p.result()];
        trace.line(format!("{number} is {result}"));
        let sentence = match p.dates {
            Some([_, to]) => format!("{} is a {result}.", to.text()),
            None => format!("It is {result}."),
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(result, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_sound() {
            return Judgement::cannot_judge("there is no such day");
        }
        let lower: Vec<String> = DAYS.iter().map(|day| day.to_lowercase()).collect();
        let choices: Vec<&str> = lower.iter().map(String::as_str).collect();
        let mut answer = answer_text.replace("礼拜", "星期").replace('周', "星期").replace("星期天", "星期日");
        for (chinese, english) in CHINESE_DAYS.iter().zip(DAYS) {
            answer = answer.replace(chinese, &format!(" {english} "));
        }
        let judgement = text::judge_word(&choices, choices[p.result()], &answer);
        match beside(&answer.to_lowercase(), choices[p.result()]) {
            Some(word) if judgement.verdict == Verdict::Right => {
                Judgement::wrong(format!("`{word}` stands beside the day"))
            }
            _ => judgement,
        }
    }
}

/// The word that makes another day of `day`, where `text` says it last: "the eve of Sunday", "yesterday was Sunday".
fn beside<'a>(text: &'a str, day: &str) -> Option<&'a str> {
    let at = text.rfind(day)?;
    let (front, rest) = (surroundings::clause(&text[..at]), &text[at + day.len()..]);
    const OTHERS: [&str; 11] =
        ["after", "before", "easter", "following", "from", "last", "next", "of", "off", "previous", "to"];
    const LINKS: [&str; 7] = ["be", "is", "on", "the", "was", "will", "would"];
    let named = words::words(front).rev().find(|word| !matches!(*word, "the" | "a" | "on"));
    let subject: Vec<&str> = words::words(front).filter(|word| !LINKS.contains(word)).collect();
    let is_other = matches!(subject.as_slice(), ["yesterday" | "tomorrow"]);
    let behind = rest.trim_start_matches([' ', '*', '"']);
    let chinese = ["之", "前", "后", "的", "为准"].into_iter().find(|word| behind.starts_with(word));
    named
        .filter(|word| OTHERS.contains(word))
        .or(subject.first().copied().filter(|_| is_other))
        .or(words::words(behind).next().filter(|word| *word == "eve" && behind.starts_with(word)))
        .or(chinese.and_then(|word| behind.get(..word.len())))
}

#[cfg(test)]
mod tests;

/// Days between two dates of a year, the first before the second: the rest of the first month, whole months, days of
/// the last.
fn count(trace: &mut Trace, [from, to]: [Date; 2]) -> i64 {
    let name = |month: u32| MONTHS[month as usize - 1];
    if from.month == to.month {
        return trace.brief(i64::from(to.day), '-', i64::from(from.day));
    }
    trace.line(format!("{} has {}", name(from.month), n_days(from.month, 1)));
    let mut days = trace.brief(i64::from(n_days(from.month, 1)), '-', i64::from(from.day));
    for month in from.month + 1..to.month {
        trace.line(format!("{} has {}", name(month), n_days(month, 1)));
        days = trace.brief(days, '+', i64::from(n_days(month, 1)));
    }
    trace.line(format!("{} {}", name(to.month), to.day));
    trace.brief(days, '+', i64::from(to.day))
}
