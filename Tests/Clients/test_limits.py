"""Callers and their limits on one machine: how many a minute, and which models."""

import signal

import openai
import pytest

from apus import CHAT_ROUTE, USER_KEY, asking, burst, chat, configuration, wait_until, write
from limits import PLANS, ask, check_refusal, check_standing, spend, standing, with_plans
from upstream import CHAT


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


@pytest.mark.parametrize("body, fields", [
    ({"requests_per_minute": -1}, {"requests_per_minute"}), ({"requests_per_minute": "5"}, {"requests_per_minute"}),
    ({"tokens_per_minute": 5}, {"tokens_per_minute"}),
    ({"requests_per_minute": 1.5, "concurrent_requests": True, "x": 1},
     {"requests_per_minute", "concurrent_requests", "x"})])
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
