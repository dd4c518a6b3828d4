//! Words for families about letters: everyday ones and random ones, in lower case.

use crate::rng::Rng;

const WORDS: &[&str] = &[
    "cat",
    "dog",
    "sun",
    "map",
    "pen",
    "cup",
    "bed",
    "ice",
    "egg",
    "arm",
    "box",
    "key",
    "leg",
    "net",
    "oil",
    "pig",
    "tea",
    "van",
    "wax",
    "zoo",
    "bird",
    "book",
    "cake",
    "door",
    "fish",
    "gold",
    "hand",
    "jump",
    "king",
    "lamp",
    "moon",
    "nest",
    "open",
    "pool",
    "rain",
    "seed",
    "tree",
    "unit",
    "wall",
    "yard",
    "apple",
    "beach",
    "chair",
    "dance",
    "eagle",
    "flour",
    "grass",
    "horse",
    "igloo",
    "juice",
    "knife",
    "lemon",
    "melon",
    "night",
    "ocean",
    "piano",
    "queen",
    "river",
    "sheep",
    "tiger",
    "uncle",
    "voice",
    "wheel",
    "youth",
    "zebra",
    "banana",
    "cheese",
    "dinner",
    "engine",
    "flower",
    "garden",
    "hammer",
    "island",
    "jacket",
    "kitten",
    "letter",
    "mirror",
    "needle",
    "orange",
    "pepper",
    "rabbit",
    "school",
    "tomato",
    "valley",
    "window",
    "yellow",
    "balloon",
    "chicken",
    "diamond",
    "evening",
    "feather",
    "giraffe",
    "harvest",
    "journey",
    "kitchen",
    "library",
    "morning",
    "network",
    "octopus",
    "penguin",
    "rainbow",
    "science",
    "teacher",
    "village",
    "weather",
    "airplane",
    "baseball",
    "calendar",
    "daughter",
    "elephant",
    "football",
    "goldfish",
    "hospital",
    "keyboard",
    "lemonade",
    "mountain",
    "notebook",
    "painting",
    "question",
    "sandwich",
    "treasure",
    "umbrella",
    "vacation",
    "butterfly",
    "chocolate",
    "dandelion",
    "geography",
    "happiness",
    "passenger",
    "raspberry",
    "telephone",
    "blackberry",
    "friendship",
    "microphone",
    "strawberry",
    "toothbrush",
    "watermelon",
    "basketball",
];

/// A word of `low..=high` letters: half of them everyday words, half random letters.
pub fn word(rng: &mut Rng, low: u64, high: u64) -> String {
    if rng.chance(0.5) {
        let fits = |word: &&&str| (low..=high).contains(&(word.len() as u64));
        let words: Vec<&str> = WORDS.iter().filter(fits).copied().collect();
        if !words.is_empty() {
            return rng.pick(&words).to_string();
        }
    }
    let n_letters = rng.between(low, high);
    (0..n_letters).map(|_| letter(rng)).collect()
}

/// A lower-case letter.
pub fn letter(rng: &mut Rng) -> char {
    letter_at(rng.below(26))
}

/// The letter at `place`, from 0 for `a`; goes round after `z`.
pub fn letter_at(place: u64) -> char {
    char::from(b'a' + (place % 26) as u8)
}

/// `1:c 2:a 3:t`: each letter beside its place, so that none is found by counting.
pub fn tagged(word: &str) -> String {
    let items: Vec<String> = word.chars().zip(1..).map(|(letter, place)| format!("{place}:{letter}")).collect();
    items.join(" ")
}
