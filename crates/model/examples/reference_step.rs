//! Training steps of the reference GPT (6.9M parameters, 4,096 tokens a step) or of a model given as a `config.json`:
//! tokens per second and peak memory, to stand beside `bench/torch_gpt.py` in one run.
//!
//! `cargo run --release -p model --example reference_step -- [f32|bf16] [steps] [config.json]`

use model::{Config, LossSpec, Model, ModelOptions, PackedBatch};
use std::time::Instant;
use tensor::{AdamW, AdamWConfig, Device, Gradients, Precision};

const REFERENCE: &str = r#"{
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "num_hidden_layers": 6,
  "num_attention_heads": 8, "num_key_value_heads": 8, "intermediate_size": 683, "vocab_size": 4096,
  "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false
}"#;
const SEQ_LEN: usize = 256;
const BATCH: usize = 16;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let precision = match args.first().map(String::as_str) {
        Some("f32") => Precision::F32,
        _ => Precision::Bf16,
    };
    let n_steps: usize = args.get(1).map_or(20, |n| n.parse().expect("a number of steps"));
    let text = args.get(2).map_or(REFERENCE.to_owned(), |path| std::fs::read_to_string(path).expect("a config.json"));
    let config = Config::from_json(&text).expect("a configuration");
    let options = ModelOptions { device: Device::cpu(), precision, trainable: true, n_positions: SEQ_LEN };
    let mut model = Model::new(config.clone(), &options);
    model.initialize(1);

    let vocab = config.vocab_size() as u32;
    let document = |seed: u32| (0..=SEQ_LEN as u32).map(|i| (i * i + seed * 977 + i * seed) % vocab).collect();
    let batch = PackedBatch::from_documents(&(0..BATCH as u32).map(document).collect::<Vec<Vec<u32>>>());
    let spec = LossSpec::over(std::slice::from_ref(&batch), 0.3, 1e-4);
    let adamw = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };
    let mut optimizer = AdamW::new(adamw, model.params());
    let mut grads = Gradients::new(model.params());

    let mut seconds = Vec::new();
    for step in 0..n_steps + 2 {
        let start = Instant::now();
        grads.clear();
        let loss = model.train_step(&batch, &spec, &mut grads);
        let norm = optimizer.step(model.params_mut(), &grads, 1e-3);
        if step >= 2 {
            seconds.push(start.elapsed().as_secs_f64());
        }
        if step % 10 == 0 {
            eprintln!("step {step}: loss {:.4}, gradient norm {norm:.3}", loss.loss);
        }
    }
    seconds.sort_by(f64::total_cmp);
    let tokens = (BATCH * SEQ_LEN) as f64;
    println!(
        "{{\"precision\": \"{}\", \"isa\": \"{}\", \"parameters\": {}, \"tokens_per_second_median\": {:.0}, \
         \"tokens_per_second_best\": {:.0}, \"buffers_peak_mb\": {:.0}, \"rss_peak_mb\": {:.0}}}",
        precision.name(),
        kernels::isa::Isa::active().name(),
        model.params().n_values(),
        tokens / seconds[seconds.len() / 2],
        tokens / seconds[0],
        options.device.peak_bytes() as f64 / 1e6,
        sys::memory::peak_rss_bytes().unwrap_or(0) as f64 / 1e6,
    );
}
