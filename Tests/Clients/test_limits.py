"""Callers and their limits: how many a minute, how many at once, which models; alone and with replicas."""

import json
import re
import signal
import threading
import time

import openai
import pytest

from apus import ADMIN_KEY, CHAT_ROUTE, USER_KEY, asking, burst, chat, configuration, wait_until, write
from load import Load, p99, statuses
from upstream import CHAT, delta, play, reply, stream, until_gone

PLANS = {
    "fifty": {"requests_per_minute": 50},
    "five": {"requests_per_minute": 5},
    "two at once": {"concurrent_requests": 2},
    "scripted": {"models": ["scripted", "renamed"]},
    "plenty": {"requests_per_minute": 1_000_000, "concurrent_requests": 1000},
}
MODELS = asking("GET", "/v1/models")


def with_plans(upstream, **sections):
    return configuration(upstream) | {"plans": PLANS} | sections


@pytest.fixture
def limited(start, upstream):
    """A server with the plans of this file."""
    return start(with_plans(upstream))


def ask(apus, key):
    """The cheapest request that counts."""
    return apus.ask("GET", "/v1/models", key=key)


def spend(apus, key, most=20):
    """How many requests pass before the first is refused."""
    for passed in range(most):
        answer = ask(apus, key)
        if answer.status == 429:
            return passed
        assert answer.status == 200, answer.body
    return most


def standing(apus, key):
    answer = apus.ask("GET", "/api/v1/limits", key=key)
    assert answer.status == 200, answer.body
    return answer.json()


def running(apus, key):
    return standing(apus, key)["concurrent_requests"]["running"]


def seconds_of(text):
    """OpenAI's way to write a time: `1m0.5s`, `850ms`."""
    parts = re.fullmatch(r"(?:(\d+)m)?(?:([\d.]+)s)?|(\d+)ms", text)
    assert parts and text, text
    minutes, seconds, milliseconds = (float(part or 0) for part in parts.groups())
    return 60 * minutes + seconds + milliseconds / 1000


def check_standing(answer, limit, remaining, minute=60.01):
    """The headers that tell a caller how it stands, in both dialects."""
    assert answer.header("x-ratelimit-limit-requests") == str(limit)
    assert answer.header("x-ratelimit-remaining-requests") == str(remaining)
    assert 0 < seconds_of(answer.header("x-ratelimit-reset-requests")) <= minute
    assert answer.header("ratelimit-policy") == f'"requests";q={limit};w=60'
    left, until = re.fullmatch(r'"requests";r=(\d+);t=(\d+)', answer.header("ratelimit")).groups()
    assert int(left) == remaining and 0 < int(until) <= minute + 1


def check_refusal(answer, limit, minute=60.01):
    """A 429 as OpenAI's clients know it."""
    assert answer.status == 429
    error = answer.error()
    assert error["code"] == "rate_limit_exceeded" and str(limit) in error["message"]
    check_standing(answer, limit, 0, minute)
    assert 1 <= int(answer.header("retry-after")) <= minute + 1


# A minute

def test_of_300_requests_at_once_exactly_50_pass_and_250_are_told_when_to_come_back(limited, upstream):
    key = limited.make_key(plan="fifty", user="una")["key"]
    answers = burst([(limited, asking("POST", CHAT_ROUTE, chat(), key))] * 300)
    passed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert (len(passed), len(refused), len(upstream.requests)) == (50, 250, 50)
    assert {answer.body for answer in passed} == {CHAT}
    for answer in refused:
        check_refusal(answer, 50)
    left = sorted(int(answer.header("x-ratelimit-remaining-requests")) for answer in passed)
    assert left == list(range(50))
    assert standing(limited, key)["requests_per_minute"]["remaining"] == 0


