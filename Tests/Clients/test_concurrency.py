"""How many requests of a caller run at once, and that a slot comes back however a request ends."""

import threading

import pytest

from apus import CHAT_ROUTE, asking, burst, chat, wait_until
from limits import standing
from upstream import CHAT, delta, play, reply, stream, until_gone


def running(apus, key):
    return standing(apus, key)["concurrent_requests"]["running"]


def hold(apus, key, count):
    """So many streams of a caller that have begun and do not end by themselves."""
    wires = [apus.connect() for _ in range(count)]
    for wire in wires:
        wire.send(asking("POST", CHAT_ROUTE, chat(stream=True), key))
        assert wire.head().status == 200
    return wires


@pytest.mark.parametrize("ending", [
    "the stream ends", "the client hangs up", "the client is killed", "the provider fails"])
def test_a_slot_comes_back_however_a_stream_ends(limited, upstream, ending):
    gate, gone = threading.Event(), threading.Event()
    waits = until_gone(gone) if ending.startswith("the client") else gate
    upstream.script = stream(delta(content="one"), waits, end=() if ending == "the provider fails" else (b"[DONE]",))
    key = limited.make_key(plan="two at once", user="una")["key"]
    wires = hold(limited, key, 2)
    assert running(limited, key) == 2
    refused = limited.chat(key=key)
    assert (refused.status, refused.error()["type"]) == (429, "rate_limit_error")
    assert int(refused.header("retry-after")) >= 1
    assert limited.chat(key=limited.make_key(plan="two at once", user="ada")["key"], model="dead").status >= 500
    if ending.startswith("the client"):
        for wire in wires:
            (wire.reset if ending == "the client is killed" else wire.socket.close)()
    gate.set()
    wait_until(lambda: running(limited, key) == 0, 5, "free slots")
    upstream.reset()
    assert limited.chat(key=key).body == CHAT


@pytest.mark.parametrize("script, model, status", [
    (reply(b'{"error":{"message":"no"}}', "500 Internal Server Error"), "scripted", 500), (play(), "scripted", 502),
    (play(lambda wire: wire.reset()), "scripted", 502), (play(lambda wire: wire.receive()), "impatient", 504),
    (None, "dead", 502), (None, "scripted", 200), (None, "nothing", 404)])
def test_a_slot_comes_back_whatever_the_provider_does(limited, upstream, script, model, status):
    upstream.script = script or upstream.script
    key = limited.make_key(concurrent_requests=1)["key"]
    for _ in range(3):
        assert limited.chat(model=model, key=key).status == status
        wait_until(lambda: running(limited, key) == 0, 5, "a free slot")


def test_a_slot_comes_back_when_a_client_leaves_before_its_answer_or_within_its_question(limited, upstream):
    gone = threading.Event()
    upstream.script = play(until_gone(gone))
    key = limited.make_key(concurrent_requests=1)["key"]
    whole = asking("POST", CHAT_ROUTE, chat(), key)
    for sent in (whole, whole[:-5]):
        with limited.connect() as wire:
            wire.send(sent)
            wait_until(lambda: running(limited, key) == 1, 5, "a running request")
        wait_until(lambda: running(limited, key) == 0, 5, "a free slot")


def test_of_100_at_once_no_more_run_than_may(limited, upstream):
    gate, most, inside, lock = threading.Event(), [0], [0], threading.Lock()

    def count(wire):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(0.05)
        with lock:
            inside[0] -= 1

    answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(CHAT)}\r\n\r\n".encode() + CHAT
    upstream.script = play(count, answer, keep=True)
    key = limited.make_key(concurrent_requests=4)["key"]
    answers = burst([(limited, asking("POST", CHAT_ROUTE, chat(), key))] * 100)
    passed = [answer.status for answer in answers].count(200)
    assert most[0] <= 4 <= passed == len(upstream.requests)
    assert {answer.status for answer in answers} == {200, 429}


def test_pipelined_requests_count_one_by_one(limited, upstream):
    key = limited.make_key(plan="five", concurrent_requests=1)["key"]
    with limited.connect() as wire:
        wire.send(asking("GET", "/v1/models", key=key) * 8)
        assert [wire.message().status for _ in range(8)] == [200] * 5 + [429] * 3
