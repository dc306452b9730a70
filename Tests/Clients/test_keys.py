"""Keys as admins make, change and end them over the API; and what their bearers may."""

import datetime
import hashlib
import time
from urllib.parse import quote

import pytest

from apus import ADMIN_KEY, USER_KEY, Apus, asking, burst, wait_until
from keys import listed, with_plans, without_secret
from wire import request as http


def in_seconds(seconds):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")


# A key's life

@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_key_works_at_once_and_after_a_restart_and_is_nowhere_in_clear(upstream, memory, tmp_path, request, database):
    config = with_plans(upstream) | memory(database)
    folders = [tmp_path]
    if database == "postgres":
        folders.append(request.getfixturevalue("postgres_server").folder)
    apus = Apus(tmp_path, config)
    made = apus.make_key("lasting", metadata={"team": "swifts"}, plan="free")
    assert apus.knows(made["key"]) and apus.chat(key=made["key"]).status == 200
    changed = apus.administer("PATCH", f"/api/v1/keys/{made['id']}", {"name": "renamed"}).json()
    rotated = apus.administer("POST", f"/api/v1/keys/{made['id']}/rotate", {"grace_seconds": 600}).json()
    assert apus.chat(key=rotated["key"]).status == 200
    apus.chat(key=rotated["key"], model="nothing")

    def appears(secret):
        texts = [secret.encode(), bytes.fromhex(secret.removeprefix("apus-"))]
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
        assert any(made["id"].encode() in file.read_bytes() for file in files)  # it is the right place to look
        places = {str(file): file.read_bytes() for file in files} | {"log": apus.said().encode(), "metrics": told}
        return [place for place, content in places.items() if any(text in content for text in texts)]

    told = apus.ask("GET", "/metrics", key=None).body
    for secret in (made["key"], rotated["key"]):
        assert not appears(secret)
    apus.stop()
    for secret in (made["key"], rotated["key"]):
        assert not appears(secret)
    again = Apus(tmp_path, config)
    assert again.knows(made["key"]) and again.knows(rotated["key"])
    kept = again.administer("GET", f"/api/v1/keys/{made['id']}").json()
    assert kept == without_secret(changed) | {"prefix": rotated["prefix"]}
    again.stop()


def test_a_key_is_256_bits_shown_once_and_listed_by_its_prefix(keeper):
    made = keeper.make_key("shown once", tenant="acme", user="una", metadata={"a": "b"}, models=["scripted"])
    name, _, digits = made["key"].partition("-")
    assert (name, len(digits), bytes.fromhex(digits).hex()) == ("apus", 64, digits)
    assert made["key"].startswith(made["prefix"]) and len(made["prefix"]) <= 16
    one = keeper.administer("GET", f"/api/v1/keys/{made['id']}").json()
    assert one == without_secret(made) and one in listed(keeper)
    answers = [
        keeper.administer("GET", path) for path in (f"/api/v1/keys/{made['id']}", "/api/v1/keys?limit=100")
    ] + [keeper.ask("GET", "/api/v1/me", key=made["key"])]
    for answer in answers:
        assert made["key"] not in answer.body.decode() and digits[16:] not in answer.body.decode()
        assert hashlib.sha256(made["key"].encode()).hexdigest() not in answer.body.decode()
        assert answer.header("cache-control") == "no-store"


def test_the_answer_to_a_new_key_is_for_nobody_to_keep(keeper):
    answer = keeper.administer("POST", "/api/v1/keys", {"name": "once"})
    assert answer.status == 201 and answer.header("cache-control") == "no-store"
    assert answer.header("location") == f"/api/v1/keys/{answer.json()['id']}"


def test_what_is_stored_of_a_key_is_no_credential(keeper):
    key = keeper.make_key()["key"]
    digest = hashlib.sha256(key.encode()).hexdigest()
    inner = hashlib.sha256(bytes.fromhex(key.removeprefix("apus-"))).hexdigest()
    for forged in (digest, digest.upper(), f"apus-{digest}", f"apus-{inner}", f"sha256:{digest}", key.upper(), key[:-1],
                   key + "0", key.removeprefix("apus-"), key[:13], f"{key},{key}"):
        answer = keeper.ask("GET", "/api/v1/me", key=forged)
        assert answer.status == 401, forged
        assert forged not in answer.body.decode()


@pytest.mark.parametrize("header, value", [
    ("authorization", "Bearer {}"), ("authorization", "bearer {}"), ("x_api_key", "{}"), ("api_key", "{}")])
def test_a_key_is_taken_wherever_sdks_put_it(keeper, header, value):
    key = keeper.make_key()["key"]
    assert keeper.ask("GET", "/api/v1/me", key=None, **{header: value.format(key)}).status == 200


