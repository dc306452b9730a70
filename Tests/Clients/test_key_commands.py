"""Keys by command, on the machine of a server that runs."""

import pytest

from apus import command, wait_until
from keys import listed


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
    wanted = {"name": "by command", "tenant": "acme", "user": "una", "plan": "small", "role": "user"}
    assert wanted.items() <= me.json().items()
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
    (["create", "--name", "a", "--user", "x" * 257], 1, "user"),
    (["create", "--name", "a", "--model", ""], 1, "models"),
    (["create", "--name", "a", "--role", "root"], 1, "role"),
    (["create", "--name", "a", "--expires", "soon"], 1, "expires"),
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
        (["keys", "list"], ["--revoked"]), (["keys", "revoke"], ["id"]), (["migrate"], ["--pending"]),
        (["backup"], ["file"])]:
        result = command(tmp_path, *words, "--help")
        assert result.returncode == 0 and all(name in result.stdout for name in named), result.stdout
