//! Questions that a tiny model of small problems cannot answer, and the honest reply. Nothing that another family teaches.

use crate::phrase::{self, Core, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Form, Judgement, Options};
use serde::{Deserialize, Serialize};

/// Requests beyond small problems, or beyond the mathematics that is taught here.
pub struct OutOfScope;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    /// Not arithmetic at all.
    NotArithmetic,
    /// Arithmetic with numbers that are too long.
    TooLong,
    /// Mathematics of another kind.
    OtherMathematics,
}

/// A request and the reason for refusing it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    why: Why,
    request: String,
}

const PLACES: &[&str] = &[
    "France",
    "Germany",
    "China",
    "Japan",
    "Spain",
    "Italy",
    "Brazil",
    "India",
    "Canada",
    "Mexico",
    "Egypt",
    "Kenya",
    "Peru",
    "Norway",
    "Poland",
    "Turkey",
    "Australia",
    "Russia",
    "Sweden",
    "Greece",
    "the USA",
    "England",
    "Portugal",
    "Chile",
    "Cuba",
    "Iran",
    "Iceland",
    "Nigeria",
    "Paris",
    "London",
    "Berlin",
    "Tokyo",
    "New York",
    "Beijing",
    "Rome",
    "Madrid",
    "Moscow",
    "Africa",
    "Europe",
    "Asia",
];
const TOPICS: &[&str] = &[
    "the sun",
    "the moon",
    "love",
    "a cat",
    "a dog",
    "the sea",
    "spring",
    "winter",
    "gravity",
    "evolution",
    "photosynthesis",
    "the French Revolution",
    "history",
    "music",
    "quantum physics",
    "black holes",
    "DNA",
    "the internet",
    "climate change",
    "football",
    "chess",
    "democracy",
    "philosophy",
    "Shakespeare",
    "Einstein",
    "Napoleon",
    "Mozart",
    "computers",
    "Python",
    "Rust",
    "neural networks",
    "machine learning",
    "artificial intelligence",
    "electricity",
    "the brain",
    "volcanoes",
    "dinosaurs",
    "whales",
    "trees",
    "bread",
    "coffee",
    "rice",
    "money",
    "the stock market",
    "bitcoin",
    "time",
    "dreams",
    "happiness",
    "a robot",
    "a dragon",
    "a princess",
];
const QUESTIONS: &[&str] = &[
    "what is the capital of {p}?",
    "what is the capital of {p}?",
    "what is the capital city of {p}?",
    "what's the capital of {p}?",
    "name the capital of {p}.",
    "where is {p}?",
    "how many people live in {p}?",
    "what is the population of {p}?",
    "what language do they speak in {p}?",
    "who is the president of {p}?",
    "what is the weather in {p}?",
    "what's the weather like in {p} today?",
    "what time is it in {p}?",
    "how do I get to {p}?",
    "what should I see in {p}?",
    "what is the largest city in {p}?",
    "tell me about {p}.",
    "what is the currency of {p}?",
    "plan a trip to {p}.",
    "when is the best time to visit {p}?",
    "write a poem about {t}.",
    "write a poem about {t}",
    "write a story about {t}.",
    "tell me a story about {t}.",
    "write an essay about {t}.",
    "tell me about {t}.",
    "tell me a joke about {t}.",
    "explain {t}.",
    "explain {t} to me.",
    "what is {t}?",
    "who was {t}?",
    "why is {t} important?",
    "how does {t} work?",
    "what do you think about {t}?",
    "summarize {t}.",
    "give me facts about {t}.",
    "what do you know about {t}?",
    "do you like {t}?",
    "sing a song about {t}.",
    "draw {t}.",
    "write a song about {t}.",
    "tell me a joke.",
    "tell me a joke",
    "tell me a story.",
    "write a poem.",
    "write a haiku.",
    "what is the meaning of life?",
    "what day is it today?",
    "what time is it?",
    "who won the world cup?",
    "who wrote Hamlet?",
    "who wrote Don Quixote?",
    "who painted the Mona Lisa?",
    "who discovered America?",
    "who invented the telephone?",
    "what color is the sky?",
    "why is the sky blue?",
    "how far is the moon?",
    "how tall is Mount Everest?",
    "what is the speed of light?",
    "what is the tallest mountain?",
    "what is the longest river?",
    "what is the largest ocean?",
    "how do I cook {t}?",
    "how do I bake {t}?",
    "give me a recipe for {t}.",
    "translate {t} into French.",
    "translate {t} to Chinese.",
    "how do you say {t} in Spanish?",
    "write a Python program that prints {t}.",
    "write code to sort a list.",
    "write a function in Python.",
    "how do I install Linux?",
    "fix my code.",
    "write an email to my boss.",
    "write a letter to {p}.",
    "what should I eat today?",
    "recommend a book about {t}.",
    "recommend a movie.",
    "what is your favorite color?",
    "do you have feelings?",
    "are you conscious?",
    "can you drive a car?",
    "play chess with me.",
    "what is the news today?",
    "spell the word {t}.",
    "is {t} real?",
    "what rhymes with {t}?",
    "who is the king of {p}?",
    "what is the best food in {p}?",
    "I am sad.",
    "I love you.",
    "I am bored.",
    "who are the Beatles?",
    "when did the war end?",
    "when was Einstein born?",
    "what is the chemical symbol for gold?",
    "what is water made of?",
    "what causes rain?",
    "法国的首都是哪里？",
    "写一首诗。",
    "今天天气怎么样？",
    "给我讲个故事。",
    "什么是{t}？",
];
const MATHEMATICS: &[&str] = &[
    "what is the square root of {n}?",
    "the square root of {n}",
    "sqrt({n})",
    "{n}^{m}",
    "what is {n} to the power of {m}?",
    "{n} ** {m}",
    "what is {m}% of {n}?",
    "{m} percent of {n}",
    "what is {d} + {n}?",
    "{d} * {m}",
    "what is {d} times {m}?",
    "{d} - {e}",
    "{d} + {e}",
    "{d}+{e}",
    "{m}/{n} + 1/{m}",
    "add 1/{m} and 1/{k}",
    "what is 1/{m} + 1/{k}?",
    "the factorial of {m}",
    "{m}!",
    "what is {m} factorial?",
    "integrate x^{m}",
    "the derivative of x^{m}",
    "differentiate {m}x^{k}",
    "sin({n})",
    "the sine of {n} degrees",
    "log({n})",
    "what is pi?",
    "pi times {m}",
    "what is the area of a circle with radius {m}?",
    "solve x^2 = {n}",
    "prove that there are infinitely many primes",
    "what is the next number: {m}, {k}, {n}?",
    "round {d}",
    "the average of {n}, {m} and {k}",
    "what is infinity plus {m}?",
    "convert {n} miles to km",
    "what is {n} in Roman numerals?",
];
const BEFORE: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "",
    "Hi, ",
    "Hello! ",
    "Please ",
    "Question: ",
    "Can you tell me: ",
    "Hey, ",
    "I have a question: ",
];

