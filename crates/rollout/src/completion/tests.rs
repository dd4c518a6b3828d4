use super::*;
use model::source::Source;
use tasks::Verdict;

fn mini() -> Tokenizer {
    Source::resolve("mini").unwrap().tokenizer().unwrap().unwrap()
}

fn divided(text: &str, in_thinking: bool) -> Parts {
    let tokenizer = mini();
    let parts = Parts::from_tokens(&tokenizer, &tokenizer.encode_with_special(text), in_thinking);
    Parts { n_thinking: 0, ..parts }
}

#[test]
fn tokens_and_text_divide_alike() {
    let cases = [
        ("7 and 8\n</think>\n\n15", true, ("7 and 8", "15"), true),
        ("<think>\n7 and 8\n</think>\n\n15", false, ("7 and 8", "15"), true),
        ("15", false, ("", "15"), true),
        ("7 and 8 and", true, ("7 and 8 and", ""), false),
        ("</think>15", true, ("", "15"), true),
        ("a</think>1</think>2", true, ("a", ""), false),
        ("a</think>", true, ("a", ""), false),
    ];
    for (text, in_thinking, (reasoning, content), well_formed) in cases {
        let by_text = Parts::from_text(text, in_thinking);
        let by_token = divided(text, in_thinking);
        assert_eq!(by_token.reasoning, reasoning, "{text}");
        assert_eq!(by_text.reasoning, reasoning, "{text}");
        assert_eq!((by_token.is_well_formed(), by_text.is_well_formed()), (well_formed, well_formed), "{text}");
        if well_formed {
            assert_eq!((by_token.content.as_str(), by_text.content.as_str()), (content, content), "{text}");
            assert_eq!(by_token, by_text, "{text}");
        }
    }
}

#[test]
fn a_tag_in_letters_is_text_where_tags_are_tokens() {
    let tokenizer = mini();
    let mut tokens = tokenizer.encode("say </think> now");
    tokens.extend([tokenizer.think_end_id().unwrap()]);
    tokens.extend(tokenizer.encode("ok"));
    tokens.extend(tokenizer.eos_id());
    let parts = Parts::from_tokens(&tokenizer, &tokens, true);
    assert_eq!((parts.reasoning.as_str(), parts.content.as_str()), ("say </think> now", "ok"));
    assert!(parts.is_well_formed());
    assert_eq!(parts.n_thinking, tokens.len() - 2 - tokenizer.encode("ok").len());
}

#[test]
fn only_what_was_ended_can_be_right() {
    let task = tasks::find("addition").unwrap();
    let example = task.generate(&mut tasks::Rng::new(1), 1, tasks::Split::Train, &tasks::Options::default());
    let answer = |reasoning: &str| Parts::from_fields(reasoning, &example.answer);
    let verdict = |parts: &Parts, done| judge(task.as_ref(), &example.problem, parts, done).verdict;
    assert_eq!(verdict(&answer("hm"), true), Verdict::Right);
    assert_eq!(verdict(&answer("hm"), false), Verdict::Wrong);
    assert_eq!(verdict(&Parts::from_text(&example.answer, true), true), Verdict::Wrong, "still thinking");
    assert_eq!(verdict(&Parts::default(), true), Verdict::Wrong);
}
