"""Tokens whose keys an issuer publishes, and what becomes of them when it changes keys or is down."""

import json
import time

import pytest

from apus import wait_until
from tokens import SECRET, Hmac, Pair, accepting, claims, encode, me, token
from upstream import Upstream, reply


class Issuer:
    """Publishes keys, and counts who asks for them."""

    def __init__(self):
        self.server = Upstream()
        self.url = f"http://{self.server.host}/jwks.json"

    def publish(self, *keys, **headers):
        self.server.script = reply(json.dumps({"keys": keys}).encode(), **headers)

    @property
    def asked(self):
        return len(self.server.requests)


@pytest.fixture
def issuer():
    return Issuer()


def test_tokens_of_published_keys_are_verified_and_the_keys_are_fetched_once(start, upstream, issuer, pairs):
    secret = {"kty": "oct", "kid": "shared", "k": encode(SECRET.encode()), "alg": "HS256"}
    issuer.publish(*(pair.published(f"key {name}") for name, pair in pairs.items()), secret, {"kty": "new kind"})
    apus = start(accepting(upstream, jwks_url=issuer.url))
    for _ in range(3):
        for name, pair in pairs.items():
            assert me(apus, token(pair, claims(jti=str(time.time())), kid=f"key {name}"))["user"] == "una"
            assert me(apus, token(pair, claims(jti=str(time.time()))))["user"] == "una"  # the only one of its kind
    rsa, other = pairs["RS256"], Pair("RS256", pairs["RS256"].folder)
    for forged in (
        token(Hmac(), kid="shared"), token(rsa, kid="key ES256"), token(rsa, kid=""), token(other, kid="key RS256"),
        token(Hmac(rsa.public), kid="key RS256"), token(Hmac(rsa.public), alg="RS256", kid="key RS256")):
        assert apus.ask("GET", "/api/v1/me", key=forged).status == 401
    assert issuer.asked <= 2


def test_a_key_that_a_token_brings_along_is_asked_for_nowhere(start, upstream, issuer, pairs):
    issuer.publish(pairs["RS256"].published("honest"))
    apus = start(accepting(upstream, jwks_url=issuer.url))
    evil, theirs = Issuer(), Pair("RS256", pairs["RS256"].folder)
    evil.publish(theirs.published("honest"))
    brought = {"jku": evil.url}, {"x5u": evil.url}, {"jwk": theirs.published("honest")}, {"kid": evil.url}
    for header in brought:
        assert apus.ask("GET", "/api/v1/me", key=token(theirs, **({"kid": "honest"} | header))).status == 401
    assert evil.asked == 0 and me(apus, token(pairs["RS256"], kid="honest"))["user"] == "una"


def test_tokens_that_name_unknown_keys_make_nobody_fetch_more_than_once_in_ten_seconds(start, upstream, issuer, pairs):
    old, new = pairs["ES256"], Pair("ES256", pairs["ES256"].folder)
    issuer.publish(old.published("old"))
    apus = start(accepting(upstream, jwks_url=issuer.url))
    assert me(apus, token(old, kid="old"))["user"] == "una"
    issuer.publish(old.published("old"), new.published("new"))
    began, before = time.monotonic(), issuer.asked
    for at in range(100):
        assert apus.ask("GET", "/api/v1/me", key=token(Hmac(), alg="ES256", kid=f"unknown {at}")).status == 401
    assert me(apus, token(old, kid="old"))["user"] == "una"
    assert issuer.asked - before <= 1 + (time.monotonic() - began) / 10
    bearer = token(new, kid="new")
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key=bearer).status == 200, 12, "the new key")


def test_an_issuer_that_is_down_is_no_bad_token(start, upstream, issuer, pairs):
    issuer.server.script = reply(b"down", "503 Service Unavailable")
    apus = start(accepting(upstream, jwks_url=issuer.url))
    bearer = token(pairs["EdDSA"], kid="key")
    answer = apus.chat(key=bearer)
    assert (answer.status, answer.error()["code"]) == (503, "jwks_unavailable")
    assert int(answer.header("retry-after")) >= 1
    assert apus.knows(apus.make_key()["key"])
    issuer.publish(pairs["EdDSA"].published("key"))
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key=bearer).status == 200, 12, "the issuer's keys")
    issuer.server.script = reply(b"down", "503 Service Unavailable")
    assert me(apus, token(pairs["EdDSA"], claims(sub="ada"), kid="key"))["user"] == "ada"
