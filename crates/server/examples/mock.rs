//! A server without a model: a script that adds and multiplies aloud, for work on the page and for browser tests.
//!
//! `cargo run -p server --example mock -- [PORT] [MS_PER_TOKEN]`

use std::time::Duration;

use serde_json::{Value, json};
use server::{Limits, ServeConfig, ServeError, serve};

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), ServeError> {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let port = args.next().unwrap_or(8080);
    let step_time = Duration::from_millis(args.next().unwrap_or(8));
    let mut model = common::offer(common::reasoner("mini", step_time, reply));
    model.card.description =
        "A small model that learned arithmetic from scratch and thinks aloud. It adds, subtracts and multiplies; \
         it knows nothing of the world."
            .into();
    model.card.examples = [
        "What is 347 + 588?",
        "47 * 86 =",
        "the product of 12 and 34",
        "What is 120 - 305?",
        "A box holds 24 pens. How many pens are in 13 boxes?",
        "902 minus 418",
        "63 times 25",
    ]
    .map(String::from)
    .into();
    let other = common::reasoner("other", step_time, |_| ("Hm.".into(), "I am the other one.".into()));
    let config = ServeConfig {
        host: "127.0.0.1".into(),
        port: port as u16,
        api_key_file: std::env::var_os("KEY_FILE").map(Into::into),
        cors_origins: Vec::new(),
        public_origin: std::env::var("PUBLIC_ORIGIN").ok().and_then(|origin| origin.parse().ok()),
        data_dir: std::env::var_os("DATA_DIR").map(Into::into),
        tls: None,
        pdf_reader: Vec::new(),
        dollars_per_second: 0.08 / 3600.0,
        workshop: Some(std::sync::Arc::new(Workshop)),
        models: vec![model, common::offer(other)],
        free_memory: || None,
        limits: Limits::default(),
    };
    serve(config, |address| println!("http://{address}"))
}

/// Thinking and answer to a question with two numbers and a word or sign between them.
fn reply(question: &str) -> (String, String) {
    // What a model may say that was told to say it.
    if let Some(text) = question.strip_prefix("say:") {
        return ("I say what I was told to say.".into(), text.into());
    }
    let numbers: Vec<i64> = question
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .filter(|n| *n < 1_000_000)
        .collect();
    if question.contains("forever") {
        return ((1..400).map(|i| format!("Let me count on: {i}.\n")).collect(), "That is far enough.".into());
    }
    if question.contains("in circles") {
        return ("Wait, let me think about that again from the start.\n".repeat(400), "I went in circles.".into());
    }
    let [a, b] = numbers[..] else {
        let thought = "There are no two numbers here to work with. I only know arithmetic.";
        return (thought.into(), "I cannot answer that. I can add, subtract and multiply whole numbers.".into());
    };
    let has = |words: &[&str]| words.iter().any(|word| question.contains(word));
    if has(&["*", "times", "product", "boxes"]) {
        let (tens, ones) = (b / 10 * 10, b % 10);
        let thought = format!(
            "I multiply {a} by {b}.\n{b} = {tens} + {ones}\n{a} * {tens} = {}\n{a} * {ones} = {}\n{} + {} = {}\nSo the product is {}.",
            a * tens,
            a * ones,
            a * tens,
            a * ones,
            a * b,
            a * b
        );
        (thought, format!("{a} × {b} = **{}**", a * b))
    } else if has(&["-", "minus"]) {
        let thought =
            format!("I take {b} from {a}.\nThe difference is {}.\nCheck: {} + {b} = {a}. Good.", a - b, a - b);
        (thought, format!("{a} − {b} = **{}**", a - b))
    } else {
        let mut thought = format!("I add {a} and {b}, digit by digit from the right.\n");
        let (mut x, mut y, mut carry) = (a, b, 0);
        while x > 0 || y > 0 || carry > 0 {
            let sum = x % 10 + y % 10 + carry;
            thought += &format!("{} + {} + {carry} = {sum}: write {}, carry {}.\n", x % 10, y % 10, sum % 10, sum / 10);
            (x, y, carry) = (x / 10, y / 10, sum / 10);
        }
        thought += &format!("Reading upwards: {}.", a + b);
        (thought, format!("{a} + {b} = **{}**", a + b))
    }
}

/// A workshop with one run, which learns while one looks.
struct Workshop;

impl server::Workshop for Workshop {
    fn model(&self, _: &str) -> Option<Value> {
        Some(json!({
            "architecture": "deepseek_v3", "params_total": 6_900_000, "params_active": 2_100_000, "layers": 6,
            "hidden_size": 256, "vocab_size": 4096, "memory_bytes": 27_600_000, "kv_bytes_per_token": 6144,
            "available_bytes": 8_000_000_000_u64, "fits": true, "longest_context": 4096,
        }))
    }

    fn runs(&self) -> Result<Option<Value>, String> {
        Ok(Some(json!({"root": "runs", "runs": [run_summary()]})))
    }

    fn run(&self, path: &str) -> Result<Option<Value>, String> {
        let steps = (0..200).map(|i| f64::from(i) * 10.0);
        let loss: Vec<[f64; 2]> = steps.clone().map(|step| [step, 0.4 + 6.0 * (-step / 300.0).exp()]).collect();
        let reward: Vec<[f64; 2]> = steps.map(|step| [step, 0.9 - 0.85 * (-step / 700.0).exp()]).collect();
        let bill = json!([{"stage": "base", "attempts": 2, "wall_s": 1234.5, "core_s": 2469.0, "tokens": 8_192_000,
            "flops": 1e15, "joules": null, "dollars": 0.0274, "lost_dollars": 0.0011}]);
        let report = json!({"summary": run_summary(), "bill": bill, "series": {"loss": loss, "reward": reward},
            "recipe": "name = \"base\"\nkind = \"pretrain\"\n"});
        Ok((path == "runs/mini").then_some(report))
    }

    fn plan(&self, _: &Value) -> Result<Option<Value>, String> {
        Ok(Some(json!({"params_total": 671_026_419_200_u64, "params_active": 37_552_000_000_u64, "step_seconds": 9.1,
            "tokens_per_day": 2.6e11, "mfu_causal": 0.23, "gpu_hours": 2.664e6, "days": 54.2, "dollars": 5.328e6,
            "memory_gb": 61.4, "limited_by": "matrix products", "page": {
                "headline": "$5.33M and 54.2 days on 2,048 NVIDIA H800 SXMs.", "lines": [], "drawings": [],
                "tables": [{"title": "The bill to expect", "columns": ["", "tokens", "chip-hours"],
                    "rows": [["pre-training", "14.8T", "2,664,000"]]}],
                "notes": ["A part marked (published) is not derived: the published figure stands in."]}})))
    }
}

fn run_summary() -> Value {
    json!({"path": "runs/mini", "stage": "base", "kind": "pretrain", "status": "running", "step": 1990,
        "tokens": 8_192_000, "seconds": 1234.5, "dollars": 0.0274, "loss": 0.41, "val_bpb": 0.62, "val_accuracy": 0.88})
}
