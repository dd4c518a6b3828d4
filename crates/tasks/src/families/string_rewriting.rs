//! Rewriting: a rule replaces one pair of letters by another until it fits nowhere.

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Rewriting of strings over a, b and c.
pub struct StringRewriting;

/// Rules are tried in their order; the first that fits replaces the leftmost place it fits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    start: String,
    rules: Vec<(String, String)>,
}

/// More steps than this are not taken: some rules never end.
const MAX_STEPS: usize = 64;
/// Longest string that is rewritten.
const MAX_BYTES: usize = 200;

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "rewrite {s} with the rules {r} until none fits; the first rule that fits is used at its leftmost place",
        "apply the rules {r} to {s} as long as one fits, the earliest rule first, leftmost place first",
        "start from {s} and apply {r} again and again (first rule that fits, leftmost match) until nothing changes",
    ],
    questions: &[
        "what becomes of {s} under the rules {r}, applied leftmost and in order until none fits",
        "where does {s} end if {r} are applied until none fits (first fitting rule, leftmost place)",
    ],
    nouns: &[
        "the final form of {s} under the rewrite rules {r} (first rule that fits, leftmost match, until none fits)",
    ],
    wholes: &["Rules: {r}\nStart: {s}\nApply the first rule that fits at its leftmost place until none fits."],
    chinese: &["规则：{r}。从{s}开始，每次在最左边使用第一条可用的规则，直到不能再用。最后得到什么？"],
};

/// Pairs that become shorter or more orderly, so that every order of them ends.
const RULES: &[(&str, &str)] = &[
    ("ba", "ab"),
    ("cb", "bc"),
    ("ca", "ac"),
    ("aa", "b"),
    ("bb", "c"),
    ("cc", "a"),
    ("ab", "c"),
    ("bc", "a"),
    ("ac", "b"),
];

impl Problem {
    /// One step: the rule's index and the place it was used at.
    fn step(&self, now: &str) -> Option<(usize, usize)> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(|(idx, (from, _))| now.find(from.as_str()).map(|at| (idx, at))).next()
    }

    /// All forms from the start to the end; `None` when that takes too long or the rules are empty.
    fn forms(&self) -> Option<Vec<String>> {
        if self.rules.iter().any(|(from, _)| from.is_empty()) {
            return None;
        }
        let mut forms = vec![self.start.clone()];
        while let Some((idx, at)) = self.step(&forms[forms.len() - 1]) {
            let now = &forms[forms.len() - 1];
            let (from, to) = &self.rules[idx];
            let next = format!("{}{to}{}", &now[..at], &now[at + from.len()..]);
            if forms.len() > MAX_STEPS || next.len() > MAX_BYTES {
                return None;
            }
            forms.push(next);
        }
        Some(forms)
    }

    fn spaced(text: &str) -> String {
        text.chars().map(String::from).collect::<Vec<_>>().join(" ")
    }
}

impl Family for StringRewriting {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "string_rewriting"
    }

    fn about(&self) -> &'static str {
        "apply rules such as ba -> ab until none fits: up to 2, 4, 7 steps"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high, n_letters) = [(1, 2, 4), (2, 4, 5), (4, 7, 7)][usize::from(difficulty) - 1];
        loop {
            let n_rules = rng.between(1, u64::from(difficulty).min(2) + 1);
            let mut rules: Vec<(String, String)> = Vec::new();
            for _ in 0..n_rules {
                let (from, to) = rng.pick(RULES);
                if rules.iter().all(|(other, _)| other != from) {
                    rules.push((from.to_string(), to.to_string()));
                }
            }
            let n = rng.between(3, n_letters);
            let start: String = (0..n).map(|_| rng.pick(&['a', 'b', 'c'])).collect();
            let problem = Problem { start, rules };
            let n_steps = problem.forms().map_or(0, |forms| forms.len() as u64 - 1);
            if (low..=high).contains(&n_steps) {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("rewrite {} {:?}", p.start, p.rules)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let arrow = rng.pick(&[" -> ", "->", " → ", " => "]);
        let rules: Vec<String> = p.rules.iter().map(|(from, to)| format!("{from}{arrow}{to}")).collect();
        WORDINGS.quote(&[("s", &p.start), ("r", &rules.join(", "))], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.forms().and_then(|forms| forms.last().cloned()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        for ((from, to), number) in p.rules.iter().zip(1..) {
            trace.line(format!("rule {number}: {} to {}", Problem::spaced(from), Problem::spaced(to)));
        }
        let forms = p.forms()?;
        for form in &forms {
            let next = match p.step(form) {
                Some((idx, at)) => format!("rule {} at {}", idx + 1, at + 1),
                None => "no rule fits".to_string(),
            };
            trace.line(format!("{}: {next}", Problem::spaced(form)));
        }
        let answer = self.answer(p);
        let answer_text = asked.reply(&answer, format!("{} becomes {answer}", p.start));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.forms() {
            Some(_) => text::judge_last_word(&self.answer(p), answer_text),
            None => Judgement::cannot_judge("a rule is empty or the rewriting does not end soon"),
        }
    }
}
