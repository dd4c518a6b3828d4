//! Conditions hold or do not, whatever the words.

use super::*;
use crate::task::Verdict::{self, CannotJudge, Right, Wrong};
use serde_json::json;

fn verdict(problem: &serde_json::Value, answer: &str) -> Verdict {
    Instructions.judge(&serde_json::from_value(problem.clone()).unwrap(), answer).verdict
}

fn list(form: &str) -> serde_json::Value {
    json!({"list": {"kind": "colors", "n": 3, "form": form, "chinese": false, "case": "lower", "sorted": true, "first": null,
        "last": null, "include": "red", "exclude": "black", "without": "o"}})
}

#[test]
fn lists_keep_all_conditions() {
    for (form, answer) in [
        ("commas", "blue, green, red"),
        ("commas", "blue,green,red."),
        ("lines", "blue\ngreen\nred\n"),
        ("numbered", "1. blue\n2. green\n3. red"),
        ("bullets", "- blue\n- green\n- red"),
        ("json", "[\"blue\", \"green\", \"red\"]"),
    ] {
        assert_eq!(verdict(&list(form), answer), Right, "{form} {answer}");
    }
    for (form, answer) in [
        ("commas", ""),
        ("commas", "blue, red"),
        ("commas", "blue, green, pink"),
        ("commas", "red, green, blue"),
        ("commas", "Blue, green, red"),
        ("commas", "blue, blue, red"),
        ("commas", "blue, cat, red"),
        ("commas", "black, blue, red"),
        ("commas", "blue, brown, red"),
        ("commas", "blue\ngreen\nred"),
        ("commas", "blue, green, red and so on"),
        ("commas", "here you are: blue, green, red"),
        ("lines", "blue, green, red"),
        ("numbered", "1. blue\n3. green\n2. red"),
        ("numbered", "blue\ngreen\nred"),
        ("bullets", "* blue\n* green\n* red"),
        ("json", "['blue', 'green', 'red']"),
        ("json", "[\"blue\", \"green\", \"red\"] "),
    ] {
        let expected = if answer.ends_with(' ') { Right } else { Wrong };
        assert_eq!(verdict(&list(form), answer), expected, "{form} {answer}");
    }
    assert_eq!(verdict(&list("commas"), "azure, beige, red"), CannotJudge);
}

#[test]
fn texts_sentences_and_objects() {
    let text = json!({"text": {"words": ["Old", "cat", "sleeps"], "steps": ["reverse", "upper", {"repeat": 2}]}});
    assert_eq!(verdict(&text, "SLEEPS CAT OLD\nSLEEPS CAT OLD"), Right);
    for wrong in ["SLEEPS CAT OLD", "OLD CAT SLEEPS\nOLD CAT SLEEPS", "sleeps cat old\nsleeps cat old", ""] {
        assert_eq!(verdict(&text, wrong), Wrong, "{wrong}");
    }
    let sentence = json!({"sentence": {"n_words": 5, "include": "fox", "last": "today", "case": "lower"}});
    assert_eq!(verdict(&sentence, "the red fox sings today."), Right);
    for wrong in [
        "the fox sings today.",
        "The red fox sings today.",
        "the red cat sings today.",
        "the red fox today sings",
        "fox fox fox fox today",
        "the red fox. sings today",
        "the 1 fox sings today",
        "",
    ] {
        assert_eq!(verdict(&sentence, wrong), Wrong, "{wrong}");
    }
    let object = json!({"object": {"fields": [["name", "Tom"], ["age", 7]]}});
    assert_eq!(verdict(&object, "{\"age\": 7, \"name\": \"Tom\"}"), Right);
    for wrong in [
        "{\"age\": \"7\", \"name\": \"Tom\"}",
        "{\"name\": \"Tom\"}",
        "{\"age\": 7, \"name\": \"Tom\", \"x\": 1}",
        "[7]",
        "",
    ] {
        assert_eq!(verdict(&object, wrong), Wrong, "{wrong}");
    }
}

#[test]
fn every_kind_of_instruction_is_drawn_and_followed() {
    let mut rng = Rng::new(1);
    let mut kinds = std::collections::BTreeSet::new();
    for index in 0..600 {
        let problem = Instructions.draw(&mut rng, 1 + (index % 3) as u8);
        let asked = Instructions.ask(&problem, &mut rng, &Options::default());
        let shown = Instructions.demonstrate(&problem, &asked, &mut rng, &Options::default()).unwrap();
        let judgement = Instructions.judge(&problem, &shown.answer_text);
        assert_eq!(judgement.verdict, Right, "{}\n{}\n{}", asked.prompt, shown.answer_text, judgement.reason);
        kinds.extend(serde_json::to_value(&problem).unwrap().as_object().unwrap().keys().cloned());
    }
    assert_eq!(kinds.len(), 4);
}
