"""Clients that hang up, do not read, or take their time: they keep nobody waiting and leave nothing behind."""

import contextlib
import json
import resource
import selectors
import threading
import time

import pytest

from apus import CHAT_ROUTE, SIGNED, chat, configuration, still_serves, wait_until
from upstream import STREAM_HEAD, delta, play, stream, until_gone
from wire import chunk, request


@pytest.mark.parametrize("streamed", [True, False], ids=["in a stream", "before the answer"])
def test_a_client_that_hangs_up_cancels_the_call_upstream(apus, upstream, streamed):
    gone, begun = threading.Event(), threading.Event()
    begin = [STREAM_HEAD + chunk(b"data: " + delta(content="one") + b"\n\n")] if streamed else []
    upstream.script = play(*begin, lambda _: begun.set(), until_gone(gone))
    with apus.connect() as wire:
        wire.send(request("POST", CHAT_ROUTE, json.dumps(chat(stream=streamed)).encode(), **SIGNED))
        assert begun.wait(10)
        if streamed:
            assert next(wire.events(wire.head())) == b"data: " + delta(content="one")
            wait_until(lambda: apus.metric("apus_open_streams") == 1, what="one open stream")
    assert gone.wait(2), "the provider still works for nobody"
    wait_until(lambda: apus.metric("apus_open_streams") == 0, what="no open stream")
    still_serves(apus, upstream)


OFFER = chunk(b"data: " + delta(content="x" * 65_000) + b"\n\n")


class Flood:
    """A step that offers 256 MiB of events, and knows how much was taken and when the taking stalled."""

    def __init__(self):
        self.taken, self.stalled, self.gone = 0, threading.Event(), threading.Event()

    def __call__(self, wire):
        try:
            while self.taken < 256 << 20:
                with selectors.DefaultSelector() as selector:
                    selector.register(wire.socket, selectors.EVENT_WRITE)
                    if not selector.select(0.7):
                        self.stalled.set()
                wire.send(OFFER)
                self.taken += len(OFFER)
        except OSError:
            self.gone.set()


def test_a_client_that_does_not_read_stalls_the_provider_and_not_the_memory(apus, upstream):
    flood = Flood()
    upstream.script = play(STREAM_HEAD, flood)
    before = apus.resident_bytes()
    with apus.connect(receive_buffer=65_536) as wire:
        wire.send(request("POST", CHAT_ROUTE, json.dumps(chat(stream=True)).encode(), **SIGNED))
        assert flood.stalled.wait(20), "the provider was never held back"
        assert flood.taken < 64 << 20
        assert apus.resident_bytes() - before < 64 << 20
        stalled_at, events = flood.taken, wire.events(wire.head())
        while flood.taken <= stalled_at + (8 << 20):  # reading again sets it going again
            assert next(events)
    assert flood.gone.wait(10)


def test_a_client_that_does_not_read_for_too_long_is_cut_off(start, upstream):
    flood = Flood()
    upstream.script = play(STREAM_HEAD, flood)
    apus = start(configuration(upstream, write_timeout="1s"))
    with apus.connect(receive_buffer=65_536) as wire:
        wire.send(request("POST", CHAT_ROUTE, json.dumps(chat(stream=True)).encode(), **SIGNED))
        assert flood.gone.wait(20)
    still_serves(apus, upstream)


@pytest.fixture
def many_descriptors():
    """Room for a thousand connections and more, here and in what is started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


SLOW_HEAD = request("POST", CHAT_ROUTE, content_length=None, **SIGNED)[:-2]
# what a slow client has sent · what it dribbles
SLOW = [(b"", b""), (b"POST /v1/ch", b""), (SLOW_HEAD, b"x"), (SLOW_HEAD + b"content-length: 5000\r\n\r\n{", b" "),
        (SLOW_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")]


def test_a_thousand_slow_clients_keep_nobody_waiting_and_are_shown_the_door(many_descriptors, start, upstream):
    apus = start(configuration(upstream, request_timeout="2s", idle_timeout="2s"))
    still_serves(apus, upstream)
    before = apus.descriptors()
    with contextlib.ExitStack() as open_wires, selectors.DefaultSelector() as selector:
        for number in range(1000):
            wire = open_wires.enter_context(apus.connect())
            begun, dribble = SLOW[number % len(SLOW)]
            wire.send(begun)
            selector.register(wire.socket, selectors.EVENT_READ, dribble)
        wait_until(lambda: apus.descriptors() >= before + 800, what="a crowd")
        still_serves(apus, upstream)
        verdicts = shown_the_door(selector, deadline=time.monotonic() + 20)
    assert set(verdicts) <= {b"", b"HTTP/1.1 408"} and len(verdicts) == 1000
    assert verdicts.count(b"HTTP/1.1 408") >= 600, "those that had begun a request are told why"
    wait_until(lambda: apus.descriptors() <= before, what="the return of the descriptors")
    still_serves(apus, upstream)


def shown_the_door(selector, deadline):
    """Dribbles on all connections until each has heard something; returns the first words each heard."""
    verdicts = []
    while selector.get_map():
        assert time.monotonic() < deadline, f"{len(selector.get_map())} slow clients are still there"
        ready = selector.select(0.2)
        for key, _ in ready:
            try:
                verdicts.append(key.fileobj.recv(4096)[:12])
            except ConnectionError:
                verdicts.append(b"")
            selector.unregister(key.fileobj)
        for key in () if ready else list(selector.get_map().values()):
            with contextlib.suppress(OSError):  # it was closed just now: the next select says so
                key.fileobj.send(key.data or b"")
    return verdicts


def test_a_flood_of_clients_that_hang_up_leaks_no_descriptor(apus, upstream):
    still_serves(apus, upstream)
    gone, before = threading.Event(), apus.descriptors()
    upstream.script = stream(delta(content="one"), until_gone(gone), end=())
    body = json.dumps(chat(stream=True)).encode()
    for whole in [request("POST", CHAT_ROUTE, body, **SIGNED)] * 60:
        with apus.connect() as wire:
            wire.send(whole)
            wire.head()
            wire.reset()
    wait_until(lambda: apus.descriptors() <= before, what="the return of the descriptors")
    wait_until(lambda: apus.metric("apus_open_streams") == 0, what="no open stream")
