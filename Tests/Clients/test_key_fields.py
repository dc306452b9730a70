"""The fields of keys: each wrong one is named and nothing is stored; a text stays the text that it is."""

import json
from urllib.parse import quote

import pytest

from keys import fields_of, listed, without_secret

HOSTILE = [
    "'; DROP TABLE api_keys; --", '" OR ""="', "1 OR 1=1", "$1", "%s%n", "\\", "\\'; --", "NULL", "{}",
    "x') RETURNING hash --", "<script>alert(1)</script>", "../../etc/passwd"]
FOREIGN = ["Ada Łovelace", "مفتاح", "鍵🗝️", "👩‍👩‍👧‍👦", "ǅ ß ﬁ", "a\u202eb"]


# What is wrong

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
    "expires_at": [
        7, True, [], "", "soon", "2030-01-31", "2030-13-01T00:00:00Z", "2030-01-31T00:00:00", "2030-02-30T00:00:00Z"],
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
    for body in ({"grace": 1}, *({"grace_seconds": value} for value in (-1, "1", 1.5, 10**9))):
        answer = keeper.administer("POST", f"{path}/rotate", body)
        assert (answer.status, fields_of(answer)) == (400, set(body))
    assert keeper.administer("GET", path).json() == made


@pytest.mark.parametrize("method, tail", [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")])
@pytest.mark.parametrize("name", ["key_00000000000000000000", "nonsense", "x" * 500, quote("' OR 1=1 --"), "key%5F"])
def test_a_key_that_is_not_there_is_told_so(keeper, method, tail, name):
    answer = keeper.administer(method, f"/api/v1/keys/{name}{tail}", {} if method in ("PATCH", "POST") else b"")
    assert (answer.status, fields_of(answer)) == (404, set())


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=ten", "limit"), ("limit=1.5", "limit"),
    ("limit=99999999999999999999", "limit"), ("limit=1&limit=2", "limit"), ("include=everything", "include"),
    ("cursor=nonsense", "cursor"), ("cursor=", "cursor"), ("tenant=" + "x" * 129, "tenant"), ("page=2", "page"),
    ("user=%00", "user")])
def test_a_list_refuses_a_query_that_it_does_not_understand(keeper, query, field):
    answer = keeper.administer("GET", f"/api/v1/keys?{query}")
    assert (answer.status, fields_of(answer)) == (400, {field})


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
