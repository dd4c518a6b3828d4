//! What a person says about persons, all named by their index.

use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// A statement about who is a knight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// This person is a knight.
    Knight(usize),
    /// This person is a knave.
    Knave(usize),
    /// Both are knights or both are knaves.
    Same(usize, usize),
    /// One is a knight, the other a knave.
    Different(usize, usize),
    /// Both are knaves.
    BothKnaves(usize, usize),
    /// At least one is a knave.
    SomeKnave(usize, usize),
}

impl Statement {
    /// A statement of the person `speaker` of `n`; from difficulty 2 on about two persons too.
    pub fn draw(speaker: usize, n: usize, difficulty: u8, rng: &mut Rng) -> Self {
        let mut other = || (speaker + 1 + rng.below(n as u64 - 1) as usize) % n;
        let first = other();
        let second = other();
        // A pair is the speaker and another, or two others.
        let pair = if second == first { (speaker, first) } else { (first.min(second), first.max(second)) };
        if difficulty == 1 {
            return match rng.below(4) {
                0 => Statement::Knight(first),
                1 => Statement::Knave(first),
                2 => Statement::Same(speaker, first),
                _ => Statement::Different(speaker, first),
            };
        }
        match rng.below(7) {
            0 => Statement::Knight(first),
            1 | 2 => Statement::Knave(first),
            3 => Statement::Same(pair.0, pair.1),
            4 => Statement::Different(pair.0, pair.1),
            5 => Statement::BothKnaves(pair.0, pair.1),
            _ => Statement::SomeKnave(pair.0, pair.1),
        }
    }

    /// The persons it is about.
    pub fn about(self) -> (usize, Option<usize>) {
        match self {
            Statement::Knight(a) | Statement::Knave(a) => (a, None),
            Statement::Same(a, b)
            | Statement::Different(a, b)
            | Statement::BothKnaves(a, b)
            | Statement::SomeKnave(a, b) => (a, Some(b)),
        }
    }

    /// It is about persons below `n`, and about different ones.
    pub fn fits(self, n: usize) -> bool {
        let (a, b) = self.about();
        a < n && b.is_none_or(|b| b < n && a != b)
    }

    /// Is it true when `knights` are?
    pub fn holds(self, knights: &[bool]) -> bool {
        match self {
            Statement::Knight(a) => knights[a],
            Statement::Knave(a) => !knights[a],
            Statement::Same(a, b) => knights[a] == knights[b],
            Statement::Different(a, b) => knights[a] != knights[b],
            Statement::BothKnaves(a, b) => !knights[a] && !knights[b],
            Statement::SomeKnave(a, b) => !knights[a] || !knights[b],
        }
    }

    /// The words that `speaker` uses.
    pub fn spoken(self, speaker: usize, names: &[String]) -> String {
        let who = |idx: usize| if idx == speaker { "I".to_string() } else { names[idx].clone() };
        // The speaker comes last in a pair: "Ben and I".
        let pair = |a: usize, b: usize| {
            let (a, b) = if a == speaker { (b, a) } else { (a, b) };
            format!("{} and {}", who(a), who(b))
        };
        match self {
            Statement::Knight(a) => format!("{} is a knight", who(a)),
            Statement::Knave(a) => format!("{} is a knave", who(a)),
            Statement::Same(a, b) => format!("{} are of the same kind", pair(a, b)),
            Statement::Different(a, b) => format!("{} are of different kinds", pair(a, b)),
            Statement::BothKnaves(a, b) => format!("{} are both knaves", pair(a, b)),
            Statement::SomeKnave(a, b) if a == speaker => format!("At least one of {} and me is a knave", who(b)),
            Statement::SomeKnave(a, b) if b == speaker => format!("At least one of {} and me is a knave", who(a)),
            Statement::SomeKnave(a, b) => format!("At least one of {} and {} is a knave", who(a), who(b)),
        }
    }

    /// The same in Chinese.
    pub fn chinese(self, speaker: usize, names: &[String]) -> String {
        let who = |idx: usize| if idx == speaker { "我".to_string() } else { names[idx].clone() };
        match self {
            Statement::Knight(a) => format!("{}是骑士", who(a)),
            Statement::Knave(a) => format!("{}是无赖", who(a)),
            Statement::Same(a, b) => format!("{}和{}是同一类人", who(a), who(b)),
            Statement::Different(a, b) => format!("{}和{}不是同一类人", who(a), who(b)),
            Statement::BothKnaves(a, b) => format!("{}和{}都是无赖", who(a), who(b)),
            Statement::SomeKnave(a, b) => format!("{}和{}至少有一个是无赖", who(a), who(b)),
        }
    }

    /// The one spelling of the thinking, without the speaker.
    pub fn plain(self, names: &[String]) -> String {
        match self {
            Statement::Knight(a) => format!("{} knight", names[a]),
            Statement::Knave(a) => format!("{} knave", names[a]),
            Statement::Same(a, b) => format!("{} same as {}", names[a], names[b]),
            Statement::Different(a, b) => format!("{} unlike {}", names[a], names[b]),
            Statement::BothKnaves(a, b) => format!("{} and {} knaves", names[a], names[b]),
            Statement::SomeKnave(a, b) => format!("{} or {} knave", names[a], names[b]),
        }
    }
}
