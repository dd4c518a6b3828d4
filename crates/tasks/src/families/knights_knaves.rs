//! Knights always tell the truth, knaves always lie: who is what?
//!
//! The thinking supposes one person a knight, follows what is said, and takes the supposition back when it contradicts
//! itself. Only the one assignment that fits everything said is right; a problem has exactly one.

mod reasoning;
mod statement;

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::assignment;
use serde::{Deserialize, Serialize};
use statement::Statement;

/// Knights and knaves of 2 to 4 persons.
pub struct KnightsKnaves;

/// What each of the persons says, one statement each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    names: Vec<String>,
    says: Vec<Statement>,
}

const NAMES: &[&str] = &["Anna", "Ben", "Carl", "Dora", "Emma", "Finn", "Gina", "Hugo", "Ivan", "Jane"];
const MAX_PERSONS: usize = 8;

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    wholes: &[
        "Knights always tell the truth and knaves always lie. {s} Who is a knight and who is a knave?",
        "On an island live knights, who always tell the truth, and knaves, who always lie. You meet {n}. {s} What is each of them?",
        "{n} are each a knight (always truthful) or a knave (always lying). {s} Say for each who is what.",
        "Knights tell the truth, knaves lie. {s} Find out what everyone is.",
        "A knight never lies and a knave never tells the truth. {s} Which of {n} are knights, and which are knaves?",
        "Knights and knaves: {s} Who is who?",
    ],
    chinese: &[
        "骑士总说真话，无赖总说假话。{z}谁是骑士，谁是无赖？",
        "岛上有骑士（只说真话）和无赖（只说假话）。{z}他们各是什么？",
    ],
    ..Wordings::NONE
};

impl Problem {
    /// Every statement is about persons that there are.
    fn is_sound(&self) -> bool {
        let n = self.names.len();
        let named = self.names.iter().all(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric));
        let different = (1..n).all(|idx| !self.names[..idx].contains(&self.names[idx]));
        (1..=MAX_PERSONS).contains(&n)
            && named
            && different
            && self.says.len() == n
            && self.says.iter().all(|s| s.fits(n))
    }

    /// The only assignment (true: knight) in which exactly the knights speak the truth.
    fn solution(&self) -> Option<Vec<bool>> {
        if !self.is_sound() {
            return None;
        }
        let n = self.names.len();
        let fits = |bits: &u32| {
            let kinds: Vec<bool> = (0..n).map(|idx| bits >> idx & 1 == 1).collect();
            self.says.iter().zip(&kinds).all(|(says, &knight)| says.holds(&kinds) == knight)
        };
        let mut all = (0..1u32 << n).filter(fits);
        let only = all.next().filter(|_| all.next().is_none())?;
        Some((0..n).map(|idx| only >> idx & 1 == 1).collect())
    }
}

impl Family for KnightsKnaves {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "knights_knaves"
    }

    fn about(&self) -> &'static str {
        "who tells the truth: 2 persons, 2 with harder statements, 3, 4 persons"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n = [2, 2, 3, 4][usize::from(difficulty) - 1];
        let mut names: Vec<String> = Vec::new();
        while names.len() < n {
            let name = rng.pick(NAMES);
            if names.iter().all(|other| other != name) {
                names.push(name.to_string());
            }
        }
        loop {
            let says = (0..n).map(|speaker| Statement::draw(speaker, n, difficulty, rng)).collect();
            let problem = Problem { names: names.clone(), says };
            if problem.solution().is_some() {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        // Two persons can say few different things: the names belong to the problem.
        format!("knights {:?} {:?}", p.names, p.says)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let verb = rng.pick(&["says", "says", "claims", "tells you"]);
        let said = |idx: usize| format!("{} {verb}: \"{}.\"", p.names[idx], p.says[idx].spoken(idx, &p.names));
        let english: Vec<String> = (0..p.names.len()).map(said).collect();
        let said = |idx: usize| format!("{}说：“{}。”", p.names[idx], p.says[idx].chinese(idx, &p.names));
        let chinese: Vec<String> = (0..p.names.len()).map(said).collect();
        let (last, others) = p.names.split_last().expect("there are at least two persons");
        let listed = format!("{} and {last}", others.join(", "));
        WORDINGS.quote(&[("s", &english.join(" ")), ("z", &chinese.concat()), ("n", &listed)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        let Some(kinds) = p.solution() else { return String::new() };
        let told: Vec<String> = p
            .names
            .iter()
            .zip(&kinds)
            .map(|(name, &knight)| format!("{name} is a {}", reasoning::kind(knight)))
            .collect();
        told.join(", ")
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        p.solution()?;
        let reasoning = reasoning::write(&p.names, &p.says)?;
        Some(Demonstration { reasoning, answer_text: format!("{}.", self.answer(p)) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let Some(kinds) = p.solution() else {
            return Judgement::cannot_judge("what is said does not fit exactly one assignment");
        };
        let gold: Vec<(&str, usize)> =
            p.names.iter().map(String::as_str).zip(kinds.iter().map(|&k| usize::from(k))).collect();
        assignment::judge(&gold, &[&["knave", "knaves", "无赖"], &["knight", "knights", "骑士"]], answer_text)
    }
}

#[cfg(test)]
mod tests;
