"""Tokens that nobody signed who may: each speaks for nobody, and not a word of it is repeated."""

import base64
import hashlib
import json
import time

import pytest

from tokens import ISSUER, SECRET, Hmac, accepting, claims, encode, me, seal, token


def changed(text, at, by):
    """A token with one part replaced, or the character at a place of it."""
    parts = text.split(".")
    parts[at] = by(parts[at]) if callable(by) else by
    return ".".join(parts)


def loose(part):
    """The same bytes, spelled with unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def longer(part):
    """A signature with a byte more."""
    return encode(base64.urlsafe_b64decode(part + "=") + b"\0")


def text(**changes):
    """The claims as they are written."""
    return json.dumps(claims(**changes)).encode()


GOOD = Hmac()
HEAD = {"alg": "HS256", "typ": "JWT"}
NOW = int(time.time())
FORGED = {
    "no algorithm and no signature": lambda: changed(token(GOOD, alg="none"), 2, ""),
    "no algorithm and an honest signature": lambda: token(GOOD, alg="none"),
    "no algorithm, in other letters": lambda: token(GOOD, alg="nOnE"),
    "an empty algorithm": lambda: token(GOOD, alg=""),
    "an algorithm that is a list": lambda: token(GOOD, alg=["HS256"]),
    "no algorithm at all": lambda: seal(GOOD, {"typ": "JWT"}, claims()),
    "two algorithms": lambda: seal(GOOD, b'{"alg":"none","alg":"HS256"}', claims()),
    "the same secret with another hash": lambda: token(Hmac(digest=hashlib.sha512), alg="HS512"),
    "another hash under the right name": lambda: token(Hmac(digest=hashlib.sha512)),
    "an algorithm in small letters": lambda: token(GOOD, alg="hs256"),
    "the empty secret": lambda: token(Hmac("")),
    "another secret": lambda: token(Hmac(SECRET[::-1])),
    "the secret with a line end": lambda: token(Hmac(SECRET + "\n")),
    "the beginning of the secret": lambda: token(Hmac(SECRET[:32])),
    "the secret as bytes": lambda: token(Hmac(bytes.fromhex(SECRET).decode("latin-1"))),
    "a signature that is cut": lambda: token(GOOD)[:-2],
    "half a signature": lambda: changed(token(GOOD), 2, lambda part: part[:22]),
    "a signature of zeros": lambda: changed(token(GOOD), 2, encode(bytes(32))),
    "no signature": lambda: changed(token(GOOD), 2, ""),
    "a longer signature": lambda: changed(token(GOOD), 2, longer),
    "one bit of the signature": lambda: changed(token(GOOD), 2, lambda part: "BA"[part[0] == "B"] + part[1:]),
    "a signature spelled loosely": lambda: changed(token(GOOD), 2, loose),
    "a signature with padding": lambda: token(GOOD) + "=",
    "other claims under the signature": lambda: changed(token(GOOD), 1, encode(claims(sub="ada", role="admin"))),
    "another header over the signature": lambda: changed(token(GOOD), 0, encode({"typ": "JWT", "alg": "HS256"})),
    "claims without a header": lambda: token(GOOD).split(".", 1)[1],
    "four parts": lambda: token(GOOD) + "." + token(GOOD).split(".")[2],
    "five parts": lambda: token(GOOD) + ".a.b",
    "an empty header": lambda: seal(GOOD, b"", claims()),
    "a header that is no object": lambda: seal(GOOD, ["HS256"], claims()),
    "a space within": lambda: changed(token(GOOD), 1, lambda part: part[:9] + " " + part[9:]),
    "claims that are no JSON": lambda: seal(GOOD, HEAD, b"sub=una"),
    "claims that are a list": lambda: seal(GOOD, HEAD, [claims()]),
    "claims with something behind them": lambda: seal(GOOD, HEAD, text() + b"{}"),
    "a claim twice": lambda: seal(GOOD, HEAD, text(role="user")[:-1] + b',"role":"admin"}'),
    "a claim twice, once escaped": lambda: seal(GOOD, HEAD, text()[:-1] + b',"s\\u0075b":"ada"}'),
    "claims in another encoding": lambda: seal(GOOD, HEAD, text(sub="u").replace(b'"u"', b'"\xfc"')),
    "expired": lambda: token(GOOD, claims(exp=NOW - 1)),
    "expired in milliseconds": lambda: token(GOOD, claims(exp=(NOW + 600) * 1000)),
    "without an end": lambda: token(GOOD, claims(exp=None)),
    "an end that is a text": lambda: token(GOOD, claims(exp=str(NOW + 600))),
    "an end that is beyond numbers": lambda: seal(GOOD, HEAD, text(exp=0).replace(b'"exp": 0', b'"exp": 1e400')),
    "an end that is true": lambda: token(GOOD, claims(exp=True)),
    "not valid yet": lambda: token(GOOD, claims(nbf=NOW + 3600)),
    "made in the future": lambda: token(GOOD, claims(iat=NOW + 3600)),
    "another issuer": lambda: token(GOOD, claims(iss="https://id.example.org/")),
    "an issuer that begins alike": lambda: token(GOOD, claims(iss=ISSUER + "x")),
    "no issuer": lambda: token(GOOD, claims(iss=None)),
    "a list of issuers": lambda: token(GOOD, claims(iss=[ISSUER])),
    "another audience": lambda: token(GOOD, claims(aud="console")),
    "other audiences": lambda: token(GOOD, claims(aud=["console", "apus2", "APUS"])),
    "no audience": lambda: token(GOOD, claims(aud=None)),
    "no subject": lambda: token(GOOD, claims(sub=None)),
    "an empty subject": lambda: token(GOOD, claims(sub="")),
    "a subject that is a number": lambda: token(GOOD, claims(sub=7)),
    "a subject with a line end": lambda: token(GOOD, claims(sub="una\nadmin")),
    "a subject without measure": lambda: token(GOOD, claims(sub="u" * 300)),
    "a role that is a list": lambda: token(GOOD, claims(role=["admin"])),
    "a tenant that is an object": lambda: token(GOOD, claims(tenant={"$ne": None})),
    "an extension to be understood": lambda: token(GOOD, crit=["exp"]),
    "claims that are not encoded": lambda: token(GOOD, b64=False, crit=["b64"]),
    "another kind of token": lambda: token(GOOD, typ="logout+jwt"),
    "a key of its own": lambda: token(Hmac("a" * 64), jwk={"kty": "oct", "k": encode(b"a" * 64)}),
    "a key file of its own": lambda: token(Hmac(""), kid="../../../../dev/null"),
    "a key by SQL": lambda: token(Hmac("guessed"), kid="x' UNION SELECT 'guessed' --"),
    "a key by command": lambda: token(Hmac(""), kid="|cat /dev/null"),
    "a key that is no name": lambda: token(GOOD, kid=7),
    "a header without measure": lambda: token(GOOD, fill="x" * 5000),
    "20 KB": lambda: token(GOOD, claims(fill="x" * 15_000)),
    "100 KB": lambda: token(GOOD, claims(fill="x" * 75_000)),
    "deep claims": lambda: seal(GOOD, HEAD, text()[:-1] + b',"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a hash of an honest one": lambda: hashlib.sha256(token(GOOD).encode()).hexdigest(),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_speaks_for_nobody_and_is_not_repeated(trusting, upstream, how):
    forged = FORGED[how]()
    told = len(trusting.said())
    for path in ("/api/v1/me", "/v1/models"):
        answer = trusting.ask("GET", path, key=forged)
        assert answer.status == 401 or (answer.status == 431 and len(forged) > 60_000), answer.body
        said = answer.body.decode() + str(answer.headers)
        assert not any(part in said for part in forged.split(".") if len(part) > 8)
    assert trusting.chat(key=forged).status in (401, 431) and not upstream.requests
    assert not any(part in trusting.said()[told:] for part in forged.split(".") if len(part) > 8)


def test_all_that_is_forged_is_told_alike_and_the_honest_still_pass(trusting):
    for how in ("another secret", "expired", "no subject", "a claim twice"):
        assert trusting.chat(key=FORGED[how]()).error()["code"] == "invalid_token"
    assert me(trusting, token(GOOD))["user"] == "una"


@pytest.mark.parametrize("how", ["zeros", "der", "swapped", "beyond the order", "an HMAC of the public key", "none"])
def test_a_forged_signature_of_a_curve_is_refused(start, upstream, pairs, how):
    pair = pairs["ES256"]
    apus = start(accepting(upstream, public_key=pair.public))
    honest = token(pair)
    r, s = (lambda sign: (sign[:32], sign[32:]))(base64.urlsafe_b64decode(honest.split(".")[2] + "=="))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = lambda each: b"\x02" + bytes([len(each) + 1]) + b"\0" + each
    forged = {
        "zeros": lambda: changed(honest, 2, encode(bytes(64))),
        "der": lambda: changed(honest, 2, encode(b"\x30" + bytes([2 * 35]) + number(r) + number(s))),
        "swapped": lambda: changed(honest, 2, encode(s + r)),
        "beyond the order": lambda: changed(honest, 2, encode(order.to_bytes(32, "big") * 2)),
        "an HMAC of the public key": lambda: token(Hmac(pair.public)),
        "none": lambda: changed(token(pair, alg="none"), 2, ""),
    }[how]()
    assert me(apus, honest)["user"] == "una"
    assert apus.ask("GET", "/api/v1/me", key=forged).status == 401


def test_a_key_of_the_database_still_works_beside_tokens_and_its_hash_still_does_not(trusting):
    key = trusting.make_key()["key"]
    assert trusting.knows(key)
    assert not trusting.knows(hashlib.sha256(key.encode()).hexdigest())
