//! Does a conclusion follow from statements about kinds of things: all, no, some?
//!
//! The things have made-up names, so that only the form counts. "All a are b" says nothing of whether there is an a, and
//! the prompt says so; every kind can have a member, and the conclusion is about kinds that the premises name;
//! "some a are b" says that there is one. What follows is found by following "all" from kind to kind; the tests check
//! it against every possible world.

use crate::phrase::{Answers, Wordings, capitalise};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Syllogisms of two to four premises.
pub struct Syllogism;

/// Kinds are named by their index in `kinds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    kinds: Vec<String>,
    premises: Vec<Statement>,
    conclusion: Statement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Statement {
    quantifier: Quantifier,
    a: usize,
    b: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Quantifier {
    All,
    No,
    Some,
}

const KINDS: &[&str] = &[
    "blims", "daxes", "fleps", "gorps", "jebs", "kivs", "lorks", "mips", "norbs", "plims", "quops", "rints", "snibs",
    "tovs", "vumps", "wugs", "yonks", "zeps",
];
const MAX_KINDS: usize = 8;

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    wholes: &[
        "{p} Does it follow that {c}?",
        "{p} Can we conclude that {c}?",
        "{p} Is it certain that {c}?",
        "Suppose: {p} Must it be true that {c}?",
        "Premises: {p}\nConclusion: {C}.\nDoes the conclusion follow?",
        "Given the following, is it necessarily true that {c}? {p}",
        "{p} Therefore {c}. Is this valid?",
    ],
    chinese: &["{z}能否推出：{y}？", "已知：{z}是否一定有：{y}？"],
    ..Wordings::NONE
};

impl Statement {
    fn text(self, kinds: &[String]) -> String {
        let word = match self.quantifier {
            Quantifier::All => "all",
            Quantifier::No => "no",
            Quantifier::Some => "some",
        };
        format!("{word} {} are {}", kinds[self.a], kinds[self.b])
    }

    fn chinese(self, kinds: &[String]) -> String {
        let (a, b) = (&kinds[self.a], &kinds[self.b]);
        match self.quantifier {
            Quantifier::All => format!("所有{a}都是{b}"),
            Quantifier::No => format!("没有{a}是{b}"),
            Quantifier::Some => format!("有些{a}是{b}"),
        }
    }
}

impl Problem {
    fn is_sound(&self) -> bool {
        let n = self.kinds.len();
        let fits = |s: &Statement| s.a < n && s.b < n && s.a != s.b;
        (2..=MAX_KINDS).contains(&n) && self.premises.iter().all(fits) && fits(&self.conclusion)
    }

    fn premises_of(&self, quantifier: Quantifier) -> impl Iterator<Item = Statement> + '_ {
        self.premises.iter().copied().filter(move |s| s.quantifier == quantifier)
    }

    /// What everything that is all of `start` is too, in the order of finding, each with the premise that led there.
    fn reached(&self, start: &[usize]) -> Vec<(usize, Option<Statement>)> {
        let mut reached: Vec<(usize, Option<Statement>)> = start.iter().map(|&kind| (kind, None)).collect();
        let mut next = 0;
        while let Some(&(from, _)) = reached.get(next) {
            for premise in self.premises_of(Quantifier::All).filter(|s| s.a == from) {
                if reached.iter().all(|(kind, _)| *kind != premise.b) {
                    reached.push((premise.b, Some(premise)));
                }
            }
            next += 1;
        }
        reached
    }

    /// A "no" premise that keeps two kinds of this set apart.
    fn apart(&self, kinds: &[(usize, Option<Statement>)]) -> Option<Statement> {
        let has = |wanted: usize| kinds.iter().any(|(kind, _)| *kind == wanted);
        self.premises_of(Quantifier::No).find(|s| has(s.a) && has(s.b))
    }

    /// No possible world fits the premises.
    fn is_absurd(&self) -> bool {
        self.premises_of(Quantifier::Some).any(|s| self.apart(&self.reached(&[s.a, s.b])).is_some())
    }

    /// Does the conclusion hold in every possible world that fits the premises?
    fn follows(&self) -> bool {
        let Statement { quantifier, a, b } = self.conclusion;
        let holds = |kind: usize, of: &[(usize, Option<Statement>)]| of.iter().any(|(reached, _)| *reached == kind);
        match quantifier {
            Quantifier::All => {
                let reached = self.reached(&[a]);
                holds(b, &reached) || self.apart(&reached).is_some()
            }
            Quantifier::No => self.apart(&self.reached(&[a, b])).is_some(),
            Quantifier::Some => self.premises_of(Quantifier::Some).any(|s| {
                let reached = self.reached(&[s.a, s.b]);
                holds(a, &reached) && holds(b, &reached)
            }),
        }
    }
}

