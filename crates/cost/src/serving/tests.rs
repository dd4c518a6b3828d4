//! DeepSeek's published production, derived.

use model::presets::published;

use super::*;
use crate::catalogue::Catalogue;

fn near(what: &str, found: f64, published: f64, share: f64) {
    eprintln!("{what}: {found:.4} ({:+.1}% of {published})", 100.0 * (found / published - 1.0));
    assert!((found / published - 1.0).abs() <= share, "{what}: {found}, published {published}");
}

/// open-infra-index, day 6: 73.7K input and 14.8K output tokens a second and node, 226.75 nodes, $87,072, 545%.
#[test]
fn deepseeks_day_is_the_published_one() {
    let chip = Catalogue::shipped().chip("h800").unwrap().clone();
    let service = Service::deepseek(&published("deepseek-r1").unwrap());
    let plan = plan_serving(&service, &chip, 2.0).unwrap();
    eprintln!(
        "batch {} step {} memory {} {}",
        plan.batch_per_chip, plan.decode_step_s, plan.memory_gb, plan.limited_by
    );
    near("input", plan.input_tokens_per_s_node, 73_700.0, 0.15);
    near("output", plan.output_tokens_per_s_node, 14_800.0, 0.15);
    let day = margin(&plan, &service, &chip, 2.0, &DEEPSEEK_DAY, &R1_PRICES);
    near("nodes", day.nodes, 226.75, 0.15);
    near("revenue", day.revenue, 562_027.0, 0.01);
    near("cost", day.cost, 87_072.0, 0.15);
    near("margin", day.margin, 5.45, 0.15);
}

#[test]
fn dense_models_are_served_by_as_few_chips_as_hold_them() {
    let catalogue = Catalogue::shipped();
    let h100 = catalogue.chip("h100").unwrap();
    let config = published("r1-distill-llama-70b").unwrap();
    let service = Service::smallest(&config, h100).unwrap();
    assert_eq!(service.decode_unit, 2);
    let plan = plan_serving(&service, h100, 2.0).unwrap();
    assert!(plan.memory_gb < h100.memory_gb && plan.output_tokens_per_s_node > 1000.0, "{plan:?}");
    let fast = Service { user_tokens_per_s: 1e5, ..service };
    assert!(plan_serving(&fast, h100, 2.0).unwrap_err().to_string().contains("--speed"));
    let mini = catalogue.chip("rtx3090").unwrap();
    assert!(Service::smallest(&published("r1-distill-qwen-1.5b").unwrap(), mini).is_ok());
}
