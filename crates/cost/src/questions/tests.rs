//! Questions are answered, and the answers follow from what is asked.

use model::presets::published;

use super::*;
use crate::catalogue::Catalogue;
use crate::layout::{Job, LayoutSpec};
use crate::plan::Cluster;
use crate::serving::Service;

fn job(name: &str, tokens: f64, batch: u64) -> Job {
    Job { config: published(name).unwrap(), tokens, seq_len: 4096, batch, mtp: true }
}

#[test]
fn chips_are_compared_and_the_engineering_weighed() {
    let catalogue = Catalogue::shipped();
    let chips: Vec<_> = ["h800", "h100", "h20"].iter().map(|id| (catalogue.chip(id).unwrap(), Some(2.0))).collect();
    let spec = LayoutSpec::parse("pp=16,ep=64,precision=fp8").unwrap();
    let answer = compare_chips("V3", &job("deepseek-v3", 14.8e12, 15360), &chips, 2048, &spec).unwrap();
    let rows = answer.json["engineering"].as_array().unwrap();
    let seconds = |i: usize| rows[i]["step_seconds"].as_f64().unwrap();
    assert!((1..5).all(|i| seconds(i) > seconds(0)), "{rows:?}");
    assert!(seconds(4) > seconds(1) && seconds(4) > seconds(3));
    assert_eq!(answer.json["chips"].as_array().unwrap().len(), 3);
    assert!(answer.page.text(false).contains("NVIDIA H20"));
    // Narrow links cost something without the engineering, and less with it.
    let with_and_without = answer.json["with_and_without"].as_array().unwrap();
    let hours = |i: usize, key: &str| with_and_without[i][key].as_f64().unwrap();
    let (without, with) =
        (hours(0, "without_hours") / hours(1, "without_hours"), hours(0, "with_hours") / hours(1, "with_hours"));
    assert!(without > 1.05 && with < without, "{with} with, {without} without: {with_and_without:?}");
    assert!(answer.page.headline.contains("Without the engineering"), "{}", answer.page.headline);
}

/// Whose price nobody knows is compared by its hours.
#[test]
fn a_chip_without_a_price_has_hours() {
    let catalogue = Catalogue::shipped();
    let chips: Vec<_> = ["h100", "h20"].iter().map(|id| (catalogue.chip(id).unwrap(), None)).collect();
    let answer =
        compare_chips("7B", &job("r1-distill-qwen-7b", 1e11, 1024), &chips, 64, &LayoutSpec::default()).unwrap();
    let rows = answer.json["chips"].as_array().unwrap();
    assert!(rows[0]["dollars"].as_f64().unwrap() > 0.0 && rows[1]["dollars"].is_null(), "{rows:?}");
    assert!(rows[1]["gpu_hours"].as_f64() > rows[0]["gpu_hours"].as_f64());
    assert!(
        answer.page.headline.starts_with("NVIDIA H100 SXM is cheapest") && answer.page.text(false).contains("--price")
    );
}

/// A service and a run in time are answered in chip-hours where nobody says what one costs, and a price that is stated
/// multiplies them.
#[test]
fn hours_are_answered_without_a_price() {
    let catalogue = Catalogue::shipped();
    let config = published("deepseek-r1").unwrap();
    let of = |price| {
        let cluster = Cluster::new(catalogue.chip("h20").unwrap(), 144, price).unwrap();
        serve("R1", &config, &Service::deepseek(&config), &cluster, &ServeQuestion::default()).unwrap()
    };
    let (open, priced) = (of(None), of(Some(2.0)));
    let hours = open.json["chip_hours_per_m_output"].as_f64().unwrap();
    assert!(open.json["serving"]["dollars_per_m_output"].is_null(), "{:?}", open.json);
    let dollars = priced.json["serving"]["dollars_per_m_output"].as_f64().unwrap();
    assert!((dollars / (2.0 * hours) - 1.0).abs() < 1e-9, "{dollars} of {hours} chip-hours");
    let text = open.page.text(true) + &open.page.html();
    assert!(text.contains("chip-hours for a million output tokens") && text.contains("--price"), "{text}");
    assert!(!text.contains("NaN"), "{text}");

    let job = job("r1-distill-qwen-7b", 2e11, 1024);
    let within = |price| cheapest_within("7B", &job, &catalogue, Some("h20"), (60.0, price)).unwrap();
    let (open, priced) = (within(None), within(Some(2.0)));
    let best = |answer: &Answer, key: &str| answer.json["best"][key].as_f64();
    assert_eq!(best(&open, "gpu_hours"), best(&priced, "gpu_hours"));
    assert!(best(&open, "dollars").is_none() && best(&priced, "dollars").is_some());
    let text = open.page.text(true) + &open.page.html();
    assert!(open.page.headline.contains("chip-hours and") && !text.contains("NaN"), "{text}");
}

