//! Any schema, expression or grammar: compiled or refused, and what is compiled binds a first token.
#![no_main]

use std::sync::OnceLock;

use engine::mock::ByteTokenizer;
use engine::{Constraints, Grammar};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    static CONSTRAINTS: OnceLock<Constraints> = OnceLock::new();
    let compile = || Constraints::new(ByteTokenizer::vocabulary(), ByteTokenizer::END).expect("a vocabulary");
    let constraints = CONSTRAINTS.get_or_init(compile);
    let (kind, text) = input;
    let grammar = match kind % 3 {
        0 => Grammar::Regex(text.to_owned()),
        1 => Grammar::Lark(text.to_owned()),
        _ => match serde_json::from_str(text) {
            Ok(schema) => Grammar::JsonSchema(schema),
            Err(_) => return,
        },
    };
    if let Ok(mut constraint) = constraints.compile(&grammar) {
        let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
        constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("what compiles has a first token");
    }
});
