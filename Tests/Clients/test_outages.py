"""PostgreSQL or Redis killed, frozen or slow: what goes on, what is told, and that nothing acknowledged is lost."""

import json
import threading
import time

import pytest

from apus import ADMIN_KEY, CHAT_ROUTE, USER_KEY, asking, burst, chat, command, configuration, wait_until
from load import Load, p99, statuses
from upstream import CHAT
from writers import Writers, all_there, ids, remembering, told_unavailable

UNKNOWN = f"apus-{'7' * 64}"


def state(apus):
    """The status of `/health/ready`, and what it says about the database."""
    status, part = apus.health("database:postgres")
    return status, part["observedValue"]


# PostgreSQL

@pytest.mark.parametrize("harm, heal, seconds", [
    pytest.param("kill", "start", 30, marks=pytest.mark.slow), ("freeze", "thaw", 8), ("stop", "start", 3)])
def test_without_postgres_known_callers_go_on_and_nothing_acknowledged_is_lost(
        start, upstream, postgres, harm, heal, seconds):
    server = postgres.server
    patience = {"wait_timeout": "2s", "statement_timeout": "2s"} if harm == "freeze" else {}
    config = remembering(upstream, plans={"plenty": {"requests_per_minute": 1_000_000}})
    apus = start(config | {"database": {"url": postgres.url} | patience})
    known = [apus.make_key(plan="plenty", user=user)["key"] for user in ("una", "ada", None)]
    strange = apus.make_key()["key"]
    asked = [asking("POST", CHAT_ROUTE, chat(), key) for key in (*known, USER_KEY)]
    with Writers(apus, 2) as writers, Load(apus, *asked, clients=4, pause=0.02) as load:
        load.goes_on(1)
        made = len(writers.made)
        assert made > 0
        getattr(server, harm)()
        harmed = time.monotonic()
        wait_until(lambda: state(apus) == (200, "degraded"), 15, "a warning")
        codes = set()
        while time.monotonic() < harmed + seconds:
            for key in (UNKNOWN, strange):
                codes.add(told_unavailable(apus.chat(key=key)))
            codes.add(told_unavailable(apus.administer("GET", "/api/v1/keys")))
            load.goes_on(0.2)
        assert all(code.startswith("database_") for code in codes), codes
        getattr(server, heal)()
        wait_until(lambda: state(apus) == (200, "working"), 15, "health")
        wait_until(lambda: len(writers.made) > made + 10, 15, "new keys")
        assert not apus.knows(UNKNOWN) and apus.knows(strange)
        load.goes_on(1)
    assert statuses(load.met) == {200} and p99(load.met) < 0.5
    assert all(told_unavailable(answer) for answer in writers.refused)
    all_there(apus, writers.made)
    assert postgres.connections() <= 20
    assert server.password not in apus.said()


def test_a_key_is_believed_without_the_database_for_as_long_as_the_configuration_says(start, upstream, postgres):
    auth = {"unauthenticated_per_minute": 1_000_000, "identity_max_age": "3s"}
    apus = start(remembering(upstream, postgres.url, auth=auth))
    key = apus.make_key()["key"]
    assert apus.chat(key=key).status == 200
    killed, seen = time.monotonic(), []
    postgres.server.kill()
    while time.monotonic() < killed + 5:
        seen.append((time.monotonic() - killed, apus.chat(key=key)))
    refused = [(at, answer) for at, answer in seen if answer.status != 200]
    assert 2 < refused[0][0] < 4
    assert {told_unavailable(answer) for _, answer in refused} == {"database_unavailable"}
    assert apus.chat().status == 200  # a key of the configuration
    postgres.server.start()
    wait_until(lambda: apus.chat(key=key).status == 200, 15, "the key")


def test_a_start_without_its_database_ends_and_says_why_without_the_password(upstream, tmp_path, postgres):
    postgres.server.kill()
    result = command(tmp_path, "serve", config=remembering(upstream, postgres.url))
    assert result.returncode == 1 and "database" in (result.stdout + result.stderr).lower()
    assert postgres.server.password not in result.stdout + result.stderr


def test_connections_that_postgres_closes_are_made_anew(start, upstream, postgres):
    apus = start(remembering(upstream, postgres.url))
    keys = [apus.make_key()["key"] for _ in range(5)]
    for key in keys:
        postgres.server.query(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres.name}'")
        ask = lambda: apus.ask("GET", "/api/v1/me", key=key)
        assert wait_until(lambda: (said := ask()).status != 503 and said, 3, "an answer").status == 200