def test_openais_client_sees_a_limit_as_its_own_kind_of_error(sdk, apus):
    client = sdk.with_key(apus.make_key(requests_per_minute=1)["key"])
    ask = lambda: sdk.run(client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "a"}]))
    assert ask().usage.total_tokens == 18
    with pytest.raises(openai.RateLimitError) as caught:
        ask()
    assert (caught.value.status_code, caught.value.code) == (429, "rate_limit_exceeded")
    assert int(caught.value.response.headers["retry-after"]) <= 61
    sdk.run(client.close())


def test_a_refusal_outside_of_openais_routes_is_a_problem(limited):
    key = limited.make_key(role="admin", requests_per_minute=1)["key"]
    assert limited.ask("GET", "/api/v1/keys", key=key).status == 200
    answer = limited.ask("GET", "/api/v1/keys", key=key)
    assert (answer.status, answer.json()["status"], answer.json()["code"]) == (429, 429, "rate_limit_exceeded")
    assert answer.header("content-type").startswith("application/problem+json")
    check_standing(answer, 1, 0)
    assert 1 <= int(answer.header("retry-after")) <= 61


def test_what_is_left_is_told_and_asking_for_it_costs_nothing(limited):
    key = limited.make_key(plan="five")["key"]
    for left in (4, 3, 2):
        check_standing(ask(limited, key), 5, left)
    for _ in range(10):
        told = standing(limited, key)
        assert limited.knows(key)
    rate = told["requests_per_minute"]
    assert told["plan"] == "five" and told["concurrent_requests"] is None
    assert (rate["limit"], rate["remaining"]) == (5, 2) and 0 < rate["reset_seconds"] <= 60
    assert "x-ratelimit-limit-requests" not in dict(limited.ask("GET", "/api/v1/limits", key=key).headers)
    check_standing(ask(limited, key), 5, 1)
    unlimited = standing(limited, USER_KEY)
    assert (unlimited["requests_per_minute"], unlimited["concurrent_requests"]) == (None, None)


def test_all_keys_of_a_user_share_the_limit_of_their_plan_and_nobody_else_does(limited):
    make = lambda **fields: limited.make_key(plan="five", **fields)["key"]
    first, second = make(user="una", tenant="acme"), make(user="una", tenant="acme")
    assert [ask(limited, key).status for key in (first, first, second, first, second)] == [200] * 5
    assert [ask(limited, key).status for key in (first, second, make(user="una", tenant="acme"))] == [429] * 3
    for other in (make(user="ada", tenant="acme"), make(user="una", tenant="other"), make(user="una"), make(), make(),
                  make(user="acme/una"), make(user="5:acme/una")):
        assert spend(limited, other) == 5


def test_a_key_has_a_limit_of_its_own_beside_its_users(limited):
    narrow = limited.make_key(plan="five", user="una", requests_per_minute=2)["key"]
    wide = limited.make_key(plan="five", user="una")["key"]
    alone = limited.make_key(plan="five", requests_per_minute=7)["key"]
    assert spend(limited, narrow) == 2
    assert [ask(limited, narrow).status for _ in range(5)] == [429] * 5  # which the user does not pay for
    assert spend(limited, wide) == 3
    assert spend(limited, alone) == 7


def test_a_plan_named_default_is_everybodys_who_names_none(start, upstream):
    apus = start(configuration(upstream) | {"plans": {"default": {"requests_per_minute": 3}}})
    assert spend(apus, apus.make_key()["key"]) == 3
    assert spend(apus, USER_KEY) == 3


def test_limits_of_keys_in_the_configuration_hold_too(start, upstream):
    config = with_plans(upstream)
    config["keys"][1] |= {"plan": "five", "user": "una", "tenant": "acme", "models": ["scripted"]}
    apus = start(config)
    assert [model["id"] for model in ask(apus, USER_KEY).json()["data"]] == ["scripted"]
    assert spend(apus, USER_KEY) == 4
    assert ask(apus, apus.make_key(plan="five", user="una", tenant="acme")["key"]).status == 429


