use super::*;

fn parse<'a>(opened_by_prompt: bool, pieces: impl IntoIterator<Item = &'a str>) -> Delta {
    let mut parser = ReasoningParser::new(opened_by_prompt);
    let mut all = Delta::default();
    let mut add = |delta: Delta| {
        all.reasoning += &delta.reasoning;
        all.content += &delta.content;
    };
    for piece in pieces {
        add(parser.push(piece));
    }
    add(parser.finish());
    all
}

/// One line of the vectors; a null part means the same as an empty one.
#[derive(serde::Deserialize)]
struct Vector {
    mode: String,
    output: Option<String>,
    reasoning: Option<String>,
    content: Option<String>,
    chunks: Option<Vec<String>>,
    joined_reasoning: Option<String>,
    joined_content: Option<String>,
}

#[test]
fn the_cases_of_other_projects() {
    let lines = include_str!("../../tests/third_party/reasoning_parser/vectors.jsonl");
    let mut n = 0;
    for line in lines.lines() {
        let vector: Vector = serde_json::from_str(line).expect("a vector");
        let pieces = vector.chunks.clone().unwrap_or_else(|| vector.output.clone().into_iter().collect());
        let expected = Delta {
            reasoning: vector.joined_reasoning.or(vector.reasoning).unwrap_or_default(),
            content: vector.joined_content.or(vector.content).unwrap_or_default(),
        };
        let found = parse(vector.mode == "deepseek_r1_forced_open", pieces.iter().map(String::as_str));
        assert_eq!(found, expected, "{line}");
        n += 1;
    }
    assert!(n >= 20, "only {n} vectors were found");
}

const TEXTS: &[&str] = &[
    "<think>a</think>b",
    "a</think>b",
    " \n<think>\nLet's see: 3 < 4, <thin air>, </ think>\n</think>\n\nThe answer is <b>7</b>.",
    "<think>never closed <thi",
    "<think><think>nested</think> and </think> after",
    "no tags at all, but a < sign",
    "</think>",
    "<think></think>",
    "  ",
    "",
    "<",
    "思考</think>答え🙂<think>text</think>",
    "<think>数</think",
];

/// Every way to cut the bytes of a text in three gives what the whole gives. Bytes are decoded as they come, so cuts fall
/// inside characters too.
#[test]
fn cuts_change_nothing() {
    for text in TEXTS {
        for opened in [true, false] {
            let whole = parse(opened, [*text]);
            let bytes = text.as_bytes();
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let mut detokenizer = crate::detokenizer::Detokenizer::default();
                    let mut pieces: Vec<String> = [&bytes[..first], &bytes[first..second], &bytes[second..]]
                        .iter()
                        .map(|part| {
                            let push = |&b: &u8| detokenizer.push(u32::from(b), &crate::mock::ByteTokenizer);
                            part.iter().map(push).collect()
                        })
                        .collect();
                    pieces.push(detokenizer.finish(&crate::mock::ByteTokenizer));
                    let found = parse(opened, pieces.iter().map(String::as_str));
                    assert_eq!(found, whole, "{text:?} cut at {first} and {second}");
                }
            }
            let one_by_one: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(parse(opened, one_by_one.iter().map(String::as_str)), whole, "{text:?}");
        }
    }
}

#[test]
fn the_rules_in_examples() {
    let delta = |reasoning: &str, content: &str| Delta { reasoning: reasoning.into(), content: content.into() };
    assert_eq!(parse(true, ["<think>a<think>b</think>c<think>d"]), delta("ab", "c<think>d"));
    assert_eq!(parse(false, ["say <think> aloud</think>"]), delta("", "say <think> aloud</think>"));
    assert_eq!(parse(true, ["unfinished </thi"]), delta("unfinished </thi", ""));
    assert_eq!(parse(true, [" \n"]), delta(" \n", ""));
}

#[test]
fn text_that_cannot_be_a_tag_is_not_held_back() {
    let mut parser = ReasoningParser::new(true);
    assert_eq!(parser.push("abc").reasoning, "abc");
    assert_eq!(parser.push("d<").reasoning, "d");
    assert_eq!(parser.push("e").reasoning, "<e");
}