def test_a_change_of_a_key_is_live_at_once(keeper, upstream):
    made = keeper.make_key("before", models=["renamed"], requests_per_minute=500)
    path, key = f"/api/v1/keys/{made['id']}", made["key"]
    me = lambda: keeper.ask("GET", "/api/v1/me", key=key).json()
    models = lambda: [model["id"] for model in keeper.ask("GET", "/v1/models", key=key).json()["data"]]
    assert me()["name"] == "before" and models() == ["renamed"]
    assert keeper.chat(key=key).status == 403
    assert keeper.ask("GET", "/api/v1/keys", key=key).status == 403
    for change, holds in [
        ({"name": "after"}, lambda: me()["name"] == "after"),
        ({"models": None}, lambda: len(models()) > 1 and keeper.chat(key=key).status == 200),
        ({"models": []}, lambda: models() == [] and keeper.chat(key=key).status == 403),
        ({"plan": "small", "models": None}, lambda: me()["plan"] == "small" and models() == ["scripted"]),
        ({"plan": None}, lambda: me()["plan"] is None and len(models()) > 1),
        ({"tenant": "acme", "user": "una"}, lambda: (me()["tenant"], me()["user"]) == ("acme", "una")),
        ({"role": "admin"}, lambda: keeper.ask("GET", "/api/v1/keys", key=key).status == 200),
        ({"role": "user"}, lambda: keeper.ask("GET", "/api/v1/keys", key=key).status == 403),
        ({"requests_per_minute": 0}, lambda: keeper.ask("GET", "/v1/models", key=key).status == 429),
        ({"requests_per_minute": None}, lambda: keeper.ask("GET", "/v1/models", key=key).status == 200),
        ({"concurrent_requests": 0}, lambda: keeper.ask("GET", "/v1/models", key=key).status == 429),
        ({"concurrent_requests": None}, lambda: keeper.ask("GET", "/v1/models", key=key).status == 200),
        ({"metadata": {"why": "because"}}, lambda: True),
        ({"expires_at": "2001-01-01T00:00:00.000Z"}, lambda: not keeper.knows(key)),
        ({"expires_at": None}, lambda: keeper.knows(key)),
    ]:
        answer = keeper.administer("PATCH", path, change)
        assert answer.status == 200, answer.body
        assert change.items() <= answer.json().items() and "key" not in answer.json()
        assert holds(), change
        assert keeper.administer("GET", path).json() == answer.json()


def test_a_change_of_nothing_changes_nothing(keeper):
    made = keeper.make_key("still", metadata={"a": "b"}, models=["scripted"], user="una", requests_per_minute=7)
    answer = keeper.administer("PATCH", f"/api/v1/keys/{made['id']}", {})
    assert (answer.status, answer.json()) == (200, without_secret(made))


def test_a_rotated_key_works_beside_the_new_one_until_its_grace_ends(keeper):
    made = keeper.make_key("turning", user="una", plan="free")
    rotate = f"/api/v1/keys/{made['id']}/rotate"
    answer = keeper.administer("POST", rotate, {"grace_seconds": 1})
    fresh = answer.json()
    assert answer.status == 200 and fresh["key"] != made["key"]
    assert keeper.knows(made["key"]) and keeper.knows(fresh["key"])
    changed = {"key", "prefix"}
    assert {name for name in fresh if fresh[name] != made[name]} <= changed
    wait_until(lambda: not keeper.knows(made["key"]), 3, "the end of the grace")
    assert keeper.knows(fresh["key"])
    newest = keeper.administer("POST", rotate).json()
    assert not keeper.knows(fresh["key"]) and not keeper.knows(made["key"]) and keeper.knows(newest["key"])


def test_a_second_rotation_ends_the_first_ones_grace_and_a_revocation_ends_all(keeper):
    made = keeper.make_key()
    rotate = f"/api/v1/keys/{made['id']}/rotate"
    second = keeper.administer("POST", rotate, {"grace_seconds": 600}).json()
    third = keeper.administer("POST", rotate, {"grace_seconds": 600}).json()
    assert [keeper.knows(each["key"]) for each in (made, second, third)] == [False, True, True]
    assert keeper.administer("DELETE", f"/api/v1/keys/{made['id']}").status == 204
    assert not keeper.knows(second["key"]) and not keeper.knows(third["key"])
    assert keeper.administer("POST", rotate).status == 404


def test_a_key_ends_when_it_was_told_to(keeper):
    began = time.monotonic()
    key = keeper.make_key(expires_at=in_seconds(1.2))["key"]
    assert keeper.knows(key) or time.monotonic() - began > 1
    wait_until(lambda: not keeper.knows(key), 3, "the end of the key")
    assert time.monotonic() - began > 0.9
    assert keeper.ask("GET", "/api/v1/me", key=key).json()["code"] == "expired_api_key"
    assert not keeper.knows(keeper.make_key(expires_at="2001-01-01T00:00:00Z")["key"])


@pytest.mark.parametrize("given, seen", [
    ("2100-02-28T23:59:59Z", "2100-02-28T23:59:59.000Z"), ("2100-02-28T23:59:59.5+02:00", "2100-02-28T21:59:59.500Z")])
