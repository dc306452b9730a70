"""How Apus starts, changes its mind, and stops."""

import json
import re
import signal
import ssl
import subprocess
import threading

import pytest

from apus import (
    ADMIN_KEY, CHAT_ROUTE, SECRETS, SIGNED, USER_KEY, Apus, chat, command, configuration, wait_until, write)
from upstream import CHAT, delta, stream, until_gone
from wire import Wire, request

NEW_KEY = "apus-new-00112233445566778899aabbccddeeff"
STREAM = request("POST", CHAT_ROUTE, json.dumps(chat(stream=True)).encode(), **SIGNED)
ONE = b"data: " + delta(content="one")


def refuses_connections(apus):
    try:
        apus.connect().socket.close()
    except ConnectionRefusedError:
        return True
    return False


# Stopping

@pytest.mark.parametrize("streams", [1, 20])
def test_a_stop_lets_running_streams_finish_and_lets_nobody_else_in(start, upstream, streams):
    gate = threading.Event()
    upstream.script = stream(delta(content="one"), gate, delta(content="two"))
    apus = start(configuration(upstream))
    wires = [apus.connect() for _ in range(streams)]
    for wire in wires:
        wire.send(STREAM)
    events = [wire.events(wire.head()) for wire in wires]
    assert [next(each) for each in events] == [ONE] * streams
    apus.process.send_signal(signal.SIGTERM)
    wait_until(lambda: refuses_connections(apus), what="refusal of new connections")
    gate.set()
    for each in events:
        assert list(each) == [b"data: " + delta(content="two"), b"data: [DONE]"]
    assert not any(wire.rest() for wire in wires)
    apus.stop(10)


def test_a_stop_cuts_a_stream_that_outlasts_the_deadline_and_does_not_pretend_that_it_ended(start, upstream):
    gone = threading.Event()
    upstream.script = stream(delta(content="one"), until_gone(gone), end=())
    apus = start(configuration(upstream, shutdown_timeout="500ms"))
    with apus.connect() as wire:
        wire.send(STREAM)
        assert next(wire.events(wire.head())) == ONE
        apus.process.send_signal(signal.SIGTERM)
        assert b"[DONE]" not in wire.rest()
    apus.stop(10)
    assert gone.wait(5)


def test_a_stop_does_not_wait_for_idle_connections(start, upstream):
    apus = start(configuration(upstream))
    idle, used = apus.connect(), apus.connect()
    used.send(request("GET", "/health/live"))
    assert used.message().status == 200
    apus.stop(5)
    assert idle.rest() == used.rest() == b""


def test_a_stop_that_follows_the_start_at_once_is_a_stop_all_the_same(upstream, tmp_path):
    for _ in range(10):
        Apus(tmp_path, configuration(upstream)).stop(5)


def test_a_stop_says_so_before_it_refuses_anybody(start, upstream):
    apus = start(configuration(upstream, shutdown_delay="2s"))
    assert apus.ask("GET", "/health/ready").status == 200
    apus.process.send_signal(signal.SIGTERM)
    wait_until(lambda: apus.ask("GET", "/health/ready").status == 503, 1.5, "not being ready")
    assert apus.ask("GET", "/health/live").status == 200
    assert apus.chat().body == CHAT
    apus.stop(10)


def test_a_port_that_is_taken_is_told_and_ends_the_start(start, upstream, tmp_path):
    first = start(configuration(upstream))
    second = command(tmp_path, "serve", config=configuration(upstream, port=first.endpoint[1]))
    assert second.returncode not in (0, 78) and str(first.endpoint[1]) in second.stderr + second.stdout


# Reloading

def keys(*values):
    return [{"name": f"key-{at}", "key": value, "role": "user"} for at, value in enumerate(values)]


def may_ask(apus, key):
    return apus.ask("GET", "/api/v1/me", key=key).status == 200


