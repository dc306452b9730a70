"""Providers that break, lie or fall silent: the right 502, 503 or 504 each, and Apus still serves."""

import contextlib
import json

import pytest

from apus import still_serves
from upstream import CHAT, DONE, STREAM_HEAD, USAGE, delta, play, reply, silent, stream
from wire import Cut


HTML = b"<html><body>502 Bad Gateway</body></html>"
LEAK = json.dumps({"error": {"message": "Incorrect API key provided: sk-provider-c0ffee", "code": "x"}}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


# model · what the provider plays · the status and the code that the client must see
FAULTS = {
    "a page with 200": ("scripted", reply(HTML, kind="text/html"), 502, "upstream_invalid_response"),
    "a page with 502": ("scripted", reply(HTML, "502 Bad Gateway", "text/html"), 502, "upstream_invalid_response"),
    "a plain text": ("scripted", reply(b"ok", kind="text/plain"), 502, "upstream_invalid_response"),
    "a 401 that names the key": ("scripted", reply(LEAK, "401 Unauthorized"), 502, "upstream_rejected_key"),
    "a 403": ("scripted", reply(LEAK, "403 Forbidden"), 502, "upstream_rejected_key"),
    "a redirect": ("scripted", reply(b"", "302 Found", location="http://evil.test/"), 502, "upstream_invalid_response"),
    "not HTTP": ("scripted", play(b"220 mail.test ESMTP\r\n"), 502, "upstream_invalid_response"),
    "a header of 1 MiB": ("scripted", play(HEAD + b"x: " + b"a" * (1 << 20)), 502, "upstream_invalid_response"),
    "a reset before the head": ("scripted", play(lambda wire: wire.reset()), 502, "upstream_cut"),
    "half a head": ("scripted", play(HEAD), 502, "upstream_cut"),
    "no answer": ("impatient", play(silent), 504, "upstream_timeout"),
    "nobody": ("dead", None, 502, "upstream_unreachable"),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_of_the_provider_is_told_as_what_it_is(apus, upstream, case, streamed):
    model, script, status, code = FAULTS[case]
    upstream.script = script
    answer = apus.chat(model=model, stream=streamed)
    assert (answer.status, answer.error()["code"]) == (status, code)
    assert b"sk-provider" not in answer.body and b"evil" not in answer.body and b"<html" not in answer.body
    still_serves(apus, upstream)


@pytest.mark.parametrize("head", [
    b'content-length: 999\r\n\r\n{"id":',
    b'transfer-encoding: chunked\r\n\r\n6\r\n{"id":\r\n',
], ids=["by length", "by chunks"])
def test_a_plain_answer_that_is_cut_never_looks_whole(apus, upstream, head):
    upstream.script = play(HEAD + head)
    with contextlib.suppress(Cut):  # as good as an error, when the head had gone already
        answer = apus.chat()
        assert (answer.status, answer.error()["code"]) == (502, "upstream_cut")
    still_serves(apus, upstream)


@pytest.mark.parametrize("model, code, steps", [
    ("scripted", "upstream_cut", ()),
    ("scripted", "upstream_cut", (lambda wire: wire.send(b'20\r\ndata: {"id'),)),
    ("scripted", "upstream_invalid_response", (lambda wire: wire.send(b"zz\r\n"),)),
    ("impatient", "upstream_timeout", (silent,)),
], ids=["between events", "within an event", "by a broken chunk", "by silence"])
def test_a_stream_that_breaks_ends_with_an_error_and_not_like_a_clean_one(apus, upstream, model, code, steps):
    upstream.script = stream(delta(content="one"), *steps, end=())
    answer = apus.chat(model=model, stream=True)
    first, error = answer.body.removesuffix(b"\n\n").split(b"\n\n")
    assert first == b"data: " + delta(content="one")
    assert error.startswith(b"event: error\ndata: ")
    assert json.loads(error.split(b"data: ")[1])["error"]["code"] == code
    still_serves(apus, upstream)


def test_informational_heads_and_large_answers_pass(apus, upstream):
    large = b'{"filler":"' + b"swift " * 350_000 + b'"}'
    final = HEAD + b"content-length: %d\r\n\r\n" % len(large) + large
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    upstream.script = play(hints, final, keep=True)
    assert apus.chat().body == large


def test_an_answer_to_the_end_of_the_connection_passes(apus, upstream):
    upstream.script = play(HEAD + b"connection: close\r\n\r\n" + CHAT)
    assert apus.chat().body == CHAT
    upstream.script = play(STREAM_HEAD.replace(b"transfer-encoding: chunked", b"connection: close")
                           + b"data: " + USAGE + b"\n\ndata: " + DONE + b"\n\n")
    assert apus.chat(stream=True).body.endswith(b"data: [DONE]\n\n")


def test_what_the_provider_says_in_headers_stays_with_apus(apus, upstream):
    upstream.script = reply(CHAT, set_cookie="a=b", access_control_allow_origin="*", x_internal="10.0.0.7")
    answer = apus.chat()
    assert not {"set-cookie", "x-internal", "access-control-allow-origin"} & {name for name, _ in answer.headers}
    assert answer.body == CHAT


def test_an_idle_connection_that_the_provider_closed_harms_no_request(apus, upstream):
    upstream.script = play(HEAD + b"content-length: %d\r\n\r\n" % len(CHAT) + CHAT)  # and hangs up, unannounced
    assert [apus.chat().status for _ in range(30)] == [200] * 30


def test_errors_of_the_provider_are_counted_by_kind(apus, upstream):
    before = apus.metric("apus_upstream_errors_total", provider="dead")
    apus.chat(model="dead")
    assert apus.metric("apus_upstream_errors_total", provider="dead") == before + 1
