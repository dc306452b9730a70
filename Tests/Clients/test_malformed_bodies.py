"""Bodies that are no request: a 400 or 413 in OpenAI's shape each, and Apus still serves."""

import contextlib
import json

import pytest

from apus import CHAT_ROUTE, SIGNED, chat, still_serves
from upstream import CHAT
from wire import chunk, request


MALFORMED = {
    "empty": (b"", None),
    "blank": (b" \r\n\t ", None),
    "not JSON": (b"model=scripted&messages=hi", None),
    "truncated": (json.dumps(chat()).encode()[:-9], None),
    "an array at the top": (b'[{"model":"scripted"}]', None),
    "a string at the top": (b'"scripted"', None),
    "trailing garbage": (json.dumps(chat()).encode() + b" x", None),
    "two documents": (json.dumps(chat()).encode() * 2, None),
    "invalid UTF-8": (b'{"model":"scripted","messages":[{"role":"user","content":"\xff\xfe"}]}', None),
    "NaN": (b'{"model":"scripted","messages":[{"role":"user","content":"a"}],"temperature":NaN}', None),
    "10,000 arrays deep": (json.dumps(chat(x=7)).encode().replace(b"7", b"[" * 10_000 + b"]" * 10_000), None),
    "10,000 objects deep, unclosed": (b'{"model":"scripted","x":' + b'{"a":' * 10_000, None),
    "two models": (b'{"model":"scripted","messages":[{"role":"user","content":"a"}],"model":"renamed"}', "model"),
    "two models, one escaped": (
        b'{"model":"scripted","messages":[{"role":"user","content":"a"}],"m\\u006fdel":"dead"}', "model"),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(chat()).encode(), None),
    "NUL bytes": (b"\0" * 64, None),
    "a NUL in a string": (b'{"model":"scr\0ipted","messages":[{"role":"user","content":"a"}]}', None),
    "model missing": (b'{"messages":[{"role":"user","content":"a"}]}', "model"),
    "model a number": (json.dumps(chat(model=7)).encode(), "model"),
    "model null": (json.dumps(chat(model=None)).encode(), "model"),
    "messages missing": (b'{"model":"scripted"}', "messages"),
    "messages a string": (b'{"model":"scripted","messages":"hi"}', "messages"),
    "messages empty": (b'{"model":"scripted","messages":[]}', "messages"),
    "a message that is a string": (b'{"model":"scripted","messages":["hi"]}', "messages[0]"),
    "a message without a role": (b'{"model":"scripted","messages":[{"content":"hi"}]}', "messages[0].role"),
    "stream a string": (json.dumps(chat(stream="true")).encode(), "stream"),
    "max_tokens a string": (json.dumps(chat(max_tokens="9")).encode(), "max_tokens"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_body_is_a_400_in_openai_s_shape(apus, upstream, case):
    body, param = MALFORMED[case]
    answer = apus.ask("POST", CHAT_ROUTE, body)
    error = answer.error()
    assert (answer.status, error["type"], error["param"]) == (400, "invalid_request_error", param), error
    assert upstream.requests == []
    still_serves(apus, upstream)


@pytest.mark.parametrize("body", [
    b'{"model":"scripted","messages":[{"role":"user","content":"lone \\ud800 half"}]}',
    b'{"model":"scripted","messages":[{"role":"user","content":null,"x":1e400}],"y":{"a":1,"a":2}}',
], ids=["a lone surrogate", "a number out of range"])
def test_an_oddity_that_json_allows_is_the_providers_business(apus, upstream, body):
    assert apus.ask("POST", CHAT_ROUTE, body).status in (200, 400)
    assert all(seen.body == body for seen in upstream.requests)


@pytest.mark.parametrize("path, body, param", [
    ("/v1/embeddings", b'{"model":"scripted"}', "input"),
    ("/v1/completions", b'{"model":"scripted"}', "prompt"),
    ("/v1/embeddings", b'{"input":"a"}', "model"),
])
def test_each_route_names_the_field_that_is_missing(apus, upstream, path, body, param):
    answer = apus.ask("POST", path, body)
    assert (answer.status, answer.error()["param"]) == (400, param)
    assert upstream.requests == []


def test_a_body_too_large_is_refused_before_it_is_read(apus, upstream):
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, content_length=str(33 << 20), **SIGNED))
        answer = wire.message()
    assert (answer.status, answer.error()["code"]) == (413, "request_too_large")
    still_serves(apus, upstream)


def test_a_chunked_body_too_large_is_refused_when_it_has_grown_too_large(apus, upstream):
    before, mebibyte = apus.resident_bytes(), chunk(b" " * (1 << 20))
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, content_length=None, transfer_encoding="chunked", **SIGNED))
        with contextlib.suppress(ConnectionError):  # Apus may hang up on the rest
            for _ in range(33):
                wire.send(mebibyte)
        answer = wire.message()
    assert (answer.status, answer.error()["code"]) == (413, "request_too_large")
    assert apus.resident_bytes() - before < 128 << 20
    still_serves(apus, upstream)


def test_a_body_by_chunks_reaches_the_provider_whole(apus, upstream):
    body = json.dumps(chat("swift " * 50_000)).encode()
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, content_length=None, transfer_encoding="chunked", **SIGNED))
        for at in range(0, len(body), 9_999):
            wire.send(chunk(body[at:at + 9_999]))
        wire.send(b"0\r\n\r\n")
        assert wire.message().body == CHAT
    assert upstream.last.body == body