def test_a_reload_takes_new_keys_and_models_in_and_throws_removed_ones_out(start, upstream, tmp_path):
    config = configuration(upstream)
    apus = start(config)
    assert may_ask(apus, ADMIN_KEY) and not may_ask(apus, NEW_KEY)
    config["keys"] = keys(USER_KEY, NEW_KEY)
    config["models"]["fresh"] = config["models"]["scripted"]
    write(tmp_path, config)
    apus.process.send_signal(signal.SIGHUP)
    wait_until(lambda: may_ask(apus, NEW_KEY), what="the new key")
    assert may_ask(apus, USER_KEY) and not may_ask(apus, ADMIN_KEY)
    assert apus.chat(model="fresh").body == CHAT


@pytest.mark.parametrize("bad", ["keys: [", '{"keys": 7, "server": {"prot": 1}}'], ids=["not YAML", "two mistakes"])
def test_a_reload_of_a_bad_file_changes_nothing_and_says_so(start, upstream, tmp_path, bad):
    gate = threading.Event()
    upstream.script = stream(delta(content="one"), gate)
    apus = start(configuration(upstream))
    with apus.connect() as wire:
        wire.send(STREAM)
        events = wire.events(wire.head())
        assert next(events) == ONE
        (tmp_path / "apus.yaml").write_text(bad)
        apus.process.send_signal(signal.SIGHUP)
        wait_until(lambda: apus.log(level="error"), what="an error in the log")
        assert may_ask(apus, USER_KEY) and may_ask(apus, ADMIN_KEY)
        gate.set()
        assert list(events) == [b"data: [DONE]"]
    assert not any(secret in apus.said() for secret in SECRETS)


# Serving

def test_health_and_metrics_say_how_it_is(start, upstream):
    apus = start(configuration(upstream))
    for path in ("/health", "/health/live", "/health/ready"):
        assert apus.ask("GET", path, key=None).status == 200
    told = apus.ask("GET", "/health/ready", key=None).json()
    assert told["status"] in ("pass", "warn")
    for part in ("database:sqlite", "shared:memory", "apus:server"):
        assert told["checks"][part][0]["status"] == "pass"
    before = apus.metric("apus_requests_total", model="scripted", status="200")
    apus.chat()
    apus.chat(stream=True)
    assert apus.metric("apus_requests_total", model="scripted", status="200") == before + 2
    assert apus.metric("apus_tokens_total", model="scripted") == 18 + 13
    names = {re.split("[{ ]", name)[0] for name in apus.metrics()}
    for name in (
        "apus_request_duration_seconds_count", "apus_time_to_first_token_seconds_count", "apus_overhead_seconds_count",
        "apus_open_streams", "apus_open_connections", "process_resident_memory_bytes", "process_open_fds"):
        assert name in names
    assert any(name.startswith("apus_event_loop_lag_seconds") for name in names)
    assert apus.metric("process_open_fds") == pytest.approx(apus.descriptors(), abs=3)


def test_names_that_clients_invent_make_no_new_series(start, upstream):
    apus = start(configuration(upstream))
    apus.metrics()  # the first look counts itself
    series = [None, None]
    for at in range(2):
        for number in range(20):
            apus.chat(model=f"invented-{at}-{number}")
            apus.ask("GET", f"/v1/invented-{at}-{number}")
        series[at] = set(apus.metrics())
    assert series[0] == series[1] and "invented" not in str(series)


@pytest.mark.slow
def test_a_silent_stream_is_kept_alive_by_comments(apus, upstream):
    gate = threading.Event()
    upstream.script = stream(gate, delta(content="late"))
    with apus.connect(seconds=17) as wire:
        wire.send(STREAM)
        events = wire.events(wire.head())
        assert next(events) == b": keep-alive"
        gate.set()
        assert list(events) == [b"data: " + delta(content="late"), b"data: [DONE]"]


def test_tls_serves_the_configured_certificate(start, upstream, tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=apus.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    apus = start(configuration(upstream, tls={"certificate": str(certificate), "key": str(key)}))
    assert apus.address.startswith("https://")
    trust = ssl.create_default_context(cafile=certificate)
    for body in (STREAM, request("GET", "/v1/models", authorization=f"Bearer {USER_KEY}")):
        with Wire(trust.wrap_socket(apus.connect().socket, server_hostname="127.0.0.1")) as wire:
            wire.send(body)
            assert wire.message().status == 200
    with apus.connect() as plain:
        plain.send(request("GET", "/v1/models"))
        assert not plain.rest().startswith(b"HTTP/1.1 200")
