//! Greetings, thanks and questions about the model itself. There is no gold answer: nothing here is judged.

use crate::phrase;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use serde::{Deserialize, Serialize};

/// Small talk.
pub struct Conversation;

/// What is said, and what it is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    topic: String,
    said: String,
}

#[derive(Clone, Copy)]
struct Topic {
    name: &'static str,
    sayings: &'static [&'static str],
    thinking: &'static str,
    replies: &'static [&'static str],
}

const TOPICS: &[Topic] = &[
    Topic {
        name: "greeting",
        sayings: &[
            "hi",
            "hello",
            "hey",
            "hi there",
            "hello there",
            "hey there",
            "good morning",
            "good evening",
            "good afternoon",
            "good day",
            "greetings",
            "howdy",
            "hi, how are you",
            "hello, how are you",
            "how are you",
            "how are you today",
            "how are you doing",
            "how's it going",
            "what's up",
            "hi bot",
            "hello bot",
            "hi penseur",
            "hello penseur",
            "hey penseur",
            "nice to meet you",
            "yo",
            "hiya",
            "hi!!",
            "anyone there",
            "are you there",
            "你好",
            "您好",
            "hello world",
            "test",
            "hi, nice to meet you",
            "morning",
            "hallo",
            "bonjour",
            "hola",
        ],
        thinking: "This is a greeting. I greet back and say what I can do.",
        replies: &[
            "Hello! I am a tiny model for small problems with numbers, words and logic. Try: What is 347 + 588?",
        ],
    },
    Topic {
        name: "self",
        sayings: &[
            "who are you",
            "what are you",
            "what is your name",
            "what's your name",
            "who made you",
            "are you ChatGPT",
            "are you an AI",
            "are you a robot",
            "are you human",
            "are you a person",
            "tell me about yourself",
            "introduce yourself",
            "what model are you",
            "which model is this",
            "what is penseur",
            "who is this",
            "who am I talking to",
            "are you a language model",
            "how big are you",
            "are you DeepSeek",
            "are you smart",
            "describe yourself",
            "how were you trained",
            "where do you come from",
            "how old are you",
            "do you have a name",
            "你是谁",
            "你叫什么名字",
            "who created you",
            "who built you",
        ],
        thinking: "This is about me. I say what I am.",
        replies: &[
            "I am mini, a tiny model of the penseur project. I think in small steps and solve small problems with numbers, words and logic. Try: 47 × 86",
        ],
    },
    Topic {
        name: "abilities",
        sayings: &[
            "what can you do",
            "what can you do for me",
            "help",
            "help me",
            "can you help me",
            "what do you know",
            "what can I ask you",
            "what can I ask",
            "how can you help",
            "how can you help me",
            "what are you good at",
            "what do you do",
            "how does this work",
            "what should I ask",
            "give me an example",
            "show me an example",
            "what are your abilities",
            "what are your skills",
            "what problems can you solve",
            "can you do math",
            "do you know math",
            "can you calculate",
            "what kind of questions can you answer",
            "how do I use you",
            "how do I use this",
            "what now",
            "give me some examples",
            "what math can you do",
            "can you solve word problems",
            "你会什么",
            "你能做什么",
            "can you add numbers",
            "can you multiply",
        ],
        thinking: "This asks what I can do. I list it with examples.",
        replies: &[
            "I calculate with small whole numbers, solve equations, word problems and puzzles, and work with lists, words and dates. Try: What is 347 + 588? Or: Solve 3x + 4 = 19. Or: Sort 52, 17, 88.",
        ],
    },
    Topic {
        name: "thanks",
        sayings: &[
            "thanks",
            "thank you",
            "thank you very much",
            "thanks a lot",
            "thx",
            "great",
            "great, thanks",
            "good job",
            "well done",
            "nice",
            "cool",
            "perfect",
            "awesome",
            "that's right",
            "correct",
            "wow",
            "amazing",
            "thanks for your help",
            "many thanks",
            "ok",
            "okay",
            "ok thanks",
            "great job",
            "excellent",
            "that is correct",
            "good",
            "very good",
            "good bot",
            "谢谢",
            "you are right",
            "nice work",
            "thank you so much",
            "thanks!!",
        ],
        thinking: "This is a kind word. I say you are welcome.",
        replies: &["You are welcome! Ask me another one."],
    },
    Topic {
        name: "farewell",
        sayings: &[
            "bye",
            "goodbye",
            "bye bye",
            "see you",
            "see you later",
            "good night",
            "have a nice day",
            "see you tomorrow",
            "take care",
            "that's all",
            "that is all",
            "I have to go",
            "farewell",
            "再见",
            "ciao",
            "talk to you later",
            "I'm done",
            "bye for now",
        ],
        thinking: "This is a farewell. I say goodbye.",
        replies: &["Goodbye! Come back when you have numbers to add."],
    },
    Topic {
        name: "doubt",
        sayings: &[
            "that is wrong",
            "that's wrong",
            "you are wrong",
            "wrong",
            "are you sure",
            "is that right",
            "that is not correct",
            "incorrect",
            "no",
            "I don't think so",
            "check again",
            "try again",
            "that can't be right",
            "you made a mistake",
            "really",
            "why",
            "how do you know",
            "that is not right",
        ],
        thinking: "This doubts an answer. I admit that I can be wrong.",
        replies: &["I can make mistakes. Please ask the whole question again, and I will work it out step by step."],
    },
];

const ENDS: &[&str] = &["", "", "", "!", "?", ".", " :)", "...", "??"];

fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

impl Family for Conversation {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "conversation"
    }

    fn about(&self) -> &'static str {
        "greetings, thanks, and what the model is and can do (not judged)"
    }

    fn levels(&self) -> u8 {
        1
    }

    fn draw(&self, rng: &mut Rng, _: u8) -> Problem {
        let topic = rng.pick(TOPICS);
        let saying = rng.pick(topic.sayings);
        let said = match rng.below(10) {
            0..4 => saying.to_string(),
            4..9 => phrase::capitalise(saying),
            _ => saying.to_uppercase(),
        };
        let said = format!("{said}{}", rng.pick(ENDS));
        Problem { topic: topic.name.to_string(), said }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("say {}", p.said)
    }

    fn ask(&self, p: &Problem, _: &mut Rng, _: &Options) -> Asked {
        Asked::plain(p.said.clone())
    }

    fn answer(&self, _: &Problem) -> String {
        String::new()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, rng: &mut Rng, _: &Options) -> Option<Demonstration> {
        let topic = topic(&p.topic)?;
        Some(Demonstration { reasoning: topic.thinking.to_string(), answer_text: rng.pick(topic.replies).to_string() })
    }

    fn judge(&self, _: &Problem, _: &str) -> Judgement {
        Judgement::cannot_judge("small talk has no right answer")
    }
}