def test_a_moment_comes_back_in_universal_time(keeper, given, seen):
    assert keeper.make_key(expires_at=given)["expires_at"].replace(".000Z", "Z") == seen.replace(".000Z", "Z")


def test_a_revoked_key_ends_at_once_and_stays_on_record(keeper):
    made = keeper.make_key("ending")
    path = f"/api/v1/keys/{made['id']}"
    assert keeper.knows(made["key"])
    assert keeper.administer("DELETE", path).status == 204
    assert not keeper.knows(made["key"])
    record = keeper.administer("GET", path).json()
    assert record["revoked_at"] and record == without_secret(made) | {"revoked_at": record["revoked_at"]}
    assert keeper.administer("DELETE", path).status == 204
    assert keeper.administer("GET", path).json() == record
    assert keeper.administer("PATCH", path, {"name": "again"}).status == 404
    ids = lambda query: [key["id"] for key in keeper.administer("GET", f"/api/v1/keys?limit=100{query}").json()["data"]]
    assert made["id"] in ids("&include=revoked") and made["id"] not in ids("")




def test_200_keys_made_at_once_are_200_keys(keeper):
    made = burst([(keeper, asking("POST", "/api/v1/keys", {"name": f"at once {at}"}, ADMIN_KEY)) for at in range(200)])
    assert {answer.status for answer in made} == {201}
    keys = [answer.json()["key"] for answer in made]
    assert len(set(keys)) == len({answer.json()["id"] for answer in made}) == 200
    answers = burst([(keeper, asking("GET", "/api/v1/me", key=key)) for key in keys])
    assert {answer.status for answer in answers} == {200}


# Who may

def documented(apus):
    """All operations of the description: method, path with values filled in, and whether it needs a key."""
    for path, item in apus.ask("GET", "/openapi.json", key=None).json()["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), path.replace("{id}", "scripted").replace("{user}", "una"), operation


def test_nobody_without_a_key_and_no_user_sees_more_than_is_theirs(keeper, upstream):
    user = keeper.make_key("nobody special", role="user")["key"]
    walked = set()
    for method, path, operation in documented(keeper):
        body = {} if method in ("POST", "PUT", "PATCH") else b""
        is_open = operation.get("security") == []
        stranger, wrong = (keeper.ask(method, path, body, key) for key in (None, f"apus-{'0' * 64}"))
        assert is_open == (stranger.status != 401), (method, path)
        assert is_open == (wrong.status != 401), (method, path)
        answer = keeper.ask(method, path, body, user)
        if "role `admin`" in operation["description"]:
            assert (answer.status, answer.json()["code"]) == (403, "insufficient_role"), (method, path)
            assert keeper.ask(method, path, body, USER_KEY).status == 403
            walked.add((method, operation["operationId"]))
        else:
            assert answer.status not in (401, 403), (method, path)
    assert len(walked) >= 9  # six about keys, three about the limits of a user
    assert not upstream.requests


def test_a_user_sees_no_admin_route_however_it_is_written(keeper):
    user = keeper.make_key()["key"]
    for path in ("/api/v1/keys", "/api/v1/keys?limit=1", "/api/v1/keys/", "//api/v1/keys", "/api/v1/../v1/keys",
                 "/api/v1/%6beys", "/API/V1/KEYS", "/api/v1/keys;x", "/api/v1/keys%2f", "/api/v1/limits/una",
                 "/v1/../api/v1/keys"):
        for method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"):
            with keeper.connect() as wire:
                wire.send(http(method, path, authorization=f"Bearer {user}"))
                assert wire.message(to=method).status in (400, 403, 404, 405), (method, path)


# Pages

def test_keys_come_a_page_at_a_time_the_youngest_first(keeper):
    made = [keeper.make_key(f"page {at}", tenant="pages", user=f"u{at % 2}")["id"] for at in range(25)]
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        from_there = cursor and "&cursor=" + quote(cursor)
        page = keeper.administer("GET", f"/api/v1/keys?tenant=pages&limit=10{from_there}").json()
        seen += [key["id"] for key in page["data"]]
        cursor, pages = page["next_cursor"], pages + 1
        if pages == 1:
            keeper.make_key("younger", tenant="pages")  # does not shift what comes
    assert (seen, pages) == (made[::-1], 3)
    usual = keeper.administer("GET", "/api/v1/keys?tenant=pages").json()
    assert len(usual["data"]) == 20 and usual["next_cursor"]
    assert len(listed(keeper, tenant="pages", user="u1")) == 12
    assert listed(keeper, tenant="page") == [] and listed(keeper, tenant="pages", user="u2") == []
    keeper.administer("DELETE", f"/api/v1/keys/{made[1]}")
    counts = [len(keeper.administer("GET", f"/api/v1/keys?tenant=pages&user=u1{more}").json()["data"])
              for more in ("", "&include=revoked")]
    assert counts == [11, 12]