def test_limits_set_for_one_user_hold_at_once_and_end_at_once(limited):
    path = "/api/v1/limits/una?tenant=acme"
    key = limited.make_key(plan="five", user="una", tenant="acme")["key"]
    assert spend(limited, key) == 5
    none = {"user": "una", "tenant": "acme", "requests_per_minute": None, "concurrent_requests": None}
    assert limited.administer("GET", path).json() == none
    raised = limited.administer("PUT", path, {"requests_per_minute": 8})
    assert (raised.status, raised.json()) == (200, none | {"requests_per_minute": 8})
    assert limited.administer("GET", path).json() == raised.json()
    assert standing(limited, key)["requests_per_minute"]["limit"] == 8
    assert spend(limited, key) == 3
    assert limited.administer("PUT", path, {"concurrent_requests": 0}).status == 200
    assert ask(limited, key).status == 429 and standing(limited, key)["concurrent_requests"]["limit"] == 0
    assert limited.administer("DELETE", path).status == 204
    assert limited.administer("GET", path).json() == none
    check_refusal(ask(limited, key), 5)
    for other in ("/api/v1/limits/una", "/api/v1/limits/una?tenant=other"):
        assert limited.administer("PUT", other, {"requests_per_minute": 1000}).status == 200
    check_refusal(ask(limited, key), 5)


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "postgres+redis"])
def test_limits_set_for_one_user_hold_on_every_replica_within_a_second(start, upstream, memory, kind):
    here, there = (start(with_plans(upstream, **memory(kind))) for _ in range(2))
    key = here.make_key(plan="five", user="una")["key"]
    assert ask(there, key).status == ask(here, key).status == 200
    limit = lambda: standing(there, key)["requests_per_minute"]["limit"]
    here.administer("PUT", "/api/v1/limits/una", {"requests_per_minute": 0})
    wait_until(lambda: limit() == 0, 1, "the new limit")
    assert ask(there, key).status == 429
    there.administer("DELETE", "/api/v1/limits/una")
    assert limit() == 5 and ask(there, key).status == 200
    wait_until(lambda: ask(here, key).status == 200, 1, "the plan's limit")


@pytest.mark.parametrize("body, fields", [
    ({"requests_per_minute": -1}, {"requests_per_minute"}), ({"requests_per_minute": "5"}, {"requests_per_minute"}),
    ({"tokens_per_minute": 5}, {"tokens_per_minute"}),
    ({"requests_per_minute": 1.5, "concurrent_requests": True, "x": 1}, {"requests_per_minute", "concurrent_requests", "x"})])
def test_wrong_limits_are_refused_by_name(limited, body, fields):
    answer = limited.administer("PUT", "/api/v1/limits/una", body)
    assert answer.status == 400 and {error["field"] for error in answer.json()["errors"]} == fields
    assert limited.administer("GET", "/api/v1/limits/una").json()["requests_per_minute"] is None


def test_a_reload_changes_a_plan_and_forgets_nothing_that_was_used(limited, upstream):
    key = limited.make_key(plan="five", user="una")["key"]
    assert spend(limited, key) == 5
    write(limited.folder, with_plans(upstream) | {"plans": PLANS | {"five": {"requests_per_minute": 7}}})
    limited.process.send_signal(signal.SIGHUP)
    wait_until(lambda: standing(limited, key)["requests_per_minute"]["limit"] == 7, what="the new limit")
    assert spend(limited, key) == 2


@pytest.mark.slow
def test_no_minute_wherever_it_begins_holds_more_than_the_limit(start, upstream, redis):
    alone = [start(with_plans(upstream))] * 2
    callers = [(servers, servers[0].make_key(plan="five")["key"], []) for servers in (alone, pair(start, upstream, redis))]
    began, pause = time.monotonic(), threading.Event()
    while (now := time.monotonic() - began) < 66:
        wanted = 2 if now < 1 else 4 if now < 5 else 100
        for servers, key, passed in callers:
            for server in servers if len(passed) < wanted else []:
                sent = time.monotonic()
                if ask(server, key).status == 200:
                    passed.append((sent, time.monotonic()))
        pause.wait(0.25)
    for _, _, passed in callers:
        # Sent before it was answered: this span of time is never shorter than the one between the two decisions.
        for first, sixth in zip(passed, passed[5:]):
            assert sixth[1] - first[0] >= 60
        assert len(passed) >= 9  # those of the second minute were let in as room came


