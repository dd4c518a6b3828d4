//! Presets and plans from outside.

use super::presets::Changes;
use super::*;
use crate::catalogue::Catalogue;

fn near(what: &str, found: f64, published: f64, share: f64) {
    eprintln!("{what}: {found:.4} ({:+.1}% of {published})", 100.0 * (found / published - 1.0));
    assert!((found / published - 1.0).abs() <= share, "{what}: {found}, published {published}");
}

#[test]
fn v3_costs_what_was_published() {
    let catalogue = Catalogue::shipped();
    let plan = preset("v3-pretrain", &Changes::default(), &catalogue).unwrap();
    assert_eq!(plan.params_total, 671_026_419_200);
    assert_eq!((plan.params_active as f64 / 1e7).round(), 3755.0);
    near("dollars", plan.dollars, 5.328e6, 0.05);
    near("MFU", plan.mfu_causal, 0.3894, 0.05);
    near("step", plan.step_seconds, 19.926, 0.05);
    near("tokens a day", plan.tokens_per_day, 272.8e9, 0.05);
    near("hours", plan.gpu_hours, 2664e3, 0.05);
    let whole = preset("v3", &Changes::default(), &catalogue).unwrap();
    near("contexts", whole.phases[1].gpu_hours, 119e3, 0.15);
    near("all of V3", whole.dollars, 5.576e6, 0.05);
    let r1 = preset("r1", &Changes::default(), &catalogue).unwrap();
    near("R1", r1.dollars, 294e3, 0.15);
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused() {
    let catalogue = Catalogue::shipped();
    let message = |name: &str, changes: &Changes| preset(name, changes, &catalogue).unwrap_err().to_string();
    assert!(message("v3-pretain", &Changes::default()).contains("\"v3-pretrain\""));
    let changes = |on: &str, count| Changes { on: Some(on.to_owned()), count: Some(count), ..Changes::default() };
    assert!(message("v3", &changes("h8000", 2048)).contains("h800"));
    assert!(message("v3", &changes("h800", 0)).contains("--count"));
    assert!(message("v3-pretrain", &changes("h800", 8)).contains("--count"));
}

/// A plan is a function of its inputs: other chips, other counts, other models.
#[test]
fn plans_follow_their_inputs() {
    let catalogue = Catalogue::shipped();
    let plan = |on: &str, count| {
        let changes = Changes { on: Some(on.to_owned()), count: Some(count), price: Some(2.0), ..Changes::default() };
        preset("v3-pretrain", &changes, &catalogue).unwrap()
    };
    let (h800, h100, h20) = (plan("h800", 2048), plan("h100", 2048), plan("h20", 2048));
    assert!(h100.gpu_hours <= h800.gpu_hours && h20.gpu_hours > 3.0 * h800.gpu_hours);
    assert!(plan("h800", 4096).days < h800.days);
    let a100 = plan("a100", 4096);
    assert_eq!(a100.step.unwrap().layout.precision, crate::layout::Precision::Bf16);
}

/// More chips do not make a step larger.
#[test]
fn a_step_stays_as_large_on_more_chips() {
    let config = model::presets::published("llama-3.1-8b").unwrap();
    assert_eq!(usual_batch(&config, 8192, 512), 512);
    assert_eq!(usual_batch(&config, 8192, 16_384), 512);
    assert_eq!(usual_batch(&config, 8192, 96), 480);
    assert_eq!(usual_batch(&config, 8192, 67), 536);
    let plan = |count| {
        let job = Job {
            batch: usual_batch(&config, 8192, count),
            config: config.clone(),
            tokens: 15e12,
            seq_len: 8192,
            mtp: false,
        };
        let cluster = Cluster::new(Catalogue::shipped().chip("h100").unwrap(), count, None).unwrap();
        plan_training("8b", &job, &cluster, &LayoutSpec::default()).unwrap()
    };
    let (few, many) = (plan(512), plan(8192));
    assert!(many.gpu_hours > 1.5 * few.gpu_hours && many.days < few.days, "{} {}", few.gpu_hours, many.gpu_hours);
    let step = Job { batch: 1 << 40, config: config.clone(), tokens: 1e12, seq_len: 8192, mtp: false };
    let cluster = Cluster::new(Catalogue::shipped().chip("h100").unwrap(), 8, None).unwrap();
    let error = plan_training("8b", &step, &cluster, &LayoutSpec::default()).unwrap_err().to_string();
    assert!(error.contains("nearest: --batch"), "{error}");
}

/// Neither does an odd number of them, which nothing divides.
#[test]
fn a_step_is_as_large_on_odd_numbers_of_chips() {
    let config = model::presets::published("llama-3.1-8b").unwrap();
    for count in (1..2000).chain([8190, 8191, 8192, 12_288, 100_003]) {
        let batch = usual_batch(&config, 8192, count);
        assert!((341..=683).contains(&batch), "{count}: {batch}");
    }
    let job = Job { batch: usual_batch(&config, 8192, 8191), config, tokens: 1e12, seq_len: 8192, mtp: false };
    let cluster = Cluster::new(Catalogue::shipped().chip("h100").unwrap(), 8191, None).unwrap();
    let error = plan_training("8b", &job, &cluster, &LayoutSpec::default()).unwrap_err().to_string();
    assert!(error.contains("nearest: --count 8190"), "{error}");
}

/// A run that failures more than double is refused, and so is one whose chips fail before it has started again.
#[test]
fn a_run_that_failures_double_is_refused() {
    let config = model::presets::published("deepseek-v3").unwrap();
    let of = |count: u64| {
        let job = Job { config: config.clone(), tokens: 1e13, seq_len: 4096, batch: 1 << 20, mtp: true };
        let cluster = Cluster::new(Catalogue::shipped().chip("h800").unwrap(), count, None).unwrap();
        plan_training("v3", &job, &cluster, &LayoutSpec::parse("pp=16,ep=64").unwrap())
    };
    let error = of(1 << 20).unwrap_err().to_string();
    assert!(error.contains("never advances") && error.contains("nearest: --count 131072"), "{error}");
    let error = of(1 << 18).unwrap_err().to_string();
    assert!(error.contains("times as long") && error.contains("nearest: --count 131072"), "{error}");
    assert!(of(1 << 17).is_ok());
}

/// The time that failures leave divides a run's: T = W (1 + C/τ) / (1 - (R + τ/2) / M).
#[test]
fn failures_divide_the_time() {
    for (chips, overhead) in [(2048, 0.01755), (16_384, 0.0900), (131_072, 0.979)] {
        let found = Interruptions::of(chips).overhead;
        assert!((found / overhead - 1.0).abs() < 0.01, "{chips}: {found}");
    }
}

/// Keys that are said of a preset are laid over its own layout; other chips, which have none, are searched.
#[test]
fn keys_are_laid_over_a_presets_own_layout() {
    let catalogue = Catalogue::shipped();
    let of = |chip: &str, count, layout: &str| {
        let layout = Some(LayoutSpec::parse(layout).unwrap()).filter(|spec| *spec != LayoutSpec::default());
        let changes = Changes { on: Some(chip.to_owned()), count: Some(count), layout, ..Changes::default() };
        preset("v3-pretrain", &changes, &catalogue).unwrap().step.unwrap()
    };
    let theirs = of("h800", 2048, "");
    for (key, changed) in [
        ("imbalance=1.2", crate::layout::Layout { imbalance: 1.2, ..theirs.layout.clone() }),
        ("comm_sm=24", crate::layout::Layout { comm_sm: 24, ..theirs.layout.clone() }),
        ("ep=32", crate::layout::Layout { ep: 32, ..theirs.layout.clone() }),
        ("pp=16,ep=64,precision=fp8", theirs.layout.clone()),
    ] {
        assert_eq!(of("h800", 2048, key).layout, changed, "{key}");
    }
    assert!(of("h800", 2048, "imbalance=1.2").seconds > theirs.seconds);
    assert_eq!(of("h800", 1024, "imbalance=1.2").layout.imbalance, 1.2);
}

/// What a preset is offered for chips or keys that are refused is taken as it is written.
#[test]
fn a_presets_advice_can_be_followed() {
    let catalogue = Catalogue::shipped();
    let follow = |changes: &Changes, advice: &str| {
        let mut next = changes.clone();
        for part in advice.split(" and ") {
            match part.split_once(' ') {
                Some(("--layout", keys)) => next.layout = Some(LayoutSpec::parse(keys).unwrap()),
                Some(("--count", n)) => next.count = Some(n.parse().unwrap()),
                _ if part == "leave --layout out" => next.layout = None,
                _ => panic!("{advice}: {part} cannot be typed"),
            }
        }
        next
    };
    let mut refused = 0;
    for (chip, count, layout) in [
        ("rtx4090", 2048, ""),
        ("rtx4090", 2048, "tp=2"),
        ("rtx4090", 2048, "imbalance=1.2"),
        ("h800", 2048, "zero=3"),
        ("h800", 2048, "pp=15"),
        ("h800", 2048, "micro_batch=7"),
        ("h800", 2048, "schedule=dualpipe,pp=5"),
        ("h800", 8, ""),
        ("h800", 8, "imbalance=1.2"),
        ("a100", 2048, "precision=fp8"),
        ("h100", 1920, "pp=16,micro_batch=7"),
    ] {
        let layout = Some(LayoutSpec::parse(layout).unwrap()).filter(|spec| *spec != LayoutSpec::default());
        let changes =
            Changes { on: Some(chip.to_owned()), count: Some(count), price: Some(1.0), layout, ..Changes::default() };
        let Err(error) = preset("v3-pretrain", &changes, &catalogue) else { continue };
        refused += 1;
        let text = error.to_string();
        let (_, advice) = text.rsplit_once("nearest: ").unwrap_or_else(|| panic!("{changes:?}: {text}"));
        for alternative in advice.split(", or ") {
            let again = preset("v3-pretrain", &follow(&changes, alternative), &catalogue);
            assert!(again.is_ok(), "{changes:?}: {text}: then {}", again.unwrap_err());
        }
    }
    assert!(refused >= 8, "{refused}");
}

/// A hint is about steps of the batch that was stated.
#[test]
fn fewer_chips_are_compared_in_the_same_batch() {
    let catalogue = Catalogue::shipped();
    let config = model::presets::published("qwen2.5-72b").unwrap();
    for (count, batch) in [(96, 1536), (67, 67 * 4), (72, 144)] {
        assert_ne!(batch, usual_batch(&config, 4096, count));
        let job = Job { batch, config: config.clone(), tokens: 1e12, seq_len: 4096, mtp: false };
        let of = |count| {
            let cluster = Cluster::new(catalogue.chip("h100").unwrap(), count, None).unwrap();
            plan_training("qwen", &job, &cluster, &LayoutSpec::default())
        };
        let Ok(plan) = of(count) else { continue };
        match (plan.hint, of(64)) {
            (None, fewer) => assert!(fewer.is_err() || fewer.unwrap().gpu_hours >= 0.89 * plan.gpu_hours, "{count}"),
            (Some(hint), fewer) => assert!(hint.contains(&crate::text::whole(fewer.unwrap().gpu_hours)), "{hint}"),
        }
    }
}

/// A chip that nobody prices is planned: hours, memory and a layout, and how a price is said.
#[test]
fn a_chip_without_a_price_is_planned() {
    let catalogue = Catalogue::shipped();
    for (name, chip) in [("v3-pretrain", "h20"), ("v3", "h20"), ("r1-zero", "910b")] {
        let changes = Changes { on: Some(chip.to_owned()), ..Changes::default() };
        let plan = preset(name, &changes, &catalogue).unwrap();
        assert!(plan.gpu_hours > 0.0 && plan.dollars.is_nan() && plan.dollars_range.is_none(), "{name}");
        let json = serde_json::to_value(&plan).unwrap();
        assert!(json["dollars"].is_null() && json["phases"][0]["dollars"].is_null() && json["gpu_hours"].is_number());
        let page = crate::page::Page::from(&plan);
        let text = page.text(true) + &page.html();
        assert!(text.contains("--price") && text.contains("chip-hours and ") && !text.contains("NaN"), "{text}");
        let priced = preset(name, &Changes { price: Some(2.0), ..changes }, &catalogue).unwrap();
        assert_eq!((priced.gpu_hours, priced.dollars), (plan.gpu_hours, 2.0 * plan.gpu_hours));
    }
    let h20 = Cluster::new(catalogue.chip("h20").unwrap(), 8, None).unwrap();
    assert!(h20.expect_price().unwrap_err().to_string().contains("--price"));
}

#[test]
fn chips_that_divide_badly_are_told() {
    let catalogue = Catalogue::shipped();
    let config = model::presets::published("qwen2.5-72b").unwrap();
    let of = |count| {
        let batch = usual_batch(&config, 4096, count);
        let job = Job { batch, config: config.clone(), tokens: 1e12, seq_len: 4096, mtp: false };
        let cluster = Cluster::new(catalogue.chip("h100").unwrap(), count, None).unwrap();
        plan_training("qwen", &job, &cluster, &LayoutSpec::default()).unwrap().hint
    };
    let hint = of(67).unwrap();
    assert!(hint.contains("67 chips") && hint.contains("64 do it"), "{hint}");
    assert_eq!(of(64), None);
    let chip = catalogue.chip("h800").unwrap();
    for (count, price) in [(0, None), (u64::MAX, None), (8, Some(-1.0)), (8, Some(f64::NAN)), (8, Some(1e300))] {
        assert!(Cluster::new(chip, count, price).is_err(), "{count} {price:?}");
    }
}

/// Each number of a page has its line, and each line says of which phase it is.
#[test]
fn the_arithmetic_is_of_all_phases() {
    let catalogue = Catalogue::shipped();
    let line = |plan: &Plan, name: &str| -> Line {
        plan.explain.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("no line {name}")).clone()
    };
    let v3 = preset("v3", &Changes::default(), &catalogue).unwrap();
    assert_eq!(line(&v3, "all phases: energy").value, crate::page::energy(v3.energy_kwh));
    assert_eq!(line(&v3, "all phases: dollars").value, crate::text::dollars(v3.dollars));
    assert_ne!(line(&v3, "pre-training: energy").value, line(&v3, "all phases: energy").value);
    let r1 = preset("r1", &Changes::default(), &catalogue).unwrap();
    assert_ne!(line(&r1, "R1-Zero: chip-hours"), line(&r1, "R1: chip-hours"));
    let tiny = Job {
        config: model::presets::published("llama-3.1-8b").unwrap(),
        tokens: 1.0,
        seq_len: 4096,
        batch: 8,
        mtp: false,
    };
    let h100 = |count| Cluster::new(catalogue.chip("h100").unwrap(), count, None).unwrap();
    let plan = plan_training("8b", &tiny, &h100(8), &LayoutSpec::default()).unwrap();
    assert!(line(&plan, "chip-hours").how.starts_with("1 steps"), "{:?}", line(&plan, "chip-hours"));
    assert!(!line(&plan, "days").value.is_empty());
    // Operations over rates are the seconds beside them.
    let (step, chip) = (plan.step.as_ref().unwrap(), &plan.cluster.chip);
    let does = &step.spent.does;
    let rate = chip.bf16_tflops * 1e12 * chip.gemm_bf16 * crate::assumptions::MATRIX_SHARE;
    near("products", (does.product_flops + does.bf16_flops) / rate, step.spent.products_s, 0.01);
    let stream = chip.memory_gb_s * 1e9 * crate::assumptions::STREAM_SHARE;
    near("streaming", does.stream_bytes / stream, step.spent.memory_s, 1e-6);
    assert!(step.memory.logits > 0.0 && step.memory.logits < step.memory.activations);
    // On one chip nobody communicates: what is left is the optimizer.
    let one = published_small();
    let plan = plan_training("1.5b", &one, &h100(1), &LayoutSpec::default()).unwrap();
    let spent = &plan.step.as_ref().unwrap().spent;
    assert!(spent.communication_s < 1e-9 && spent.optimizer_s > 0.0, "{spent:?}");
}

