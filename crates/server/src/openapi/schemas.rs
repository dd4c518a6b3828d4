//! The schemas of requests and answers.

use serde_json::{Map, Value, json};

use crate::wire::{self, Names};

/// All of them by name.
pub fn all() -> Value {
    json!({
        "ChatRequest": request(chat_fields(), &wire::names(), &["messages"]),
        "CompletionRequest": request(completion_fields(), &wire::completions::names(), &["prompt"]),
        "ResponseRequest": request(response_fields(), &wire::responses::names(), &["input"]),
        "MessageRequest": request(message_fields(), &wire::anthropic::names(), &["messages", "max_tokens"]),
        "CountRequest": request(message_fields(), &wire::anthropic::names(), &["messages"]),
        "ChatCompletion": answer("chat.completion", json!({
            "type": "object",
            "required": ["index", "message", "finish_reason", "thinking_stop_reason"],
            "properties": {
                "index": count(), "message": {"$ref": "#/components/schemas/AssistantMessage"},
                "finish_reason": {"type": "string", "enum": ["stop", "length", "tool_calls"]},
                "thinking_stop_reason": thinking_stop_reason(), "logprobs": object("of the answer in `content`, of the thinking in `reasoning_content`"),
            },
        })),
        "Completion": answer("text_completion", json!({
            "type": "object",
            "required": ["index", "text", "finish_reason"],
            "properties": {
                "index": count(), "text": {"type": "string"}, "logprobs": object("a column each of tokens, token_logprobs, top_logprobs, text_offset, token_ids"),
                "finish_reason": {"type": "string", "enum": ["stop", "length"]},
            },
        })),
        "AssistantMessage": {
            "type": "object",
            "required": ["role", "content"],
            "properties": {
                "role": {"type": "string", "const": "assistant"}, "content": {"type": "string"},
                "reasoning_content": {"type": "string"}, "reasoning": {"type": "string"},
                "tool_calls": {"type": "array", "items": {
                    "type": "object",
                    "required": ["id", "type", "function"],
                    "properties": {
                        "index": count(), "id": {"type": "string"}, "type": {"type": "string", "const": "function"},
                        "function": {
                            "type": "object",
                            "required": ["name", "arguments"],
                            "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}},
                        },
                    },
                }},
            },
        },
        "Response": {
            "type": "object",
            "required": ["id", "object", "created_at", "model", "status", "output", "usage", "thinking_stop_reason"],
            "properties": {
                "id": {"type": "string"}, "object": {"type": "string", "const": "response"}, "created_at": count(),
                "model": {"type": "string"}, "status": {"type": "string", "enum": ["completed", "incomplete"]},
                "incomplete_details": object("`reason`"), "thinking_stop_reason": thinking_stop_reason(),
                "output": {"type": "array", "items": {
                    "type": "object",
                    "required": ["id", "type", "status"],
                    "properties": {
                        "id": {"type": "string"}, "type": {"type": "string", "enum": ["reasoning", "message", "function_call"]},
                        "status": {"type": "string", "enum": ["completed", "incomplete"]}, "content": {"type": "array"},
                        "role": {"type": "string"}, "name": {"type": "string"}, "arguments": {"type": "string"},
                        "call_id": {"type": "string"},
                    },
                }},
                "usage": {
                    "type": "object",
                    "required": ["input_tokens", "output_tokens", "total_tokens"],
                    "properties": {
                        "input_tokens": count(), "output_tokens": count(), "total_tokens": count(),
                        "input_tokens_details": {"type": "object"}, "output_tokens_details": {"type": "object"},
                    },
                },
            },
        },
        "Message": {
            "type": "object",
            "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
            "properties": {
                "id": {"type": "string"}, "type": {"type": "string", "const": "message"},
                "role": {"type": "string", "const": "assistant"}, "model": {"type": "string"},
                "content": {"type": "array", "items": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {
                        "type": {"type": "string", "enum": ["thinking", "text", "tool_use"]}, "text": {"type": "string"},
                        "thinking": {"type": "string"}, "signature": {"type": "string"}, "id": {"type": "string"},
                        "name": {"type": "string"}, "input": {"type": "object"},
                    },
                }},
                "stop_reason": {"type": "string", "enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use"]},
                "stop_sequence": string(), "thinking_stop_reason": thinking_stop_reason(),
                "usage": {
                    "type": "object",
                    "required": ["input_tokens", "output_tokens"],
                    "properties": {
                        "input_tokens": count(), "output_tokens": count(), "cache_read_input_tokens": count(),
                        "cache_creation_input_tokens": count(),
                    },
                },
            },
        },
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
                "parse_special": {"type": ["boolean", "null"]},
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
                    "n_prompt_tokens": count(), "n_ctx": count(),
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

/// A request of these fields, of those that only label it, and of those that may ask for nothing alone.
fn request(fields: Vec<(&'static str, Value)>, names: &Names, required: &[&str]) -> Value {
    let mut properties: Map<String, Value> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let any = ["string", "number", "boolean", "object", "array", "null"];
    for label in &names.labels {
        let kinds = if *label == "metadata" { &["object", "null"][..] } else { &any };
        let mut schema = json!({"type": kinds, "description": "changes nothing in the answer"});
        if *label == "metadata" {
            schema["additionalProperties"] = string();
        }
        properties.insert((*label).to_owned(), schema);
    }
    for (name, values) in names.neutral {
        let values = values.iter().filter_map(|value| serde_json::from_str(value).ok());
        let values: Vec<Value> = values.chain([Value::Null]).collect();
        properties.insert((*name).to_owned(), json!({"type": any, "enum": values}));
    }
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": nothing()})
}

fn thinking_stop_reason() -> Value {
    json!({"type": ["string", "null"], "enum": ["natural", "budget", "loop", "user", "length", null]})
}

fn answer(object: &str, choice: Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": {"type": "string"}, "object": {"type": "string", "const": object}, "created": count(), "model": {"type": "string"},
            "choices": {"type": "array", "items": choice},
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

fn texts() -> Value {
    json!({"type": ["array", "null"], "minItems": 1, "items": {"type": "string", "minLength": 1}})
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
        ("typical_p", json!({"type": ["number", "null"], "exclusiveMinimum": 0.0, "maximum": 1.0})),
        ("repetition_penalty", number(0.1, 10.0)),
        ("repeat_penalty", number(0.1, 10.0)),
        ("presence_penalty", number(-2.0, 2.0)),
        ("frequency_penalty", number(-2.0, 2.0)),
        (
            "logit_bias",
            json!({"type": ["object", "array", "null"], "description": "from token ids to biases from -100 (ruled out) to 100, or a list of such pairs"}),
        ),
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
        ("reasoning", object("`effort`, `enabled`, `max_tokens`, `summary`")),
        ("thinking_budget", integer(0, None)),
        ("thinking_budget_tokens", integer(-1, None)),
        ("chat_template_kwargs", object("variables of the chat template")),
    ]
}

/// What [`crate::wire::tools::take_format`] reads.
fn format_fields() -> Vec<(&'static str, Value)> {
    let schema =
        || json!({"type": ["object", "boolean", "string", "null"], "description": "a JSON schema, or its text"});
    vec![
        ("response_format", object("`type`: text, json_object, json_schema, regex, grammar")),
        ("json_schema", schema()),
        ("guided_json", schema()),
        ("guided_regex", string()),
        ("guided_grammar", string()),
        ("guided_choice", texts()),
        ("structured_outputs", object("one of `json`, `regex`, `grammar`, `choice`")),
        ("regex", string()),
        ("ebnf", json!({"type": ["string", "null"], "description": "a grammar in Lark's form"})),
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
        ("add_generation_prompt", boolean()),
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
        ("logprobs", boolean()),
        ("top_logprobs", integer(0, Some(20))),
        (
            "verbosity",
            json!({"type": ["string", "null"], "enum": ["low", "medium", "high", null], "description": "changes nothing in the answer"}),
        ),
    ];
    [common_fields(), own, format_fields(), sampling_fields(), thinking_fields()].concat()
}

pub(super) fn completion_fields() -> Vec<(&'static str, Value)> {
    let own = vec![
        ("prompt", json!({"type": ["string", "array"], "description": "a text, token ids, or up to 64 of either"})),
        ("suffix", string()),
        ("echo", boolean()),
        ("stream_options", object("`include_usage`")),
        ("max_tokens", limit("16 where it is left out, -1 for no limit; 0 with `echo`")),
        ("n", integer(1, Some(16))),
        ("best_of", json!({"type": ["integer", "null"], "description": "as `n`"})),
        ("stop", stop()),
        ("logprobs", json!({"type": ["integer", "boolean", "null"], "minimum": 0, "maximum": 20})),
    ];
    [common_fields(), own, format_fields(), sampling_fields()].concat()
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
        ("stream_options", object("`include_obfuscation`, which changes nothing")),
        ("top_logprobs", integer(0, Some(20))),
        ("include", array("message.output_text.logprobs, reasoning.encrypted_content")),
    ];
    [common_fields(), own, sampling_fields(), thinking_fields()].concat()
}

pub(super) fn message_fields() -> Vec<(&'static str, Value)> {
    let own = vec![
        ("messages", json!({"type": "array", "minItems": 1, "items": {"type": "object"}})),
        ("system", json!({"type": ["string", "array", "null"]})),
        ("max_tokens", json!({"type": "integer", "minimum": 1})),
        ("stop_sequences", stop()),
        ("tools", array("`name`, `description`, `input_schema`")),
        ("tool_choice", object("`type`: auto, any, tool, none")),
        ("output_config", object("`effort`, `format`")),
        ("output_format", object("`type`: json_schema")),
        ("context_management", object("`edits` of past thinking alone")),
    ];
    [common_fields(), own, sampling_fields(), thinking_fields()].concat()
}
