"""What tests of limits have in common: plans, and what callers are told about how they stand."""

import re

from apus import configuration


PLANS = {
    "fifty": {"requests_per_minute": 50},
    "five": {"requests_per_minute": 5},
    "two at once": {"concurrent_requests": 2},
    "scripted": {"models": ["scripted", "renamed"]},
    "plenty": {"requests_per_minute": 1_000_000, "concurrent_requests": 1000},
}


def with_plans(upstream, **sections):
    return configuration(upstream) | {"plans": PLANS} | sections


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
