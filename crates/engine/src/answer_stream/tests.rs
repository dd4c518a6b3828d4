use super::*;
use crate::mock::ByteTokenizer;
use crate::request::ThinkingParams;
use crate::thinking::Thinking;

/// The tokens of `output` as the engine would report them, `<end>` being the stop token.
fn tokens(output: &str, by_token: bool) -> Vec<Token> {
    tokens_behind(true, output, by_token)
}

/// The same; `open`: the prompt opened a block.
fn tokens_behind(open: bool, output: &str, by_token: bool) -> Vec<Token> {
    let mut thinking = Thinking::new(ThinkingParams { open, ..ByteTokenizer::thinking() }, 10_000);
    let kind = |id| match id {
        ByteTokenizer::END => TokenKind::Stop,
        _ if by_token => thinking.observe(id),
        _ => TokenKind::Answer,
    };
    let ids = if by_token { ByteTokenizer::encode(output) } else { output.bytes().map(u32::from).collect() };
    let mut kind = kind;
    ids.into_iter().map(|id| Token { id, logprob: 0.0, kind: kind(id), chosen: true }).collect()
}

fn read(output: &str, split: Split, stops: &[&str]) -> (Delta, AnswerStream) {
    let stops = StopStrings::new(stops.iter().map(|s| s.to_string()));
    let mut stream = AnswerStream::new(Arc::new(ByteTokenizer), split, stops);
    let mut all = Delta::default();
    let mut add = |delta: Delta| {
        all.reasoning += &delta.reasoning;
        all.content += &delta.content;
    };
    for token in tokens(output, split == Split::ByToken) {
        add(stream.push(&token));
    }
    add(stream.finish());
    (all, stream)
}

fn delta(reasoning: &str, content: &str) -> Delta {
    Delta { reasoning: reasoning.into(), content: content.into() }
}

#[test]
fn control_tokens_divide_and_blank_lines_go() {
    let (all, stream) = read("\nLet me see.\n\n4 + 3 = 7\n</think>\n\n**7**\n<end>", Split::ByToken, &[]);
    assert_eq!(all, delta("Let me see.\n\n4 + 3 = 7", "**7**\n"));
    assert_eq!(stream.n_completion(), 34, "bytes, one tag, the stop token");
    assert_eq!(stream.n_reasoning(), 25);
}

#[test]
fn tags_as_text_divide_alike() {
    for opened_by_prompt in [true, false] {
        let (all, stream) = read("<think>\na b\n</think>\n\nc", Split::ByText { opened_by_prompt }, &[]);
        assert_eq!(all, delta("a b", "c"));
        assert!(stream.n_reasoning() > 0 && stream.n_reasoning() < stream.n_completion());
    }
}

#[test]
fn forged_tags_are_text_where_control_tokens_exist() {
    let mut all = tokens("x", true);
    let thought = all[0];
    all.extend("</think>y".bytes().map(|b| Token { id: u32::from(b), ..thought }));
    let mut stream = AnswerStream::new(Arc::new(ByteTokenizer), Split::ByToken, StopStrings::default());
    let text: String = all.iter().map(|t| stream.push(t).reasoning).collect();
    assert_eq!(text, "x</think>y");
}

#[test]
fn raw_text_is_left_as_it_is() {
    assert_eq!(read("  <think> a \n", Split::Raw, &[]).0, delta("", "  <think> a \n"));
}

#[test]
fn stop_strings_end_the_answer_and_not_the_thinking() {
    let (all, stream) = read("I will say END now</think>\n\nGood ENDing", Split::ByToken, &["END"]);
    assert_eq!(all, delta("I will say END now", "Good "));
    assert_eq!(stream.stopped(), Some("END"));
    assert_eq!(stream.n_completion(), "I will say END now".len() + 1 + "\n\nGood END".len());
}

