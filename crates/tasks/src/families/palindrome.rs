//! Is a word the same from both ends?

use super::letters;
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Palindromes.
pub struct Palindrome;

/// A word in lower case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    word: String,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    questions: &[
        "is {w} a palindrome",
        "is the word {w} a palindrome",
        "does {w} read the same forward and backward",
        "is \"{w}\" the same when reversed",
        "does the string {w} equal its reverse",
        "would {w} stay the same if it were spelled backward",
    ],
    orders: &[
        "tell me whether {w} is a palindrome",
        "check if {w} is a palindrome",
        "say yes or no: {w} is a palindrome",
    ],
    nouns: &[],
    wholes: &["Palindrome or not: {w}?"],
    chinese: &["{w}是回文吗？", "单词{w}正着读和倒着读一样吗？", "判断{w}是不是回文。"],
};

impl Problem {
    fn is_palindrome(&self) -> bool {
        self.word.chars().eq(self.word.chars().rev())
    }
}

impl Family for Palindrome {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "palindrome"
    }

    fn about(&self) -> &'static str {
        "is a word of 3 to 4, 5 to 7, 8 to 11 letters the same from both ends"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(3, 4), (5, 7), (8, 11)][usize::from(difficulty) - 1];
        let half = letters::word(rng, low, high);
        let n = half.chars().count();
        let mut word: Vec<char> = half.chars().collect();
        if rng.chance(0.9) {
            // A palindrome, and half the time one letter of it changed, so that a look at the ends is not enough.
            for at in 0..n / 2 {
                word[n - 1 - at] = word[at];
            }
            if rng.chance(0.5) {
                let at = rng.below(n as u64) as usize;
                word[at] = letters::letter(rng);
            }
        }
        Problem { word: word.into_iter().collect() }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("palindrome {}", p.word)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        WORDINGS.quote(&[("w", &p.word)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if p.is_palindrome() { "yes" } else { "no" }.to_string()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        trace.line(letters::tagged(&p.word));
        let letters: Vec<char> = p.word.chars().collect();
        let n = letters.len();
        for at in 0..n / 2 {
            let (left, right) = (letters[at], letters[n - 1 - at]);
            let verdict = if left == right { "same" } else { "different" };
            trace.line(format!("{}:{left} {}:{right} {verdict}", at + 1, n - at));
            if left != right {
                break;
            }
        }
        let answer_text = match p.is_palindrome() {
            true => format!("Yes, {} is a palindrome.", p.word),
            false => format!("No, {} is not a palindrome.", p.word),
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        text::judge_word(&["yes", "no"], &self.answer(p), answer_text)
    }
}
