//! Published runs, derived. DeepSeek-V3's step is what two constants were fitted to; the others were not.

use model::presets::published;

use super::*;
use crate::catalogue::Catalogue;
use crate::layout::LayoutSpec;

fn v3() -> (Job, Layout, Chip) {
    let config = published("deepseek-v3").unwrap();
    let job = Job { config, tokens: 14.8e12, seq_len: 4096, batch: 15360, mtp: true };
    let chip = Catalogue::shipped().chip("h800").unwrap().clone();
    let layout = LayoutSpec::parse("pp=16,ep=64,precision=fp8").unwrap().complete(&job, &chip, 2048);
    (job, layout, chip)
}

fn near(what: &str, found: f64, published: f64, share: f64) {
    let off = found / published - 1.0;
    eprintln!("{what}: {found:.4} ({:+.1}% of {published})", 100.0 * off);
    assert!(off.abs() <= share, "{what}: {found}, published {published}");
}

/// arXiv:2505.09343, Table 4, on 2,048 H800s; V3's report, Table 1.
#[test]
fn v3s_step_is_the_published_one() {
    let (job, layout, chip) = v3();
    layout.check(&job, &chip, 2048).unwrap();
    assert_eq!((layout.dp, layout.schedule, layout.comm_sm), (128, Schedule::DualPipe, 20));
    let step = simulate_step(&job, &layout, &chip).unwrap();
    eprintln!("placement {:?}, spent {:?}, memory {:?}", step.placement, step.spent, step.memory);
    let b = step.breakdown;
    for (what, found, published) in [
        ("1F", b.forward_s, 1.13),
        ("1B", b.backward_s, 1.99),
        ("1W", b.weight_s, 0.48),
        ("bubble", b.bubble_s, 2.06),
        ("1F1B", b.overlapped_s, 13.95),
        ("optimizer", b.optimizer_s, 0.29),
    ] {
        near(what, found, published, 0.10);
    }
    near("step", step.seconds, 19.926, 0.05);
    near("tokens a day", job.step_tokens() / step.seconds * 86_400.0, 272.8e9, 0.05);
    let rate = flops_per_token(&job, AttentionSpan::Causal) * job.step_tokens() / step.seconds;
    near("causal MFU", rate / (2048.0 * 989e12), 0.3894, 0.05);
    let hours_per_t = 1e12 / job.step_tokens() * step.seconds * 2048.0 / 3600.0;
    near("GPU-hours a trillion", hours_per_t, 180e3, 0.05);
    near("GPU-hours", 14.8 * hours_per_t * (1.0 + Interruptions::of(2048).overhead), 2664e3, 0.05);
    assert!(step.memory.total() < 80e9);
}

/// Llama 3, arXiv:2407.21783, Table 4: 43% on 8,192 H100s, 41% on 16,384. Interleaved, gradients hidden (section 3.3.2).
#[test]
fn llamas_mfu_is_near_the_published_one() {
    let chip = Catalogue::shipped().chip("h100").unwrap().clone();
    for (count, published_mfu) in [(8192, 0.43), (16384, 0.41)] {
        let config = published("llama-3.1-405b").unwrap();
        let job = Job { config, tokens: 15.6e12, seq_len: 8192, batch: 2048, mtp: false };
        let spec = LayoutSpec::parse("tp=8,pp=16,vpp=8,precision=bf16,hide_dp=true").unwrap();
        let layout = spec.complete(&job, &chip, count);
        layout.check(&job, &chip, count).unwrap();
        let step = simulate_step(&job, &layout, &chip).unwrap();
        eprintln!("{:?} {:?} {:?}", step.breakdown, step.spent, step.memory);
        let rate = flops_per_token(&job, AttentionSpan::Causal) * job.step_tokens() / step.seconds;
        near(&format!("MFU on {count}"), rate / (count as f64 * 989e12), published_mfu, 0.15);
    }
}

/// DeepSeek-V2's report, section 3.2.3: 172.8K H800-hours a trillion tokens; section 3.1.3: zero-bubble pipeline of 16,
/// 8 experts' chips, ZeRO-1, BF16; 3.1.2: 9,216 sequences of 4K. The number of chips is not published: 1,024 assumed.
#[test]
fn v2s_hours_are_near_the_published_ones() {
    let chip = Catalogue::shipped().chip("h800").unwrap().clone();
    let config = published("deepseek-v2").unwrap();
    let job = Job { config, tokens: 8.1e12, seq_len: 4096, batch: 9216, mtp: false };
    let spec = LayoutSpec::parse("pp=16,ep=8,schedule=zb1p,precision=bf16").unwrap();
    let layout = spec.complete(&job, &chip, 1024);
    layout.check(&job, &chip, 1024).unwrap();
    let step = simulate_step(&job, &layout, &chip).unwrap();
    eprintln!("{:?} {:?} {:?} {:?}", step.placement, step.breakdown, step.spent, step.memory);
    let hours = 1e12 / job.step_tokens() * step.seconds * 1024.0 / 3600.0;
    near("H800-hours a trillion", hours, 172.8e3, 0.15);
}

