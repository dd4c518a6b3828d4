use super::{AnswerTerms, Norms, advantages, gradient, overlong_penalty, std_of};
use crate::recipe::{ClipKind, GrpoSpec, KlKind, LossKind, RatioKind, ScaleKind};

fn some(rewards: &[f64]) -> Vec<Option<f64>> {
    rewards.iter().copied().map(Some).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// By hand: mean 0.275, sample deviation 0.221736.
#[test]
fn group_advantages_are_centred_and_scaled() {
    let group = some(&[0.2, 0.5, 0.0, 0.4]);
    let scaled = advantages(std::slice::from_ref(&group), ScaleKind::Group);
    let expected = [-0.338238, 1.014714, -1.240206, 0.563730];
    assert!(scaled[0].iter().zip(expected).all(|(a, e)| (a.unwrap() - e).abs() < 1e-5), "{scaled:?}");
    let centred = advantages(&[group], ScaleKind::None);
    assert!(close(centred[0][1].unwrap(), 0.225));
}

#[test]
fn an_answer_without_a_verdict_takes_no_part() {
    let group = vec![Some(1.0), None, Some(0.0)];
    let with = advantages(&[group], ScaleKind::Group);
    let without = advantages(&[some(&[1.0, 0.0])], ScaleKind::Group);
    assert_eq!(with[0][1], None);
    assert_eq!([with[0][0], with[0][2]], [without[0][0], without[0][1]]);
}

#[test]
fn equal_rewards_have_no_advantage_and_nothing_is_divided_by_zero() {
    for scale in [ScaleKind::Group, ScaleKind::Batch, ScaleKind::None] {
        let all = advantages(&[some(&[1.0; 4]), vec![None, None]], scale);
        assert!(all[0].iter().all(|a| a.unwrap() == 0.0), "{all:?}");
        assert_eq!(all[1], [None, None]);
    }
    assert_eq!(std_of(&[3.0]), 0.0);
}

/// DAPO, equation 13.
#[test]
fn the_soft_penalty_grows_over_the_buffer() {
    assert_eq!(overlong_penalty(80, 100, 20), 0.0);
    assert_eq!(overlong_penalty(90, 100, 20), -0.5);
    assert_eq!(overlong_penalty(100, 100, 20), -1.0);
}

const OLD: [[f32; 3]; 2] = [[-0.5, -1.2, -0.3], [-2.0, -0.1, -0.7]];
const REFERENCE: [[f32; 3]; 2] = [[-0.6, -1.0, -0.4], [-1.5, -0.2, -0.9]];

/// The gradient as an update sees it: two answers, of three and of two tokens.
fn run(spec: &GrpoSpec, new: &[f32]) -> (Vec<f32>, super::LossStats) {
    let reference = |i: usize, n: usize| if spec.kl == KlKind::Off { &[][..] } else { &REFERENCE[i][..n] };
    let answers = [
        AnswerTerms { advantage: 0.8, old: &OLD[0], reference: reference(0, 3) },
        AnswerTerms { advantage: -1.1, old: &OLD[1][..2], reference: reference(1, 2) },
    ];
    let norms = Norms { n_answers: 2, n_tokens: 5 };
    let (mut slopes, mut stats) = gradient(spec, norms, &answers[0], &new[..3]);
    let (others, other_stats) = gradient(spec, norms, &answers[1], &new[3..]);
    slopes.extend(others);
    stats.add(&other_stats);
    (slopes, stats)
}

/// Every variant against central differences of its own loss, at log-probabilities that some clips hold and some do not.
/// (Where a factor is held constant by definition, CISPO's weight, the loss is not what is differentiated; its gradient
/// is checked by hand below.)
#[test]
fn gradients_are_the_slopes_of_the_losses() {
    let new = [-0.4f32, -0.9, -0.35, -2.2, -0.15];
    for loss in [LossKind::Grpo, LossKind::Token, LossKind::DrGrpo] {
        for ratio in [RatioKind::Token, RatioKind::Sequence] {
            for kl in [KlKind::Off, KlKind::K3, KlKind::Unbiased] {
                for epsilon_high in [0.1, 0.28] {
                    let spec = GrpoSpec { loss, ratio, kl, beta: 0.3, epsilon_high, ..GrpoSpec::default() };
                    let (slopes, _) = run(&spec, &new);
                    for i in 0..new.len() {
                        let h = 1e-3f32;
                        let at = |delta: f32| {
                            let mut moved = new;
                            moved[i] += delta;
                            run(&spec, &moved).1.loss
                        };
                        let numeric = (at(h) - at(-h)) / (2.0 * f64::from(h));
                        assert!(
                            (f64::from(slopes[i]) - numeric).abs() < 2e-4,
                            "{spec:?} token {i}: {} {numeric}",
                            slopes[i]
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn on_policy_the_gradient_is_the_policy_gradient() {
    let spec = GrpoSpec { loss: LossKind::Grpo, ..GrpoSpec::default() };
    let new = [OLD[0][0], OLD[0][1], OLD[0][2], OLD[1][0], OLD[1][1]];
    let (slopes, stats) = run(&spec, &new);
    let expected = [-0.8 / 6.0, -0.8 / 6.0, -0.8 / 6.0, 1.1 / 4.0, 1.1 / 4.0];
    assert!(slopes.iter().zip(expected).all(|(a, e)| close(f64::from(*a), e)), "{slopes:?}");
    assert_eq!((stats.mismatch, stats.n_clipped, stats.ratio_max, stats.ratio_min), (0.0, 0, 1.0, 1.0));
}

#[test]
fn the_clip_takes_the_gradient_and_cispo_bounds_it() {
    // Ratio e^0.5 = 1.65 with a positive advantage: beyond 1.2.
    let answer = AnswerTerms { advantage: 1.0, old: &[-1.0], reference: &[] };
    let norms = Norms { n_answers: 1, n_tokens: 1 };
    let of = |clip| gradient(&GrpoSpec { clip, ..GrpoSpec::default() }, norms, &answer, &[-0.5]);
    let (slopes, stats) = of(ClipKind::Ppo);
    assert_eq!((slopes[0], stats.n_clipped), (0.0, 1));
    assert!(close(stats.loss, -1.2));
    let (slopes, stats) = of(ClipKind::Cispo);
    assert!(close(f64::from(slopes[0]), -1.2) && stats.n_clipped == 1);
    // The same ratio with a negative advantage is not held: the loss grows, so the gradient must push back.
    let bad = AnswerTerms { advantage: -1.0, ..answer };
    let (slopes, stats) = gradient(&GrpoSpec::default(), norms, &bad, &[-0.5]);
    assert!(close(f64::from(slopes[0]), 0.5f64.exp()) && stats.n_clipped == 0);
}

#[test]
fn the_off_policy_mask_drops_only_bad_answers_that_drifted() {
    let spec = GrpoSpec { off_policy_mask: Some(0.2), ..GrpoSpec::default() };
    let norms = Norms { n_answers: 1, n_tokens: 1 };
    let slope =
        |advantage, new| gradient(&spec, norms, &AnswerTerms { advantage, old: &[-1.0], reference: &[] }, &[new]).0[0];
    assert_eq!(slope(-1.0, -1.3), 0.0);
    assert_ne!(slope(-1.0, -1.1), 0.0);
    assert_ne!(slope(1.0, -1.3), 0.0);
}

#[test]
fn equal_rewards_teach_nothing_although_their_sum_rounds() {
    // The recipes' weights: sixteen times 0.1 do not add up to 1.6, nor eight times 1.2 to 9.6.
    for (reward, n) in [(0.1, 16), (1.1, 16), (0.1, 8), (0.2, 8), (1.1, 8), (1.2, 8), (0.3, 7)] {
        assert_eq!(std_of(&vec![reward; n]), 0.0, "{n} times {reward}");
        for scale in [ScaleKind::Group, ScaleKind::Batch, ScaleKind::None] {
            let groups = [vec![Some(reward); n], vec![Some(0.0), Some(1.0)]];
            assert_eq!(advantages(&groups, scale)[0], vec![Some(0.0); n], "{n} times {reward}, {scale:?}");
        }
    }
}