@pytest.mark.parametrize("pool", [20, 3])
def test_1000_requests_at_once_never_use_more_connections_than_the_pool_has(start, upstream, postgres, pool):
    apus = start(remembering(upstream) | {"database": {"url": postgres.url, "max_connections": pool}})
    most, over = [0], threading.Event()

    def watch():
        while not over.is_set():
            most[0] = max(most[0], postgres.connections())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        unknown = [(apus, asking("GET", "/v1/models", key=f"apus-{at:064x}")) for at in range(1000)]
        answers = burst(unknown)
        made = burst([(apus, asking("POST", "/api/v1/keys", {"name": f"{at}"}, ADMIN_KEY)) for at in range(1000)])
    finally:
        over.set()
        watcher.join()
    assert {answer.status for answer in answers} <= {401, 503}
    assert [answer.status for answer in answers].count(401) >= 250
    assert {answer.status for answer in made} <= {201, 503}
    keys = [(answer.json()["id"], answer.json()["key"]) for answer in made if answer.status == 201]
    assert len(keys) >= 500 and 1 <= most[0] <= pool, (len(keys), most)
    assert ids(apus) == {name for name, _ in keys}
    assert apus.chat().body == CHAT


def test_a_table_that_is_locked_stops_nobody_who_is_known(start, upstream, postgres):
    database = {"url": postgres.url, "statement_timeout": "1s", "wait_timeout": "2s"}
    apus = start(remembering(upstream, database=database))
    known, strange = apus.make_key()["key"], apus.make_key()["key"]
    assert apus.chat(key=known).status == 200
    lock = "BEGIN; LOCK TABLE api_keys, account_changes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"
    with postgres.server.begin(lock, postgres.name):
        locked = "SELECT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        blocker = wait_until(lambda: postgres.query(locked), what="the lock")[0]
        began = time.monotonic()
        assert told_unavailable(apus.chat(key=strange)).startswith("database_")
        assert time.monotonic() - began < 4
        for _ in range(20):
            assert apus.chat(key=known).body == CHAT
        postgres.query(f"SELECT pg_terminate_backend({blocker})")
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key=strange).status == 200, 5, "the key")


def test_two_that_start_at_once_on_an_empty_database_both_come_up(start, upstream, postgres, tmp_path):
    config = remembering(upstream, postgres.url)
    servers, failures = [], []

    def begin():
        try:
            servers.append(start(config))
        except AssertionError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and len(servers) == 4
    done = [entry["migration"] for server in servers for entry in server.log(message="migrated")]
    assert len(done) == len(set(done)) >= 1
    key = servers[0].make_key()["key"]
    assert all(server.knows(key) for server in servers)


# Redis

def test_a_start_without_redis_serves_and_finds_it_later(start, upstream, redis):
    redis.kill()
    apus = start(configuration(upstream) | {"shared": {"url": redis.url}})
    assert apus.chat().body == CHAT and apus.knows(apus.make_key(requests_per_minute=5)["key"])
    wait_until(lambda: apus.health("shared:redis")[1]["observedValue"] == "degraded", 5, "a warning")
    redis.start()
    wait_until(lambda: apus.health("shared:redis")[1]["status"] == "pass", 15, "health")


def test_a_wrong_password_of_redis_is_told_and_not_shown(start, upstream, redis):
    url = redis.url.replace(redis.password, "not-the-password")
    apus = start(configuration(upstream) | {"shared": {"url": url}})
    status, part = wait_until(
        lambda: (said := apus.health("shared:redis"))[1]["status"] == "warn" and said, 5, "a warning")
    assert status == 200 and apus.chat().body == CHAT
    assert "not-the-password" not in apus.said() + json.dumps(part)


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_without_redis_a_revoked_key_still_ends_within_a_second_by_the_database(start, upstream, postgres, redis, harm):
    config = remembering(upstream, postgres.url, shared={"url": redis.url})
    here, there = start(config), start(config)
    made = here.make_key()
    assert there.knows(made["key"])
    getattr(redis, harm)()
    for _ in range(3):
        made = here.make_key()
        assert there.knows(made["key"])
        began = time.monotonic()
        assert here.administer("DELETE", f"/api/v1/keys/{made['id']}").status == 204
        assert time.monotonic() - began < 0.5
        wait_until(lambda: not there.knows(made["key"]), 1, "the end of the key")
