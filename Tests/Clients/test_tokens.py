"""Signed tokens: who they speak for, and all those that speak for nobody."""

import base64
import hashlib
import json
import signal
import threading
import time

import pytest

from apus import Apus, chat, command, configuration, wait_until, write
from tokens import AUDIENCE, ISSUER, SECRET, Hmac, Pair, claims, encode, seal, token
from upstream import CHAT, Upstream, reply

ALGORITHMS = ["RS256", "ES256", "EdDSA"]


def accepting(upstream, **jwt):
    """A configuration that takes tokens."""
    plans = {"free": {"requests_per_minute": 5}, "small": {"models": ["scripted"]}}
    auth = {"unauthenticated_per_minute": 1_000_000, "jwt": {"issuer": ISSUER, "audience": AUDIENCE, "leeway": "0s"} | jwt}
    return configuration(upstream) | {"auth": auth, "plans": plans}


def me(apus, bearer):
    answer = apus.ask("GET", "/api/v1/me", key=bearer)
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A key pair of each kind."""
    folder = tmp_path_factory.mktemp("pairs")
    return {algorithm: Pair(algorithm, folder) for algorithm in ALGORITHMS}


@pytest.fixture(scope="module")
def server(provider, tmp_path_factory):
    """A server that shares a secret with the issuer."""
    apus = Apus(tmp_path_factory.mktemp("tokens"), accepting(provider, secret=SECRET))
    yield apus
    apus.stop()


# Honest ones

def test_a_token_of_the_shared_secret_speaks_for_its_subject(server, upstream):
    bearer = token(Hmac())
    assert {"user": "una", "name": "una", "tenant": None, "plan": None, "role": "user", "scopes": [], "key_id": None}.items() <= me(
        server, bearer).items()
    assert server.chat(key=bearer).body == CHAT
    assert server.ask("GET", "/api/v1/keys", key=bearer).status == 403
    for header in ("x_api_key", "api_key"):
        assert server.ask("GET", "/api/v1/me", key=None, **{header: bearer}).status == 200
    signature = bearer.rsplit(".")[-1]
    assert signature not in server.said()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("given", ["file", "text"])
def test_a_token_of_a_configured_public_key_speaks_for_its_subject(start, upstream, tmp_path, pairs, algorithm, given):
    pair = pairs[algorithm]
    (tmp_path / "issuer.pem").write_text(pair.public)
    apus = start(accepting(upstream, public_key=str(tmp_path / "issuer.pem") if given == "file" else pair.public))
    for typ in ("JWT", "at+jwt", None):
        said = claims(sub=f"una {typ}")
        head = {"alg": algorithm} | ({"typ": typ} if typ else {})
        assert me(apus, seal(pair, head, said))["user"] == f"una {typ}"
    other = Pair(algorithm, pair.folder)
    for forged in (token(other), token(Hmac(pair.public)), token(Hmac(pair.public.strip())), token(pairs["EdDSA"], alg=algorithm) if
                   algorithm != "EdDSA" else token(pairs["ES256"], alg="EdDSA")):
        assert apus.ask("GET", "/api/v1/me", key=forged).status == 401


def test_an_audience_may_be_one_of_several(server):
    assert me(server, token(Hmac(), claims(aud=["other", AUDIENCE])))["user"] == "una"


def test_claims_name_tenant_plan_role_and_scopes(server):
    said = claims(tenant="acme", plan="small", role="admin", scope="read write")
    told = me(server, token(Hmac(), said))
    assert {"user": "una", "tenant": "acme", "plan": "small", "role": "admin", "scopes": ["read", "write"]}.items() <= told.items()
    assert told["models"] == ["scripted"]
    assert server.ask("GET", "/api/v1/keys", key=token(Hmac(), said)).status == 200
    for role in ("Admin", "admin ", "administrator", "user", "", "ADMIN"):
        assert server.ask("GET", "/api/v1/keys", key=token(Hmac(), claims(role=role))).status == 403, role
    answer = server.ask("GET", "/api/v1/me", key=token(Hmac(), claims(plan="unheard-of")))
    assert (answer.status, answer.json()["code"]) == (403, "unknown_plan")


def test_claims_have_the_names_that_the_configuration_says(start, upstream):
    names = {"user": "email", "tenant": "org.id", "plan": "app.meta.plan", "role": "https://example.com/role", "scopes": "permissions"}
    apus = start(accepting(upstream, secret=SECRET, claims=names))
    said = claims(
        email="una@example.com", org={"id": "acme"}, app={"meta": {"plan": "small"}}, permissions=["a", "b"],
        role="user", tenant="not this", **{"https://example.com/role": "admin"})
    told = me(apus, token(Hmac(), said))
    wanted = {"user": "una@example.com", "tenant": "acme", "plan": "small", "role": "admin", "scopes": ["a", "b"]}
    assert wanted.items() <= told.items()
    assert apus.ask("GET", "/api/v1/me", key=token(Hmac())).status == 401


def test_tokens_and_keys_of_one_user_share_their_limit(server):
    said = claims(sub="shared", tenant="acme", plan="free")
    bearers = [token(Hmac(), said), token(Hmac(), said | {"jti": "2"}),
               server.make_key(user="shared", tenant="acme", plan="free")["key"]]
    assert [server.ask("GET", "/v1/models", key=bearers[at % 3]).status for at in range(6)] == [200] * 5 + [429]
    limits = "/api/v1/limits/shared?tenant=acme"
    assert server.administer("PUT", limits, {"requests_per_minute": 7}).status == 200
    assert [server.ask("GET", "/v1/models", key=bearers[at % 3]).status for at in range(3)] == [200, 200, 429]


def test_two_tokens_that_begin_alike_stay_two_people(server):
    filler = "x" * 4000
    bearers = {}
    for user in ("una", "unb", "ada"):
        said = json.dumps({"fill": filler} | claims(sub=user, role="admin" if user == "ada" else "user")).encode()
        bearers[user] = seal(Hmac(), {"alg": "HS256", "typ": "JWT"}, said)
    heads = {bearer[:5000] for bearer in bearers.values()}
    assert len(heads) == 1
    for _ in range(3):
        for user, bearer in bearers.items():
            assert me(server, bearer)["user"] == user
            assert server.ask("GET", "/api/v1/keys", key=bearer).status == (200 if user == "ada" else 403)


@pytest.mark.parametrize("user", [
    "'; DROP TABLE api_keys; --", "una' OR '1'='1", "../../etc/passwd", "${APUS_SECRET}", "ünä 🦩", "<b>una</b>"])
def test_a_subject_is_a_text_and_nothing_else(server, user):
    assert me(server, token(Hmac(), claims(sub=user)))["user"] == user


def test_a_token_ends_when_it_says(server):
    bearer = token(Hmac(), claims(exp=int(time.time()) + 2))
    ends = int(time.time()) + 2
    assert me(server, bearer)["user"] == "una"
    wait_until(lambda: not server.knows(bearer), 4, "the end of the token")
    assert ends - 0.1 <= time.time() < ends + 1
    answer = server.chat(key=bearer)
    assert (answer.status, answer.error()["code"]) == (401, "invalid_token") and "expired" in answer.error()["message"]


def test_clocks_may_differ_by_the_leeway(start, upstream):
    apus = start(accepting(upstream, secret=SECRET, leeway="1m"))
    now = int(time.time())
    for changes, passes in [
        ({"exp": now - 40}, True), ({"exp": now - 70}, False), ({"nbf": now + 40}, True), ({"nbf": now + 80}, False)]:
        assert apus.knows(token(Hmac(), claims(**changes))) is passes, changes


# Forged ones

def changed(text, at, by):
    """A token with one part replaced, or the character at a place of it."""
    parts = text.split(".")
    parts[at] = by(parts[at]) if callable(by) else by
    return ".".join(parts)


def loose(part):
    """The same bytes, spelled with unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


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
    "a longer signature": lambda: changed(token(GOOD), 2, lambda part: encode(base64.urlsafe_b64decode(part + "=") + b"\0")),
    "one bit of the signature": lambda: changed(token(GOOD), 2, lambda part: ("B" if part[0] == "A" else "A") + part[1:]),
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
    "claims with something behind them": lambda: seal(GOOD, HEAD, json.dumps(claims()).encode() + b"{}"),
    "a claim twice": lambda: seal(GOOD, HEAD, json.dumps(claims(role="user")).encode()[:-1] + b',"role":"admin"}'),
    "a claim twice, once escaped": lambda: seal(GOOD, HEAD, json.dumps(claims()).encode()[:-1] + b',"s\\u0075b":"ada"}'),
    "claims in another encoding": lambda: seal(GOOD, HEAD, json.dumps(claims(sub="ünä"), ensure_ascii=False).encode("latin-1")),
    "expired": lambda: token(GOOD, claims(exp=NOW - 1)),
    "expired in milliseconds": lambda: token(GOOD, claims(exp=(NOW + 600) * 1000)),
    "without an end": lambda: token(GOOD, claims(exp=None)),
    "an end that is a text": lambda: token(GOOD, claims(exp=str(NOW + 600))),
    "an end that is beyond numbers": lambda: seal(GOOD, HEAD, json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": 1e400').encode()),
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
    "deep claims": lambda: seal(GOOD, HEAD, json.dumps(claims()).encode()[:-1] + b',"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a hash of an honest one": lambda: hashlib.sha256(token(GOOD).encode()).hexdigest(),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_speaks_for_nobody_and_is_not_repeated(server, upstream, how):
    forged = FORGED[how]()
    told = len(server.said())
    for path in ("/api/v1/me", "/v1/models"):
        answer = server.ask("GET", path, key=forged)
        assert answer.status == 401 or (answer.status == 431 and len(forged) > 60_000), answer.body
        said = answer.body.decode() + str(answer.headers)
        assert not any(part in said for part in forged.split(".") if len(part) > 8)
    assert server.chat(key=forged).status in (401, 431) and not upstream.requests
    assert not any(part in server.said()[told:] for part in forged.split(".") if len(part) > 8)


def test_all_that_is_forged_is_told_alike_and_the_honest_still_pass(server):
    codes = {server.chat(key=FORGED[how]()).error()["code"] for how in ("another secret", "expired", "no subject", "a claim twice")}
    assert codes == {"invalid_token"}
    assert me(server, token(GOOD))["user"] == "una"


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


def test_a_key_of_the_database_still_works_beside_tokens_and_its_hash_still_does_not(server):
    key = server.make_key()["key"]
    assert server.knows(key)
    assert not server.knows(hashlib.sha256(key.encode()).hexdigest())


# Published keys

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
    for forged in (
        token(Hmac(), kid="shared"), token(pairs["RS256"], kid="key ES256"), token(pairs["RS256"], kid=""),
        token(Pair("RS256", pairs["RS256"].folder), kid="key RS256"), token(Hmac(pairs["RS256"].public), kid="key RS256")):
        assert apus.ask("GET", "/api/v1/me", key=forged).status == 401
    assert issuer.asked <= 2


def test_a_key_that_a_token_brings_along_is_asked_for_nowhere(start, upstream, issuer, pairs):
    issuer.publish(pairs["RS256"].published("honest"))
    apus = start(accepting(upstream, jwks_url=issuer.url))
    evil, theirs = Issuer(), Pair("RS256", pairs["RS256"].folder)
    evil.publish(theirs.published("honest"))
    for header in ({"jku": evil.url}, {"x5u": evil.url}, {"jwk": theirs.published("honest")}, {"kid": evil.url, "jku": evil.url}):
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
    assert (answer.status, answer.error()["code"]) == (503, "jwks_unavailable") and int(answer.header("retry-after")) >= 1
    assert apus.knows(apus.make_key()["key"])
    issuer.publish(pairs["EdDSA"].published("key"))
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key=bearer).status == 200, 12, "the issuer's keys")
    issuer.server.script = reply(b"down", "503 Service Unavailable")
    assert me(apus, token(pairs["EdDSA"], claims(sub="ada"), kid="key"))["user"] == "ada"


