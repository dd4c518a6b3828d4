//! Layouts are read, completed, and refused with the nearest one that works.

use model::presets::published;

use super::*;
use crate::catalogue::Catalogue;

fn v3_on(count: u64, spec: &str) -> Result<Layout> {
    let config = published("deepseek-v3").unwrap();
    let job = Job { config, tokens: 1e12, seq_len: 4096, batch: 15360, mtp: true };
    let chip = Catalogue::shipped().chip("h800").unwrap().clone();
    let layout = LayoutSpec::parse(spec)?.complete(&job, &chip, count);
    layout.check(&job, &chip, count)?;
    Ok(layout)
}

#[test]
fn what_is_not_said_is_chosen() {
    let layout = v3_on(2048, "pp=16").unwrap();
    assert_eq!((layout.dp, layout.ep, layout.zero, layout.schedule), (128, 64, 1, Schedule::DualPipe));
    assert_eq!(LayoutSpec::parse(&layout.describe()).unwrap().ep, Some(64));
}

#[test]
fn nonsense_is_refused_with_what_works() {
    for (count, spec, needle) in [
        (2048, "pp=15", "nearest: pp=16, or --count 2040"),
        (2048, "pp=16,tp=3", "nearest: tp=2"),
        (2048, "pp=16,dp=999", "nearest: dp=128"),
        (2048, "pp=16,cp=8192,dp=1", "nearest: cp="),
        (2048, "pp=16,vpp=99", "nearest: vpp=4"),
        (2048, "pp=1,vpp=99", "nearest: vpp=1"),
        (2048, "pp=1,vpp=2", "nearest: vpp=1"),
        (2048, "pp=16,comm_sm=500", "nearest: comm_sm=20"),
        (2048, "pp=16,ep=48", "nearest: ep=32"),
        (2048, "pp=128", "nearest: pp="),
        (2048, "pp=16,tp=16", "nearest: tp=8"),
        (2048, "pq=16", "nearest: pp"),
        (2048, "pp=16,schedule=dualpip", "schedule=dualpipe"),
        (2048, "pp=0", "from 1"),
        (2048, "pp", "KEY=VALUE"),
        (2048, "pp=16,zero=3", "zero=1"),
        (2048, "pp=16,micro_batch=7", "--batch"),
        (2048, "pp=16,imbalance=0.5", "1 to 100"),
    ] {
        let error = v3_on(count, spec).unwrap_err().to_string();
        assert!(error.contains(needle), "{spec}: {error}");
    }
}

/// Without zigzag the last of the chips that share a sequence sees nearly twice the mean.
#[test]
fn pieces_in_order_make_attention_uneven() {
    for (spec, times) in [("pp=16,cp=8", 1.0), ("pp=16,cp=8,zigzag=false", 1.875), ("pp=16,zigzag=false", 1.0)] {
        assert_eq!(v3_on(2048, spec).unwrap().attention_imbalance(), times, "{spec}");
    }
}

/// Falcon's 232 heads have 8 of keys and values; PaLM's and Falcon 7B's have one, which is copied.
#[test]
fn heads_of_keys_are_copied_where_there_are_fewer() {
    let of = |keys: u64| {
        let text = format!(
            r#"{{"model_type": "falcon", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 64,
            "num_kv_heads": {keys}, "vocab_size": 65024}}"#
        );
        Config::from_json(&text).unwrap()
    };
    assert!(divides_heads(&of(1), 8) && divides_heads(&of(8), 4) && divides_heads(&of(4), 8));
    assert!(!divides_heads(&of(1), 3) && !divides_heads(&of(4), 6));
}

#[test]
fn numbers_that_are_too_large_together_are_refused() {
    for (spec, needle) in [
        ("pp=16777216,tp=16777216,cp=16777216", "nearest: leave --layout out"),
        ("pp=2,dp=16777216", "at most 16777216"),
        ("pp=16,pp=8", "pp twice"),
        ("zero=4", "nearest: zero=3"),
        ("recompute=everything", "nearest: recompute=full"),
    ] {
        let error = LayoutSpec::parse(spec).unwrap_err().to_string();
        assert!(error.contains(needle), "{spec}: {error}");
    }
}

/// What is taken where nothing is said is what the search takes: FP8 for V3 where the chip has it, and
/// gradients behind the passes of dense models. What is printed and read again is the same layout.
#[test]
fn a_printed_layout_is_the_same_layout() {
    let catalogue = Catalogue::shipped();
    for (model, chip, spec) in [
        ("deepseek-v3", "h800", "pp=16,ep=64"),
        ("deepseek-v3", "a100", "pp=16,cp=2,zigzag=false"),
        ("deepseek-v3", "h800", "pp=8,schedule=dualpipe,comm_sm=30,imbalance=1.5"),
        ("deepseek-v2", "h800", "pp=4,ep=8"),
        ("llama-3.1-8b", "h100", "tp=2,zero=3,micro_batch=2"),
        ("llama-3.1-8b", "h100", "pp=4,vpp=2,hide_dp=false,recompute=none"),
    ] {
        let chip = catalogue.chip(chip).unwrap();
        let job = Job { config: published(model).unwrap(), tokens: 1e12, seq_len: 4096, batch: 15360, mtp: true };
        let layout = LayoutSpec::parse(spec).unwrap().complete(&job, chip, 2048);
        let again = LayoutSpec::parse(&layout.describe()).unwrap().complete(&job, chip, 2048);
        assert_eq!(layout, again, "{spec}");
        let has_fp8 = model == "deepseek-v3" && chip.fp8_tflops.is_some();
        assert_eq!(layout.precision == Precision::Fp8, has_fp8, "{spec}");
    }
}

/// What is written is read again; what is said wins over what lies under it.
#[test]
fn layouts_are_laid_over_others() {
    let read = |text: &str| LayoutSpec::parse(text).unwrap();
    let all = "pp=16,vpp=1,ep=64,tp=2,cp=1,dp=64,zero=1,schedule=zb1p,micro_batch=2,precision=fp8,recompute=full,\
               comm_sm=20,imbalance=1.25,hide_dp=true,zigzag=false";
    for text in ["", "tp=8", "imbalance=1.2", all] {
        assert_eq!(read(text).written(), text);
    }
    assert_eq!(read("ep=32,tp=4").over(&read("pp=16,ep=64,precision=fp8")), read("pp=16,ep=32,tp=4,precision=fp8"));
    assert_eq!(read("").over(&read(all)), read(all));
    assert_eq!(read("pp=16.0"), read("pp=16"));
}