# At once

def hold(apus, key, count):
    """So many streams of a caller that have begun and do not end by themselves."""
    wires = [apus.connect() for _ in range(count)]
    for wire in wires:
        wire.send(asking("POST", CHAT_ROUTE, chat(stream=True), key))
        assert wire.head().status == 200
    return wires


@pytest.mark.parametrize("ending", ["the stream ends", "the client hangs up", "the client is killed", "the provider fails"])
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


# Models

def test_only_the_models_of_plan_and_key_can_be_seen_or_asked(limited, upstream):
    names = lambda key: {model["id"] for model in ask(limited, key).json()["data"]}
    plan = limited.make_key(plan="scripted")["key"]
    both = limited.make_key(plan="scripted", models=["renamed", "dead"])["key"]
    assert names(plan) == {"scripted", "renamed"} and names(both) == {"renamed"}
    assert limited.ask("GET", "/api/v1/me", key=both).json()["models"] == ["renamed"]
    for key, model in [(plan, "dead"), (both, "dead"), (both, "scripted")]:
        for route, body in [(CHAT_ROUTE, chat(model=model)), ("/v1/completions", {"model": model, "prompt": "a"}),
                            ("/v1/embeddings", {"model": model, "input": "a"})]:
            answer = limited.ask("POST", route, body, key)
            assert (answer.status, answer.error()["code"]) == (403, "model_not_allowed")
        assert limited.ask("GET", f"/v1/models/{model}", key=key).status in (403, 404)
    assert not upstream.requests
    assert limited.chat(key=both, model="renamed").body == CHAT


# Strangers

def strangers(start, upstream, limit=5, **server):
    return start(configuration(upstream, **server) | {"auth": {"unauthenticated_per_minute": limit}})


def try_keys(apus, count, **headers):
    """What somebody meets who tries keys."""
    tries = [apus.ask("GET", "/api/v1/me", key=f"apus-{at:064x}", **headers) for at in range(count)]
    assert {answer.status for answer in tries} <= {401, 429}
    return [answer.status for answer in tries].count(401)


def test_an_address_may_try_100_keys_a_minute_and_good_keys_still_work_from_there(start, upstream):
    config = configuration(upstream)
    del config["auth"]
    apus = start(config)
    key = apus.make_key()["key"]
    assert apus.knows(key)
    answers = burst([(apus, asking("GET", "/v1/models", key=f"apus-{at:064x}")) for at in range(150)])
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {401, 429}
    assert 100 <= 150 - len(refused) <= 104  # one comes back every 0.6 s
    for answer in refused:
        assert answer.error()["code"] == "address_limit_exceeded" and int(answer.header("retry-after")) >= 1
    for path in ("/api/v1/me", "/metrics", "/openapi.json"):
        problem = apus.ask("GET", path, key=None)
        assert problem.status == 429 and problem.json()["code"] == "address_limit_exceeded"
    for path in ("/health", "/health/live", "/health/ready"):
        assert {apus.ask("GET", path, key=None).status for _ in range(50)} == {200}
    for good in (key, USER_KEY, ADMIN_KEY):
        assert apus.ask("GET", "/v1/models", key=good).status == 200


def test_an_address_that_is_refused_is_let_in_again_when_it_was_told(start, upstream):
    apus = strangers(start, upstream, limit=120)
    answers = burst([(apus, asking("GET", "/api/v1/me", key="wrong"))] * 140)
    after = int([answer for answer in answers if answer.status == 429][-1].header("retry-after"))
    assert after <= 2
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key="wrong").status == 401, after + 1, "another try")


