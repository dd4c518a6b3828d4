"""Every client does what its users do: whole and streamed answers, thinking, tools, structured output, errors."""

import asyncio
import json
import os
import traceback

URL, KEY = os.environ["PENSEUR_URL"], os.environ["PENSEUR_KEY"]
QUESTION = [{"role": "user", "content": "What is 347 + 588?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 12}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
SUM = {
    "type": "object",
    "properties": {"sum": {"type": "integer", "minimum": 0, "maximum": 9999}},
    "required": ["sum"],
    "additionalProperties": False,
}


def openai_chat():
    from openai import OpenAI

    client = OpenAI(base_url=URL + "/v1", api_key=KEY)
    names = [model.id for model in client.models.list()]
    assert "mini" in names, names
    assert client.models.retrieve("mini").id == "mini"
    whole = client.chat.completions.create(model="mini", messages=QUESTION, temperature=0, seed=1)
    choice = whole.choices[0]
    assert choice.message.reasoning_content and "935" in choice.message.content, choice
    assert choice.finish_reason == "stop" and whole.usage.completion_tokens_details.reasoning_tokens > 0
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    assert whole.usage.prompt_cache_hit_tokens + whole.usage.prompt_cache_miss_tokens == whole.usage.prompt_tokens

    stream = client.chat.completions.create(
        model="mini", messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    reasoning, content, usage = "", "", None
    for chunk in stream:
        if chunk.choices:
            delta = chunk.choices[0].delta
            assert not (content and delta.reasoning_content), "thinking after the answer began"
            reasoning += delta.reasoning_content or ""
            content += delta.content or ""
        usage = chunk.usage or usage
    assert (reasoning, content) == (choice.message.reasoning_content, choice.message.content)
    assert usage.completion_tokens == whole.usage.completion_tokens

    off = client.chat.completions.create(
        model="deepseek-chat", messages=QUESTION, temperature=0, logprobs=True, top_logprobs=3
    )
    message = off.choices[0].message
    assert not getattr(message, "reasoning_content", None)
    said = "".join(token.token for token in off.choices[0].logprobs.content)
    assert message.content.strip() in said, (said, message.content)
    on = client.chat.completions.create(model="deepseek-reasoner", messages=QUESTION, temperature=0)
    assert on.choices[0].message.reasoning_content
    budget = client.chat.completions.create(
        model="mini", messages=QUESTION, extra_body={"thinking": {"type": "enabled", "budget_tokens": 4}}
    )
    assert budget.choices[0].thinking_stop_reason == "budget" and budget.choices[0].message.content
    several = client.chat.completions.create(model="mini", messages=QUESTION, n=3, temperature=1.0, stop=["\n\n\n"])
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    low = client.chat.completions.create(model="mini", messages=QUESTION, reasoning_effort="low", max_completion_tokens=200)
    assert low.usage.completion_tokens <= 200


def openai_helpers():
    """The SDK's own helpers check every event's shape."""
    from openai import OpenAI
    from pydantic import BaseModel, Field

    class Sum(BaseModel):
        sum: int = Field(ge=0, le=9999)

    client = OpenAI(base_url=URL + "/v1", api_key=KEY)
    parsed = client.chat.completions.parse(model="mini", messages=QUESTION, response_format=Sum)
    assert isinstance(parsed.choices[0].message.parsed, Sum)
    with client.chat.completions.stream(model="mini", messages=QUESTION, response_format=Sum) as stream:
        kinds = {event.type for event in stream}
        assert "content.done" in kinds and isinstance(stream.get_final_completion().choices[0].message.parsed, Sum), kinds


def openai_tools():
    from openai import OpenAI

    client = OpenAI(base_url=URL + "/v1", api_key=KEY)
    ask = dict(model="mini", messages=QUESTION, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False)
    whole = client.chat.completions.create(**ask)
    [call] = whole.choices[0].message.tool_calls
    assert whole.choices[0].finish_reason == "tool_calls" and call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    with client.chat.completions.stream(**ask) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert set(json.loads(message.tool_calls[0].function.arguments)) == {"city"}
    named = client.chat.completions.create(
        **{**ask, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
    )
    assert named.choices[0].message.tool_calls
    told = [
        *QUESTION,
        whole.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    after = client.chat.completions.create(model="mini", messages=told, tools=[WEATHER], tool_choice="none")
    assert after.choices[0].finish_reason in ("stop", "length") and not after.choices[0].message.tool_calls


def openai_completions():
    from openai import OpenAI

    client = OpenAI(base_url=URL + "/v1", api_key=KEY)
    whole = client.completions.create(model="mini", prompt="12 + 30 =", max_tokens=8, temperature=0, logprobs=2)
    # The token that ends a text is counted, and is no part of it.
    n_said = whole.usage.completion_tokens - (whole.choices[0].finish_reason == "stop")
    assert whole.choices[0].text and len(whole.choices[0].logprobs.tokens) == n_said
    parts = client.completions.create(model="mini", prompt="12 + 30 =", max_tokens=8, temperature=0, stream=True)
    assert "".join(part.choices[0].text for part in parts if part.choices) == whole.choices[0].text
    echo = client.completions.create(model="mini", prompt=[5, 6, 7], max_tokens=0, echo=True, logprobs=1)
    assert echo.choices[0].logprobs.token_logprobs[0] is None
    assert len(echo.choices[0].logprobs.token_logprobs) == 3
    several = client.completions.create(model="mini", prompt=["1 + 1 =", "2 + 2 ="], max_tokens=4, n=2)
    assert len(several.choices) == 4


def openai_responses():
    from openai import OpenAI

    client = OpenAI(base_url=URL + "/v1", api_key=KEY)
    whole = client.responses.create(model="mini", input="What is 347 + 588?", temperature=0)
    assert "935" in whole.output_text and whole.status == "completed", whole
    assert [item.type for item in whole.output] == ["reasoning", "message"]
    text, kinds = "", []
    for event in client.responses.create(model="mini", input="What is 347 + 588?", temperature=0, stream=True):
        kinds.append(event.type)
        text += event.delta if event.type == "response.output_text.delta" else ""
    assert text == whole.output_text and kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    with client.responses.stream(model="mini", input=QUESTION, temperature=0) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == whole.output_text
    tool = {"type": "function", "strict": True, **WEATHER["function"]}
    called = client.responses.create(model="mini", input=QUESTION, tools=[tool], tool_choice="required")
    call = next(item for item in called.output if item.type == "function_call")
    assert set(json.loads(call.arguments)) == {"city"}
    form = {"format": {"type": "json_schema", "name": "sum", "schema": SUM, "strict": True}}
    bound = client.responses.create(model="mini", input=QUESTION, text=form)
    assert set(json.loads(bound.output_text)) == {"sum"}
    cut = client.responses.create(model="mini", input=QUESTION, max_output_tokens=16)
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"
    cut = list(client.responses.create(model="mini", input=QUESTION, max_output_tokens=16, stream=True))
    assert cut[-1].type == "response.incomplete" and cut[-1].response.output[-1].status == "incomplete"
    asked = dict(metadata={"a": "b"}, instructions="Be brief.", reasoning={"effort": "low"}, text=form, tool_choice="none")
    told = client.responses.create(model="mini", input=QUESTION, tools=[tool], **asked)
    assert told.metadata == asked["metadata"] and told.instructions == asked["instructions"]
    assert told.reasoning.effort == "low" and told.text.format.name == "sum" and told.tool_choice == "none"
    judged = client.responses.create(
        model="mini", input=QUESTION, temperature=0, top_logprobs=2, include=["message.output_text.logprobs"]
    )
    assert "".join(token.token for token in judged.output[-1].content[0].logprobs).strip() == judged.output_text


def openai_errors():
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    cases = [
        (openai.NotFoundError, dict(model="no-such-model", messages=QUESTION)),
        (openai.BadRequestError, dict(model="mini", messages=[])),
        (openai.BadRequestError, dict(model="mini", messages=QUESTION, temperature=9)),
        (openai.BadRequestError, dict(model="mini", messages=QUESTION, extra_body={"temprature": 1})),
        (openai.BadRequestError, dict(model="mini", messages=QUESTION, response_format={"type": "sound"})),
        (openai.BadRequestError, dict(model="mini", messages=[{"role": "user", "content": "1 + 1 " * 20000}])),
    ]
    for kind, case in cases:
        try:
            client.chat.completions.create(**case)
        except kind as error:
            assert error.request_id and error.body["message"], error
        else:
            raise AssertionError(f"{kind.__name__} expected")
    try:
        client.embeddings.create(model="mini", input="x")
    except openai.APIStatusError as error:
        assert error.status_code == 501
    try:
        openai.OpenAI(base_url=URL + "/v1", api_key="wrong", max_retries=0).models.list()
    except openai.AuthenticationError:
        pass


def openai_async():
    from openai import AsyncOpenAI

    async def many():
        async with AsyncOpenAI(base_url=URL + "/v1", api_key=KEY) as client:
            ask = lambda n: client.chat.completions.create(
                model="mini", messages=[{"role": "user", "content": f"What is {n} + 12?"}], max_tokens=64, temperature=0
            )
            one = await ask(30)
            many = await asyncio.gather(*(ask(30) for _ in range(16)))
            assert {answer.choices[0].message.content for answer in many} == {one.choices[0].message.content}

    asyncio.run(many())


def litellm_chat():
    import litellm

    litellm.telemetry = False
    for model in ["openai/mini", "deepseek/deepseek-reasoner"]:
        common = dict(model=model, api_base=URL + "/v1", api_key=KEY, messages=QUESTION, temperature=0)
        whole = litellm.completion(**common)
        message = whole.choices[0].message
        assert message.reasoning_content and "935" in message.content, (model, message)
        parts = list(litellm.completion(**common, stream=True))
        assert "".join(part.choices[0].delta.content or "" for part in parts) == message.content, model
        thought = "".join(getattr(part.choices[0].delta, "reasoning_content", None) or "" for part in parts)
        assert thought == message.reasoning_content, model
        called = litellm.completion(**common, tools=[WEATHER], tool_choice="required")
        assert called.choices[0].message.tool_calls[0].function.name == "get_weather", model
    whole = litellm.completion(
        model="anthropic/mini", api_base=URL, api_key=KEY, messages=QUESTION, max_tokens=300, temperature=0
    )
    assert whole.choices[0].message.content
    bound = litellm.completion(
        model="openai/mini", api_base=URL + "/v1", api_key=KEY, messages=QUESTION,
        response_format={"type": "json_schema", "json_schema": {"name": "sum", "schema": SUM, "strict": True}},
    )
    assert set(json.loads(bound.choices[0].message.content)) == {"sum"}
    text = litellm.text_completion(
        model="text-completion-openai/mini", api_base=URL + "/v1", api_key=KEY, prompt="12 + 30 =", max_tokens=4
    )
    assert text.choices[0].text


def langchain():
    from langchain_deepseek import ChatDeepSeek
    from pydantic import BaseModel, Field

    class GetWeather(BaseModel):
        """The weather of a city."""

        city: str = Field(max_length=12)

    chat = ChatDeepSeek(model="deepseek-reasoner", api_base=URL + "/v1", api_key=KEY, temperature=0)
    whole = chat.invoke("What is 347 + 588?")
    assert "935" in whole.content and whole.additional_kwargs["reasoning_content"], whole
    assert whole.usage_metadata["output_token_details"]["reasoning"] > 0
    parts = list(chat.stream("What is 347 + 588?"))
    assert "".join(part.content for part in parts) == whole.content
    thought = "".join(part.additional_kwargs.get("reasoning_content", "") for part in parts)
    assert thought == whole.additional_kwargs["reasoning_content"]
    plain = ChatDeepSeek(model="deepseek-chat", api_base=URL + "/v1", api_key=KEY, temperature=0, max_tokens=300)
    called = plain.bind_tools([GetWeather], tool_choice="GetWeather").invoke("What is the weather in Rome?")
    assert called.tool_calls[0]["name"] == "GetWeather", called
    for method in ["function_calling", "json_schema"]:
        bound = plain.with_structured_output(GetWeather, method=method).invoke("What is the weather in Rome?")
        assert isinstance(bound, GetWeather), (method, bound)


def anthropic_messages():
    import anthropic

    client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    ask = dict(model="mini", max_tokens=400, messages=QUESTION)
    plain = client.messages.create(**ask)
    assert plain.content[0].type == "text" and plain.stop_reason in ("end_turn", "max_tokens"), plain
    thinks = dict(ask, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2048)
    whole = client.messages.create(**thinks)
    assert [block.type for block in whole.content] == ["thinking", "text"], whole
    assert whole.usage.input_tokens + whole.usage.cache_read_input_tokens > 0
    with client.messages.stream(**thinks) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    assert [block.type for block in final.content] == ["thinking", "text"]
    tool = {"name": "get_weather", "description": "The weather", "input_schema": WEATHER["function"]["parameters"]}
    called = client.messages.create(**ask, tools=[tool], tool_choice={"type": "any"})
    use = next(block for block in called.content if block.type == "tool_use")
    assert called.stop_reason == "tool_use" and set(use.input) == {"city"}
    told = [
        *QUESTION,
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]},
    ]
    assert client.messages.create(**dict(ask, messages=told), tools=[tool]).content is not None
    with client.messages.stream(**ask, tools=[tool], tool_choice={"type": "any"}) as stream:
        assert stream.get_final_message().stop_reason == "tool_use"
    assert client.messages.count_tokens(model="mini", messages=QUESTION).input_tokens > 0
    assert [model.id for model in client.models.list()] == ["mini"]
    try:
        client.messages.create(**dict(ask, model="no-such-model"))
    except anthropic.NotFoundError as error:
        assert error.body["type"] == "error" and error.body["error"]["type"] == "not_found_error", error.body
    else:
        raise AssertionError("NotFoundError expected")


def main():
    failed = 0
    for case in [
        openai_chat, openai_helpers, openai_tools, openai_completions, openai_responses, openai_errors, openai_async,
        litellm_chat, langchain, anthropic_messages,
    ]:
        try:
            case()
            print(f"{case.__name__} ... ok")
        except Exception:
            failed += 1
            print(f"{case.__name__} ... FAILED")
            traceback.print_exc(limit=-3)
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