/// What a prompt takes is the sum of the parts that are told, each by its own arithmetic.
#[test]
fn the_parts_of_a_prompt_add_up() {
    let catalogue = Catalogue::shipped();
    for (model, chip) in [("deepseek-r1", "h800"), ("llama-3.1-70b", "h100"), ("llama-3.1-8b", "a100")] {
        let (config, chip) = (published(model).unwrap(), catalogue.chip(chip).unwrap());
        let service = Service::smallest(&config, chip).unwrap();
        let prefill = service.prefill(chip).unwrap();
        let attention_s = prefill.attention_flops / prefill.attention_rate;
        let sum = prefill.products_s + attention_s + prefill.stream_s + prefill.exchange_s;
        assert!((sum / prefill.compute_s - 1.0).abs() < 1e-9 && prefill.stream_s > 0.0, "{model}: {prefill:?}");
        let rate = prefill.product_flops / prefill.products_s;
        assert!(rate < 1e12 * chip.fp8_tflops.unwrap_or(chip.bf16_tflops), "{model}: {rate:e}");
    }
}

#[test]
fn layouts_are_ranked() {
    let catalogue = Catalogue::shipped();
    let cluster = Cluster::new(catalogue.chip("h100").unwrap(), 64, None).unwrap();
    let answer =
        compare_layouts("7B", &job("r1-distill-qwen-7b", 1e11, 1024), &cluster, &LayoutSpec::default()).unwrap();
    let layouts = answer.json["layouts"].as_array().unwrap();
    let seconds: Vec<f64> = layouts.iter().map(|l| l["seconds"].as_f64().unwrap()).collect();
    assert!(seconds.len() > 3 && seconds.is_sorted(), "{seconds:?}");
    assert!(answer.page.lines.iter().any(|line| line.name == "matrix products"), "its arithmetic is the best one's");
}

#[test]
fn the_cheapest_in_time_is_in_time() {
    let catalogue = Catalogue::shipped();
    let job = job("r1-distill-qwen-7b", 2e11, 1024);
    let answer = cheapest_within("7B", &job, &catalogue, Some("h100"), (10.0, None)).unwrap();
    assert!(answer.json["best"]["days"].as_f64().unwrap() <= 10.0);
    let hurried = cheapest_within("7B", &job, &catalogue, Some("h100"), (1e-4, None)).unwrap_err().to_string();
    assert!(hurried.contains("nothing is done within"), "{hurried}");
    // What is offered is enough as it is written.
    for days in [1e-4, 0.1] {
        let Err(error) = cheapest_within("7B", &job, &catalogue, Some("h100"), (days, None)) else { continue };
        let error = error.to_string();
        let (_, nearest) = error.rsplit_once("nearest: --within ").unwrap_or_else(|| panic!("{error}"));
        let enough: f64 = nearest.split(',').next().unwrap().parse().unwrap();
        let answer = cheapest_within("7B", &job, &catalogue, Some("h100"), (enough, None)).unwrap();
        assert!(answer.json["best"]["days"].as_f64().unwrap() <= enough, "{error}");
    }
}

