use super::{Keep, blank};

#[test]
fn comments_and_literals_become_spaces_and_lines_stay() {
    let source = "let a = \"unsafe // no\"; // unsafe\n/* unsafe /* nested */ */ b\n";
    let code = blank(source, Keep::Code);
    assert!(!code.contains("unsafe"));
    assert_eq!(code.len(), source.len());
    assert!(code.contains("let a =") && code.contains(" b\n"));
    assert_eq!(code.matches('\n').count(), 2);
}

#[test]
fn literals_can_be_kept() {
    let kept = blank("f(\"llama\"); // qwen", Keep::Literals);
    assert!(kept.contains("llama") && !kept.contains("qwen"));
}

#[test]
fn lifetimes_are_not_characters() {
    let source = "fn f<'a>(x: &'a str) -> char { '\"' } // \"\nlet b = 'x'; unsafe { b }";
    assert!(blank(source, Keep::Code).contains("unsafe"));
}

#[test]
fn raw_strings_and_escapes_end_where_they_end() {
    let source = r####"let a = r#"quote " inside"#; let b = "\\"; let c = b"\""; let d = b'\''; unsafe"####;
    let code = blank(source, Keep::Code);
    assert!(code.contains("unsafe") && code.contains("let d"));
    assert!(!code.contains("inside"));
}

#[test]
fn a_word_that_ends_in_r_does_not_start_a_raw_string() {
    assert!(blank("bar\"x\" unsafe", Keep::Code).contains("unsafe"));
}

#[test]
fn text_beyond_ascii_is_kept_whole() {
    assert_eq!(blank("é '｜' ü", Keep::Literals), "é '｜' ü");
}
