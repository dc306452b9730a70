"""Keys as admins make, change and end them, over the API and by command; and what their bearers may."""

import datetime
import hashlib
import json
import time
from urllib.parse import quote

import pytest

from apus import ADMIN_KEY, USER_KEY, Apus, asking, burst, command, configuration, wait_until
from wire import request as http

HIDDEN = {"key", "hash", "secret"}
HOSTILE = [
    "'; DROP TABLE api_keys; --", '" OR ""="', "1 OR 1=1", "$1", "%s%n", "\\", "\\'; --", "NULL", "{}", "x') RETURNING hash --",
    "<script>alert(1)</script>", "../../etc/passwd"]
FOREIGN = ["Ada Łovelace", "مفتاح", "鍵🗝️", "👩‍👩‍👧‍👦", "ǅ ß ﬁ", "a\u202eb"]


def with_plans(upstream):
    plans = {"free": {"requests_per_minute": 1000}, "strict": {"requests_per_minute": 2}, "small": {"models": ["scripted"]}}
    return configuration(upstream) | {"plans": plans}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def keeper(request, provider, tmp_path_factory):
    """A server for the tests of this file, with each database in turn."""
    config = with_plans(provider)
    if request.param == "postgres":
        config["database"] = {"url": request.getfixturevalue("postgres_server").database().url}
    server = Apus(tmp_path_factory.mktemp("keeper"), config)
    yield server
    server.stop()


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
        assert any("key_" in file.read_bytes().decode("latin-1") for file in files)  # it is the right place to look
        places = [str(file) for file in files if any(text in file.read_bytes() for text in texts)]
        return places + [place for place in ("log", "metrics") if secret in {"log": apus.said(), "metrics": told}[place]]

    told = apus.ask("GET", "/metrics", key=None).body.decode()
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


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "postgres+redis"])
def test_a_replica_hears_of_every_change_within_a_second(start, upstream, memory, kind):
    config = with_plans(upstream) | memory(kind)
    here, there = start(config), start(config)
    made = here.make_key("shared", plan="free")
    path = f"/api/v1/keys/{made['id']}"
    assert there.knows(made["key"]) and here.knows(made["key"])

    def holds_there(what, condition):
        wait_until(condition, 1, what)

    here.administer("PATCH", path, {"name": "renamed", "requests_per_minute": 0})
    holds_there("the new name", lambda: there.ask("GET", "/api/v1/me", key=made["key"]).json()["name"] == "renamed")
    assert there.ask("GET", "/v1/models", key=made["key"]).status == 429
    there.administer("PATCH", path, {"requests_per_minute": None})
    wait_until(lambda: here.ask("GET", "/v1/models", key=made["key"]).status == 200, 1, "the old limit")
    fresh = here.administer("POST", f"{path}/rotate").json()
    holds_there("the new key", lambda: there.knows(fresh["key"]) and not there.knows(made["key"]))
    for at in range(5):
        key = here.make_key()
        assert there.knows(key["key"]) and here.knows(key["key"])
        (here, there)[at % 2].administer("DELETE", f"/api/v1/keys/{key['id']}")
        wait_until(lambda: not there.knows(key["key"]) and not here.knows(key["key"]), 1, "the end of the key")


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
        page = keeper.administer("GET", f"/api/v1/keys?tenant=pages&limit=10{cursor and '&cursor=' + quote(cursor)}").json()
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


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=ten", "limit"), ("limit=1.5", "limit"),
    ("limit=99999999999999999999", "limit"), ("limit=1&limit=2", "limit"), ("include=everything", "include"),
    ("cursor=nonsense", "cursor"), ("cursor=", "cursor"), ("tenant=" + "x" * 129, "tenant"), ("page=2", "page"),
    ("user=%00", "user")])
def test_a_list_refuses_a_query_that_it_does_not_understand(keeper, query, field):
    answer = keeper.administer("GET", f"/api/v1/keys?{query}")
    assert (answer.status, fields_of(answer)) == (400, {field})


# What is wrong

def fields_of(answer):
    """The fields that a problem names."""
    assert answer.header("content-type").startswith("application/problem+json"), answer.headers
    problem = answer.json()
    assert problem["status"] == answer.status and problem["title"] and problem["detail"]
    assert all(error["detail"] for error in problem.get("errors", []))
    return {error["field"] for error in problem.get("errors", [])}