/// Chinchilla's own budget, 5.76e23 operations: 70B and 1.4T by approach 1; DeepSeek's law at 6.7B x 2T's scale.
#[test]
fn budgets_buy_what_the_laws_say() {
    let catalogue = Catalogue::shipped();
    let cluster = Cluster::new(catalogue.chip("h100").unwrap(), 8, Some(2.0)).unwrap();
    let answer = model_for_budget(1e6, &cluster, None).unwrap();
    let models = answer.json["models"].as_array().unwrap();
    let flops = answer.json["flops"].as_f64().unwrap();
    for model in &models[1..] {
        let (n, d) = (model["params_active"].as_f64().unwrap(), model["tokens"].as_f64().unwrap());
        assert!((6.0 * n * d / flops - 1.0).abs() < 1e-6);
        assert!(model["loss_moe"].as_f64() < model["loss_dense"].as_f64());
    }
    let (n, d) = scaling_optimum(5.76e23);
    assert!((n / 70e9 - 1.0).abs() < 0.8 && (d / 1.4e12 - 1.0).abs() < 0.8, "{n:e} {d:e}");
    // How well chips are used is simulated: H20's fewer operations are easier to feed.
    let mfu = |chip: &str| {
        let cluster = Cluster::new(catalogue.chip(chip).unwrap(), 8, Some(2.0)).unwrap();
        model_for_budget(1e5, &cluster, None).unwrap().json["mfu_causal"].as_f64().unwrap()
    };
    assert!((0.2..0.6).contains(&mfu("h100")) && mfu("h20") != mfu("h100"));
    assert!(model_for_budget(-1.0, &cluster, None).is_err());
    // What is simulated is what is answered.
    let simulated = answer.json["simulated_params"].as_f64().unwrap();
    let answered = models[0]["params_active"].as_f64().unwrap();
    assert!((simulated / answered - 1.0).abs() < 0.02, "{simulated:e}, {answered:e}");
}

/// A small budget has its hours in digits, and a large one is answered or told a smaller one that is.
#[test]
fn budgets_of_any_size_are_answered() {
    let catalogue = Catalogue::shipped();
    let of = |chip: &str, budget, price| {
        let cluster = Cluster::new(catalogue.chip(chip).unwrap(), 1, price).unwrap();
        model_for_budget(budget, &cluster, None)
    };
    let one = of("h100", 1.0, None).unwrap();
    assert!(
        one.page.facts.iter().any(|(name, value)| name == "chip-hours" && value == "0.426"),
        "{:?}",
        one.page.facts
    );
    for budget in [1e15, 1e12] {
        let error = of("h100", budget, None).unwrap_err().to_string();
        assert!(!error.contains("credible"), "{error}");
        let (_, nearest) = error.rsplit_once("nearest: --budget ").unwrap_or_else(|| panic!("{error}"));
        let smaller: f64 = nearest.parse().unwrap();
        assert!(smaller < budget, "{error}");
        if smaller < 1e12 {
            assert!(of("h100", smaller, None).is_ok(), "{error}");
        }
    }
    assert!(of("h20", 1e6, None).unwrap_err().to_string().contains("--price"));
}

/// A run that follows the assumed law is extrapolated to where the law says, and the interval holds it.
#[test]
fn a_learning_curve_is_extrapolated() {
    let accuracy = |dollars: f64, noise: f64| 1.0 / (1.0 + (-(1.0 + 0.8 * dollars.ln() + noise)).exp());
    let lines: Vec<String> = (1..=60)
        .map(|i| {
            let dollars = 0.01 * f64::from(i);
            let noise = 0.1 * f64::from(i * 7919 % 13 - 6) / 6.0;
            format!("{{\"step\":{i},\"dollars\":{dollars},\"val/accuracy\":{}}}", accuracy(dollars, noise))
        })
        .collect();
    let curve = LearningCurve::of_metrics(&lines.join("\n")).unwrap();
    let (target, truth) = (0.8, ((4.0f64).ln() - 1.0) / 0.8);
    let found = forecast(&curve, target).unwrap();
    assert!(found.low <= truth.exp() && truth.exp() <= found.high, "{found:?}, truth {}", truth.exp());
    assert!((found.dollars / truth.exp() - 1.0).abs() < 0.2, "{found:?}");
    let answer = cost_to_reach("run", &lines.join("\n"), 0.8).unwrap();
    assert!(answer.page.headline.contains("90%"));
    let there = cost_to_reach("run", &lines.join("\n"), 0.3).unwrap();
    assert!(there.page.headline.contains("is there") && there.page.tables[0].rows.len() == 2);
    assert!(forecast(&curve, 1.0).unwrap_err().to_string().contains("between 0 and 1"));
    let falling: Vec<(f64, f64)> = curve.points.iter().rev().map(|(x, y)| (1.0 / x, *y)).collect();
    let falling = LearningCurve { points: falling, ..curve };
    assert!(forecast(&falling, 0.9).unwrap_err().to_string().contains("doctor"));
    assert!(LearningCurve::of_metrics("{}").is_err());
}

