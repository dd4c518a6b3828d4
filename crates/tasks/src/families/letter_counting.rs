//! How often a letter occurs in a word.

use super::{letters, reply_number};
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Counting letters.
pub struct LetterCounting;

/// A letter and a word, both in lower case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    letter: char,
    word: String,
}

const WORDINGS: Wordings = Wordings {
    questions: &[
        "how many times does the letter {c} occur in {w}",
        "how many times does {c} appear in the word {w}",
        "how many {c}'s are in {w}",
        "how many {c}s are there in the word {w}",
        "how often does the letter {c} appear in {w}",
        "how many letters {c} does {w} have",
        "how many \"{c}\" are in \"{w}\"",
    ],
    orders: &["count the letter {c} in {w}", "count how often {c} occurs in {w}"],
    nouns: &["the number of {c}'s in {w}", "the number of times the letter {c} occurs in the word {w}"],
    chinese: &["单词{w}中有几个字母{c}？", "{w}里字母{c}出现了几次？", "数一数{w}中有多少个{c}。"],
    ..Wordings::NONE
};

impl Problem {
    fn count(&self) -> usize {
        self.word.chars().filter(|c| *c == self.letter).count()
    }
}

impl Family for LetterCounting {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "letter_counting"
    }

    fn about(&self) -> &'static str {
        "how often a letter occurs in a word of 3 to 5, 6 to 8, 9 to 12 letters"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(3, 5), (6, 8), (9, 12)][usize::from(difficulty) - 1];
        let mut word: Vec<char> = letters::word(rng, low, high).chars().collect();
        // Mostly a letter of the word; in random words one that comes again.
        let letter = if rng.chance(0.15) { letters::letter(rng) } else { rng.pick(&word) };
        if rng.chance(0.4) {
            let at = rng.below(word.len() as u64) as usize;
            word[at] = letter;
        }
        Problem { letter, word: word.into_iter().collect() }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("word {}", p.word)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        WORDINGS.quote(&[("w", &p.word), ("c", &p.letter.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.count().to_string()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        trace.line(format!("count {}", p.letter));
        let mut count = 0;
        let tagged: Vec<String> = p
            .word
            .chars()
            .zip(1..)
            .map(|(letter, place)| {
                count += u64::from(letter == p.letter);
                let mark = if letter == p.letter { format!(" yes {count}") } else { String::new() };
                format!("{place}:{letter}{mark}")
            })
            .collect();
        trace.line(tagged.join(" "));
        Some(reply_number(asked, trace, &format!("The number of {}'s in {} is", p.letter, p.word), count))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        // "2 times" counts; "2 times 3" multiplies.
        let mut pieces = answer_text.split(" times");
        let mut text = pieces.next().unwrap_or_default().to_string();
        for piece in pieces {
            let next = piece.trim_start();
            let multiplies = piece.starts_with(char::is_alphanumeric)
                || next.starts_with(|c: char| !",.;!)*\n".contains(c) && !next.starts_with("in "));
            text += if multiplies { " times" } else { "" };
            text += piece;
        }
        integer::judge(&p.count().to_string(), &text)
    }
}
