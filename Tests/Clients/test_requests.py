"""Methods, routes, headers, browsers and pipelines: what HTTP says about them is what happens."""

import contextlib

import pytest

from apus import CHAT_ROUTE, HONEST, ORIGIN, SIGNED, chat, still_serves, wait_until
from upstream import CHAT
from wire import request


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", CHAT_ROUTE, 405, "POST"), ("PUT", "/v1/embeddings", 405, "POST"), ("DELETE", "/v1/models", 405, "GET"),
    ("POST", "/health/live", 405, "GET"), ("PATCH", "/v1/nothing", 404, None), ("GET", "/v1/nothing", 404, None),
    ("POST", "/v1/chat/completions/x", 404, None), ("GET", "/api/v1/nothing", 404, None),
    ("GET", "/nothing", 404, None), ("POST", "/api/v1/me", 405, "GET"), ("PUT", "/v1/models/scripted", 405, "GET"),
])
def test_a_wrong_method_or_route_is_told_in_the_shape_of_its_neighbours(apus, method, path, status, allow):
    answer = apus.ask(method, path)
    assert answer.status == status
    if allow:
        assert allow in (answer.header("allow") or "")
    if path.startswith("/v1/"):
        assert answer.error()["type"] == "invalid_request_error"
    else:
        assert answer.header("content-type").startswith("application/problem+json")
        assert answer.json()["status"] == status and answer.json()["title"]


def test_a_missing_key_is_told_in_the_shape_of_the_route(apus):
    assert apus.ask("POST", CHAT_ROUTE, chat(), key=None).error()["code"] == "missing_api_key"
    problem = apus.ask("GET", "/api/v1/me", key=None)
    assert (problem.status, problem.json()["status"]) == (401, 401)
    assert problem.header("content-type").startswith("application/problem+json")


@pytest.mark.parametrize("headers", [
    [("x-long", "a" * (200 << 10))], [(f"x-{number}", "a") for number in range(10_000)], [("a" * (100 << 10), "b")],
], ids=["200 KiB of one", "10,000 of them", "a name of 100 KiB"])
def test_headers_without_measure_are_refused(apus, upstream, headers):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    with apus.connect() as wire:
        with contextlib.suppress(ConnectionError):  # Apus may hang up on the rest
            wire.send(f"GET /v1/models HTTP/1.1\r\nhost: a\r\n{lines}\r\n".encode())
        assert wire.message().status in (431, 400)
    still_serves(apus, upstream)


def test_a_target_without_measure_is_refused(apus, upstream):
    with apus.connect() as wire:
        wire.send(request("GET", "/" + "a" * (200 << 10)))
        assert wire.message().status in (400, 414, 431)
    still_serves(apus, upstream)


@pytest.mark.parametrize("given, echoed", [
    ("a", True), ('q"uo\\te{}', True), ("x" * 128, True),
    ("", False), ("x" * 129, False), ("a\tb", False), ("7f3c-é", False),
])
def test_a_request_id_is_echoed_if_it_is_sane_and_replaced_if_not(apus, upstream, given, echoed):
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, HONEST, **SIGNED, x_request_id=given))
        answer = wire.message().header("x-request-id")
    assert (answer == given) is echoed
    assert 0 < len(answer) <= 128 and answer.isprintable()
    assert upstream.last.header("x-request-id") in (answer, None)
    wait_until(lambda: [entry for entry in apus.log() if answer in entry.values()], what="a log line with the id")


@pytest.mark.parametrize("given, trace", [
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None), ("not a trace", None), (None, None),
])
def test_a_trace_is_continued_upstream(apus, upstream, given, trace):
    apus.ask("POST", CHAT_ROUTE, chat(), traceparent=given)
    version, carried, parent, flags = upstream.last.header("traceparent").split("-")
    assert (version, len(carried), len(parent), len(flags)) == ("00", 32, 16, 2)
    assert carried == trace or (trace is None and int(carried, 16)), carried
    assert int(parent, 16) and parent != "00f067aa0ba902b7"


def test_a_browser_may_call_from_the_configured_origin_and_from_no_other(apus, upstream):
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,content-type"}
    allowed = apus.ask("OPTIONS", CHAT_ROUTE, key=None, origin=ORIGIN, **asks)
    assert allowed.status in (200, 204) and allowed.header("access-control-allow-origin") == ORIGIN
    assert "POST" in allowed.header("access-control-allow-methods")
    assert {"authorization", "content-type"} <= {
        name.strip() for name in allowed.header("access-control-allow-headers").lower().split(",")}
    for path in (CHAT_ROUTE, "/v1/models"):
        method, body = ("POST", chat()) if path == CHAT_ROUTE else ("GET", b"")
        assert apus.ask(method, path, body, origin=ORIGIN).header("access-control-allow-origin") == ORIGIN
        for origin in ("https://evil.test", ORIGIN + ".evil.test", "http://app.example.com", "null"):
            foreign = apus.ask("OPTIONS", path, key=None, origin=origin, **asks)
            assert foreign.header("access-control-allow-origin") is None
            assert apus.ask(method, path, body, origin=origin).header("access-control-allow-origin") is None
    assert all(seen.method == "POST" for seen in upstream.requests)


def test_a_head_has_no_body_and_leaves_the_connection_in_order(apus):
    with apus.connect() as wire:
        wire.send(request("HEAD", "/health/live"))
        assert wire.message(to="HEAD").status in (200, 405)
        wire.send(request("GET", "/health/live"))
        assert wire.message().status == 200


def test_a_client_that_expects_100_is_told_to_go_on(apus, upstream):
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, content_length=str(len(HONEST)), expect="100-continue", **SIGNED))
        assert wire.head().status == 100
        wire.send(HONEST)
        assert wire.message().body == CHAT


def test_pipelined_requests_are_answered_in_order(apus, upstream):
    ask, models, nothing = ("POST", CHAT_ROUTE, HONEST), ("GET", "/v1/models", b""), ("GET", "/v1/nothing", b"")
    paths = [ask, models, ask, nothing] * 8
    with apus.connect() as wire:
        wire.send(b"".join(request(*each, **SIGNED, x_request_id=f"id-{at}") for at, each in enumerate(paths)))
        answers = [wire.message() for _ in paths]
    assert [answer.header("x-request-id") for answer in answers] == [f"id-{at}" for at in range(len(paths))]
    assert [answer.status for answer in answers] == [200, 200, 200, 404] * 8
    assert len(upstream.requests) == 16
