"""OpenAI's official client, unchanged but for its base URL, against Apus in front of a scripted provider."""

import json
import threading

import openai
import pytest

from apus import ADMIN_KEY, PROVIDER_KEY, USER_KEY, chat
from upstream import CHAT, COMPLETION, STREAM_HEAD, TOOL_CALL, USAGE, delta, play, reply, silent, stream, tool_delta
from wire import chunk

QUESTION = [{"role": "user", "content": "How do swifts sleep?"}]
TOOLS = [{"type": "function", "function": {"name": "altitude", "parameters": {"type": "object", "properties": {}}}}]
MAY_GO_UP = {
    "host", "content-type", "content-length", "authorization", "accept", "accept-encoding", "user-agent",
    "traceparent", "tracestate", "x-request-id"}


def ask(sdk, client=None, model="scripted", **fields):
    client = client or sdk.client
    return sdk.run(client.chat.completions.create(model=model, messages=QUESTION, **fields))


def test_a_chat_is_answered_and_reaches_the_provider_with_its_key(sdk, upstream):
    answer = ask(sdk)
    assert answer.choices[0].message.content == "Swifts sleep in the air."
    assert answer.usage.total_tokens == 18
    assert (upstream.last.method, upstream.last.path) == ("POST", "/vendor/v1/chat/completions")
    assert upstream.last.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert upstream.last.header("host") == upstream.host


def test_a_stream_brings_every_delta_and_the_usage_that_was_asked_for(sdk, upstream):
    events = sdk.items(ask(sdk, stream=True, stream_options={"include_usage": True}))
    assert [event.choices[0].delta.content for event in events[:-1]] == ["", "in the", " air"]
    assert events[-1].usage.total_tokens == 13
    assert upstream.last.json()["stream_options"] == {"include_usage": True}


def test_each_event_leaves_before_the_next_one_comes(apus, upstream):
    gates = [threading.Event(), threading.Event()]
    upstream.script = stream(delta(content="one"), gates[0], delta(content="two"), gates[1])
    client = openai.OpenAI(api_key=USER_KEY, base_url=f"{apus.address}/v1", max_retries=0, timeout=10)
    with client.chat.completions.create(model="scripted", messages=QUESTION, stream=True) as events:
        for event, word, gate in zip(events, ["one", "two"], gates):
            assert event.choices[0].delta.content == word
            gate.set()
        assert list(events) == []


def test_a_tool_call_comes_back_plain_and_streamed(sdk, upstream):
    upstream.script = reply(TOOL_CALL)
    call = ask(sdk, tools=TOOLS, tool_choice="auto").choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("altitude", {"bird": "swift"})
    assert upstream.last.json()["tools"] == TOOLS

    upstream.script = stream(
        tool_delta(id="call_1", type="function", function={"name": "altitude", "arguments": ""}),
        tool_delta(function={"arguments": '{"bird":'}),
        tool_delta(function={"arguments": ' "swift"}'}))
    calls = [event.choices[0].delta.tool_calls[0] for event in sdk.items(ask(sdk, tools=TOOLS, stream=True))]
    assert "".join(call.function.arguments for call in calls) == '{"bird": "swift"}'


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_embeddings_come_in_the_encoding_that_was_asked_for(sdk, upstream, encoding):
    extra = {"encoding_format": encoding} if encoding else {}
    answer = sdk.run(sdk.client.embeddings.create(model="scripted", input=["swift", "swallow"], **extra))
    assert upstream.last.json()["encoding_format"] == (encoding or "base64")  # the SDK's own default
    expected = "AACAPgAAAL8AAIA/" if encoding == "base64" else [0.25, -0.5, 1.0]
    assert [item.embedding for item in answer.data] == [expected, expected]


def test_completions_are_answered_plain_and_streamed(sdk, upstream):
    create = sdk.client.completions.create
    assert sdk.run(create(model="scripted", prompt="up")).choices[0].text == " in the air"
    assert upstream.last.path == "/vendor/v1/completions"
    events = sdk.items(sdk.run(create(model="scripted", prompt="up", stream=True)))
    assert "".join(event.choices[0].text for event in events) == "in air"


