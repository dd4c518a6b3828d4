//! The largest or smallest item of a list, or its position.

use super::shown;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{integer, list};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Largest and smallest items.
pub struct ListMax;

/// A list of different numbers; positions are counted from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    items: Vec<i64>,
    smallest: bool,
    position: bool,
}

const VALUE: Wordings = Wordings {
    nouns: &[
        "the {w} of {l}",
        "the {w} number in {l}",
        "the {w} of the numbers {l}",
        "the {w} item of the list {l}",
        "the {w} value in {l}",
        "{m}({l})",
        "the {m} of {l}",
    ],
    questions: &["which of {l} is the {w}", "which number is the {w}: {l}", "which is the {w} number in {l}"],
    chinese: &["{l}中{z}的数是多少？", "找出{l}中{z}的数。", "{l}里哪个数{z}？"],
    ..Wordings::NONE
};
const POSITION: Wordings = Wordings {
    nouns: &[
        "the position of the {w} number in {l}, counted from 1",
        "the position of the {w} item of {l} (the first is 1)",
        "the place of the {w} number in the list {l}, counting from 1",
    ],
    questions: &[
        "at which position is the {w} number in {l}, counting from 1",
        "where in {l} is the {w} number, if the first position is 1",
        "at which place in {l} does the {w} number stand, counted from 1",
    ],
    chinese: &["{l}中{z}的数在第几个位置（从1开始）？", "{l}里{z}的数是第几个？"],
    ..Wordings::NONE
};

impl Problem {
    /// Position from 1 and value of the wanted item.
    fn found(&self) -> Option<(usize, i64)> {
        let items = self.items.iter().copied().zip(1..).map(|(item, place)| (place, item));
        let key = |(_, item): &(usize, i64)| *item;
        if self.smallest { items.min_by_key(key) } else { items.max_by_key(key) }
    }

    fn is_clear(&self) -> bool {
        let Some((_, value)) = self.found() else { return false };
        self.items.iter().filter(|item| **item == value).count() == 1
    }
}

impl Family for ListMax {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "list_max"
    }

    fn about(&self) -> &'static str {
        "largest or smallest item, or its position: 3 to 4 items, 5 to 7, 8 to 11"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(3, 4), (5, 7), (8, 11)][usize::from(difficulty) - 1];
        let n_items = rng.between(low, high);
        let mut items = Vec::new();
        while (items.len() as u64) < n_items {
            let item = rng.between(1, 99) as i64;
            if !items.contains(&item) {
                items.push(item);
            }
        }
        Problem { items, smallest: rng.chance(0.4), position: rng.chance(0.5) }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("list {:?}", p.items)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let (words, short, z): (&[&str], _, _) = match p.smallest {
            true => (&["smallest", "smallest", "lowest", "least"], "min", "最小"),
            false => (&["largest", "largest", "biggest", "greatest", "highest"], "max", "最大"),
        };
        let written = shown(&p.items, rng);
        let values = [("l", written.as_str()), ("w", rng.pick(words)), ("m", short), ("z", z)];
        (if p.position { &POSITION } else { &VALUE }).ask(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        let found = p.found().filter(|_| p.is_clear());
        found.map(|(place, item)| if p.position { place.to_string() } else { item.to_string() }).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let word = if p.smallest { "smallest" } else { "largest" };
        let wanted = if p.position { "position of the " } else { "" };
        trace.line(format!("{}, {wanted}{word}", list::shown(&p.items, ", ")));
        let (mut best, mut place) = (*p.items.first()?, 1);
        trace.line(format!("1: {best}, so far {best} at 1"));
        for (&item, here) in p.items.iter().zip(1..).skip(1) {
            let sign = if item > best { '>' } else { '<' };
            let before = best;
            if (item < best) == p.smallest {
                (best, place) = (item, here);
            }
            trace.line(format!("{here}: {item}{sign}{before}, so far {best} at {place}"));
        }
        let answer = self.answer(p);
        let sentence = match p.position {
            true => format!("The {word} number, {best}, is at position {answer}."),
            false => format!("The {word} number is {answer}."),
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_clear() {
            return Judgement::cannot_judge("the list is empty or its extreme item comes twice");
        }
        integer::judge(&self.answer(p), answer_text)
    }
}