impl Family for OutOfScope {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "out_of_scope"
    }

    fn about(&self) -> &'static str {
        "requests beyond small problems with whole numbers, refused with grace (not judged)"
    }

    fn levels(&self) -> u8 {
        1
    }

    fn draw(&self, rng: &mut Rng, _: u8) -> Problem {
        let why = [Why::NotArithmetic, Why::TooLong, Why::OtherMathematics][rng.weighted(&[6, 1, 2])];
        let request = match why {
            Why::NotArithmetic => {
                let text = fill(rng.pick(QUESTIONS), &[("p", rng.pick(PLACES)), ("t", rng.pick(TOPICS))]);
                let before = rng.pick(BEFORE);
                if before.is_empty() || before.ends_with(['!', '.']) {
                    format!("{before}{}", phrase::capitalise(&text))
                } else {
                    format!("{before}{text}")
                }
            }
            Why::TooLong => {
                let op = rng.pick(&["+", "-", "*", "×", "plus", "minus", "times", "divided by", "/"]);
                let product = !matches!(op, "+" | "-" | "plus" | "minus");
                let (least, most) = if product { (4, 8) } else { (6, 9) };
                let digits = [rng.between(least, most) as u32, rng.between(if product { 3 } else { 5 }, most) as u32];
                format!("{} {op} {}", rng.number(digits[0]), rng.number(digits[1]))
            }
            Why::OtherMathematics => {
                let (n, m, k) =
                    (rng.between(10, 999).to_string(), rng.between(2, 20).to_string(), rng.between(2, 9).to_string());
                let (d, e) = (
                    format!("{}.{}", rng.between(0, 99), rng.between(1, 99)),
                    format!("{}.{}", rng.between(0, 9), rng.between(1, 9)),
                );
                fill(rng.pick(MATHEMATICS), &[("n", &n), ("m", &m), ("k", &k), ("d", &d), ("e", &e)])
            }
        };
        Problem { why, request }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("refuse {}", p.request)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, _: &Options) -> Asked {
        let wrapped = p.request.ends_with(['?', '.', '？', '。']) || p.why == Why::NotArithmetic;
        if wrapped {
            let asked = Asked::plain(phrase::capitalise(&p.request));
            return phrase::noise(asked, rng);
        }
        let mut asked = phrase::ask(&Core::Noun(p.request.clone()), rng);
        asked.form = Form::Sentence;
        asked
    }

    fn answer(&self, _: &Problem) -> String {
        String::new()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let (reasoning, answer_text) = match p.why {
            Why::NotArithmetic => (
                "This needs knowledge that I do not have. I only know small problems with numbers, words and logic.",
                "Sorry, I cannot answer that: I am a tiny model for small problems with numbers, words and logic. Try: What is 347 + 588?",
            ),
            Why::TooLong => (
                "These numbers are too long for me. I know sums and differences of up to 4 digits.",
                "Sorry, these numbers are too long for me. I add and subtract up to 4 digits and multiply up to 2. Try: What is 347 + 588?",
            ),
            Why::OtherMathematics => (
                "This is mathematics that I have not learned.",
                "Sorry, I have not learned that yet. I work with small whole numbers. Try: What is 47 × 86?",
            ),
        };
        Some(Demonstration { reasoning: reasoning.to_string(), answer_text: answer_text.to_string() })
    }

    fn judge(&self, _: &Problem, _: &str) -> Judgement {
        Judgement::cannot_judge("a refusal has no single right wording")
    }
}
