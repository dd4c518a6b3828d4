use super::*;

const START: u32 = 1;
const END: u32 = 2;
const NEWLINE: u32 = 3;

fn params() -> ThinkingParams {
    ThinkingParams {
        start_token: START,
        end_token: END,
        open: true,
        budget: None,
        closing: vec![NEWLINE, END, NEWLINE],
        answer_reserve: 10,
        loop_guard: true,
        min_tokens: 0,
        wait: vec![7, 8],
    }
}

/// Runs `n` tokens of a completion of at most `max_tokens`, in which the model says `wish(i)`; returns them with their
/// kinds.
fn run(thinking: &mut Thinking, max_tokens: usize, n: usize, wish: impl Fn(usize) -> u32) -> Vec<(u32, TokenKind)> {
    (0..n)
        .map(|i| {
            let token = thinking.next_forced(max_tokens - i, false).unwrap_or_else(|| wish(i));
            (token, thinking.observe(token))
        })
        .collect()
}

#[test]
fn the_model_closes_its_own_thinking() {
    let mut thinking = Thinking::new(params(), 100);
    let kinds: Vec<_> =
        run(&mut thinking, 100, 5, |i| [9, 9, END, 7, 7][i]).into_iter().map(|(_, kind)| kind).collect();
    use TokenKind::{Answer, ThinkTag, Thinking as Thought};
    assert_eq!(kinds, [Thought, Thought, ThinkTag, Answer, Answer]);
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Natural));
    assert_eq!(thinking.stop_reason(true), Some(ThinkingStopReason::Natural), "the answer was cut, not the thinking");
}

#[test]
fn a_budget_closes_the_block() {
    let mut thinking = Thinking::new(ThinkingParams { budget: Some(4), ..params() }, 100);
    let tokens = run(&mut thinking, 100, 9, |i| 10 + i as u32);
    let ids: Vec<u32> = tokens.iter().map(|t| t.0).collect();
    assert_eq!(ids, [10, 11, 12, 13, NEWLINE, END, NEWLINE, 17, 18]);
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Budget));
}

#[test]
fn a_budget_leaves_room_for_the_answer() {
    for max_tokens in [8, 20, 50] {
        let mut thinking = Thinking::new(ThinkingParams { budget: Some(1000), ..params() }, max_tokens);
        let tokens = run(&mut thinking, max_tokens, max_tokens, |i| 10 + i as u32);
        let n_answer = tokens.iter().filter(|t| t.1 == TokenKind::Answer).count();
        assert!(n_answer >= 10.min(max_tokens / 2), "{n_answer} of {max_tokens}");
    }
}

#[test]
fn a_budget_of_zero_goes_straight_to_the_answer() {
    let mut thinking = Thinking::new(ThinkingParams { budget: Some(0), ..params() }, 100);
    let tokens = run(&mut thinking, 100, 4, |_| 10);
    assert_eq!(tokens[3], (10, TokenKind::Answer));
}

#[test]
fn a_second_block_stays_within_the_same_budget() {
    let mut thinking = Thinking::new(ThinkingParams { budget: Some(3), ..params() }, 100);
    let wishes = [10, END, 11, START, 12, 13, 14, 15, 16, 17];
    let tokens = run(&mut thinking, 100, 10, |i| wishes[i]);
    let n_thought = tokens.iter().filter(|t| t.1 == TokenKind::Thinking && t.0 != NEWLINE).count();
    assert_eq!(n_thought, 3);
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Budget));
}

#[test]
fn the_user_may_ask_for_the_answer() {
    let mut thinking = Thinking::new(params(), 100);
    thinking.observe(10);
    assert_eq!(thinking.next_forced(50, true), Some(NEWLINE));
    thinking.observe(NEWLINE);
    assert_eq!(thinking.next_forced(49, true), Some(END));
    thinking.observe(END);
    assert_eq!(thinking.next_forced(48, true), Some(NEWLINE));
    thinking.observe(NEWLINE);
    assert_eq!(thinking.next_forced(47, true), None, "the wish is spent once the block is closed");
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::User));
}

