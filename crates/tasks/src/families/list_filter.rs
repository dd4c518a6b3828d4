//! Which items of a list are larger or smaller than a number, even or odd; or how many.

use super::{list_of, shown};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{integer, list};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Filtering and counting.
pub struct ListFilter;

/// A list, what is kept of it, and whether the kept items or their number are wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    items: Vec<i64>,
    keep: Keep,
    limit: i64,
    count: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Keep {
    Above,
    Below,
    Even,
    Odd,
}

const KEPT: Wordings = Wordings {
    answers: Answers::Text,
    nouns: &["the numbers in {l} that are {k}", "all numbers that are {k}: {l}"],
    orders: &[
        "list the numbers that are {k}: {l}",
        "keep only the numbers that are {k}: {l}",
        "filter {l}, keeping the numbers that are {k}",
        "from {l}, pick the numbers that are {k}",
        "find all numbers in {l} that are {k}",
        "select from {l} those that are {k}",
    ],
    questions: &["which of {l} are {k}", "which numbers are {k} in the list {l}"],
    wholes: &[],
    chinese: &["{l}中哪些数{z}？", "从{l}中找出{z}的数。", "列出{l}里{z}的数。"],
};
const COUNTED: Wordings = Wordings {
    nouns: &["the number of items in {l} that are {k}", "the count of numbers that are {k} in {l}"],
    orders: &["count the numbers in {l} that are {k}", "count how many of {l} are {k}"],
    questions: &[
        "how many of {l} are {k}",
        "how many numbers in {l} are {k}",
        "how many items are {k} in the list {l}",
        "how many of these numbers are {k}: {l}",
    ],
    chinese: &["{l}中有几个数{z}？", "数一数{l}里{z}的数有多少个。", "{l}中{z}的数有几个？"],
    ..Wordings::NONE
};

impl Keep {
    fn keeps(self, item: i64, limit: i64) -> bool {
        match self {
            Keep::Above => item > limit,
            Keep::Below => item < limit,
            Keep::Even => item % 2 == 0,
            Keep::Odd => item % 2 != 0,
        }
    }

    /// In words: English of the prompt, Chinese, and the one spelling of the thinking.
    fn words(self, limit: i64, rng: &mut Rng) -> [String; 2] {
        match self {
            Keep::Above => {
                let word = rng.pick(&["greater than", "larger than", "more than", "above", "bigger than"]);
                [format!("{word} {limit}"), format!("大于{limit}")]
            }
            Keep::Below => {
                let word = rng.pick(&["less than", "smaller than", "below", "under"]);
                [format!("{word} {limit}"), format!("小于{limit}")]
            }
            Keep::Even => ["even".to_string(), "是偶数".to_string()],
            Keep::Odd => ["odd".to_string(), "是奇数".to_string()],
        }
    }
}

impl Problem {
    fn kept(&self) -> Vec<i64> {
        self.items.iter().copied().filter(|&item| self.keep.keeps(item, self.limit)).collect()
    }

    /// What is kept, in the one spelling of thinking and reply.
    fn rule(&self) -> String {
        match self.keep {
            Keep::Above => format!("above {}", self.limit),
            Keep::Below => format!("below {}", self.limit),
            Keep::Even => "even".to_string(),
            Keep::Odd => "odd".to_string(),
        }
    }
}

impl Family for ListFilter {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "list_filter"
    }

    fn about(&self) -> &'static str {
        "items above, below, even or odd, or how many: 3 to 4 items, 5 to 6, 7 to 9"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(3, 4), (5, 6), (7, 9)][usize::from(difficulty) - 1];
        let keep = rng.pick(&[Keep::Above, Keep::Above, Keep::Below, Keep::Below, Keep::Even, Keep::Odd]);
        let count = rng.chance(0.4);
        loop {
            let n_items = rng.between(low, high);
            let items = list_of(rng, n_items, |rng| rng.between(1, 99) as i64);
            let limit = if matches!(keep, Keep::Above | Keep::Below) { rng.between(10, 90) as i64 } else { 0 };
            let problem = Problem { items, keep, limit, count };
            // An empty list has no usual spelling.
            if count || !problem.kept().is_empty() {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("list {:?}", p.items)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let [k, z] = p.keep.words(p.limit, rng);
        let written = shown(&p.items, rng);
        let wordings = if p.count { &COUNTED } else { &KEPT };
        wordings.ask(&[("l", &written), ("k", &k), ("z", &z)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        let kept = p.kept();
        if p.count { kept.len().to_string() } else { list::shown(&kept, ", ") }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        trace.line(format!("{}, {} {}", list::shown(&p.items, ", "), if p.count { "count" } else { "keep" }, p.rule()));
        let (mut kept, rule) = (Vec::new(), p.rule());
        for (&item, place) in p.items.iter().zip(1..) {
            let keeps = p.keep.keeps(item, p.limit);
            if keeps {
                kept.push(item);
            }
            let fact = match p.keep {
                Keep::Above | Keep::Below if item > p.limit => format!("{item}>{}", p.limit),
                Keep::Above | Keep::Below if item == p.limit => format!("{item}={}", p.limit),
                Keep::Above | Keep::Below => format!("{item}<{}", p.limit),
                _ => format!("{item} ends in {}", item % 10),
            };
            let word = if keeps { "yes" } else { "no" };
            let so_far = if p.count { kept.len().to_string() } else { list::shown(&kept, " ") };
            let so_far = if so_far.is_empty() { "none".to_string() } else { so_far };
            trace.line(format!("{place}: {fact}, {word}, so far {so_far}"));
        }
        let answer = self.answer(p);
        let sentence = match p.count {
            true => format!("The number of items that are {rule} is {answer}."),
            false => format!("The numbers that are {rule}: {answer}"),
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let kept = p.kept();
        match (p.count, kept.is_empty()) {
            (true, _) => integer::judge(&kept.len().to_string(), answer_text),
            (false, true) => Judgement::cannot_judge("no item is kept, and an empty list has no usual spelling"),
            (false, false) => list::judge(&kept, answer_text),
        }
    }
}
