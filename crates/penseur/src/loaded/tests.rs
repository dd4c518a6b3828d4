use super::*;

fn mini() -> Format {
    let source = find("mini").expect("bundled");
    let config = source.config().expect("a configuration");
    let template = source.chat_template().expect("a template");
    Format::new(tokenizer(&source).expect("a tokenizer"), template, &config, 512)
}

fn prompt_of(format: &Format, text: &str) -> Vec<u32> {
    format.encode_raw(text, TextOptions::PROMPT)
}

/// `/v1/apply-template` and then `/v1/completions`.
#[test]
fn a_rendered_prompt_that_is_sent_as_text_is_the_same_prompt() {
    let format = mini();
    let question = ChatMessage { role: "user".into(), content: "What is 3 + 4?".into(), ..ChatMessage::default() };
    let prompt = format.prompt(&[question], &PromptOptions::default()).expect("a prompt").tokens;
    let bytes: Vec<u8> = prompt.iter().flat_map(|&id| format.token_bytes(id)).collect();
    let text = String::from_utf8(bytes).expect("text");
    assert_eq!(prompt_of(&format, &text), prompt);
    let plain = TextOptions { parse_special: false, ..TextOptions::PROMPT };
    assert!(!format.encode_raw(&text, plain).iter().any(|&id| format.tokenizer.is_control_id(id)));
}

/// The bundled model's configuration says `add_bos_token: false`.
#[test]
fn a_text_begins_as_its_tokenizer_says() {
    let format = mini();
    let bos = format.tokenizer.bos_id().expect("a token that begins a document");
    assert_eq!(prompt_of(&format, "3 + 4"), format.tokenizer.encode("3 + 4"));
    assert_eq!(prompt_of(&format, ""), [bos], "nothing cannot be gone on from");
}