fn published_small() -> Job {
    let config = model::presets::published("r1-distill-qwen-1.5b").unwrap();
    Job { config, tokens: 1e9, seq_len: 4096, batch: 8, mtp: false }
}

#[test]
fn presets_refuse_what_they_cannot_change() {
    let catalogue = Catalogue::shipped();
    for (name, changes, flag) in [
        ("r1", Changes { tokens: Some(1e12), ..Changes::default() }, "--tokens"),
        ("r1-zero", Changes { layout: Some(LayoutSpec::default()), ..Changes::default() }, "--layout"),
    ] {
        assert!(preset(name, &changes, &catalogue).unwrap_err().to_string().starts_with(flag));
    }
    // A preset is given no layout, and so is not told to leave one out.
    let small = Changes { on: Some("rtx4090".to_owned()), ..Changes::default() };
    let error = preset("r1-zero", &small, &catalogue).unwrap_err().to_string();
    assert!(!error.contains("--layout") && error.contains("more memory"), "{error}");
}

/// Published H800-hours are those of H800s: what stands in for a phase follows the phases that are derived.
#[test]
fn published_hours_are_not_billed_unchanged_on_other_chips() {
    let catalogue = Catalogue::shipped();
    let on = |name: &str, chip: &str| {
        let changes = Changes { on: Some(chip.to_owned()), price: Some(2.0), ..Changes::default() };
        preset(name, &changes, &catalogue).unwrap()
    };
    for (name, phase) in [("v3", 2), ("r1", 1)] {
        let (theirs, other) = (on(name, "h800"), on(name, "a100"));
        assert_eq!(theirs.phases[phase].gpu_hours, 5_000.0);
        assert!(other.phases[phase].gpu_hours > 6_000.0, "{:?}", other.phases[phase]);
        let rest = |plan: &Plan| plan.gpu_hours - plan.phases[phase].gpu_hours;
        assert_eq!((theirs.dollars_range, other.phases[phase].published_gpu_hours), (None, None));
        let times = rest(&other) / rest(&theirs) / (other.phases[phase].gpu_hours / 5_000.0);
        assert!((0.5..2.0).contains(&times), "{name}: {times}");
    }
}