NO_TEXT = [7, 1.5, True, [], {}, ["a"], ""]
NO_NAME = [*NO_TEXT, "x" * 129, "a\nb", "nul\0", "\x7f"]
NO_COUNT = ["7", 1.5, -1, True, [], {}, 1_000_001, 10**30]
WRONG = {
    "name": [None, *NO_NAME],
    "tenant": NO_NAME,
    "user": [*NO_TEXT, "x" * 257, "a\tb"],
    "plan": [*NO_NAME, "unheard-of"],
    "role": [*NO_TEXT, "root", "Admin", "admin "],
    "models": ["scripted", 7, {}, [7], [None], [""], ["x" * 129], ["m"] * 1001],
    "expires_at": [7, True, [], "", "soon", "2030-01-31", "2030-13-01T00:00:00Z", "2030-01-31T00:00:00", "2030-02-30T00:00:00Z"],
    "metadata": ["a", 7, [], {"a": 7}, {"a": None}, {"a": {}}, {"": "a"}, {"x" * 65: "a"}, {"a": "x" * 513},
                 {str(at): "" for at in range(33)}],
    "requests_per_minute": NO_COUNT,
    "concurrent_requests": NO_COUNT,
    "colour": ["red", None],
    "id": ["key_0"],
    "key": [f"apus-{'0' * 64}"],
}
WHOLE_BODIES = [
    (b"", {"name"}), (b"{", set()), (b"[]", set()), (b"null", set()), (b'"name"', set()), (b'{"name":"a"} {}', set()),
    (b'{"name":"a",}', set()), (b"{name:1}", set()), (b'{"name":"\xff"}', set()), (b'{"name":"\\ud800"}', set()),
    (b'{"name":"a","name":"b"}', {"name"}), (b'{"name":"a","role":"user","role":"admin"}', {"role"}),
    (b'{"name":"a","metadata":{"a":"b","a":"c"}}', {"metadata"}),
    (b'{"name":"a","r\\u006fle":"admin","role":"user"}', {"role"}),
    (b"[" * 30_000 + b"]" * 30_000, set()), (b'{"name":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, set()),
    (b'{"name":"a","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", set()),
]


def test_each_wrong_field_of_a_new_key_is_named_and_nothing_is_stored(keeper):
    before = listed(keeper)
    for field, values in WRONG.items():
        for value in values:
            answer = keeper.administer("POST", "/api/v1/keys", {"name": "wrong"} | {field: value})
            assert (answer.status, fields_of(answer)) == (400, {field}), (field, value)
    assert listed(keeper) == before


def test_all_wrong_fields_of_a_new_key_are_named_at_once(keeper):
    body = {field: values[-1] for field, values in WRONG.items()} | {"name": ""}
    assert fields_of(keeper.administer("POST", "/api/v1/keys", body)) == set(WRONG)


@pytest.mark.parametrize("body, fields", WHOLE_BODIES, ids=[body[:24].decode("latin-1") for body, _ in WHOLE_BODIES])
def test_a_body_that_is_no_single_object_makes_no_key(keeper, body, fields):
    before = listed(keeper)
    answer = keeper.administer("POST", "/api/v1/keys", body)
    named = fields_of(answer)
    assert answer.status == 400 and fields <= named
    assert listed(keeper) == before


def test_a_body_without_measure_makes_no_key(keeper):
    before = listed(keeper)
    answer = keeper.administer("POST", "/api/v1/keys", {"name": "a", "metadata": {"a": "x" * (65 << 10)}})
    assert answer.status in (400, 413) and fields_of(answer) is not None
    assert listed(keeper) == before


def test_a_wrong_change_names_its_fields_and_changes_nothing(keeper):
    made = without_secret(keeper.make_key("steady", plan="free", metadata={"a": "b"}))
    path = f"/api/v1/keys/{made['id']}"
    for field, values in WRONG.items():
        for value in values:
            answer = keeper.administer("PATCH", path, {"user": "changed"} | {field: value})
            assert (answer.status, fields_of(answer)) == (400, {field}), (field, value)
    for body in (b"[]", b"{", b'{"name":"a","name":"b"}'):
        assert keeper.administer("PATCH", path, body).status == 400
    for body in ({"grace_seconds": -1}, {"grace_seconds": "1"}, {"grace_seconds": 1.5}, {"grace_seconds": 10**9}, {"grace": 1}):
        answer = keeper.administer("POST", f"{path}/rotate", body)
        assert (answer.status, fields_of(answer)) == (400, set(body))
    assert keeper.administer("GET", path).json() == made


@pytest.mark.parametrize("method, tail", [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")])
@pytest.mark.parametrize("name", ["key_00000000000000000000", "nonsense", "x" * 500, quote("' OR 1=1 --"), "key%5F"])
def test_a_key_that_is_not_there_is_told_so(keeper, method, tail, name):
    answer = keeper.administer(method, f"/api/v1/keys/{name}{tail}", {} if method in ("PATCH", "POST") else b"")
    assert (answer.status, fields_of(answer)) == (404, set())


# Any text

@pytest.mark.parametrize("text", HOSTILE + FOREIGN)
def test_a_text_stays_the_text_that_it_is(keeper, text):
    before = listed(keeper)
    fields = {"name": text, "tenant": text, "user": text, "models": [text], "metadata": {text: text, "b": text}}
    made = keeper.make_key(**fields)
    assert fields.items() <= made.items()
    assert keeper.administer("GET", f"/api/v1/keys/{made['id']}").json() == without_secret(made)
    me = keeper.ask("GET", "/api/v1/me", key=made["key"]).json()
    assert (me["name"], me["tenant"], me["user"]) == (text, text, text)
    assert [key["id"] for key in listed(keeper, tenant=text, user=text)] == [made["id"]]
    limits = f"/api/v1/limits/{quote(text, safe='')}?tenant={quote(text)}"
    assert keeper.administer("PUT", limits, {"requests_per_minute": 2}).status == 200
    assert keeper.administer("GET", limits).json()["user"] == text
    assert keeper.ask("GET", "/api/v1/limits", key=made["key"]).json()["requests_per_minute"]["limit"] == 2
    keeper.administer("DELETE", limits)
    keeper.administer("DELETE", f"/api/v1/keys/{made['id']}")
    assert [key for key in listed(keeper) if key["id"] != made["id"]] == before
    assert all(json.loads(line) for line in list(keeper.lines))


def test_two_spellings_of_a_name_are_two_users_or_one_of_them_is_no_name(keeper):
    keys = []
    for user in ("caf\u00e9", "cafe\u0301"):
        answer = keeper.administer("POST", "/api/v1/keys", {"name": "twin", "user": user, "plan": "strict"})
        if answer.status == 400:
            return
        keys.append(answer.json()["key"])
    assert [keeper.ask("GET", "/v1/models", key=keys[0]).status for _ in range(3)] == [200, 200, 429]
    assert keeper.ask("GET", "/v1/models", key=keys[1]).status == 200


def test_200_keys_made_at_once_are_200_keys(keeper):
    made = burst([(keeper, asking("POST", "/api/v1/keys", {"name": f"at once {at}"}, ADMIN_KEY)) for at in range(200)])
    assert {answer.status for answer in made} == {201}
    keys = [answer.json()["key"] for answer in made]
    assert len(set(keys)) == len({answer.json()["id"] for answer in made}) == 200
    assert {answer.status for answer in burst([(keeper, asking("GET", "/api/v1/me", key=key)) for key in keys])} == {200}


# By command

def keys_command(apus, *words):
    return command(apus.folder, "keys", *words, "--config", str(apus.folder / "apus.yaml"))


def test_commands_make_list_and_end_keys_of_a_server_that_runs(keeper):
    made = keys_command(
        keeper, "create", "--name", "by command", "--tenant", "acme", "--user", "una", "--plan", "small", "--model",
        "scripted", "--expires", "2100-01-01T00:00:00Z", "--requests-per-minute", "7")
    assert made.returncode == 0, made.stderr
    key, name = made.stdout.strip(), made.stderr.split(":")[0]
    me = keeper.ask("GET", "/api/v1/me", key=key)
    assert me.status == 200
    assert {"name": "by command", "tenant": "acme", "user": "una", "plan": "small", "role": "user"}.items() <= me.json().items()
    record = keeper.administer("GET", f"/api/v1/keys/{name}").json()
    assert (record["models"], record["requests_per_minute"]) == (["scripted"], 7)
    told = keys_command(keeper, "list").stdout
    assert name in told and "by command" in told and record["prefix"] in told and key not in told
    assert keys_command(keeper, "revoke", name).returncode == 0
    wait_until(lambda: not keeper.knows(key), 1, "the end of the key")
    assert name not in keys_command(keeper, "list").stdout and name in keys_command(keeper, "list", "--revoked").stdout


@pytest.mark.parametrize("words, status, told", [
    (["create"], 64, "--name"), (["create", "--name", ""], 1, "name"), (["create", "--name", "x" * 129], 1, "name"),
    (["create", "--name", "a\nb"], 1, "name"), (["create", "--name", "a", "--tenant", ""], 1, "tenant"),
    (["create", "--name", "a", "--user", "x" * 257], 1, "user"), (["create", "--name", "a", "--model", ""], 1, "models"),
    (["create", "--name", "a", "--role", "root"], 1, "role"), (["create", "--name", "a", "--expires", "soon"], 1, "expires"),
    (["create", "--name", "a", "--requests-per-minute", "-1"], 64, "requests-per-minute"),
    (["create", "--name", "a", "--requests-per-minute=-1"], 1, "requests_per_minute"),
    (["create", "--name", "a", "--plan", "unheard-of"], 1, "plan"),
    (["revoke"], 64, "id"), (["revoke", "key_0"], 1, "key_0"), (["paint"], 64, "paint")])
def test_a_command_that_cannot_be_done_says_why_and_does_nothing(keeper, words, status, told):
    before = listed(keeper)
    result = keys_command(keeper, *words) if words != ["paint"] else command(keeper.folder, "keys", *words)
    assert result.returncode == status and told in result.stderr and not result.stdout
    assert listed(keeper) == before


def test_the_commands_explain_themselves(tmp_path):
    for words, named in [
        (["keys"], ["create", "list", "revoke"]), (["keys", "create"], ["--name", "--plan", "--expires", "--config"]),
        (["keys", "list"], ["--revoked"]), (["keys", "revoke"], ["id"]), (["migrate"], ["--pending"]), (["backup"], ["file"])]:
        result = command(tmp_path, *words, "--help")
        assert result.returncode == 0 and all(name in result.stdout for name in named), result.stdout
