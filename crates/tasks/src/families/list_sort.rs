//! Sorting a list of numbers, by inserting one item after the other.

use super::{list_of, shown};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::list;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Sorting, smallest or largest first.
pub struct ListSort;

/// A list and the order that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    items: Vec<i64>,
    descending: bool,
}

const ASCENDING: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "sort {l}",
        "sort {l} in ascending order",
        "sort {l} from smallest to largest",
        "sort the numbers {l}",
        "sort this list: {l}",
        "put {l} in order from least to greatest",
        "arrange {l} in increasing order",
        "order {l} from low to high",
        "sort the list {l} ascending",
    ],
    nouns: &["the sorted list of {l}", "sorted({l})", "the list {l} in ascending order"],
    questions: &["what are {l} in order, smallest first", "how do {l} look when sorted"],
    wholes: &[],
    chinese: &["把{l}从小到大排列。", "将{l}按升序排序。", "请把这些数从小到大排序：{l}"],
};
const DESCENDING: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "sort {l} in descending order",
        "sort {l} from largest to smallest",
        "put {l} in order from greatest to least",
        "arrange {l} in decreasing order",
        "order {l} from high to low",
        "sort the list {l} descending",
        "sort these numbers, largest first: {l}",
    ],
    nouns: &["the list {l} in descending order", "{l} sorted from largest to smallest"],
    questions: &["what are {l} in order, largest first"],
    wholes: &[],
    chinese: &["把{l}从大到小排列。", "将{l}按降序排序。", "请把这些数从大到小排序：{l}"],
};

impl Problem {
    fn sorted(&self) -> Vec<i64> {
        let mut items = self.items.clone();
        items.sort_unstable();
        if self.descending {
            items.reverse();
        }
        items
    }
}

impl Family for ListSort {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "list_sort"
    }

    fn about(&self) -> &'static str {
        "sort 3 digits; 3 or 4, 4 or 5, 6 or 7 numbers of two digits"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high, most) = [(3, 3, 9), (3, 4, 99), (4, 5, 99), (6, 7, 99)][usize::from(difficulty) - 1];
        let n_items = rng.between(low, high);
        let items = list_of(rng, n_items, |rng| rng.between(0, most) as i64);
        Problem { items, descending: rng.chance(0.35) }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("list {:?}", p.items)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let wordings = if p.descending { &DESCENDING } else { &ASCENDING };
        let written = shown(&p.items, rng);
        wordings.ask(&[("l", &written)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        list::shown(&p.sorted(), ", ")
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let order = if p.descending { "largest" } else { "smallest" };
        trace.line(format!("{}, {order} first", list::shown(&p.items, ", ")));
        let mut sorted: Vec<i64> = Vec::new();
        for (&item, place) in p.items.iter().zip(1..) {
            let mut line = format!("{place}: {item}");
            let before = |other: i64| if p.descending { other >= item } else { other <= item };
            let at = sorted.iter().position(|&other| !before(other)).unwrap_or(sorted.len());
            for &other in &sorted[..(at + 1).min(sorted.len())] {
                write!(line, ", {other}{}{item}", sign(other, item)).expect("infallible");
            }
            sorted.insert(at, item);
            trace.line(format!("{line}, so {}", list::shown(&sorted, " ")));
        }
        let answer = self.answer(p);
        let answer_text = asked.reply(&answer, format!("Sorted, {order} first: {answer}"));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        list::judge(&p.sorted(), answer_text)
    }
}

/// `<`, `=` or `>` between two numbers.
fn sign(a: i64, b: i64) -> char {
    match a.cmp(&b) {
        std::cmp::Ordering::Less => '<',
        std::cmp::Ordering::Equal => '=',
        std::cmp::Ordering::Greater => '>',
    }
}