#[test]
fn unclosed_thinking_is_named_by_how_the_completion_ended() {
    let thinking = Thinking::new(params(), 100);
    assert_eq!(thinking.stop_reason(true), Some(ThinkingStopReason::Length));
    let off = Thinking::new(ThinkingParams { open: false, ..params() }, 100);
    assert_eq!(off.stop_reason(true), None);
}

#[test]
fn loops_of_any_period_are_noticed() {
    for period in [1, 2, 7, 40, 250] {
        let mut guard = LoopGuard::default();
        let noticed = (0..2000usize).find(|i| {
            guard.push((i % period) as u32);
            guard.is_looping()
        });
        let bound = period + (3 * period).max(LoopGuard::MIN_TOKENS);
        assert_eq!(noticed.map(|i| i + 1), Some(bound), "period {period}");
    }
}

#[test]
fn honest_repetition_is_left_alone() {
    let mut guard = LoopGuard::default();
    for i in 0..5000u32 {
        // Lines of the same form with a running number, and a line said three times.
        for token in [5, 6, 7, 100 + i, 8] {
            guard.push(token);
        }
        if i % 50 == 0 {
            for _ in 0..3 {
                (0..30).for_each(|t| guard.push(t));
            }
        }
        assert!(!guard.is_looping());
    }
}

#[test]
fn a_loop_closes_the_block() {
    let mut thinking = Thinking::new(params(), 1000);
    let tokens = run(&mut thinking, 1000, 400, |i| (i % 3) as u32 + 20);
    assert!(tokens.iter().any(|t| t.0 == END));
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Loop));
}

#[test]
fn a_block_that_ends_too_early_goes_on() {
    let mut thinking = Thinking::new(ThinkingParams { min_tokens: 4, wait: vec![7, 8], ..params() }, 100);
    for (token, ends_turn) in [(END, false), (99, true)] {
        assert!(thinking.must_go_on(token, ends_turn), "the model may not stop at {token}");
        for id in [7, 8] {
            assert_eq!(thinking.next_forced(50, false), Some(id));
            assert_eq!(thinking.observe(id), TokenKind::Thinking);
        }
    }
    assert!(!thinking.must_go_on(END, false), "four tokens are enough");
    assert_eq!(thinking.observe(END), TokenKind::ThinkTag);
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Natural));
}

#[test]
fn a_budget_goes_before_a_least_length() {
    let mut thinking =
        Thinking::new(ThinkingParams { min_tokens: 50, budget: Some(2), wait: vec![7, 8], ..params() }, 100);
    assert!(thinking.must_go_on(END, false));
    let tokens: Vec<u32> = run(&mut thinking, 100, 5, |_| END).into_iter().map(|(id, _)| id).collect();
    assert_eq!(tokens, [7, 8, NEWLINE, END, NEWLINE]);
    assert_eq!(thinking.stop_reason(false), Some(ThinkingStopReason::Budget));
}

#[test]
fn thinking_that_is_off_is_closed_as_soon_as_it_is_opened() {
    let mut thinking = Thinking::new(ThinkingParams { budget: Some(0), open: false, ..params() }, 100);
    assert!(!thinking.may_open());
    let ids: Vec<u32> = run(&mut thinking, 100, 5, |i| [START, 9, 9, 9, 11][i]).into_iter().map(|t| t.0).collect();
    assert_eq!(ids, [START, NEWLINE, END, NEWLINE, 11]);
}

#[test]
fn an_answer_that_must_come_comes_though_the_model_ends_in_its_thinking() {
    let mut free = Thinking::new(params(), 100);
    assert!(!free.must_go_on(99, true));
    let mut bound = Thinking::new(params(), 100).close_in_full();
    bound.observe(9);
    assert!(bound.must_go_on(99, true));
    let ids: Vec<u32> = run(&mut bound, 100, 5, |_| 11).into_iter().map(|t| t.0).collect();
    assert_eq!(ids, [NEWLINE, END, NEWLINE, 11, 11], "closed once");
    assert_eq!(bound.stop_reason(false), Some(ThinkingStopReason::Natural));
}
