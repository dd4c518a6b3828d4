//! A word spelled backward.

use super::letters;
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use serde::{Deserialize, Serialize};

/// Reversal of words.
pub struct SpellBackward;

/// A word to be reversed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    word: String,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    nouns: &["{w} spelled backward", "{w} backwards", "the reverse of the word {w}", "the word {w} in reverse"],
    orders: &[
        "spell {w} backward",
        "spell this word backward: {w}",
        "reverse {w}",
        "reverse the word {w}",
        "reverse the letters of {w}",
        "write {w} backwards",
        "write {w} from back to front",
        "reverse the string \"{w}\"",
    ],
    questions: &["how do you spell {w} backward", "how is {w} spelled backwards"],
    wholes: &["Reverse: {w}", "Reversed, what is {w}?"],
    chinese: &["把{w}倒过来写。", "把单词{w}的字母顺序反过来。", "{w}反过来怎么拼？", "将字符串{w}反转。"],
};

impl Family for SpellBackward {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "spell_backward"
    }

    fn about(&self) -> &'static str {
        "a word of 3, 4 to 5, 6 to 7, 8 to 10 letters backward"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(3, 3), (4, 5), (6, 7), (8, 10)][usize::from(difficulty) - 1];
        Problem { word: letters::word(rng, low, high) }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("word {}", p.word)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        WORDINGS.quote(&[("w", &p.word)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.word.chars().rev().collect()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let answer = self.answer(p);
        let tagged = letters::tagged(&p.word);
        let backward: Vec<&str> = tagged.split(' ').rev().collect();
        let answer_text = asked.reply(&answer, format!("{} backward is {answer}", p.word));
        Some(Demonstration { reasoning: format!("{tagged}\n{}", backward.join(" ")), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        text::judge_last_word(&self.answer(p), answer_text)
    }
}
