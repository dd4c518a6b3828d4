use super::*;
use crate::mock::ByteTokenizer;

fn stream(bytes: &[u8]) -> (String, Vec<String>) {
    let mut detokenizer = Detokenizer::default();
    let mut parts: Vec<String> = bytes.iter().map(|&b| detokenizer.push(u32::from(b), &ByteTokenizer)).collect();
    parts.push(detokenizer.finish(&ByteTokenizer));
    (parts.concat(), parts)
}

#[test]
fn characters_arrive_whole() {
    let (text, parts) = stream("aé中🙂z".as_bytes());
    assert_eq!(text, "aé中🙂z");
    assert_eq!(parts.iter().filter(|p| !p.is_empty()).count(), 5);
}

#[test]
fn broken_bytes_become_replacement_characters_and_nothing_is_lost() {
    for bytes in [&b"a\xFFb"[..], b"\xE4\xB8", b"ok\xF0\x9F", b"\xC3\x28x", &[0xFF; 30]] {
        let (text, _) = stream(bytes);
        assert_eq!(text, String::from_utf8_lossy(bytes), "{bytes:?}");
    }
}

/// A word's space shows only after another word, as with SentencePiece.
struct Spaced;
impl Decode for Spaced {
    fn decode(&self, tokens: &[u32]) -> String {
        tokens.iter().map(|t| format!(" w{t}")).collect::<String>().trim_start().to_owned()
    }
}

#[test]
fn spaces_that_depend_on_the_token_before_are_kept() {
    let mut detokenizer = Detokenizer::default();
    let text: String = (0..5).map(|t| detokenizer.push(t, &Spaced)).collect();
    assert_eq!(text + &detokenizer.finish(&Spaced), "w0 w1 w2 w3 w4");
}

#[test]
fn a_word_behind_a_prompt_keeps_its_space() {
    let mut detokenizer = Detokenizer::behind(&[0, 1], &Spaced);
    assert_eq!(detokenizer.push(2, &Spaced), " w2");
    let mut detokenizer = Detokenizer::behind(&[97, 0xC3], &ByteTokenizer);
    let text = detokenizer.push(0xA9, &ByteTokenizer) + &detokenizer.push(98, &ByteTokenizer);
    assert_eq!(text + &detokenizer.finish(&ByteTokenizer), "\u{FFFD}b", "a character that the prompt cut");
}
