use super::*;

#[test]
fn what_wraps_an_answer_is_taken_off() {
    for (text, bare) in [
        ("<final_answer>48</final_answer>", "48"),
        ("<wrong_answer>48</wrong_answer>", "<wrong_answer>48</wrong_answer>"),
        ("<answer>48</answer><|im_end|>", "<answer>48</answer>"),
        ("> __48__", "48"),
        ("- yes", "yes"),
        ("- x + 4", "- x + 4"),
        ("- yes\n- no", "- yes\n- no"),
        ("```json\n{\"answer\": [4, 9]}\n```", "[4, 9]"),
        ("{\"hours\": 48}", "{\"hours\": 48}"),
        ("{\"answer\": 47, \"answer\": 48}", "{\"answer\": 47, \"answer\": 48}"),
        ("| Item | Value |\n|---|---|\n| Total | 48 |", "48"),
        ("| 47 | 48 |", "| 47 | 48 |"),
        ("\\begin{align}\n3x &= 12 \\\\\nx &= 4\n\\end{align}", "x &= 4"),
    ] {
        assert_eq!(unwrapped(text).trim(), bare, "{text}");
    }
}

#[test]
fn reasons_are_taken_off_unless_they_lead_elsewhere() {
    for (text, bare) in [
        ("x = -4. Check: 3(-4) + 7 = -5.", "x = -4"),
        ("12, since 8 × 12 = 96.", "12"),
        ("127 (since 127 > 65)", "127"),
        ("yes\n\nReason: see above.", "yes"),
        ("Paris. Hope this helps!", "Paris"),
        ("12, since 8 × 12 = 96. The answer is 8", "12, since 8 × 12 = 96. The answer is 8"),
        ("40, because 8 are left, so 48", "40, because 8 are left, so 48"),
        ("12, since it may be 13", "12, since it may be 13"),
        ("yes, because there is no path", "yes, because there is no path"),
        ("since 8 × 12 = 96", "since 8 × 12 = 96"),
    ] {
        assert_eq!(without_reasons(text).trim(), bare, "{text}");
    }
}

#[test]
fn lines_are_a_list_when_each_holds_one_item() {
    assert_eq!(listed("1. 9\n2. 3\n\n3. 1").as_deref(), Some("9, 3, 1"));
    assert_eq!(listed("Row 1: 2\nRow 2: 4").as_deref(), Some("2, 4"));
    assert_eq!(listed("- 4\n- 9").as_deref(), Some("4, 9"));
    for text in ["48", "1. 9\n3. 3\nand 4", "4 + 5\n9"] {
        assert_eq!(listed(text), None, "{text}");
    }
}
