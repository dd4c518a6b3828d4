use super::{Answered, Rewards, language_consistency};
use crate::recipe::{GrpoSpec, OverlongKind, RewardSpec};
use rollout::Parts;
use tasks::{Rng, Verdict};

fn parts(reasoning: &str, content: &str, is_balanced: bool) -> Parts {
    Parts {
        reasoning: reasoning.to_owned(),
        content: content.to_owned(),
        n_thinking: 1,
        has_thinking: true,
        is_balanced,
    }
}

fn rewards(spec: &GrpoSpec, parts: &Parts, verdict: Verdict, n_tokens: usize, is_stopped: bool) -> Rewards {
    let answer = Answered { prompt: "How many?", parts, verdict, n_tokens, is_stopped };
    Rewards::of(spec, &answer, &mut Rng::stream(&[1]))
}

#[test]
fn each_reward_says_its_own() {
    let spec = GrpoSpec { max_new_tokens: 100, ..GrpoSpec::default() };
    let good = rewards(&spec, &parts("2+2=4", "4", true), Verdict::Right, 25, true);
    assert_eq!((good.accuracy, good.format, good.length), (Some(1.0), 1.0, 0.75));
    let wrong = rewards(&spec, &parts("2+2=5", "5", true), Verdict::Wrong, 25, true);
    assert_eq!((wrong.accuracy, wrong.format, wrong.length), (Some(0.0), 1.0, 0.0));
    let cut = rewards(&spec, &parts("2+2=", "", false), Verdict::Wrong, 100, false);
    assert_eq!((cut.accuracy, cut.format), (Some(0.0), 0.0));
}

#[test]
fn cannot_judge_is_no_reward_unless_a_judge_grades_in_its_place() {
    let spec = GrpoSpec::default();
    let mut unknown = rewards(&spec, &parts("", "?", true), Verdict::CannotJudge, 2, true);
    assert_eq!(unknown.total(&spec.reward), None);
    let format_alone = RewardSpec { accuracy: 0.0, format: 2.0, ..spec.reward };
    assert_eq!(unknown.total(&format_alone), None);
    let judged = RewardSpec { judge: 1.0, ..format_alone };
    assert_eq!(unknown.total(&judged), None, "no grade yet");
    unknown.judge = Some(0.5);
    assert_eq!(unknown.total(&judged), Some(2.5));
}

#[test]
fn the_total_is_the_weighted_sum_with_the_penalty() {
    let spec = GrpoSpec {
        max_new_tokens: 100,
        overlong: OverlongKind::Soft,
        overlong_buffer: 50,
        reward: RewardSpec { accuracy: 1.0, format: 0.5, language: 0.0, length: 0.0, random: 0.0, judge: 0.0 },
        ..GrpoSpec::default()
    };
    let answer = rewards(&spec, &parts("a b", "4", true), Verdict::Right, 75, true);
    assert_eq!(answer.total(&spec.reward), Some(1.0 + 0.5 - 0.5));
    assert_eq!(answer.named(&spec.reward).map(|(name, _, _)| name).collect::<Vec<_>>(), ["accuracy", "format"]);
}

#[test]
fn language_is_counted_in_words() {
    assert_eq!(language_consistency("How many?", "two and two"), 1.0);
    assert_eq!(language_consistency("How many?", "two 加 two"), 2.0 / 3.0);
    assert_eq!(language_consistency("一共有多少？", "二加二 is four"), 3.0 / 5.0);
    assert_eq!(language_consistency("How many?", "2+2=4"), 1.0);
}