#[test]
fn serving_is_priced() {
    let catalogue = Catalogue::shipped();
    let config = published("deepseek-r1").unwrap();
    let cluster = Cluster::new(catalogue.chip("h800").unwrap(), 144, None).unwrap();
    let question = ServeQuestion { solves: Some(0.798), ..ServeQuestion::default() };
    let answer = serve("R1", &config, &Service::deepseek(&config), &cluster, &question).unwrap();
    let output = answer.json["serving"]["dollars_per_m_output"].as_f64().unwrap();
    assert!(output > 0.1 && output < 1.0, "{output}");
    let twice = ServeQuestion { answer_tokens: 2.0 * question.answer_tokens, ..question };
    let dearer = serve("R1", &config, &Service::deepseek(&config), &cluster, &twice).unwrap();
    assert!(dearer.json["dollars_per_solved"].as_f64() > answer.json["dollars_per_solved"].as_f64());
    let never = ServeQuestion { solves: Some(0.0), ..question };
    assert!(serve("R1", &config, &Service::deepseek(&config), &cluster, &never).is_err());
}

/// What a problem is like decides its price; of a solved one nothing is said where nobody knows the share.
#[test]
fn services_follow_what_is_asked_of_them() {
    let catalogue = Catalogue::shipped();
    let config = published("deepseek-r1").unwrap();
    let cluster = Cluster::new(catalogue.chip("h800").unwrap(), 144, None).unwrap();
    let question = ServeQuestion::default();
    let of = |service: &Service| serve("V3", &config, service, &cluster, &question);
    let theirs = Service::deepseek(&config);
    let output = |service: &Service| of(service).unwrap().json["serving"]["dollars_per_m_output"].as_f64().unwrap();
    let input = |service: &Service| of(service).unwrap().json["serving"]["dollars_per_m_input"].as_f64().unwrap();
    assert!(output(&Service { context: 20_000.0, ..theirs.clone() }) > output(&theirs));
    assert!(output(&Service { tokens_per_step: 1.8, ..theirs.clone() }) < output(&theirs));
    assert!(input(&Service { cache_hits: 0.0, ..theirs.clone() }) > 2.0 * input(&theirs));
    for (service, flag) in [
        (Service { context: 1e9, ..theirs.clone() }, "--context"),
        (Service { cache_hits: 1.0, ..theirs.clone() }, "--hits"),
        (Service { tokens_per_step: 0.5, ..theirs.clone() }, "--mtp"),
        (Service { prefill_unit: 1000, ..theirs.clone() }, "nearest: --prefill-chips 256"),
        (Service { prefill_unit: 1, ..theirs.clone() }, "nearest: --prefill-chips 16"),
        (Service { decode_unit: 2, ..theirs.clone() }, "nearest: --decode-chips 16"),
    ] {
        let error = of(&service).unwrap_err().to_string();
        assert!(error.contains(flag), "{error}");
    }
    let text = of(&theirs).unwrap().page.text(true);
    assert!(
        !text.contains("a solved problem") && text.contains("--solves") && text.contains("a problem = $"),
        "{text}"
    );
    let solved = ServeQuestion { solves: ServeQuestion::published_share("deepseek-r1"), ..question };
    let text = serve("R1", &config, &theirs, &cluster, &solved).unwrap().page.text(true);
    for needle in ["a solved problem = $", "R1's share of AIME 2024", "DeepSeek's day: margin"] {
        assert!(text.contains(needle), "{needle}: {text}");
    }
}

/// As a plan of each would: a chip without FP8 has no use for a layout in FP8.
#[test]
fn a_chip_without_fp8_is_compared_in_its_own_layout() {
    let catalogue = Catalogue::shipped();
    let (job, spec) = crate::plan::preset_job("v3-pretrain", 2048).unwrap();
    let chips = [(catalogue.chip("a100").unwrap(), Some(2.0))];
    let answer = compare_chips("V3", &job, &chips, 2048, &spec).unwrap();
    let changes = crate::plan::Changes { on: Some("a100".to_owned()), price: Some(2.0), ..Default::default() };
    let plan = crate::plan::preset("v3-pretrain", &changes, &catalogue).unwrap();
    assert_eq!(answer.json["chips"][0]["dollars"].as_f64().unwrap(), plan.dollars);
}