/// A run that was published is held against itself, others against what published runs took; each figure has its line.
#[test]
fn a_plan_says_how_far_it_may_be_off() {
    let catalogue = Catalogue::shipped();
    let page = |changes: &Changes| {
        let plan = preset("v3-pretrain", changes, &catalogue).unwrap();
        crate::page::Page::from(&plan).text(true)
    };
    let theirs = page(&Changes::default());
    assert!(theirs.contains("This run itself took 2,664,000 chip-hours") && theirs.contains("off by"), "{theirs}");
    assert!(!theirs.contains("as published runs vary"), "{theirs}");
    let other = page(&Changes { on: Some("h100".to_owned()), ..Changes::default() });
    assert!(
        other.contains("runs with experts that nothing") && other.contains("dollars as published runs vary = $"),
        "{other}"
    );
    let config = model::presets::published("llama-3.1-8b").unwrap();
    let job = Job { config, tokens: 1e12, seq_len: 4096, batch: 1024, mtp: false };
    let cluster = Cluster::new(catalogue.chip("h100").unwrap(), 64, None).unwrap();
    let dense = plan_training("8b", &job, &cluster, &LayoutSpec::default()).unwrap();
    let dense = crate::page::Page::from(&dense).text(true);
    assert!(dense.contains("four in five took") && dense.contains("dollars as published runs vary = $"), "{dense}");
    assert!(!other.contains("Nobody measured"), "{other}");
    let unmeasured = page(&Changes { on: Some("h20".to_owned()), price: Some(1.0), ..Changes::default() });
    assert!(unmeasured.contains("Nobody measured products on NVIDIA H20"), "{unmeasured}");
}