/// A long step is the short ones' continuation: V3's with twice the micro-batches that are simulated one by one.
#[test]
fn long_steps_continue_as_they_began() {
    let (job, layout, chip) = v3();
    let seconds = |batch: u64| simulate_step(&Job { batch, ..job.clone() }, &layout, &chip).unwrap().breakdown;
    let (a, b, c) = (seconds(128 * 192), seconds(128 * 256), seconds(128 * 512));
    let growth = (b.overlapped_s - a.overlapped_s) / 64.0;
    assert!((c.overlapped_s - b.overlapped_s - 256.0 * growth).abs() < 1e-6 * c.overlapped_s, "{a:?} {b:?} {c:?}");
    assert!((c.forward_s - b.forward_s).abs() < 1e-9, "the beginning and the end stay as they are");
}

fn open_job(model: &str, seq_len: u64, batch: u64) -> Job {
    Job { config: published(model).unwrap(), tokens: 1e12, seq_len, batch, mtp: true }
}

/// A layout that a plan prints is the plan, when it is given back.
#[test]
fn a_row_of_layouts_takes_its_time() {
    let catalogue = Catalogue::shipped();
    for (model, chip, count) in [("llama-3.1-8b", "h100", 64), ("deepseek-v3", "h800", 512)] {
        let (job, chip) = (open_job(model, 4096, 1024), catalogue.chip(chip).unwrap());
        let steps = ranked_layouts(&job, &LayoutSpec::default(), chip, count, 5).unwrap();
        assert!(steps.len() == 5 && steps.is_sorted_by(|a, b| a.seconds <= b.seconds));
        for step in steps {
            let spec = LayoutSpec::parse(&step.layout.describe()).unwrap();
            let again = stated_layout(&Asked::new(&job, &spec, chip, count)).unwrap();
            assert_eq!(again.seconds, step.seconds, "{}", step.layout.describe());
        }
    }
}

/// ZeRO-3 sends more than ZeRO-1, hidden or not.
#[test]
fn sharding_parameters_is_not_quicker() {
    let chip = Catalogue::shipped().chip("h100").unwrap().clone();
    let job = open_job("llama-3.1-8b", 4096, 1024);
    for hide in ["true", "false"] {
        let seconds = |zero: u8| {
            let spec = LayoutSpec::parse(&format!("zero={zero},tp=2,hide_dp={hide}")).unwrap();
            let layout = spec.complete(&job, &chip, 64);
            simulate_step(&job, &layout, &chip).unwrap().seconds
        };
        assert!(seconds(3) >= seconds(1), "hide_dp={hide}: {} and {}", seconds(3), seconds(1));
    }
}

/// Long sequences are shared, several short ones are taken together, and what divides the chips need not be a power of 2.
#[test]
fn the_search_is_wide() {
    let catalogue = Catalogue::shipped();
    let best = |job: &Job, chip: &str, count| {
        best_layout(job, &LayoutSpec::default(), catalogue.chip(chip).unwrap(), count).unwrap()
    };
    let long = best(&open_job("llama-3.1-70b", 131_072, 32), "h100", 1024);
    assert!(long.layout.cp >= 4, "{}", long.layout.describe());
    let short = best(&open_job("llama-3.1-70b", 2048, 1024), "h100", 32);
    assert!(short.layout.micro_batch >= 2, "{}", short.layout.describe());
    let odd = best(&open_job("llama-3.1-8b", 4096, 32), "h100", 24);
    assert_eq!((odd.layout.pp * odd.layout.tp * odd.layout.cp) % 3, 0, "{}", odd.layout.describe());
}