impl Family for Syllogism {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "syllogism"
    }

    fn about(&self) -> &'static str {
        "does it follow from all, no, some: 2, 3, 4 premises"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n_kinds = usize::from(difficulty) + 2;
        let mut kinds: Vec<String> = Vec::new();
        while kinds.len() < n_kinds {
            let kind = rng.pick(KINDS);
            if kinds.iter().all(|other| other != kind) {
                kinds.push(kind.to_string());
            }
        }
        // Whether it follows is tossed first: most random conclusions do not.
        let wanted = rng.chance(0.5);
        loop {
            let n_premises = usize::from(difficulty) + 1;
            let statement = |rng: &mut Rng, quantifier| {
                let a = rng.below(n_kinds as u64) as usize;
                let b = (a + 1 + rng.below(n_kinds as u64 - 1) as usize) % n_kinds;
                Statement { quantifier, a, b }
            };
            let premises: Vec<Statement> = (0..n_premises)
                .map(|_| {
                    let quantifier = rng.pick(&[
                        Quantifier::All,
                        Quantifier::All,
                        Quantifier::All,
                        Quantifier::No,
                        Quantifier::Some,
                    ]);
                    statement(rng, quantifier)
                })
                .collect();
            let quantifier = rng.pick(&[Quantifier::All, Quantifier::No, Quantifier::Some]);
            let conclusion = statement(rng, quantifier);
            let problem = Problem { kinds: kinds.clone(), premises, conclusion };
            let pairs = |s: &Statement| (s.a.min(s.b), s.a.max(s.b));
            let clear = problem.premises.iter().enumerate().all(|(idx, premise)| {
                pairs(premise) != pairs(&conclusion)
                    && problem.premises[..idx].iter().all(|other| pairs(other) != pairs(premise))
            });
            let named = |kind: usize| problem.premises.iter().any(|s| s.a == kind || s.b == kind);
            let can_be = |kind: usize| problem.apart(&problem.reached(&[kind])).is_none();
            let clear = clear && named(conclusion.a) && named(conclusion.b) && (0..n_kinds).all(can_be);
            if clear && !problem.is_absurd() && problem.follows() == wanted {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let mut premises: Vec<String> = p.premises.iter().map(|s| s.text(&p.kinds)).collect();
        premises.sort_unstable();
        format!("syllogism {premises:?} {}", p.conclusion.text(&p.kinds))
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let premises: Vec<String> = p.premises.iter().map(|s| capitalise(&s.text(&p.kinds)) + ".").collect();
        let chinese: Vec<String> = p.premises.iter().map(|s| s.chinese(&p.kinds) + "。").collect();
        let conclusion = p.conclusion.text(&p.kinds);
        let values = [
            ("p", premises.join(" ") + " (A kind may have no members.)"),
            ("c", conclusion.clone()),
            ("C", capitalise(&conclusion)),
            ("z", chinese.concat() + "（某一类可以没有成员。）"),
            ("y", p.conclusion.chinese(&p.kinds)),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        WORDINGS.quote(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if !p.is_sound() || p.is_absurd() {
            return String::new();
        }
        if p.follows() { "yes" } else { "no" }.to_string()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let conclusion = p.conclusion.text(&p.kinds);
        trace.line(format!("to show: {conclusion}"));
        work(&mut trace, p);
        let answer_text = match p.follows() {
            true => format!("Yes, it follows that {conclusion}."),
            false => format!("No, it does not follow that {conclusion}."),
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_sound() || p.is_absurd() {
            return Judgement::cannot_judge("the premises contradict each other or name no kinds");
        }
        // "No daxes are wugs" said again is no "no".
        let said = p.premises.iter().chain([&p.conclusion]).map(|statement| statement.text(&p.kinds));
        let answer = said.fold(answer_text.to_lowercase(), |answer, said| answer.replace(&said, " "));
        let said = p.premises.iter().chain([&p.conclusion]).map(|statement| statement.chinese(&p.kinds));
        let answer = said.fold(answer, |answer, said| answer.replace(&said, " "));
        text::judge_word(&["yes", "no"], &self.answer(p), &answer)
    }
}

/// Follows "all" from the conclusion's kinds, or from each "some".
fn work(trace: &mut Trace, p: &Problem) {
    let Statement { quantifier, a, b } = p.conclusion;
    let starts: Vec<Vec<usize>> = match quantifier {
        Quantifier::All => vec![vec![a]],
        Quantifier::No => vec![vec![a, b]],
        Quantifier::Some => p.premises_of(Quantifier::Some).map(|s| vec![s.a, s.b]).collect(),
    };
    if starts.is_empty() {
        trace.line("no premise says some");
    }
    for start in starts {
        let names: Vec<&str> = start.iter().map(|&kind| p.kinds[kind].as_str()).collect();
        trace.line(format!("take a thing of {}", names.join(" and ")));
        let reached = p.reached(&start);
        for premise in reached.iter().filter_map(|(_, premise)| *premise) {
            trace.line(format!("{}: it is of {}", premise.text(&p.kinds), p.kinds[premise.b]));
        }
        let has = |wanted: usize| reached.iter().any(|(kind, _)| *kind == wanted);
        let apart = p.apart(&reached);
        if let Some(premise) = apart.filter(|_| quantifier != Quantifier::Some) {
            trace.line(format!("{}: there is no such thing, follows", premise.text(&p.kinds)));
            return;
        }
        let wanted: Vec<usize> = match quantifier {
            Quantifier::All => vec![b],
            Quantifier::No => vec![],
            Quantifier::Some => vec![a, b],
        };
        if quantifier != Quantifier::No && wanted.iter().all(|&kind| has(kind)) {
            let names: Vec<&str> = wanted.iter().map(|&kind| p.kinds[kind].as_str()).collect();
            trace.line(format!("it is of {}, follows", names.join(" and ")));
            return;
        }
        trace.line(match wanted.iter().find(|&&kind| !has(kind)) {
            Some(&kind) => format!("it need not be of {}", p.kinds[kind]),
            None => "nothing forbids it".to_string(),
        });
    }
    trace.line("does not follow");
}

#[cfg(test)]
mod tests;
