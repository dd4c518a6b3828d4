//! What the engine does alone with the load that `crates/server/examples/load.rs` puts on a server: the figure that the
//! server's is held against.
//!
//! `cargo run --release -p engine --example batch -- [MODEL] [N] [SECONDS]`: N of the load's questions run together (64), at
//! its seeds, temperature and bound on tokens; as one ends, the next takes its place. Run it on a quiet machine.

use engine::exact::ExactModel;
use engine::{BLOCK_SIZE, Engine, EngineConfig, Event, Request, SamplingParams};
use engine::{ThinkTags, ThinkingWish, sampler};
use model::chat_template::{ChatTemplate, Message, RenderOptions};
use model::source::Source;
use model::tokenizer::{THINK_END, Tokenizer};
use model::{Config, ModelOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor::{Device, Precision};

#[global_allocator]
static ALLOCATOR: sys::huge_pages::Allocator = sys::huge_pages::Allocator;

const MAX_TOKENS: usize = 256;

/// Asks the load's questions in its order.
struct Questions {
    tokenizer: Tokenizer,
    template: ChatTemplate,
    config: Config,
    n: usize,
}

impl Questions {
    fn next(&mut self) -> Request {
        let n = self.n;
        self.n += 1;
        let (a, b, seed) = (100 + 37 * (n % 16), 200 + 53 * (n % 16), (n / 16 % 4) as u64);
        let messages = [Message::user(format!("What is {a} + {b}?"))];
        let prompt = self.template.encode(&self.tokenizer, &messages, &RenderOptions::default()).expect("a prompt");
        let id = |id: Option<u32>| id.expect("a model with tags for thinking");
        let tags = ThinkTags {
            start: id(self.tokenizer.think_start_id()),
            end: id(self.tokenizer.think_end_id()),
            closing: self.tokenizer.encode_with_special(&format!("\n{THINK_END}\n\n")),
            wait: Vec::new(),
        };
        Request {
            prompt: prompt.tokens,
            max_tokens: MAX_TOKENS,
            stop_tokens: self.tokenizer.eos_ids().iter().chain(self.config.eos_token_ids()).copied().collect(),
            sampling: SamplingParams {
                temperature: 0.6,
                seed: sampler::derive_seed(seed, 0),
                ..SamplingParams::default()
            },
            thinking: Some(ThinkingWish::default().params(&tags, prompt.in_thinking, MAX_TOKENS, true)),
            ..Request::default()
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let at = |i: usize, usual: u64| args.get(i).map_or(usual, |text| text.parse().expect("a whole number"));
    let (n, seconds) = (at(1, 64) as usize, at(2, 20));
    let source = Source::resolve(args.first().map_or("mini", String::as_str)).expect("a model");
    let config = source.config().expect("a configuration");
    let n_positions = config.max_position_embeddings().min(8192);
    let options = ModelOptions { device: Device::cpu(), precision: Precision::Bf16, trainable: false, n_positions };
    let mut model = source.load(&options).expect("weights");
    model.pack_for_decoding();
    let n_blocks = n * (n_positions.min(2 * MAX_TOKENS) / BLOCK_SIZE + 1);
    let model = ExactModel::new(Arc::new(model), n_blocks);
    let mut engine = Engine::new(Box::new(model), EngineConfig { max_running: n, ..EngineConfig::default() });
    let tokenizer = source.tokenizer().expect("a readable tokenizer").expect("a tokenizer");
    let template = source.chat_template().expect("a template");
    let mut questions = Questions { tokenizer, template, config, n: 0 };
    for _ in 0..n {
        engine.add(questions.next()).expect("a valid request");
    }
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut n_tokens, mut n_answers, mut n_steps) = (0u64, 0u64, 0u64);
    while start.elapsed() < end {
        n_steps += 1;
        for (_, event) in engine.step() {
            match event {
                Event::Token(_) => n_tokens += 1,
                Event::Finished(_) => {
                    n_answers += 1;
                    engine.add(questions.next()).expect("a valid request");
                }
                Event::Logprobs(_) => {}
            }
        }
    }
    let all = start.elapsed().as_secs_f64();
    println!("{n} together: {:.0} tokens/s, {n_answers} answers, {n_steps} steps in {all:.1} s", n_tokens as f64 / all);
}
