// The official Node SDKs.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const { PENSEUR_URL: url, PENSEUR_KEY: apiKey } = process.env;
const messages = [{ role: "user", content: "What is 347 + 588?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 12 } },
  required: ["city"],
  additionalProperties: false,
};

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey });
const whole = await openai.chat.completions.create({ model: "mini", messages, temperature: 0 });
assert.match(whole.choices[0].message.content, /935/);
assert.ok(whole.choices[0].message.reasoning_content);
let [content, reasoning] = ["", ""];
for await (const chunk of await openai.chat.completions.create({ model: "mini", messages, temperature: 0, stream: true })) {
  content += chunk.choices[0]?.delta.content ?? "";
  reasoning += chunk.choices[0]?.delta.reasoning_content ?? "";
}
assert.equal(content, whole.choices[0].message.content);
assert.equal(reasoning, whole.choices[0].message.reasoning_content);
const runner = openai.chat.completions.stream({
  model: "mini", messages, tool_choice: "required",
  tools: [{ type: "function", function: { name: "get_weather", parameters, strict: true } }],
});
const called = await runner.finalChatCompletion();
assert.deepEqual(Object.keys(JSON.parse(called.choices[0].message.tool_calls[0].function.arguments)), ["city"]);
const bound = await openai.chat.completions.parse({
  model: "mini", messages,
  response_format: { type: "json_schema", json_schema: { name: "city", schema: parameters, strict: true } },
});
assert.deepEqual(Object.keys(JSON.parse(bound.choices[0].message.content)), ["city"]);
const response = await openai.responses.stream({ model: "mini", input: messages, temperature: 0 }).finalResponse();
assert.match(response.output_text, /935/);
const gone = new AbortController();
const cut = await openai.chat.completions.create({ model: "mini", messages, stream: true }, { signal: gone.signal });
for await (const _ of cut) { gone.abort(); break; }
await assert.rejects(openai.chat.completions.create({ model: "none", messages }), OpenAI.NotFoundError);
console.log("openai (node) ... ok");

const anthropic = new Anthropic({ baseURL: url, apiKey });
const thinking = { type: "enabled", budget_tokens: 1024 };
const final = await anthropic.messages.stream({ model: "mini", max_tokens: 2048, messages, thinking }).finalMessage();
assert.deepEqual(final.content.map((block) => block.type), ["thinking", "text"]);
const tools = [{ name: "get_weather", input_schema: parameters }];
const use = await anthropic.messages.stream({ model: "mini", max_tokens: 400, messages, tools, tool_choice: { type: "any" } })
  .finalMessage();
assert.equal(use.stop_reason, "tool_use");
await assert.rejects(anthropic.messages.create({ model: "none", max_tokens: 9, messages }), Anthropic.NotFoundError);
console.log("anthropic (node) ... ok");
