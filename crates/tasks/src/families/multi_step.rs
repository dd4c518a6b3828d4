//! Stories of two to four steps: rates, ages, sharing, prices, averages.
//!
//! The thinking names each quantity before it computes it. The stories are data (`stories.rs`): a new one is a few
//! lines there.

mod stories;

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};
use stories::{NAMES, STORIES, Step, Story};

/// Templated word problems of several steps.
pub struct MultiStep;

/// A story with its numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    story: String,
    names: [String; 2],
    numbers: Vec<u64>,
}

/// Results above this are not met in such stories.
const MAX_VALUE: u64 = 2_000;

impl Problem {
    fn story(&self) -> Option<&'static Story> {
        STORIES.iter().find(|story| story.name == self.story && story.ranges.len() == self.numbers.len())
    }

    /// The results of all steps; `None` for a story that is not known or numbers that do not fit it.
    fn results(&self) -> Option<Vec<u64>> {
        let mut results = Vec::new();
        for step in self.story()?.steps {
            let (a, b) = (operand(step.a, &self.numbers, &results)?, operand(step.b, &self.numbers, &results)?);
            let result = match step.op {
                '+' => a.checked_add(b)?,
                '-' => a.checked_sub(b).filter(|left| *left > 0)?,
                '×' => a.checked_mul(b)?,
                '÷' if b > 0 && a.is_multiple_of(b) => a / b,
                _ => return None,
            };
            results.push(Some(result).filter(|result| *result <= MAX_VALUE)?);
        }
        Some(results)
    }

    fn value(&self) -> Option<u64> {
        self.results()?.last().copied()
    }

    fn fill(&self, template: &str, result: &str) -> String {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        let number = |idx: usize| numbers.get(idx).map_or("", String::as_str);
        let values = [
            ("name", self.names[0].as_str()),
            ("other", &self.names[1]),
            ("a", number(0)),
            ("b", number(1)),
            ("c", number(2)),
            ("d", number(3)),
            ("r", result),
        ];
        crate::phrase::fill(template, &values)
    }
}

/// A letter is one of the story's numbers, a digit the result of an earlier step or, after `=`, a number itself.
fn operand(text: &str, numbers: &[u64], results: &[u64]) -> Option<u64> {
    match text.as_bytes() {
        [letter @ b'a'..=b'd'] => numbers.get(usize::from(letter - b'a')).copied(),
        [digit @ b'1'..=b'9'] => results.get(usize::from(digit - b'1')).copied(),
        _ => text.strip_prefix('=')?.parse().ok(),
    }
}

impl Family for MultiStep {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "multi_step"
    }

    fn about(&self) -> &'static str {
        "stories of rates, ages, sharing, prices: 2, 3, 4 steps"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let story = loop {
            let story = &STORIES[rng.below(STORIES.len() as u64) as usize];
            if story.steps.len() == usize::from(difficulty) + 1 {
                break story;
            }
        };
        let first = rng.below(NAMES.len() as u64) as usize;
        let second = (first + 1 + rng.below(NAMES.len() as u64 - 1) as usize) % NAMES.len();
        let names = [first, second].map(|idx| NAMES[idx].to_string());
        loop {
            let numbers = story.ranges.iter().map(|&(low, high)| rng.between(low, high)).collect();
            let problem = Problem { story: story.name.to_string(), names: names.clone(), numbers };
            if problem.results().is_some() {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("story {} {:?}", p.story, p.numbers)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let story = p.story().expect("drawn stories are known");
        let (english, chinese) = (p.fill(rng.pick(story.tellings), ""), p.fill(story.chinese, ""));
        let wordings = Wordings { answers: Answers::Text, wholes: &["{x}"], chinese: &["{y}"], ..Wordings::NONE };
        wordings.ask(&[("x", &english), ("y", &chinese)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let (story, results) = (p.story()?, p.results()?);
        let mut trace = Trace::with_slips(rng, options.slips);
        for Step { what, a, op, b } in story.steps {
            let (a, b) = (operand(a, &p.numbers, &results)?, operand(b, &p.numbers, &results)?);
            trace.line(p.fill(what, ""));
            if *op == '÷' {
                divide(&mut trace, a, b);
            } else {
                trace.brief(a as i64, *op, b as i64);
            }
        }
        let answer = p.value()?.to_string();
        Some(Demonstration {
            reasoning: trace.finish(),
            answer_text: asked.reply(&answer, p.fill(story.reply, &answer)),
        })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge(&value.to_string(), answer_text),
            None => Judgement::cannot_judge("the story is not known or its numbers do not fit"),
        }
    }
}

/// An exact quotient: a fact within the tables, place by place beyond.
fn divide(trace: &mut Trace, n: u64, d: u64) {
    if n < 10 * d && d < 13 || d == 1 {
        trace.line(format!("{n}÷{d}={}", n / d));
    } else if d < 10 {
        trace.div(n, d);
    } else {
        trace.remainder(n, d);
        trace.line(format!("{n}÷{d}={}", n / d));
    }
}

#[cfg(test)]
mod tests;