def test_models_are_those_of_the_configuration(sdk, upstream):
    assert {model.id for model in sdk.items(sdk.client.models.list())} == {"scripted", "renamed", "impatient", "dead"}
    assert sdk.run(sdk.client.models.retrieve("renamed")).object == "model"
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.run(sdk.client.models.retrieve("vendor/model-7"))
    assert missing.value.code == "model_not_found"
    assert upstream.requests == []


def test_an_answer_brings_the_request_id_that_the_client_chose(sdk):
    raw = sdk.run(sdk.client.chat.completions.with_raw_response.create(
        model="scripted", messages=QUESTION, extra_headers={"x-request-id": "chosen-7"}))
    assert raw.headers["x-request-id"] == "chosen-7"
    assert sdk.run(sdk.client.chat.completions.with_raw_response.create(
        model="scripted", messages=QUESTION)).headers["x-request-id"]


def problem(message, code):
    return json.dumps({"error": {"message": message, "type": "t", "param": None, "code": code}}).encode()


# what is asked beyond a plain chat · what the provider plays · what the client must raise, with which code and param
ERRORS = {
    "an unknown model": ({"model": "gpt-nothing"}, None, openai.NotFoundError, "model_not_found", "model"),
    "a wrong type": ({"extra_body": {"stream": "yes"}}, None, openai.BadRequestError, ..., "stream"),
    "no messages": ({"extra_body": {"messages": []}}, None, openai.BadRequestError, ..., "messages"),
    "the provider's 400": (
        {}, reply(problem("bad", "b"), "400 Bad Request"), openai.BadRequestError, "b", None),
    "the provider's 422": (
        {}, reply(problem("bad", "u"), "422 Unprocessable Entity"), openai.UnprocessableEntityError, "u", None),
    "the provider's 429": (
        {}, reply(problem("slow", "r"), "429 Too Many Requests", retry_after="7"), openai.RateLimitError, "r", None),
    "the provider's 500": (
        {}, reply(problem("oh", "o"), "500 Internal Server Error"), openai.InternalServerError, "o", None),
    "a provider that is not there": (
        {"model": "dead"}, None, openai.InternalServerError, "upstream_unreachable", None),
    "a provider that never answers": (
        {"model": "impatient"}, play(silent), openai.InternalServerError, "upstream_timeout", None),
}


@pytest.mark.parametrize("case", ERRORS)
def test_each_error_is_raised_as_its_own_class(sdk, upstream, case):
    fields, script, kind, code, param = ERRORS[case]
    upstream.script = script or upstream.script
    with pytest.raises(kind) as raised:
        ask(sdk, **{"model": "scripted"} | fields)
    assert type(raised.value) is kind
    assert raised.value.code == code or code is ...
    assert raised.value.param == param
    assert raised.value.response.headers.get("retry-after") == ("7" if kind is openai.RateLimitError else None)


@pytest.mark.parametrize("key", ["no-such-key-0123456789abcdef0123456789", USER_KEY[:-1], USER_KEY + "x", "é"])
def test_a_wrong_key_is_an_authentication_error(apus, upstream, key):
    answer = apus.ask("POST", "/v1/chat/completions", chat(), key=key)
    assert (answer.status, answer.error()["code"]) == (401, "invalid_api_key")
    assert key not in answer.body.decode()
    if key.isascii():
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(api_key=key, base_url=f"{apus.address}/v1", max_retries=0).models.list()
    assert upstream.requests == []


@pytest.mark.parametrize("script", [
    stream(delta(content="one"), delta(content="two"), end=()),
    play(STREAM_HEAD, chunk(b"data: " + delta(content="one") + b"\n\n"), chunk(b'data: {"id":"chatc')),
    play(STREAM_HEAD, chunk(b"data: " + delta(content="one") + b"\n\n"), lambda wire: wire.reset()),
], ids=["between events", "within an event", "by a reset"])
def test_a_stream_that_the_provider_cuts_raises_an_error(sdk, upstream, script):
    upstream.script = script
    with pytest.raises(openai.APIError, match=".") as raised:
        sdk.items(ask(sdk, stream=True))
    assert raised.value.code == "upstream_cut"


