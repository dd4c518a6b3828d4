use std::sync::Arc;

use engine::mock::MockModel;
use engine::{ConstraintError, Constraints, Decode, Effort, EngineConfig, EngineHandle, ThinkTags, ThinkingWish};

use super::*;
use crate::config::{ChatFormat, ChatMessage, FormatError, PromptTokens, TextOptions, ToolSupport};
use crate::wire::sampling::SamplingWish;

/// Prompts of ten tokens; tags as control tokens or not.
pub struct Fixed {
    pub tags: bool,
}

impl Decode for Fixed {
    fn decode(&self, _: &[u32]) -> String {
        String::new()
    }
}

impl ChatFormat for Fixed {
    fn prompt(&self, _: &[ChatMessage], options: &PromptOptions) -> Result<PromptTokens, FormatError> {
        Ok(PromptTokens { tokens: vec![1; 10], in_thinking: options.thinking != Some(false) })
    }

    fn stop_tokens(&self) -> Vec<u32> {
        vec![9]
    }

    fn think_tags(&self) -> Option<ThinkTags> {
        self.tags.then(|| ThinkTags { start: 2, end: 3, closing: vec![3], wait: vec![4] })
    }

    fn tool_support(&self) -> ToolSupport {
        ToolSupport { format: ToolFormat::Tagged, lists_tools: false, shows_results: false }
    }

    fn control_id(&self, _: &str) -> Option<u32> {
        None
    }

    fn token_bytes(&self, _: u32) -> Vec<u8> {
        Vec::new()
    }

    fn encode_raw(&self, _: &str, _: TextOptions) -> Vec<u32> {
        vec![1]
    }

    fn fill_in_the_middle(&self, _: &str, _: &str) -> Option<Vec<u32>> {
        None
    }

    fn constraints(&self) -> Result<&Constraints, ConstraintError> {
        Err(ConstraintError::Invalid("none here".into()))
    }
}

/// A model with a context of 640 tokens.
fn model(tags: bool) -> ServedModel {
    ServedModel {
        name: "m".into(),
        engine: EngineHandle::spawn(Box::new(MockModel::hashing(10)), EngineConfig::default()).expect("a thread"),
        format: Arc::new(Fixed { tags }),
        sampling: SamplingParams { temperature: 0.6, top_p: 0.95, ..SamplingParams::default() },
        scorer: None,
    }
}

fn chat() -> ChatRequest {
    ChatRequest { n: 1, ..ChatRequest::default() }
}

fn job(chat: &ChatRequest) -> Request {
    prepare(&model(true), chat).unwrap_or_else(|e| panic!("{}", e.message)).requests.remove(0)
}

#[test]
fn the_models_defaults_fill_in() {
    let request = job(&ChatRequest {
        sampling: SamplingWish { top_p: Some(0.5), seed: Some(3), ..SamplingWish::default() },
        ..chat()
    });
    let SamplingParams { temperature, top_p, seed, .. } = request.sampling;
    assert_eq!((temperature, top_p, seed), (0.6, 0.5, 3));
    assert_eq!(request.max_tokens, 630, "the rest of the context");
    assert_eq!(request.stop_tokens, [9]);
}

#[test]
fn budgets_follow_the_request() {
    let budget = |chat: ChatRequest| job(&chat).thinking.expect("control tokens").budget;
    assert_eq!(budget(chat()), Some(630), "to the end, and the reserve ends it before");
    assert_eq!(budget(ChatRequest { max_tokens: Some(50), ..chat() }), None, "the client's own bound");
    let low = ThinkingWish { effort: Some(Effort::Low), ..ThinkingWish::default() };
    assert_eq!(budget(ChatRequest { max_tokens: Some(100), thinking: low, ..chat() }), Some(25));
    let both = ThinkingWish { effort: Some(Effort::Low), budget_tokens: Some(7), ..ThinkingWish::default() };
    assert_eq!(budget(ChatRequest { thinking: both, ..chat() }), Some(7));
    assert_eq!(job(&chat()).thinking.expect("control tokens").answer_reserve, 157);
}

#[test]
fn thinking_off_starts_outside() {
    let off = ThinkingWish { enabled: Some(false), ..ThinkingWish::default() };
    let job =
        prepare(&model(true), &ChatRequest { thinking: off, ..chat() }).unwrap_or_else(|e| panic!("{}", e.message));
    assert!(!job.in_thinking && !job.requests[0].thinking.as_ref().expect("control tokens").open);
}

#[test]
fn tags_as_text_cannot_be_bounded() {
    let plain = prepare(&model(false), &chat()).unwrap_or_else(|e| panic!("{}", e.message));
    assert_eq!(plain.split, Split::ByText { opened_by_prompt: true });
    let bounded = ThinkingWish { budget_tokens: Some(5), ..ThinkingWish::default() };
    let refused = prepare(&model(false), &ChatRequest { thinking: bounded, ..chat() });
    assert!(refused.err().expect("refused").message.contains("cannot be bounded"));
}

#[test]
fn completions_of_one_request_have_their_own_seeds() {
    let job = prepare(
        &model(true),
        &ChatRequest { n: 3, sampling: SamplingWish { seed: Some(1), ..SamplingWish::default() }, ..chat() },
    )
    .unwrap_or_else(|e| panic!("{}", e.message));
    let seeds: std::collections::BTreeSet<u64> = job.requests.iter().map(|r| r.sampling.seed).collect();
    assert_eq!(seeds.len(), 3);
    assert_eq!(job.requests[0].sampling.seed, 1);
}
