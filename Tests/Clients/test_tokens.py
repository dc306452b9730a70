"""Signed tokens: who they speak for, for how long, and with which configuration."""

import json
import signal
import time

import pytest

from apus import command, configuration, wait_until, write
from tokens import ALGORITHMS, AUDIENCE, ISSUER, SECRET, Hmac, Pair, accepting, claims, me, seal, token
from upstream import CHAT


# Honest ones

def test_a_token_of_the_shared_secret_speaks_for_its_subject(trusting, upstream):
    bearer = token(Hmac())
    told = me(trusting, bearer)
    del told["models"]
    nothing = {"tenant": None, "plan": None, "key_id": None, "scopes": []}
    assert told == nothing | {"user": "una", "name": "una", "role": "user"}
    assert trusting.chat(key=bearer).body == CHAT
    assert trusting.ask("GET", "/api/v1/keys", key=bearer).status == 403
    for header in ("x_api_key", "api_key"):
        assert trusting.ask("GET", "/api/v1/me", key=None, **{header: bearer}).status == 200
    signature = bearer.rsplit(".")[-1]
    assert signature not in trusting.said()


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
    other, another_kind = Pair(algorithm, pair.folder), pairs["ES256" if algorithm == "EdDSA" else "EdDSA"]
    confused = [token(Hmac(secret)) for secret in (pair.public, pair.public.strip())]
    for forged in (token(other), token(another_kind), token(another_kind, alg=algorithm), *confused):
        assert apus.ask("GET", "/api/v1/me", key=forged).status == 401


def test_an_audience_may_be_one_of_several(trusting):
    assert me(trusting, token(Hmac(), claims(aud=["other", AUDIENCE])))["user"] == "una"


def test_claims_name_tenant_plan_role_and_scopes(trusting):
    said = claims(tenant="acme", plan="small", role="admin", scope="read write")
    told = me(trusting, token(Hmac(), said))
    wanted = {"user": "una", "tenant": "acme", "plan": "small", "role": "admin", "scopes": ["read", "write"]}
    assert wanted.items() <= told.items()
    assert told["models"] == ["scripted"]
    assert trusting.ask("GET", "/api/v1/keys", key=token(Hmac(), said)).status == 200
    for role in ("Admin", "admin ", "administrator", "user", "", "ADMIN"):
        assert trusting.ask("GET", "/api/v1/keys", key=token(Hmac(), claims(role=role))).status == 403, role
    answer = trusting.ask("GET", "/api/v1/me", key=token(Hmac(), claims(plan="unheard-of")))
    assert (answer.status, answer.json()["code"]) == (403, "unknown_plan")


def test_claims_have_the_names_that_the_configuration_says(start, upstream):
    names = {"user": "email", "tenant": "org.id", "plan": "app.meta.plan", "scopes": "permissions"}
    apus = start(accepting(upstream, secret=SECRET, claims=names | {"role": "https://example.com/role"}))
    said = claims(
        email="una@example.com", org={"id": "acme"}, app={"meta": {"plan": "small"}}, permissions=["a", "b"],
        role="user", tenant="not this", **{"https://example.com/role": "admin"})
    told = me(apus, token(Hmac(), said))
    wanted = {"user": "una@example.com", "tenant": "acme", "plan": "small", "role": "admin", "scopes": ["a", "b"]}
    assert wanted.items() <= told.items()
    assert apus.ask("GET", "/api/v1/me", key=token(Hmac())).status == 401


def test_tokens_and_keys_of_one_user_share_their_limit(trusting):
    said = claims(sub="shared", tenant="acme", plan="free")
    bearers = [token(Hmac(), said), token(Hmac(), said | {"jti": "2"}),
               trusting.make_key(user="shared", tenant="acme", plan="free")["key"]]
    assert [trusting.ask("GET", "/v1/models", key=bearers[at % 3]).status for at in range(6)] == [200] * 5 + [429]
    limits = "/api/v1/limits/shared?tenant=acme"
    assert trusting.administer("PUT", limits, {"requests_per_minute": 7}).status == 200
    assert [trusting.ask("GET", "/v1/models", key=bearers[at % 3]).status for at in range(3)] == [200, 200, 429]


def test_two_tokens_that_begin_alike_stay_two_people(trusting):
    filler = "x" * 4000
    bearers = {}
    for user in ("una", "unb", "ada"):
        said = json.dumps({"fill": filler} | claims(sub=user, role="admin" if user == "ada" else "user")).encode()
        bearers[user] = seal(Hmac(), {"alg": "HS256", "typ": "JWT"}, said)
    heads = {bearer[:5000] for bearer in bearers.values()}
    assert len(heads) == 1
    for _ in range(3):
        for user, bearer in bearers.items():
            assert me(trusting, bearer)["user"] == user
            assert trusting.ask("GET", "/api/v1/keys", key=bearer).status == (200 if user == "ada" else 403)


@pytest.mark.parametrize("user", [
    "'; DROP TABLE api_keys; --", "una' OR '1'='1", "../../etc/passwd", "${APUS_SECRET}", "ünä 🦩", "<b>una</b>"])
def test_a_subject_is_a_text_and_nothing_else(trusting, user):
    assert me(trusting, token(Hmac(), claims(sub=user)))["user"] == user


def test_a_token_ends_when_it_says(trusting):
    bearer = token(Hmac(), claims(exp=int(time.time()) + 2))
    ends = int(time.time()) + 2
    assert me(trusting, bearer)["user"] == "una"
    wait_until(lambda: not trusting.knows(bearer), 4, "the end of the token")
    assert ends - 0.1 <= time.time() < ends + 1
    answer = trusting.chat(key=bearer)
    assert (answer.status, answer.error()["code"]) == (401, "invalid_token") and "expired" in answer.error()["message"]


def test_clocks_may_differ_by_the_leeway(start, upstream):
    apus = start(accepting(upstream, secret=SECRET, leeway="1m"))
    now = int(time.time())
    for changes, passes in [
        ({"exp": now - 40}, True), ({"exp": now - 70}, False), ({"nbf": now + 40}, True), ({"nbf": now + 80}, False)]:
        assert apus.knows(token(Hmac(), claims(**changes))) is passes, changes


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
    "hunter2", "x" * 32, "short-but-random-8fK2", "0123456789abcdef0123456789abcdef",
    "your-256-bit-secret-your-256-bit-secret",
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
    {"secret": SECRET, "jwks_url": "https://id.example.com/jwks.json"}, {"issuer": ISSUER},
    {"jwks_url": "http://id.example.com/jwks"}, {"jwks_url": "file:///etc/passwd"}, {"public_key": "/nowhere.pem"},
    {"public_key": "no key"}, {"secret": SECRET, "leeway": "1h"},
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