#[test]
fn a_character_cut_by_a_tag_is_not_mixed_into_the_answer() {
    let mut all = tokens("a", true);
    all.push(Token { id: 0xE4, ..all[0] });
    all.extend(tokens("</think>b", true));
    let mut stream = AnswerStream::new(Arc::new(ByteTokenizer), Split::ByToken, StopStrings::default());
    let deltas: Vec<Delta> = all.iter().map(|t| stream.push(t)).collect();
    let reasoning: String = deltas.iter().map(|d| d.reasoning.as_str()).collect();
    let content: String = deltas.iter().map(|d| d.content.as_str()).collect();
    assert_eq!((reasoning.as_str(), content.as_str()), ("a\u{FFFD}", "b"));
}

#[test]
fn an_unfinished_thought_is_thinking() {
    let (all, _) = read("\nhm <", Split::ByToken, &[]);
    assert_eq!(all, delta("hm <", ""));
    let (all, _) = read("hm <", Split::ByText { opened_by_prompt: true }, &[]);
    assert_eq!(all, delta("hm <", ""));
}

#[test]
fn what_was_begun_goes_on_with_its_white_space() {
    let go_on = |split, in_thinking, output: &str| {
        let prompt = ByteTokenizer::encode("one");
        let stream = AnswerStream::new(Arc::new(ByteTokenizer), split, StopStrings::default());
        let mut stream = stream.going_on(&prompt, in_thinking);
        let mut thinking = Thinking::new(ThinkingParams { open: in_thinking, ..ByteTokenizer::thinking() }, 10_000);
        let mut all = Delta::default();
        let ids = match split {
            Split::ByToken => ByteTokenizer::encode(output),
            _ => output.bytes().map(u32::from).collect(),
        };
        for id in ids {
            let kind = if split == Split::ByToken { thinking.observe(id) } else { TokenKind::Answer };
            let new = stream.push(&Token { id, logprob: 0.0, kind, chosen: true });
            all.reasoning += &new.reasoning;
            all.content += &new.content;
        }
        let rest = stream.finish();
        delta(&(all.reasoning + &rest.reasoning), &(all.content + &rest.content))
    };
    for split in [Split::ByToken, Split::ByText { opened_by_prompt: false }, Split::Raw] {
        assert_eq!(go_on(split, false, " two\n"), delta("", " two\n"), "{split:?}");
    }
    for split in [Split::ByToken, Split::ByText { opened_by_prompt: true }] {
        assert_eq!(go_on(split, true, " two\n</think>\n\n three"), delta(" two", "three"), "{split:?}");
    }
    let tags = "\n<think>are text";
    assert_eq!(go_on(Split::ByText { opened_by_prompt: false }, false, tags), delta("", tags));
}

#[test]
fn thinking_that_nobody_opened_is_told_from_a_whole_answer() {
    let whole = |split: Split, output: &str| {
        let mut stream = AnswerStream::new(Arc::new(ByteTokenizer), split, StopStrings::default());
        let mut all = Delta::default();
        for token in tokens_behind(false, output, split == Split::ByToken) {
            all.content += &stream.push(&token).content;
        }
        all.content += &stream.finish().content;
        let divided = stream.divide_late(&mut all);
        (all, divided, stream.n_reasoning())
    };
    let by_text = Split::ByText { opened_by_prompt: false };
    let output = "\nabc é\n</think>\n\ndef</think>g";
    assert_eq!(whole(by_text, output).0, delta("abc é", "def</think>g"));
    let (found, divided, n_reasoning) = whole(Split::ByToken, "\nabc é\n</think>\n\ndef<end>");
    assert_eq!((found, divided), (delta("abc é", "def"), true));
    assert_eq!(n_reasoning, "\nabc é\n".len() + 1, "the tag is one token");
    for plain in ["abc<end>", "abc<think>", "abc</think><end>", "abc <think>hm</think> def<end>"] {
        assert!(!whole(Split::ByToken, plain).1, "{plain}");
    }
    assert!(!whole(Split::Raw, "abc</think>def").1);
}