def test_an_address_is_believed_from_a_trusted_proxy_only(start, upstream):
    trusting = strangers(start, upstream, trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
    assert [try_keys(trusting, 7, x_forwarded_for=address) for address in ("203.0.113.1", "203.0.113.2")] == [5, 5]
    assert try_keys(trusting, 2, x_forwarded_for="198.51.100.9, 203.0.113.1") == 0
    assert try_keys(trusting, 2, x_forwarded_for="203.0.113.1, 10.1.2.3") == 0
    wary = strangers(start, upstream)
    assert sum(try_keys(wary, 1, x_forwarded_for=f"203.0.113.{at}") for at in range(7)) == 5


def test_addresses_of_one_ipv6_network_count_together(start, upstream):
    apus = strangers(start, upstream, trusted_proxies=["127.0.0.1"])
    alike = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0db8:0001:0002:0:0:0:3"]
    assert sum(try_keys(apus, 2, x_forwarded_for=address) for address in alike) == 5
    assert try_keys(apus, 7, x_forwarded_for="2001:db8:1:3::1") == 5
    assert try_keys(apus, 7, x_forwarded_for="203.0.113.7") == 5
    assert try_keys(apus, 2, x_forwarded_for="::ffff:203.0.113.7") == 0


# Replicas

def pair(start, upstream, redis):
    return [start(with_plans(upstream, shared={"url": redis.url})) for _ in range(2)]


def passing(servers, key, count=300):
    """How many of so many requests pass that are sent at once, to each of the servers in turn."""
    answers = burst([(servers[at % len(servers)], asking("GET", "/v1/models", key=key)) for at in range(count)])
    assert {answer.status for answer in answers} <= {200, 429}
    for answer in answers:
        if answer.status == 429:
            check_refusal(answer, 50, 62)  # what was leased stays counted for a second more
    return [answer.status for answer in answers].count(200)


def test_two_replicas_on_one_redis_let_50_pass_together(start, upstream, redis):
    servers = pair(start, upstream, redis)
    for _ in range(3):
        key = servers[0].make_key(plan="fifty")["key"]
        first = passing(servers, key)
        assert 45 <= first <= first + passing(servers[::-1], key, 60) <= 52
    assert [server.health("shared:redis")[1]["status"] for server in servers] == ["pass", "pass"]


def test_what_one_replica_does_not_use_another_may(start, upstream, redis):
    servers = pair(start, upstream, redis)
    key = servers[0].make_key(plan="fifty")["key"]
    assert ask(servers[0], key).status == 200
    assert 45 <= 1 + passing(servers[1:], key) <= 52


@pytest.mark.parametrize("harm, heal", [("kill", "start"), ("freeze", "thaw")])
def test_without_redis_requests_go_on_and_with_it_replicas_count_together_again(start, upstream, redis, harm, heal):
    servers = pair(start, upstream, redis)
    callers = [servers[0].make_key(plan="plenty", user=user)["key"] for user in ("una", None)]
    requests = [asking("GET", "/v1/models", key=key) for key in (*callers, USER_KEY, *callers)]
    with Load(servers[0], *requests, clients=5) as load:
        begun = load.goes_on(3)
        getattr(redis, harm)()
        harmed = time.monotonic()
        load.goes_on(4)
        before, after = p99(load.since(begun + 0.5, harmed)), p99(load.since(harmed + 1))
        assert after <= before * 2 + 0.02, (before, after)
        for server in servers:
            status, part = wait_until(
                lambda: (said := server.health("shared:redis"))[1]["observedValue"] == "degraded" and said, 3, "a warning")
            assert (status, part["status"]) == (200, "warn")
            assert redis.password not in json.dumps(part)
        alone = servers[0].make_key(plan="fifty")["key"]
        assert [passing([server], alone, 80) for server in servers] == [50, 50]  # each holds the whole limit alone
        getattr(redis, heal)()
        for server in servers:
            wait_until(lambda: server.health("shared:redis")[1]["status"] == "pass", 15, "health")
        load.goes_on(1)
    assert statuses(load.met) == {200}
    assert 45 <= passing(servers, servers[0].make_key(plan="fifty")["key"]) <= 52
    assert redis.password not in servers[0].said()
