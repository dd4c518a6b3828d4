//! Words shifted along the alphabet, and back.

use super::letters;
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Caesar's cipher with a known shift.
pub struct CaesarCipher;

/// `word` is shifted by `shift` letters forward, or back when it is to be decoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    word: String,
    shift: u64,
    decode: bool,
}

const ENCODE: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "encode {w} with a Caesar cipher of shift {n}",
        "encrypt {w} with a Caesar shift of {n}",
        "shift each letter of {w} forward by {n}",
        "apply a Caesar cipher with shift {n} to {w}",
        "move every letter of {w} {n} places forward in the alphabet",
        "use the Caesar cipher with key {n} on the word {w}",
    ],
    nouns: &["the Caesar cipher of {w} with shift {n}", "the word {w} with every letter shifted {n} forward"],
    questions: &["what does {w} become with a Caesar shift of {n}"],
    wholes: &[],
    chinese: &[
        "用凯撒密码（位移{n}）加密{w}。",
        "把{w}的每个字母换成字母表中它后面第{n}个字母。",
        "{w}用位移为{n}的凯撒密码加密后是什么？",
    ],
};
const DECODE: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "decode {w}, a Caesar cipher with shift {n}",
        "decrypt {w} with a Caesar shift of {n}",
        "shift each letter of {w} back by {n}",
        "undo the Caesar cipher with shift {n}: {w}",
        "move every letter of {w} {n} places back in the alphabet",
    ],
    nouns: &["the word behind {w}, encoded with a Caesar shift of {n}"],
    questions: &["which word was shifted by {n} to give {w}", "what does {w} mean if every letter was shifted by {n}"],
    wholes: &[],
    chinese: &["解密{w}（凯撒密码，位移{n}）。", "把{w}的每个字母换成字母表中它前面第{n}个字母。"],
};

/// Places of the alphabet are counted from 1 here, as people do.
fn place_of(letter: char) -> u64 {
    u64::from(u32::from(letter).saturating_sub(u32::from('a'))) % 26 + 1
}

impl Problem {
    fn result(&self) -> String {
        let shift = self.shift % 26;
        let by = if self.decode { 26 - shift } else { shift };
        self.word.chars().map(|letter| letters::letter_at(place_of(letter) - 1 + by)).collect()
    }
}

impl Family for CaesarCipher {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "caesar_cipher"
    }

    fn about(&self) -> &'static str {
        "shift letters: 3 letters by 1 to 3; 3 to 4 by up to 9, 5 to 6 by up to 25, and back"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high, most) = [(3, 3, 3), (3, 4, 9), (5, 6, 25)][usize::from(difficulty) - 1];
        Problem {
            word: letters::word(rng, low, high),
            shift: rng.between(1, most),
            decode: difficulty > 1 && rng.chance(0.4),
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        // The same letters in both directions: who has seen the code of a word has seen the word of the code.
        let (word, code) = if p.decode { (p.result(), p.word.clone()) } else { (p.word.clone(), p.result()) };
        format!("caesar {word} {code}")
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let wordings = if p.decode { &DECODE } else { &ENCODE };
        wordings.quote(&[("w", &p.word), ("n", &p.shift.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.result()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let (sign, word) = if p.decode { ('-', "back") } else { ('+', "forward") };
        trace.line(format!("{word} {}", p.shift));
        for ((letter, place), to) in p.word.chars().zip(1..).zip(p.result().chars()) {
            let from = place_of(letter) as i64;
            let moved = if p.decode { from - p.shift as i64 } else { from + p.shift as i64 };
            let round = match moved {
                ..=0 => format!(", {moved}+26={}", moved + 26),
                27.. => format!(", {moved}-26={}", moved - 26),
                _ => String::new(),
            };
            trace.line(format!("{place}:{letter} is {from}, {from}{sign}{}={moved}{round}, {to}", p.shift));
        }
        let answer = p.result();
        let sentence = format!("{} shifted {word} by {} is {answer}", p.word, p.shift);
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.word.bytes().all(|b| b.is_ascii_lowercase()) {
            return Judgement::cannot_judge("the word is not all of lower-case letters");
        }
        text::judge_last_word(&p.result(), answer_text)
    }
}
