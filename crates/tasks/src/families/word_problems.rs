//! Short stories with two or three numbers.
//!
//! The thinking first says what the numbers are, in one line, then computes. The stories are data (`stories.rs`): a new
//! one is a few lines there.

mod stories;

use super::canonical;
use crate::phrase::{self, capitalise, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};
use stories::{ITEMS, NAMES, STORIES, Shape, Story};

/// Templated word problems.
pub struct WordProblems;

/// A story with its people, things and numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    story: String,
    numbers: Vec<u64>,
    name: String,
    other: String,
    items: String,
}

impl Problem {
    fn story(&self) -> Option<&'static Story> {
        STORIES.iter().find(|story| story.name == self.story)
    }

    /// The result; `None` for a story that is not known, or numbers that do not fit it.
    fn value(&self) -> Option<u64> {
        let shape = self.story()?.shape;
        let get = |idx: usize| self.numbers.get(idx).copied();
        let (a, b) = (get(0)?, get(1)?);
        match shape {
            Shape::Add => a.checked_add(b),
            Shape::Sub => a.checked_sub(b),
            Shape::Mul => a.checked_mul(b),
            Shape::Div => a.checked_div(b),
            Shape::AddAdd => a.checked_add(b)?.checked_add(get(2)?),
            Shape::AddSub => a.checked_add(b)?.checked_sub(get(2)?),
            Shape::SubAdd => a.checked_sub(b)?.checked_add(get(2)?),
            Shape::SubSub => a.checked_sub(b)?.checked_sub(get(2)?),
            Shape::MulAdd => a.checked_mul(b)?.checked_add(get(2)?),
            Shape::MulSub => a.checked_mul(b)?.checked_sub(get(2)?),
        }
    }

    fn fill(&self, template: &str, result: &str) -> String {
        let is_woman = NAMES.iter().any(|(name, woman)| *name == self.name && *woman);
        let (he, his) = if is_woman { ("she", "her") } else { ("he", "his") };
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        let number = |idx: usize| numbers.get(idx).map_or("", String::as_str);
        let values = [
            ("name", self.name.as_str()),
            ("other", &self.other),
            ("items", &self.items),
            ("he", he),
            ("his", his),
            ("a", number(0)),
            ("b", number(1)),
            ("c", number(2)),
            ("r", result),
        ];
        fill(template, &values)
    }

    /// As [`Problem::fill`]; a sentence that opens with a pronoun takes a capital.
    fn tell(&self, template: &str, result: &str) -> String {
        self.fill(template, result).split_inclusive(". ").map(capitalise).collect()
    }
}

/// Numbers that make sense in a story of this shape.
fn numbers(story: &Story, rng: &mut Rng) -> Vec<u64> {
    let shape = story.shape;
    let most = if story.of_age() { 50 } else { rng.pick(&[20, 99, 99, 99, 500]) };
    let a = rng.between(2, most);
    let factors = |rng: &mut Rng| {
        if rng.chance(0.5) {
            (rng.between(2, 12), rng.between(2, 12))
        } else {
            (rng.between(2, 9), rng.between(10, 99))
        }
    };
    match shape {
        Shape::Add => vec![a, rng.between(2, most)],
        Shape::Sub => vec![a + 1, rng.between(1, a).max(2).min(a)],
        Shape::Mul => {
            let (x, y) = factors(rng);
            vec![x, y]
        }
        Shape::Div => {
            let (groups, each) = (rng.between(2, 9), rng.between(2, 40));
            vec![groups * each, groups]
        }
        Shape::AddAdd => vec![a, rng.between(2, most), rng.between(2, most)],
        Shape::AddSub => {
            let b = rng.between(2, most);
            vec![a, b, rng.between(2, a + b - 1)]
        }
        Shape::SubAdd => {
            let b = rng.between(2, a.max(3) - 1);
            vec![a.max(3), b, rng.between(2, most)]
        }
        Shape::SubSub => {
            let (b, c) = (rng.between(2, most), rng.between(2, most));
            vec![b + c + rng.between(1, most), b, c]
        }
        Shape::MulAdd => {
            let (x, y) = factors(rng);
            vec![x, y, rng.between(2, 60)]
        }
        Shape::MulSub => {
            let (x, y) = factors(rng);
            vec![x, y, rng.between(2, x * y - 1)]
        }
    }
}

impl Family for WordProblems {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "word_problems"
    }

    fn about(&self) -> &'static str {
        "short stories: one step, then two steps"
    }

    fn levels(&self) -> u8 {
        2
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let story = loop {
            let story = rng.pick(STORIES);
            if story.shape.n_steps() == difficulty {
                break story;
            }
        };
        let name = rng.pick(NAMES).0;
        let other = loop {
            let other = rng.pick(NAMES).0;
            if other != name {
                break other;
            }
        };
        Problem {
            story: story.name.to_string(),
            numbers: numbers(&story, rng),
            name: name.to_string(),
            other: other.to_string(),
            items: rng.pick(ITEMS).to_string(),
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let (Some(story), [a, b, ..]) = (p.story(), p.numbers.as_slice()) else { return String::new() };
        let signed = |second: char, third: char| {
            canonical::total([('+', *a), (second, *b), (third, p.numbers.get(2).copied().unwrap_or(0))])
        };
        match story.shape {
            Shape::Add => canonical::sum(*a, *b),
            Shape::Sub => canonical::difference(*a, *b),
            Shape::Mul => canonical::product(*a, *b),
            Shape::Div => canonical::quotient(*a, *b),
            Shape::AddAdd => signed('+', '+'),
            Shape::AddSub => signed('+', '-'),
            Shape::SubAdd => signed('-', '+'),
            Shape::SubSub => signed('-', '-'),
            Shape::MulAdd => format!("{a}×{b}+{}", p.numbers[2]),
            Shape::MulSub => format!("{a}×{b}-{}", p.numbers[2]),
        }
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, _: &Options) -> Asked {
        let story = p.story().expect("drawn stories are known");
        let prompt = p.tell(rng.pick(story.tellings), "");
        let asked = if rng.chance(0.3) { phrase::tail(prompt, rng) } else { Asked::plain(prompt) };
        phrase::noise(asked, rng)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let story = p.story()?;
        let answer = self.answer(p);
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(p.fill(story.facts, ""));
        work(&mut trace, story.shape, &p.numbers);
        let answer_text = asked.reply(&answer, p.tell(story.reply, &answer));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge(&value.to_string(), answer_text),
            None => Judgement::cannot_judge("the story is not known or its numbers do not fit"),
        }
    }
}

/// Computes what the story asks; a second step starts from the first one's result.
fn work(trace: &mut Trace, shape: Shape, numbers: &[u64]) {
    let (a, b) = (numbers[0], numbers[1]);
    let (first, second) = shape.operators();
    if first == '÷' {
        trace.div(a, b);
        return;
    }
    let value = trace.step(a as i64, first, b as i64);
    if let Some(op) = second {
        trace.step(value, op, numbers[2] as i64);
    }
}
