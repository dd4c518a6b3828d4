//! Running totals of a list, or its sum.

use super::{canonical, list_of, shown};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{integer, list};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Sums over lists.
pub struct RunningSums;

/// A list, and whether all totals or the last one are wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    items: Vec<i64>,
    last: bool,
}

const TOTALS: Wordings = Wordings {
    answers: Answers::Text,
    nouns: &[
        "the running totals of {l}",
        "the running sums of {l}",
        "the cumulative sums of {l}",
        "the prefix sums of {l}",
        "cumsum({l})",
        "the partial sums of {l}",
    ],
    orders: &[
        "compute the running totals of {l}",
        "write down the cumulative sums of {l}",
        "list the prefix sums of {l}",
    ],
    questions: &["what are the running totals of {l}", "what are the cumulative sums of {l}"],
    wholes: &[],
    chinese: &["求{l}的前缀和。", "写出{l}的累计和。", "{l}的逐项累加结果是什么？"],
};
const TOTAL: Wordings = Wordings {
    nouns: &[
        "the sum of the list {l}",
        "the sum of {l}",
        "sum({l})",
        "the total of {l}",
        "the sum of all items of {l}",
        "the sum of the numbers {l}",
    ],
    orders: &["add up {l}", "add all of {l}", "sum up the list {l}"],
    questions: &["what do {l} add up to", "how much are {l} together"],
    chinese: &["求{l}的总和。", "{l}的和是多少？", "把{l}全部加起来等于多少？"],
    ..Wordings::NONE
};

impl Problem {
    /// All totals; `None` when there is no item or a total is too large.
    fn totals(&self) -> Option<Vec<i64>> {
        let mut total = 0i64;
        let totals: Option<Vec<i64>> = self
            .items
            .iter()
            .map(|item| {
                total = total.checked_add(*item)?;
                Some(total)
            })
            .collect();
        totals.filter(|totals| !totals.is_empty())
    }
}

impl Family for RunningSums {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "running_sums"
    }

    fn about(&self) -> &'static str {
        "running totals or the sum of a list: 3 to 5 digits, 3 to 4 numbers, 5 to 7, some below zero"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high, most) = [(3, 5, 9), (3, 4, 30), (5, 7, 30), (4, 5, 30)][usize::from(difficulty) - 1];
        let n_items = rng.between(low, high);
        let items = list_of(rng, n_items, |rng| {
            let size = rng.between(1, most) as i64;
            if difficulty == 4 && rng.chance(0.4) { -size } else { size }
        });
        Problem { items, last: rng.chance(0.4) }
    }

    fn canonical(&self, p: &Problem) -> String {
        if p.last {
            let sign = |item: &i64| if *item < 0 { '-' } else { '+' };
            return canonical::total(p.items.iter().map(|item| (sign(item), item.unsigned_abs())));
        }
        format!("list {:?}", p.items)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let written = shown(&p.items, rng);
        (if p.last { &TOTAL } else { &TOTALS }).ask(&[("l", &written)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        match p.totals() {
            Some(totals) if p.last => totals.last().map(i64::to_string).unwrap_or_default(),
            Some(totals) => list::shown(&totals, ", "),
            None => String::new(),
        }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(list::shown(&p.items, ", "));
        let mut total = *p.items.first()?;
        trace.line(format!("sum 1: {total}"));
        for (&item, place) in p.items.iter().zip(1..).skip(1) {
            trace.line(format!("item {place}: {item}"));
            total = if item < 0 { trace.brief(total, '-', -item) } else { trace.brief(total, '+', item) };
            trace.line(format!("sum {place}: {total}"));
        }
        let answer = self.answer(p);
        let what = if p.last { "The sum is" } else { "The running totals are" };
        Some(Demonstration {
            reasoning: trace.finish(),
            answer_text: asked.reply(&answer, format!("{what} {answer}.")),
        })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.totals() {
            Some(_) if p.last => integer::judge(&self.answer(p), answer_text),
            Some(totals) => list::judge(&totals, answer_text),
            None => Judgement::cannot_judge("the list is empty or its sum is too large"),
        }
    }
}