# The configuration

def test_a_reload_changes_the_secret_and_ends_the_tokens_of_the_old_one(start, upstream, tmp_path):

    apus, fresh = start(accepting(upstream, secret=SECRET)), SECRET[::-1]
    old, new = token(Hmac()), token(Hmac(fresh))
    assert apus.knows(old) and not apus.knows(new)
    write(tmp_path, accepting(upstream, secret=fresh))
    apus.process.send_signal(signal.SIGHUP)
    wait_until(lambda: apus.knows(new), what="the new secret")
    assert not apus.knows(old)


@pytest.mark.parametrize("secret", [
    "hunter2", "x" * 32, "short-but-random-8fK2", "0123456789abcdef0123456789abcdef", "your-256-bit-secret-your-256-bit-secret",
    "supersecretsupersecretsupersecret", "changeme-changeme-changeme-changeme",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "passwordpasswordpasswordpassword1",
    "qwertyuiopasdfghjklzxcvbnm123456", "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
@pytest.mark.parametrize("way", ["file", "environment", "secret_file"])
def test_a_secret_that_can_be_guessed_stops_the_start_and_is_not_shown(upstream, tmp_path, secret, way):
    config, variables = accepting(upstream, secret=secret), {}
    if way != "file":
        del config["auth"]["jwt"]["secret"]
    if way == "environment":
        variables["APUS_AUTH_JWT_SECRET"] = secret
    if way == "secret_file":
        (tmp_path / "secret").write_text(secret + "\n")
        config["auth"]["jwt"]["secret_file"] = str(tmp_path / "secret")
    result = command(tmp_path, "serve", config=config, **variables)
    assert result.returncode == 78 and "auth.jwt.secret" in result.stderr
    assert secret not in result.stdout + result.stderr and "listening" not in result.stdout


@pytest.mark.parametrize("jwt", [
    {"secret": SECRET, "jwks_url": "https://id.example.com/jwks.json"}, {"issuer": ISSUER}, {"jwks_url": "http://id.example.com/jwks"},
    {"jwks_url": "file:///etc/passwd"}, {"public_key": "/nowhere.pem"}, {"public_key": "no key"}, {"secret": SECRET, "leeway": "1h"},
    {"secret": SECRET, "algorithm": "none"}, {"secret": SECRET, "issuer": ""}])
def test_a_source_of_tokens_that_cannot_be_used_stops_the_start(upstream, tmp_path, jwt):
    config = configuration(upstream) | {"auth": {"jwt": jwt}}
    result = command(tmp_path, "serve", config=config)
    assert result.returncode == 78 and "auth.jwt" in result.stderr and SECRET not in result.stderr


def test_a_private_key_where_a_public_one_belongs_stops_the_start_and_is_not_shown(upstream, tmp_path, pairs):
    for given in (str(pairs["RS256"].path), pairs["RS256"].path.read_text()):
        result = command(tmp_path, "serve", config=accepting(upstream, public_key=given))
        assert result.returncode == 78 and "private" in result.stderr
        assert not any(line in result.stderr for line in pairs["RS256"].path.read_text().splitlines()[1:-1])