/// What is offered for a layout that is refused is accepted as it is.
#[test]
fn advice_is_good() {
    let catalogue = Catalogue::shipped();
    let v3: &[&str] = &[
        "pp=61",
        "pp=62",
        "pp=1",
        "pp=16,ep=1",
        "pp=16,vpp=99",
        "pp=15",
        "pp=16,zero=3",
        "tp=16",
        "pp=16,dp=3",
        "pp=16,micro_batch=7",
        "pp=16,cp=3",
        "pp=16,ep=48",
        "pp=16,precision=bf16",
        "pp=5,tp=3,schedule=dualpipe",
    ];
    let l8: &[&str] = &[
        "pp=33",
        "pp=3,schedule=dualpipe",
        "tp=6",
        "tp=5",
        "pp=7",
        "ep=2",
        "dp=5",
        "pp=64",
        "pp=4,vpp=3",
        "vpp=2",
        "cp=7,dp=1",
        "micro_batch=3,tp=1",
        "zero=0,tp=1,recompute=none",
    ];
    let mut refused = 0;
    for (model, chip, counts, specs) in [
        ("deepseek-v3", "h800", &[2048, 1920][..], v3),
        ("llama-3.1-8b", "h100", &[1, 6, 9, 33][..], l8),
        ("llama-3.1-70b", "a100", &[12][..], l8),
    ] {
        let chip = catalogue.chip(chip).unwrap();
        for (count, spec) in counts.iter().flat_map(|count| specs.iter().map(move |spec| (*count, *spec))) {
            let batch = crate::plan::usual_batch(&published(model).unwrap(), 4096, count);
            let job = open_job(model, 4096, batch);
            let asked = Asked::new(&job, &LayoutSpec::parse(spec).unwrap(), chip, count);
            let Err(error) = stated_layout(&asked) else { continue };
            refused += 1;
            let text = error.to_string();
            let (_, advice) = text.rsplit_once("nearest: ").unwrap_or_else(|| panic!("{count} {spec}: {text}"));
            for alternative in advice.split(", or ") {
                let mut keys: Vec<&str> =
                    alternative.split(" and ").filter_map(|part| part.split('=').next()).collect();
                let n = keys.len();
                keys.dedup();
                assert_eq!(keys.len(), n, "one value a key: {text}");
                let next = asked.following(alternative).unwrap_or_else(|| panic!("{count} {spec}: {text}"));
                let again = match next.spec.is_open() {
                    true => best_layout(&next.job, &next.spec, chip, next.count),
                    false => stated_layout(&next),
                };
                assert!(again.is_ok(), "{model} on {count}, {spec}: {text}: then {}", again.unwrap_err());
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

/// Units that send are units that do not compute, and with few of them rows arrive late: the best number is between.
#[test]
fn sending_takes_units_of_the_chip() {
    let (job, layout, chip) = v3();
    let seconds = |comm_sm| simulate_step(&job, &Layout { comm_sm, ..layout.clone() }, &chip).unwrap().seconds;
    let all: Vec<(u64, f64)> = [1, 5, 10, 20, 40, 80, 131].map(|n| (n, seconds(n))).into();
    let (best, least) = *all.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!((5..=40).contains(&best), "{all:?}");
    assert!(all[0].1 > 1.2 * least && all[6].1 > 1.05 * least, "{all:?}");
    let none = Layout { comm_sm: 0, ..layout }.check(&job, &chip, 2048).unwrap_err().to_string();
    assert!(none.contains("nearest: comm_sm=20"), "{none}");
}

/// A layer that is computed again is whole while its backward runs: of 131,072 tokens at once one is many gigabytes.
#[test]
fn a_layer_that_is_computed_again_takes_room() {
    let chip = Catalogue::shipped().chip("h100").unwrap().clone();
    let config = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "vocab_size": 32000, "max_position_embeddings": 131072}"#;
    let job = Job { config: model::Config::from_json(config).unwrap(), ..open_job("llama-3.1-8b", 131_072, 8) };
    let of = |spec: &str| {
        let spec = LayoutSpec::parse(spec).unwrap();
        stated_layout(&Asked::new(&job, &spec, &chip, 8))
    };
    let error = of("zero=3,recompute=full,tp=1").unwrap_err().to_string();
    assert!(error.contains("GB a chip") && error.contains("nearest"), "{error}");
    let memory = of("zero=3,recompute=full,tp=2").unwrap().memory;
    assert!(memory.again > 8e9 && memory.again < memory.activations, "{memory:?}");
}

/// A batch that was stated is what is asked for: another one near it, or another number of chips, before a far one.
#[test]
fn the_batch_nearest_to_a_stated_one_is_offered() {
    let catalogue = Catalogue::shipped();
    let chip = catalogue.chip("h100").unwrap();
    let job = open_job("llama-3.1-70b", 2048, 1536);
    let error = best_layout(&job, &LayoutSpec::default(), chip, 10_000).unwrap_err().to_string();
    let (_, advice) = error.rsplit_once("nearest: ").unwrap();
    for alternative in advice.split(", or ") {
        let asked = Asked::new(&job, &LayoutSpec::default(), chip, 10_000);
        let next = asked.following(alternative).unwrap_or_else(|| panic!("{error}"));
        assert!(next.job.batch.abs_diff(1536) < 200 && next.count.abs_diff(10_000) < 200, "{error}");
        assert!(best_layout(&next.job, &next.spec, chip, next.count).is_ok(), "{error}");
    }
}

/// Parts of a step that are rounding's are none.
#[test]
fn one_chip_has_no_bubble() {
    let chip = Catalogue::shipped().chip("h100").unwrap().clone();
    let step = best_layout(&open_job("r1-distill-qwen-1.5b", 4096, 8), &LayoutSpec::default(), &chip, 1).unwrap();
    assert_eq!((step.breakdown.bubble_s, step.spent.communication_s), (0.0, 0.0));
    assert!(step.spent.optimizer_bytes > 0.0);
}

/// A step is its parts, each with its own arithmetic: nothing is left over.
#[test]
fn the_parts_of_a_step_add_up() {
    let catalogue = Catalogue::shipped();
    let parts = |job: &Job, chip: &str, count, spec: &str| {
        let chip = catalogue.chip(chip).unwrap();
        let step = stated_layout(&Asked::new(job, &LayoutSpec::parse(spec).unwrap(), chip, count)).unwrap();
        let spent = &step.spent;
        let sum = spent.products_s
            + spent.attention_s
            + spent.memory_s
            + spent.communication_s
            + spent.optimizer_s
            + spent.bubble_s;
        assert!((sum / step.seconds - 1.0).abs() < 1e-6, "{spec}: {sum} of {}: {step:?}", step.seconds);
        step.communication
    };
    let (job, ..) = v3();
    let dual = parts(&job, "h800", 2048, "pp=16,ep=64,precision=fp8");
    assert!(dual.hidden_experts_s > 1.0 && dual.beside_s > 0.1 && dual.tensor_s == 0.0, "{dual:?}");
    let apart = parts(&job, "h800", 2048, "pp=16,ep=64,precision=fp8,schedule=zb1p");
    assert!(apart.hidden_experts_s == 0.0 && apart.experts_s > dual.experts_s, "{apart:?}");
    // More micro-batches than are simulated one by one.
    parts(&Job { batch: 128 * 512, ..job.clone() }, "h800", 2048, "pp=16,ep=64,precision=fp8");
    let dense = open_job("llama-3.1-70b", 8192, 1024);
    let split = parts(&dense, "h100", 512, "tp=8,pp=4,vpp=2,cp=2,recompute=full");
    assert!(split.tensor_s > 0.0 && split.hidden_copies_s > 0.0 && split.copies_s == 0.0, "{split:?}");
    parts(&dense, "h100", 512, "tp=8,pp=4,hide_dp=false");
}

/// Parameters that travel behind the passes take units of the chip meanwhile, and what does not fit behind them shows.
#[test]
fn hidden_traffic_is_not_free() {
    let chip = Catalogue::shipped().chip("a100").unwrap().clone();
    let job = open_job("llama-3.1-8b", 4096, 64);
    let of = |spec: &str| {
        let spec = LayoutSpec::parse(spec).unwrap();
        stated_layout(&Asked::new(&job, &spec, &chip, 64)).unwrap()
    };
    let hidden = of("zero=3,tp=1,recompute=full,hide_dp=true");
    let c = hidden.communication;
    let share = hidden.layout.comm_sm as f64 / chip.n_sm as f64;
    assert!(c.hidden_copies_s > 0.0 && (c.beside_s / (share * c.hidden_copies_s) - 1.0).abs() < 1e-9, "{c:?}");
    let more = of("zero=3,tp=1,recompute=full,hide_dp=true,comm_sm=54");
    assert!(more.seconds > hidden.seconds, "{} {}", more.seconds, hidden.seconds);
    let shown = of("zero=3,tp=1,recompute=full,hide_dp=false");
    assert!(shown.seconds > hidden.seconds && shown.communication.hidden_copies_s == 0.0);
}

/// Nobody but DeepSeek tells of pipelines that overlap both directions.
#[test]
fn only_models_like_v3_run_in_dualpipe() {
    let chip = Catalogue::shipped().chip("h800").unwrap().clone();
    let schedule = |model: &str| {
        let job = open_job(model, 4096, 4096);
        LayoutSpec::parse("pp=8").unwrap().complete(&job, &chip, 256).schedule
    };
    assert_eq!(schedule("deepseek-v3"), Schedule::DualPipe);
    assert_eq!([schedule("deepseek-v2"), schedule("llama-3.1-70b")], [Schedule::Zb1p; 2]);
    let qwen = r#"{"model_type": "qwen3_moe", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 94,
        "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
        "num_experts_per_tok": 8, "moe_intermediate_size": 1536, "vocab_size": 151936}"#;
    let job = Job { config: model::Config::from_json(qwen).unwrap(), ..open_job("llama-3.1-8b", 2048, 4096) };
    let layout = LayoutSpec::parse("pp=8").unwrap().complete(&job, &chip, 256);
    assert_eq!((layout.schedule, layout.precision), (Schedule::Zb1p, Precision::Bf16));
}
