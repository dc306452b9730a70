"""What tests of keys have in common."""

from urllib.parse import quote

from apus import configuration

HIDDEN = {"key", "hash", "secret"}


def with_plans(upstream):
    rates = {"free": {"requests_per_minute": 1000}, "strict": {"requests_per_minute": 2}}
    plans = rates | {"small": {"models": ["scripted"]}}
    return configuration(upstream) | {"plans": plans}


def listed(apus, **query):
    """All keys that the API lists, over its pages."""
    keys, cursor = [], None
    while True:
        fields = {"limit": "100", "include": "revoked"} | query | ({"cursor": cursor} if cursor else {})
        words = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
        answer = apus.administer("GET", f"/api/v1/keys?{words}")
        assert answer.status == 200, answer.body
        page = answer.json()
        keys += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            return keys


def without_secret(key):
    return {name: value for name, value in key.items() if name not in HIDDEN}


def fields_of(answer):
    """The fields that a problem names."""
    assert answer.header("content-type").startswith("application/problem+json"), answer.headers
    problem = answer.json()
    assert problem["status"] == answer.status and problem["title"] and problem["detail"]
    assert all(error["detail"] for error in problem.get("errors", []))
    return {error["field"] for error in problem.get("errors", [])}
