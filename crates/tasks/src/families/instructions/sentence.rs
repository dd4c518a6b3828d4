//! A sentence of so many words that has a given word in it.

use super::Case;
use super::words::{ADJECTIVES, ADVERBS, ALONE, NOUNS, VERBS};
use crate::rng::Rng;
use crate::task::Judgement;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// `Write a sentence of exactly 7 words that contains fox and ends with today.`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    n_words: usize,
    include: String,
    last: Option<String>,
    case: Case,
}

/// Words for each length: a(djective), n(oun), v(erb), i(ntransitive verb), l(ast: adverb), others as they are.
const PATTERNS: [&str; 6] = [
    "the n i l",
    "the a n i l",
    "the n v the n l",
    "the a n v the n l",
    "the a n v the a n l",
    "the a n v the n and i l",
];
const SHORTEST: usize = 4;

impl Sentence {
    /// Number of words and one of them; then the last word, then the case.
    pub fn draw(rng: &mut Rng, difficulty: u8) -> Self {
        let last = difficulty >= 3 || (difficulty == 2 && rng.chance(0.5));
        let cased = difficulty >= 3 || (difficulty == 2 && !last);
        Sentence {
            n_words: SHORTEST + rng.below(PATTERNS.len() as u64) as usize,
            include: rng.pick(NOUNS).to_string(),
            last: last.then(|| rng.pick(ADVERBS).to_string()),
            case: if cased { rng.pick(&[Case::Lower, Case::Upper]) } else { Case::Any },
        }
    }

    /// The prompt.
    pub fn ask(&self, rng: &mut Rng) -> String {
        let (n, word) = (self.n_words, &self.include);
        let start = match rng.below(3) {
            0 => format!("Write a sentence of exactly {n} words that contains the word {word}."),
            1 => format!("Use the word {word} in a sentence with exactly {n} words."),
            _ => format!("I need a sentence about a {word}. It must have {n} words, no more and no less."),
        };
        let last = self.last.as_ref().map(|word| format!(" Its last word must be {word}."));
        let case = (self.case != Case::Any).then(|| format!(" Use only {}.", self.case.name()));
        [Some(start), last, case].into_iter().flatten().collect()
    }

    /// A sentence, its words counted in the thinking.
    pub fn worked(&self, trace: &mut Trace, rng: &mut Rng) -> Option<String> {
        let pattern = PATTERNS.get(self.n_words.checked_sub(SHORTEST)?)?;
        let mut words: Vec<String> = Vec::new();
        for slot in pattern.split(' ') {
            let list = match slot {
                "a" => ADJECTIVES,
                "n" => NOUNS,
                "v" => VERBS,
                "i" => ALONE,
                "l" => ADVERBS,
                other => {
                    words.push(other.to_string());
                    continue;
                }
            };
            let is_subject = slot == "n" && !words.contains(&self.include);
            let word = match (&self.last, slot) {
                (Some(last), "l") => last.clone(),
                _ if is_subject => self.include.clone(),
                _ => loop {
                    let word = rng.pick(list).to_string();
                    if !words.contains(&word) && word != self.include {
                        break word;
                    }
                },
            };
            words.push(word);
        }
        let counted: Vec<String> = words.iter().enumerate().map(|(idx, word)| format!("{} {word}", idx + 1)).collect();
        trace.line(format!("{} words with {}", self.n_words, self.include));
        trace.line(counted.join(", "));
        if self.case != Case::Any {
            trace.line(self.case.name());
        }
        let sentence = words.join(" ");
        let sentence = if self.case == Case::Lower { sentence } else { crate::phrase::capitalise(&sentence) };
        Some(format!("{}.", self.case.apply(&sentence)))
    }

    /// Right when number of words, words and case are as asked; what it means is not judged, but no word may come more
    /// than twice.
    pub fn judge(&self, text: &str) -> Judgement {
        match self.check(text) {
            Ok(()) => Judgement::right("all conditions hold"),
            Err(reason) => Judgement::wrong(reason),
        }
    }

    fn check(&self, text: &str) -> Result<(), String> {
        let bare = text.trim_end_matches(['.', '!', '?']);
        let words: Vec<&str> = bare.split_whitespace().map(|word| word.trim_matches([',', ';', '"'])).collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let is_word = |word: &&str| {
            word.starts_with(char::is_alphabetic) && word.chars().all(|c| c.is_alphabetic() || "'’-".contains(c))
        };
        if text.contains('\n') || bare.contains(['.', '!', '?']) {
            return Err("it is not one sentence".to_string());
        }
        if let Some(other) = words.iter().find(|word| !is_word(word)) {
            return Err(format!("`{}` is no word", other.chars().take(40).collect::<String>()));
        }
        if words.len() != self.n_words {
            return Err(format!("{} words, not {}", words.len(), self.n_words));
        }
        if !lower.contains(&self.include) {
            return Err(format!("`{}` is missing", self.include));
        }
        if self.last.as_ref().is_some_and(|last| lower.last() != Some(last)) {
            return Err("the last word is another".to_string());
        }
        if let Some(pair) = lower.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("`{}` comes twice in a row", pair[0]));
        }
        if let Some(word) = lower.iter().find(|word| lower.iter().filter(|other| other == word).count() > 2) {
            return Err(format!("`{word}` comes more than twice"));
        }
        self.case.check(text)
    }
}
