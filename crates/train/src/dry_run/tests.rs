//! Lengths of answers come from the problems, and time from the pace.

use super::forecast::Forecast;
use super::*;

const ZERO: &str = include_str!("../../../../recipes/zero.toml");

fn seconds_each() -> Pace {
    Pace {
        row_s: 3.0,
        update_s: 7.0,
        decode_step_s: 0.0,
        decode_row_s: 1.0,
        busy: Some(1.0),
        decode_busy: Some(0.5),
        efficiency: 0.5,
        is_measured: true,
    }
}

/// A recipe's plans without measuring anything.
pub(crate) fn planned(recipe: &Recipe) -> Vec<StagePlan> {
    let machine = Machine {
        cpu: String::new(),
        cores: 2,
        isa: String::new(),
        f32_gflops: 100.0,
        bf16_gflops: 200.0,
        memory_gb_s: 10.0,
        memory_bytes: None,
    };
    plan_at(recipe, &machine, |_, _, _| seconds_each()).unwrap()
}

#[test]
fn a_base_guesses_and_its_policy_works_problems_out() {
    let recipe = Recipe::from_toml(ZERO, "zero", &[]).unwrap();
    let [base, zero] = &recipe.stages[..] else { panic!("two stages") };
    let planned = planned_model(base, &BTreeMap::new()).unwrap();
    let of = |stage| Outlook::of(stage, planned.codec.as_ref(), &BTreeMap::new()).unwrap();
    let course = |stage| Forecast { stage, outlook: &of(stage), pace: seconds_each(), flops_per_token: 1.0 }.course();
    let (guessed, worked) = (course(base), course(zero));
    // Six of seven problems of the base are answered at once.
    assert!(guessed.answer_tokens < 0.6 * worked.answer_tokens, "{guessed:?} {worked:?}");
    assert!(worked.answer_tokens > 60.0 && worked.answer_tokens < 256.0, "{worked:?}");
    // A token is drawn in a second, and learnt in three; a group's prompt is learnt from once.
    let answered = zero.train.steps.unwrap() as f64 * 512.0 * worked.answer_tokens;
    assert!((worked.rollout_s - answered).abs() / answered < 0.05, "{worked:?}");
    assert!(worked.training_s > 3.0 * answered && worked.training_s < 3.1 * answered, "{worked:?}");
    assert_eq!(guessed.rollout_s, 0.0);
    let read = base.train.tokens.unwrap() as f64;
    assert!((guessed.training_s - read * (3.0 + 7.0 / 4096.0)).abs() < 1.0, "{guessed:?}");
}

#[test]
fn adapters_for_what_is_not_there_are_refused() {
    let recipe = Recipe::from_toml(ZERO, "zero", &[]).unwrap();
    let config = planned_model(&recipe.stages[0], &BTreeMap::new()).unwrap().config;
    let mut stage = recipe.stages[1].clone();
    let mut with = |targets: &[&str]| {
        let targets = targets.iter().map(|name| (*name).to_owned()).collect();
        stage.train.lora = Some(LoraSpec { targets, ..LoraSpec::default() });
        check_adapter(&stage, &config)
    };
    with(&[]).unwrap();
    with(&["kv_b_proj", "down_proj"]).unwrap();
    let error = with(&["kv_b_proj", "qproj"]).unwrap_err().to_string();
    assert!(error.contains("\"qproj\"") && error.contains("q_proj, "), "{error}");
}

#[test]
fn answers_that_leave_no_room_for_a_prompt_are_refused() {
    let recipe = Recipe::from_toml(ZERO, "zero", &[]).unwrap();
    let planned = planned_model(&recipe.stages[0], &BTreeMap::new()).unwrap();
    let mut stage = recipe.stages[1].clone();
    let outlook = Outlook::of(&stage, planned.codec.as_ref(), &BTreeMap::new()).unwrap();
    outlook.check_room(&stage).unwrap();
    stage.grpo.as_mut().unwrap().max_new_tokens = stage.train.seq_len - 2;
    let error = outlook.check_room(&stage).unwrap_err().to_string();
    assert!(error.contains("leaves 2 tokens for a prompt"), "{error}");
}

#[test]
fn without_worked_answers_half_of_the_longest_is_taken() {
    let recipe = Recipe::from_toml(ZERO, "zero", &[]).unwrap();
    let outlook = Outlook::of(&recipe.stages[1], None, &BTreeMap::new()).unwrap();
    assert_eq!(outlook.answers(3, 256), [128; 3]);
    assert_eq!((outlook.knows_answers(), outlook.document(512)), (false, 256.0));
}
