"""Requests hidden in requests, paths around the key, forged hosts, unwanted upgrades: they change nothing."""

import json

import pytest

from apus import CHAT_ROUTE, HONEST, SIGNED, USER_KEY, chat, still_serves
from wire import chunk, request

# Each of these hides a second request, whose marker must never reach the provider.

MARKER = "smuggled-4711"
INNER = request("POST", CHAT_ROUTE, json.dumps(chat(MARKER)).encode(), **SIGNED)


def framed(*headers, body=b"", version="HTTP/1.1", newline="\r\n"):
    lines = [f"POST {CHAT_ROUTE} {version}", "Host: apus.test", f"Authorization: Bearer {USER_KEY}", *headers, "", ""]
    return newline.join(lines).encode() + body


SMUGGLED = {
    "a length and chunks": framed(
        f"Content-Length: {len(INNER) + 5}", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + INNER),
    "chunks and a length": framed(
        "Transfer-Encoding: chunked", "Content-Length: 4", body=chunk(INNER) + b"0\r\n\r\n"),
    "two lengths": framed(
        f"Content-Length: {len(HONEST)}", f"Content-Length: {len(HONEST) + len(INNER)}", body=HONEST + INNER),
    "a list of lengths": framed(f"Content-Length: {len(HONEST)}, {len(HONEST) + 1}", body=HONEST + INNER),
    "a negative length": framed("Content-Length: -1", body=INNER),
    "a signed length": framed(f"Content-Length: +{len(HONEST)}", body=HONEST + INNER),
    "a hexadecimal length": framed(f"Content-Length: 0x{len(HONEST):x}", body=HONEST + INNER),
    "a length beyond 64 bits": framed("Content-Length: 18446744073709551617", body=INNER),
    "chunks, then identity": framed(
        "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + INNER),
    "an unknown coding": framed("Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + INNER),
    "two codings": framed(
        "Transfer-Encoding: chunked", "Transfer-Encoding: cow", body=b"0\r\n\r\n" + INNER),
    "a folded header": framed(
        "X-Folded: a", f" Content-Length: {len(INNER)}", "Content-Length: 0", body=INNER + INNER),
    "a space before the colon": framed(
        "Transfer-Encoding : chunked", f"Content-Length: {len(INNER) + 5}", body=b"0\r\n\r\n" + INNER),
    "a carriage return inside": framed("X: a\rTransfer-Encoding: chunked", "Content-Length: 0", body=INNER * 2),
    "a NUL inside": framed("X: a\0b", "Content-Length: 0", body=INNER * 2),
    "a chunk size beyond 64 bits": framed("Transfer-Encoding: chunked", body=b"1" + b"0" * 16 + b"\r\n" + INNER),
    "a negative chunk size": framed("Transfer-Encoding: chunked", body=b"-1\r\n" + INNER),
    "a chunk longer than it says": framed("Transfer-Encoding: chunked", body=b"2\r\n{}" + INNER),
    "a version of its own": framed("Content-Length: 0", version="HTTP/9.7", body=INNER),
    "HTTP/1.0 with chunks": framed(
        "Transfer-Encoding: chunked", "Content-Length: 4", version="HTTP/1.0", body=chunk(INNER) + b"0\r\n\r\n"),
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_a_smuggled_request_is_refused_with_its_connection(apus, upstream, case):
    with apus.connect() as wire:
        wire.send(SMUGGLED[case])
        answers = wire.rest()  # which also says that Apus hangs up
    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/1.1 501 ", b"HTTP/1.1 505 ")), answers
    assert answers.count(b"HTTP/1.") == 1
    assert not [seen for seen in upstream.requests if MARKER.encode() in seen.body]
    still_serves(apus, upstream)


def test_a_body_left_unread_is_never_taken_for_a_request(apus, upstream):
    with apus.connect() as wire:
        wire.send(request("POST", "/v1/nothing", INNER, **SIGNED) + request("GET", "/health/live", connection="close"))
        answers = wire.rest()
    assert answers.startswith(b"HTTP/1.1 404 ") and upstream.requests == []


def test_bare_line_feeds_and_chunk_extensions_split_nothing(apus, upstream):
    with apus.connect() as wire:
        wire.send(framed("Transfer-Encoding: chunked", "Connection: close",
                         body=b"%x;a=b\n%b\r\n0\r\n\r\n" % (len(HONEST), HONEST)))
        wire.rest()
        lone = framed(f"Content-Length: {len(HONEST)}", "Connection: close", body=HONEST, newline="\n")
    with apus.connect() as wire:
        wire.send(lone)
        wire.rest()
    assert all(seen.body == HONEST for seen in upstream.requests)
    still_serves(apus, upstream)


# Targets, hosts and upgrades

@pytest.mark.parametrize("path", [
    "/health/../v1/models", "//v1/models", "/v1//models", "/health/%2e%2e/v1/models", "/health/..%2fv1/models",
    "/v1%2Fmodels", "/v1/models/", "/V1/models", "/v1/./models", "/v1/models;a=b", "/v1/models?key=x", "/v1/models%00",
    "/v1/models/..%2f..%2f..%2fetc%2fpasswd", "http://evil.test/v1/models", "/api/v1/../../v1/models", "/\\v1\\models",
])
def test_no_spelling_of_a_path_goes_around_the_key(apus, upstream, path):
    without, with_key = apus.ask("GET", path, key=None), apus.ask("GET", path)
    assert without.status in (400, 401, 404), without
    assert with_key.status in (200, 400, 404), with_key
    assert upstream.requests == [] and b"root:" not in with_key.body


@pytest.mark.parametrize("target", ["http://evil.test/v1/chat/completions", "//evil.test/v1/chat/completions"])
def test_an_absolute_target_names_no_upstream(apus, upstream, target):
    assert apus.ask("POST", target, chat()).status in (200, 400, 404)
    assert all(seen.path == "/vendor/v1/chat/completions" and seen.header("host") == upstream.host
               for seen in upstream.requests)


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1:1", "", "a" * 3000, "evil.test\tx"])
def test_a_forged_host_changes_nothing(apus, upstream, host):
    answer = apus.ask("POST", CHAT_ROUTE, chat(), host=host, x_forwarded_host="evil.test", x_forwarded_proto="https")
    assert answer.status in (200, 400)
    assert b"evil" not in answer.body and not [value for _, value in answer.headers if "evil" in value]
    assert all(seen.header("host") == upstream.host for seen in upstream.requests)


@pytest.mark.parametrize("upgrade", [
    {"upgrade": "h2c", "connection": "Upgrade, HTTP2-Settings", "http2_settings": "AAMAAABkAAQCAAAAAAIAAAAA"},
    {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13",
     "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="},
    {"upgrade": "websocket"},
], ids=["h2c", "websocket", "websocket without connection"])
@pytest.mark.parametrize("method, path, body", [("POST", CHAT_ROUTE, HONEST), ("GET", "/v1/models", b"")])
def test_an_unwanted_upgrade_is_answered_as_if_it_were_absent(apus, upstream, upgrade, method, path, body):
    with apus.connect() as wire:
        wire.send(request(method, path, body, **SIGNED | upgrade))
        assert wire.message().status == 200
    assert "upgrade" not in dict(upstream.requests[0].headers) if body else upstream.requests == []