STRANGE = (
    '{ "vendor_field": {"price": 2.50, "big": 12345678901234567890, "deep": [[{"model": "decoy"}], null, 1E5]},\r\n'
    '\t"temperature": 0.70, "messages": [{"role": "user", "content": "\\ud83d\\udc26 naïve 🐦 \\"model\\": \\"x\\"",'
    ' "model": "decoy"}],  "model"  :  "MODEL" , "metadata": {"b": 1, "a": -0.0}, "user": "zoë" %s}\n\n'
)


@pytest.mark.parametrize("model", ["scripted", "renamed"])
@pytest.mark.parametrize("streamed", ["", ', "stream" : true'])
def test_what_apus_does_not_know_goes_up_and_comes_down_byte_for_byte(apus, upstream, model, streamed):
    body = (STRANGE % streamed).replace("MODEL", model).encode()
    answer = apus.ask("POST", "/v1/chat/completions", body)
    before, after = body.split(f'"{model}"'.encode())
    went_up = upstream.last.body
    assert went_up.startswith(before) and went_up.endswith(after)
    name = json.loads(went_up[len(before):len(went_up) - len(after)])
    assert name == {"scripted": "scripted", "renamed": 'vendor/model-7 "ü"'}[model]
    assert answer.body == CHAT if not streamed else b"data: " + USAGE + b"\n\ndata: [DONE]\n\n" in answer.body


@pytest.mark.parametrize("path, body, expected", [
    ("/v1/completions", b'{"prompt":["a",[1,2]], "model":"scripted","x":1.10}', COMPLETION),
    ("/v1/embeddings", b'{"dimensions":3, "model":"scripted","input":[[1,2],[3]],"x":1.10}', None),
])
def test_the_other_model_routes_are_as_transparent(apus, upstream, path, body, expected):
    answer = apus.ask("POST", path, body)
    assert upstream.last.body == body
    assert answer.status == 200 and expected in (None, answer.body)


def test_events_come_down_byte_for_byte_whatever_they_carry(apus, upstream):
    odd = b'data:{"price":2.50}\n\nevent: thinking\ndata: a\ndata: b\nid: 7\n\n: provider comment\n\nretry: 10\n\n'
    upstream.script = play(STREAM_HEAD, *[chunk(odd[at:at + 7]) for at in range(0, len(odd), 7)],
                           chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n", keep=True)
    answer = apus.chat(stream=True)
    assert answer.body == odd + b"data: [DONE]\n\n"
    assert answer.header("content-type").startswith("text/event-stream")


def test_nothing_that_the_client_brings_in_headers_goes_up_but_what_is_allowed(apus, upstream):
    brought = {
        "x-api-key": ADMIN_KEY, "api-key": ADMIN_KEY, "cookie": "session=1", "x-forwarded-for": "10.0.0.1",
        "x-forwarded-host": "evil.test", "forwarded": "host=evil.test", "host": "evil.test", "x-real-ip": "10.0.0.1",
        "x-apus-base-url": "http://evil.test", "x-portkey-custom-host": "evil.test", "helicone-target-url": "evil.test",
        "openai-organization": "org-evil", "openai-project": "p-evil", "proxy-authorization": "Basic eA==",
        "te": "trailers", "x-stainless-lang": "python", "referer": "http://evil.test", "origin": "https://evil.test",
        "x-anything": "evil"}
    assert apus.ask("POST", "/v1/chat/completions", chat(), **brought).status == 200
    went_up = dict(upstream.last.headers)
    assert set(went_up) <= MAY_GO_UP
    assert went_up["host"] == upstream.host and went_up["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert not [value for value in went_up.values() if "evil" in value or ADMIN_KEY in value or USER_KEY in value]


@pytest.mark.parametrize("field", ["base_url", "api_base", "api_key"])
def test_an_address_or_a_key_named_in_the_body_goes_nowhere(apus, upstream, field):
    answer = apus.chat(**{field: "http://evil.test/v1"})
    assert (answer.status, answer.error()["param"]) == (400, field)
    assert not upstream.requests


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
def test_a_key_is_accepted_where_each_sdk_puts_it(apus, header):
    value = f"Bearer {USER_KEY}" if header == "authorization" else USER_KEY
    me = apus.ask("GET", "/api/v1/me", key=None, **{header: value})
    assert (me.status, me.json()["name"], me.json()["role"]) == (200, "una", "user")
    assert apus.ask("GET", "/v1/models", key=None, **{header: "wrong"}).status == 401
