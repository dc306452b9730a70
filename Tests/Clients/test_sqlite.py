"""The database in a file, and the steps that both databases take: kills, copies, a full disk, migrations."""

import resource
import sqlite3

import pytest

from apus import Apus, command, configuration, wait_until
from upstream import CHAT
from writers import Writers, all_there, ids, remembering, told_unavailable


def killed(apus):
    apus.process.kill()
    apus.ended()


@pytest.mark.slow
def test_sqlite_keeps_every_acknowledged_key_through_fifty_kills(upstream, tmp_path):
    config, made = remembering(upstream), []
    for round in range(50):
        apus = Apus(tmp_path, config)
        if made:
            all_there(apus, made[-50:]) if round % 10 else all_there(apus, made)
        with Writers(apus) as writers:
            wait_until(lambda: len(writers.made) >= 10 + round % 7, what="keys")
            killed(apus)
        made += writers.made
        assert not writers.refused
    apus = Apus(tmp_path, config)
    all_there(apus, made)
    apus.stop()
    with sqlite3.connect(tmp_path / "data" / "apus.db") as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("SELECT count(*) FROM api_keys").fetchone()[0] >= len(made) >= 500


def test_a_backup_under_way_is_whole_and_holds_all_that_was_acknowledged_before(start, upstream, tmp_path):
    config = remembering(upstream)
    apus = start(config)
    with Writers(apus) as writers:
        wait_until(lambda: len(writers.made) >= 50, what="keys")
        for number in range(3):
            before = list(writers.made)
            copy = tmp_path / f"copy {number}.db"
            result = command(tmp_path, "backup", str(copy), config=config)
            assert result.returncode == 0, result.stderr
            with sqlite3.connect(copy) as file:
                assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                kept = {name for name, in file.execute("SELECT id FROM api_keys")}
            assert {name for name, _ in before} <= kept
        assert not writers.refused
    assert command(tmp_path, "backup", str(copy), config=config).returncode == 1  # it is there already
    restored = tmp_path / "restored"
    restored.mkdir()
    other = Apus(restored, remembering(upstream, f"sqlite:{copy}"))
    all_there(other, before)
    other.stop()


def test_two_servers_on_one_file_write_at_once_and_lose_nothing(start, upstream):
    config = remembering(upstream)
    servers = [start(config) for _ in range(2)]
    with Writers(servers[0], 3) as here, Writers(servers[1], 3) as there:
        wait_until(lambda: min(len(here.made), len(there.made)) >= 100, 30, "keys")
    assert not here.refused and not there.refused
    for server in servers:
        all_there(server, here.made + there.made)


def test_a_file_that_is_no_database_ends_the_start_and_is_left_alone(upstream, tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "apus.db"
    file.write_bytes(b"this is no database, and somebody wants to keep it" * 100)
    result = command(tmp_path, "serve", config=remembering(upstream))
    assert result.returncode == 1 and "apus.db" in result.stdout + result.stderr
    assert file.read_bytes() == b"this is no database, and somebody wants to keep it" * 100


def test_nobody_else_may_read_the_database(start, upstream, tmp_path):
    start(remembering(upstream)).make_key()
    files = [file for file in (tmp_path / "data").iterdir() if file.name.startswith("apus.db")]
    assert files and all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_full_disk_is_told_leaves_nothing_half_done_and_passes(start, upstream, tmp_path):
    apus = start(remembering(upstream))
    known = apus.make_key()["key"]
    assert apus.chat(key=known).status == 200
    largest = max(file.stat().st_size for file in (tmp_path / "data").iterdir())
    limits = resource.prlimit(apus.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(apus.pid, resource.RLIMIT_FSIZE, (largest + 16_384, limits[1]))
    with Writers(apus, 2) as writers:
        wait_until(lambda: len(writers.refused) >= 20, 20, "a full disk")
    assert all(told_unavailable(answer).startswith("database_") for answer in writers.refused)
    assert apus.chat(key=known).body == CHAT
    resource.prlimit(apus.pid, resource.RLIMIT_FSIZE, limits)
    fresh = wait_until(
        lambda: (said := apus.administer("POST", "/api/v1/keys", {"name": "after"})).status == 201 and said, 5, "room")
    everything = writers.made + [(fresh.json()["id"], fresh.json()["key"])]
    all_there(apus, everything)
    assert len(ids(apus)) == len(everything) + 1  # and `known`: nothing that was refused is there
    with sqlite3.connect(tmp_path / "data" / "apus.db") as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Migrations

@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_migrations_are_shown_before_they_are_made_and_made_once(upstream, memory, tmp_path, database):
    config = configuration(upstream) | memory(database)
    pending = command(tmp_path, "migrate", "--pending", config=config)
    assert pending.returncode == 1 and "accounts 1" in pending.stdout
    again = command(tmp_path, "migrate", "--pending", config=config)
    assert (again.returncode, again.stdout) == (1, pending.stdout)
    made = command(tmp_path, "migrate", config=config)
    assert made.returncode == 0 and "accounts 1" in made.stdout
    assert command(tmp_path, "migrate", "--pending", config=config).returncode == 0
    nothing = command(tmp_path, "migrate", config=config)
    assert nothing.returncode == 0 and "accounts 1" not in nothing.stdout
    apus = Apus(tmp_path, config)
    assert not apus.log(message="migrated") and apus.knows(apus.make_key()["key"])
    apus.stop()