/// More chips than a step has sequences share them.
#[test]
fn more_chips_than_sequences_are_tried() {
    let catalogue = Catalogue::shipped();
    let job = Job { batch: 4, ..job("r1-distill-qwen-7b", 1e9, 4) };
    let answer = cheapest_within("7B", &job, &catalogue, Some("h100"), (0.1, None)).unwrap();
    assert!(answer.json["best"]["cluster"]["count"].as_u64().unwrap() > 4, "{}", answer.page.headline);
}

#[test]
fn services_that_cannot_be_are_refused() {
    let catalogue = Catalogue::shipped();
    let of = |model: &str, units: u64, price: f64, solves: f64| {
        let config = published(model).unwrap();
        let cluster = Cluster::new(catalogue.chip("h100").unwrap(), 8, Some(price)).unwrap();
        let service = Service { prefill_unit: units, decode_unit: units, ..Service::deepseek(&config) };
        serve(model, &config, &service, &cluster, &ServeQuestion { solves: Some(solves), ..Default::default() })
    };
    for (model, units, solves, needle) in [
        ("llama-3.1-70b", 3, 0.5, "nearest: --count 2"),
        ("llama-3.1-70b", 1_000_000, 0.5, "nearest: --count 8"),
        ("deepseek-r1", 1_000_000, 0.5, "nearest: --count 256"),
        ("deepseek-r1", 1, 0.5, "nearest: --count 16"),
        ("deepseek-r1", 32, 1e-300, "--solves 1e-300"),
    ] {
        let error = of(model, units, 2.0, solves).unwrap_err().to_string();
        assert!(error.contains(needle), "{model} on {units}: {error}");
    }
    assert!(of("deepseek-r1", 16, 2.0, 0.5).is_ok());
    // Less than a chip's memory is for weights, and a refusal says so.
    let rtx = catalogue.chip("rtx4090").unwrap();
    let error = Service::smallest(&published("llama-3.1-405b").unwrap(), rtx).unwrap_err().to_string();
    assert!(error.contains("has 16.8") && error.contains("of its 24 GB weights may take 0.7"), "{error}");
    // Chips that cost nothing: no margin, and bought ones still cost what they cost.
    let free = of("deepseek-r1", 32, 0.0, 0.5).unwrap();
    assert!(!free.page.text(true).contains("inf%") && free.json["deepseek_day"].is_null());
    let paid = of("deepseek-r1", 32, 2.0, 0.5).unwrap();
    assert_eq!(free.json["ways"][1], paid.json["ways"][1]);
    assert!(paid.page.text(false).contains("DeepSeek's day") && paid.page.text(false).contains("56.3% of input"));
    assert!(!of("llama-3.1-70b", 8, 2.0, 0.5).unwrap().page.text(false).contains("DeepSeek's day"));
}

/// Goals near 1 differ, and what a run says nothing of is not a number.
#[test]
fn far_goals_are_told_as_far() {
    let run = |slope: f64| -> String {
        let line = |i: u32| {
            let dollars = 0.01 * f64::from(i);
            format!(
                "{{\"dollars\":{dollars},\"val/accuracy\":{}}}\n",
                1.0 / (1.0 + (-(1.0 + slope * dollars.ln())).exp())
            )
        };
        (1..=60).map(line).collect()
    };
    let headline = |target: f64| cost_to_reach("run", &run(0.8), target).unwrap();
    let [near, nearer] = [0.999, 0.999_999].map(headline);
    assert!(near.page.title.contains("99.9") && nearer.page.title.contains("99.9999"), "{}", nearer.page.title);
    assert_ne!(near.json["forecast"]["dollars"], nearer.json["forecast"]["dollars"]);
    let flat = cost_to_reach("run", &run(0.01), 0.99).unwrap();
    let text = flat.page.text(true);
    assert!(
        flat.page.headline.starts_with("Not by this run") && text.lines().all(|line| line.chars().count() < 200),
        "{text}"
    );
}
