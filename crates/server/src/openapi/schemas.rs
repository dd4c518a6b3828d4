//! The schemas of requests and answers.

use serde_json::{Map, Value, json};

/// All of them by name.
pub fn all() -> Value {
    json!({
        "ChatRequest": request(chat_fields(), &["messages"]),
        "CompletionRequest": request(completion_fields(), &["prompt"]),
        "ResponseRequest": request(response_fields(), &["input"]),
        "MessageRequest": request(message_fields(), &["messages", "max_tokens"]),
        "CountRequest": request(message_fields(), &["messages"]),
        "ChatCompletion": answer("chat.completion"),
        "Completion": answer("text_completion"),
        "Usage": {
            "type": "object",
            "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
            "properties": {
                "prompt_tokens": count(), "completion_tokens": count(), "total_tokens": count(),
                "prompt_cache_hit_tokens": count(), "prompt_cache_miss_tokens": count(),
                "prompt_tokens_details": {"type": "object"}, "completion_tokens_details": {"type": "object"},
            },
        },
        "TokenCount": {"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": count()}},
        "Model": {
            "type": "object",
            "required": ["id", "object", "created", "owned_by"],
            "properties": {
                "id": {"type": "string"}, "object": {"type": "string", "const": "model"}, "created": count(),
                "owned_by": {"type": "string"}, "context_length": count(), "thinking": {"type": "boolean"},
                "state": {"type": "string", "enum": ["loaded", "loading", "unloaded"]}, "memory_bytes": count(),
            },
        },
        "ModelName": {
            "type": "object",
            "required": ["model"],
            "properties": {"model": {"type": "string"}},
            "additionalProperties": nothing(),
        },
        "TextToTokens": {
            "type": "object",
            "required": ["content"],
            "properties": {
                "content": {"type": "string"}, "model": {"type": ["string", "null"]},
                "add_special": {"type": ["boolean", "null"]}, "with_pieces": {"type": ["boolean", "null"]},
                "parse_special": {"type": ["boolean", "null"], "enum": [false, null]},
            },
            "additionalProperties": nothing(),
        },
        "TokenList": {"type": "object", "required": ["tokens"], "properties": {"tokens": {"type": "array"}}},
        "TokensToText": {
            "type": "object",
            "required": ["tokens"],
            "properties": {"tokens": {"type": "array", "items": count()}, "model": {"type": ["string", "null"]}},
            "additionalProperties": nothing(),
        },
        "Content": {"type": "object", "required": ["content"], "properties": {"content": {"type": "string"}}},
        "PromptText": {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
        "Success": {"type": "object", "required": ["success"], "properties": {"success": {"type": "boolean"}}},
        "ModelList": {
            "type": "object",
            "required": ["object", "data"],
            "properties": {
                "object": {"type": "string", "const": "list"},
                "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
            },
        },
        "Health": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
        "Object": {"type": "object"},
        "Text": {"type": "string"},
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"}, "type": {"type": "string"},
                    "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]},
                },
            }},
        },
        "AnthropicError": {
            "type": "object",
            "required": ["type", "error"],
            "properties": {
                "type": {"type": "string", "const": "error"},
                "error": {
                    "type": "object",
                    "required": ["type", "message"],
                    "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
        "ChatMessage": {
            "type": "object",
            "required": ["role"],
            "properties": {
                "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool"]},
                "content": {"type": ["string", "array", "null"]}, "reasoning_content": string(), "reasoning": string(),
                "tool_calls": {"type": ["array", "null"]}, "tool_call_id": string(), "name": string(),
                "prefix": boolean(),
            },
        },
    })
}

fn request(fields: Vec<(&'static str, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn answer(object: &str) -> Value {
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": {"type": "string"}, "object": {"type": "string", "const": object}, "created": count(), "model": {"type": "string"},
            "choices": {"type": "array", "items": {"type": "object", "required": ["index", "finish_reason"]}},
            "usage": {"$ref": "#/components/schemas/Usage"},
        },
    })
}

