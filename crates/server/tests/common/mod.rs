//! A chat format of bytes, a scripted reasoner, and a raw HTTP client, for tests and the mock server.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod client;
pub mod start;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::mock::{ByteTokenizer, MockModel};
use engine::{
    ConstraintError, Constraints, Decode, EngineConfig, EngineHandle, SamplingParams, TokenLogprobs, ToolFormat,
};
use server::{
    ChatFormat, ChatMessage, FormatError, Limits, ModelCard, Offer, PromptOptions, PromptTokens, Score, ServeConfig,
    ServedModel, TextOptions, ThinkTags, ToolSupport,
};

/// R1's form over bytes.
pub struct ByteFormat;

impl Decode for ByteFormat {
    fn decode(&self, tokens: &[u32]) -> String {
        ByteTokenizer.decode(tokens)
    }
}

impl ChatFormat for ByteFormat {
    fn prompt(&self, messages: &[ChatMessage], options: &PromptOptions) -> Result<PromptTokens, FormatError> {
        let mut tokens = Vec::new();
        let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<_>>();
        for message in messages {
            match message.role.as_str() {
                "user" => tokens.push(ByteTokenizer::USER),
                "assistant" => tokens.push(ByteTokenizer::ASSISTANT),
                _ if message.content == "forbidden" => {
                    return Err(FormatError::Refused("this template takes no such prompt".into()));
                }
                _ => {}
            }
            tokens.extend(bytes(&message.content));
            if message.role == "assistant" {
                tokens.push(ByteTokenizer::END);
            }
        }
        let in_thinking = options.thinking != Some(false);
        if options.continues {
            // The last message again, without its end: the assistant goes on from there.
            tokens.pop();
            return Ok(PromptTokens { tokens, in_thinking: false });
        }
        tokens.extend([ByteTokenizer::ASSISTANT, ByteTokenizer::THINK_START, u32::from(b'\n')]);
        if !in_thinking {
            tokens.extend(ByteTokenizer::encode("\n</think>\n\n"));
        }
        Ok(PromptTokens { tokens, in_thinking })
    }

    fn stop_tokens(&self) -> Vec<u32> {
        vec![ByteTokenizer::END]
    }

    fn think_tags(&self) -> Option<ThinkTags> {
        Some(ThinkTags {
            start: ByteTokenizer::THINK_START,
            end: ByteTokenizer::THINK_END,
            closing: ByteTokenizer::encode("\n</think>\n\n"),
            wait: ByteTokenizer::encode("\nWait"),
        })
    }

    fn tool_support(&self) -> ToolSupport {
        ToolSupport { format: ToolFormat::Tagged, lists_tools: false, shows_results: false }
    }

    fn control_id(&self, _: &str) -> Option<u32> {
        None
    }

    fn token_bytes(&self, id: u32) -> Vec<u8> {
        u8::try_from(id).map_or_else(|_| b"<control>".to_vec(), |byte| vec![byte])
    }

    fn encode_raw(&self, text: &str, options: TextOptions) -> Vec<u32> {
        match options.parse_special {
            true => ByteTokenizer::encode(text),
            false => text.bytes().map(u32::from).collect(),
        }
    }

    fn fill_in_the_middle(&self, prefix: &str, suffix: &str) -> Option<Vec<u32>> {
        Some(format!("{prefix}|{suffix}|").bytes().map(u32::from).collect())
    }

    fn constraints(&self) -> Result<&Constraints, ConstraintError> {
        static CONSTRAINTS: OnceLock<Constraints> = OnceLock::new();
        let compile = || Constraints::new(ByteTokenizer::vocabulary(), ByteTokenizer::END).expect("a vocabulary");
        Ok(CONSTRAINTS.get_or_init(compile))
    }
}

/// Thinks that every token is as likely as any.
struct Uniform;

impl Score for Uniform {
    fn score(&self, tokens: &[u32], n_top: usize) -> Vec<TokenLogprobs> {
        let logprob = -(ByteTokenizer::VOCAB_SIZE as f32).ln();
        let top: Vec<(u32, f32)> = (0..n_top as u32).map(|id| (id, logprob)).collect();
        tokens[1..].iter().map(|_| TokenLogprobs { logprob, top: top.clone() }).collect()
    }
}

/// A model over [`ByteFormat`] that thinks and answers what `reply` says to the last user's text.
pub fn reasoner(
    name: &str,
    step_time: Duration,
    mut reply: impl FnMut(&str) -> (String, String) + Send + 'static,
) -> ServedModel {
    let mut model = MockModel::reasoning(256, move |prompt| {
        let question = prompt.iter().rposition(|&t| t == ByteTokenizer::USER).map_or(0, |at| at + 1);
        reply(&ByteTokenizer.decode(&prompt[question..]))
    });
    model.step_time = step_time;
    model.max_positions = 4096;
    let config = EngineConfig { max_in_flight: 8, ..EngineConfig::default() };
    ServedModel {
        name: name.into(),
        engine: EngineHandle::spawn(Box::new(model), config).expect("a thread"),
        format: Arc::new(ByteFormat),
        sampling: SamplingParams { temperature: 0.0, ..SamplingParams::default() },
        scorer: Some(Arc::new(Uniform)),
    }
}

/// A model over [`ByteFormat`] that says `reply` from where the prompt's last turn is, control tokens by their names.
pub fn saying(name: &str, reply: &'static str) -> ServedModel {
    let model = MockModel::replying(256, move |_| ByteTokenizer::encode(reply));
    let engine = EngineHandle::spawn(Box::new(model), EngineConfig::default()).expect("a thread");
    ServedModel { engine, ..reasoner(name, Duration::ZERO, |_| Default::default()) }
}

/// An offer of a model that is in memory all the time.
pub fn offer(model: ServedModel) -> Offer {
    let card = ModelCard {
        name: model.name.clone(),
        description: "A scripted model.".into(),
        examples: vec!["What is 347 + 588?".into(), "47 * 86 =".into()],
        context_length: model.engine.context(),
        thinking: true,
        temperature: 0.0,
    };
    let load = move || {
        let ServedModel { name, engine, format, sampling, scorer } = &model;
        let (engine, format, scorer) = (engine.clone(), format.clone(), scorer.clone());
        Ok(ServedModel { name: name.clone(), engine, format, sampling: sampling.clone(), scorer })
    };
    Offer { card, memory_bytes: 1 << 20, load: Box::new(load) }
}

/// A configuration for tests: any free port on loopback.
pub fn config(models: Vec<ServedModel>) -> ServeConfig {
    ServeConfig {
        host: "127.0.0.1".into(),
        port: 0,
        api_key_file: None,
        cors_origins: Vec::new(),
        public_origin: None,
        data_dir: None,
        tls: None,
        pdf_reader: Vec::new(),
        dollars_per_second: 0.08 / 3600.0,
        workshop: None,
        models: models.into_iter().map(offer).collect(),
        free_memory: || None,
        limits: Limits::default(),
    }
}
