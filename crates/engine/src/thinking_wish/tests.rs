use super::*;

fn params(wish: &ThinkingWish, capped: bool) -> ThinkingParams {
    wish.params(&ThinkTags { start: 1, end: 2, closing: vec![2], wait: vec![3] }, true, 1000, capped)
}

#[test]
fn budgets_come_from_what_the_user_said() {
    let wish = |budget_tokens, effort| ThinkingWish { budget_tokens, effort, ..ThinkingWish::default() };
    for (wish, expected) in [
        (wish(None, None), None),
        (wish(Some(7), Some(Effort::Low)), Some(7)),
        (wish(None, Some(Effort::Low)), Some(250)),
        (wish(None, Some(Effort::Medium)), Some(500)),
        (wish(None, Some(Effort::High)), None),
    ] {
        assert_eq!(params(&wish, true).budget, expected, "{wish:?}");
    }
    assert_eq!(params(&ThinkingWish::default(), false).budget, Some(1000), "an answer fits into the context");
    assert_eq!(params(&ThinkingWish::default(), false).answer_reserve, 250);
}

#[test]
fn an_effort_is_a_switch_too() {
    let wish = |effort| ThinkingWish { effort: Effort::parse(effort).ok(), ..ThinkingWish::default() };
    assert_eq!(wish("none").switch(), Some(false));
    assert_eq!(wish("minimal").switch(), Some(true));
    assert_eq!(wish("no such").switch(), None);
    assert!(wish("low").needs_tags() && !wish("max").needs_tags());
}