/// What a field of an unknown name may be: null asks for nothing, and clients send it for what they leave out.
fn nothing() -> Value {
    json!({"type": "null"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn string() -> Value {
    json!({"type": ["string", "null"]})
}

fn boolean() -> Value {
    json!({"type": ["boolean", "null"]})
}

fn object(what: &str) -> Value {
    json!({"type": ["object", "null"], "description": what})
}

fn array(what: &str) -> Value {
    json!({"type": ["array", "null"], "description": what})
}

fn number(from: f32, to: f32) -> Value {
    json!({"type": ["number", "null"], "minimum": from, "maximum": to})
}

fn integer(from: i64, to: Option<i64>) -> Value {
    match to {
        Some(to) => json!({"type": ["integer", "null"], "minimum": from, "maximum": to}),
        None => json!({"type": ["integer", "null"], "minimum": from}),
    }
}

fn limit(what: &str) -> Value {
    json!({"type": ["integer", "null"], "minimum": -1, "description": what})
}

fn stop() -> Value {
    json!({"type": ["string", "array", "null"], "description": "a string or up to 16, none of them empty"})
}

/// What [`crate::wire::sampling`] reads.
fn sampling_fields() -> Vec<(&'static str, Value)> {
    vec![
        ("temperature", number(0.0, 2.0)),
        ("top_p", number(0.0, 1.0)),
        ("top_k", json!({"type": ["integer", "null"]})),
        ("min_p", number(0.0, 1.0)),
        ("typical_p", number(0.0, 1.0)),
        ("repetition_penalty", number(0.1, 10.0)),
        ("presence_penalty", number(-2.0, 2.0)),
        ("frequency_penalty", number(-2.0, 2.0)),
        ("logit_bias", object("from token ids to biases from -100 (ruled out) to 100")),
        ("seed", json!({"type": ["integer", "null"]})),
    ]
}

/// What [`crate::wire::thinking`] reads.
fn thinking_fields() -> Vec<(&'static str, Value)> {
    let efforts = json!({"type": ["string", "null"], "enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra", null]});
    vec![
        ("thinking", object("`type` (enabled, disabled), `budget_tokens`, `min_tokens`, `loop_guard`")),
        ("enable_thinking", boolean()),
        ("reasoning_effort", efforts),
        ("reasoning", object("`effort`, `enabled`, `max_tokens`")),
        ("thinking_budget", integer(0, None)),
        ("chat_template_kwargs", object("variables of the chat template")),
    ]
}

fn common_fields() -> Vec<(&'static str, Value)> {
    vec![("model", string()), ("stream", boolean())]
}

pub(super) fn chat_fields() -> Vec<(&'static str, Value)> {
    let messages = json!({"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/ChatMessage"}});
    let own = vec![
        ("messages", messages),
        ("continue_final_message", boolean()),
        ("stream_options", object("`include_usage`")),
        ("max_tokens", limit("at least 1, or -1 for no limit")),
        ("max_completion_tokens", limit("the same")),
        ("n", integer(1, Some(16))),
        ("stop", stop()),
        ("tools", array("functions, at most 128")),
        (
            "tool_choice",
            json!({"type": ["string", "object", "null"], "description": "none, auto, required, one function, or allowed_tools"}),
        ),
        ("parallel_tool_calls", boolean()),
        ("response_format", object("`type`: text, json_object, json_schema, regex, grammar")),
        ("logprobs", boolean()),
        ("top_logprobs", integer(0, Some(20))),
    ];
    [common_fields(), own, sampling_fields(), thinking_fields()].concat()
}

pub(super) fn completion_fields() -> Vec<(&'static str, Value)> {
    let own = vec![
        ("prompt", json!({"type": ["string", "array"], "description": "a text, token ids, or up to 64 of either"})),
        ("suffix", string()),
        ("echo", boolean()),
        ("stream_options", object("`include_usage`")),
        ("max_tokens", limit("16 where it is left out, -1 for no limit; 0 with `echo`")),
        ("n", integer(1, Some(16))),
        ("stop", stop()),
        ("logprobs", integer(0, Some(20))),
    ];
    [common_fields(), own, sampling_fields()].concat()
}

pub(super) fn response_fields() -> Vec<(&'static str, Value)> {
    let own = vec![
        ("input", json!({"type": ["string", "array"], "description": "a text, or items"})),
        ("instructions", string()),
        ("max_output_tokens", integer(1, None)),
        ("text", object("`format`")),
        ("tools", array("functions")),
        ("tool_choice", json!({"type": ["string", "object", "null"]})),
        ("parallel_tool_calls", boolean()),
        ("reasoning", object("`effort`")),
        ("top_logprobs", integer(0, Some(20))),
        ("include", array("message.output_text.logprobs, reasoning.encrypted_content")),
    ];
    [common_fields(), own, sampling_fields()].concat()
}

pub(super) fn message_fields() -> Vec<(&'static str, Value)> {
    vec![
        ("model", string()),
        ("messages", json!({"type": "array", "minItems": 1, "items": {"type": "object"}})),
        ("system", json!({"type": ["string", "array", "null"]})),
        ("max_tokens", json!({"type": "integer", "minimum": 1})),
        ("stop_sequences", array("up to 16")),
        ("stream", boolean()),
        ("temperature", number(0.0, 2.0)),
        ("top_p", number(0.0, 1.0)),
        ("top_k", json!({"type": ["integer", "null"]})),
        ("tools", array("`name`, `description`, `input_schema`")),
        ("tool_choice", object("`type`: auto, any, tool, none")),
        ("thinking", object("`type`, `budget_tokens`")),
        ("output_config", object("`effort`, `format`")),
        ("output_format", object("`type`: json_schema")),
    ]
}
