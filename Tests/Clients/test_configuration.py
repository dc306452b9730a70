"""What Apus makes of its configuration: all mistakes at once, secrets kept, the environment on top."""

import re

import pytest

import tokens
from apus import PROVIDER_KEY, SECRETS, Apus, command, configuration
from upstream import CHAT, reply


def test_all_mistakes_of_a_configuration_are_named_at_once(upstream, tmp_path):
    config = configuration(upstream, prot=8080, max_body="12 parsecs", request_timeout="soon")
    config["keys"] = [{"name": "short", "key": "hunter2-is-short", "role": "emperor"}]
    config["providers"]["scripted"]["api_key"] = "${APUS_TEST_UNSET}"
    config["models"]["scripted"]["targets"][0]["provider"] = "nobody"
    result = command(tmp_path, "serve", config=config)
    assert result.returncode == 78 and "listening" not in result.stdout
    told = result.stderr.split("\n\n")
    for path, word in [
        ("server.prot", "port"), ("server.max_body", "12 parsecs"), ("server.request_timeout", "soon"),
        ("keys.0.key", "32"), ("keys.0.role", "emperor"), ("providers.scripted.api_key", "APUS_TEST_UNSET"),
        ("models.scripted.targets.0.provider", "nobody"),
    ]:
        assert [mistake for mistake in told if mistake.startswith(path) and word in mistake], f"{path}: {result.stderr}"
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("text", ["server: [", "- a\n- b\n", "server: {port: 1}\nserver: {port: 2}\n", "\x00"])
def test_a_file_that_is_no_configuration_is_told_with_its_name(tmp_path, text):
    (tmp_path / "broken.yaml").write_text(text)
    result = command(tmp_path, "serve", "--config", "broken.yaml")
    assert result.returncode == 78 and "broken.yaml" in result.stderr


def test_a_configuration_that_is_not_there_is_a_mistake(tmp_path):
    result = command(tmp_path, "serve", "--config", "nowhere.yaml")
    assert result.returncode == 78 and "nowhere.yaml" in result.stderr


def test_the_environment_overrides_the_file_and_fills_it_in(start, upstream, tmp_path):
    config = configuration(upstream, port=1)
    secret = tmp_path / "provider.key"
    secret.write_text("sk-from-a-file-0123456789\n")
    del config["providers"]["impatient"]["api_key"]
    config["providers"]["impatient"]["api_key_file"] = str(secret)
    config["models"]["renamed"]["targets"][0]["model"] = "${VENDOR_MODEL:-vendor}-${VENDOR_SIZE}"
    apus = start(
        config, APUS_SERVER_PORT="0", APUS_PROVIDERS_SCRIPTED_API_KEY="sk-from-the-environment", VENDOR_SIZE="xl")
    for model, key in [("renamed", "sk-from-the-environment"), ("impatient", "sk-from-a-file-0123456789")]:
        upstream.reset()
        assert apus.chat(model=model).body == CHAT
        assert upstream.last.header("authorization") == f"Bearer {key}"
        assert upstream.last.json()["model"] == {"renamed": "vendor-xl"}.get(model, model)


def test_the_first_start_makes_an_admin_key_that_only_its_owner_reads_and_the_second_keeps_it(upstream, tmp_path):
    config, file = configuration(upstream), tmp_path / "data" / "admin.key"
    del config["keys"]
    seen = []
    for _ in range(2):
        apus = Apus(tmp_path, config)
        seen.append(file.read_text())
        me = apus.ask("GET", "/api/v1/me", key=seen[-1].strip())
        assert (me.status, me.json()["role"]) == (200, "admin")
        assert file.stat().st_mode & 0o777 == 0o600
        apus.stop()
        assert seen[-1].strip() not in apus.said()
    assert seen[0] == seen[1] and re.fullmatch(r"\S{32,}\n?", seen[0])


def test_doctor_prints_the_configuration_without_secrets_and_checks_every_provider(upstream, tmp_path):
    config = configuration(upstream)
    well = command(tmp_path, "doctor", config=config | {"models": {}, "providers": {
        "scripted": config["providers"]["scripted"]}})
    assert well.returncode == 0, well.stdout + well.stderr
    assert upstream.requests[-1].header("authorization") == f"Bearer {PROVIDER_KEY}"
    upstream.script = reply(b'{"error":{"message":"bad key"}}', "401 Unauthorized")
    passwords = ("a-password-of-postgres", "a-password-of-redis", tokens.SECRET)
    config["database"] = {"url": f"postgres://apus:{passwords[0]}@127.0.0.1:1/apus"}
    config["shared"] = {"url": f"redis://:{passwords[1]}@127.0.0.1:1/0"}
    config["auth"]["jwt"] = {"secret": passwords[2]}
    ill = command(tmp_path, "doctor", config=config)
    assert ill.returncode not in (0, 78)
    for word in (
        "scripted", "dead", "127.0.0.1:1", upstream.host, "•••", "max_body", "shutdown_timeout", "statement_timeout",
        "identity_max_age", "leeway", "plans"):
        assert word in ill.stdout, ill.stdout
    assert not any(secret in ill.stdout + ill.stderr for secret in (*SECRETS, *passwords))


def test_the_command_explains_itself(tmp_path):
    assert re.search(r"\d+\.\d+", command(tmp_path, "--version").stdout)
    text = command(tmp_path, "--help").stdout
    assert "serve" in text and "doctor" in text


@pytest.mark.parametrize("section, url", [
    ("database", "mysql://a-password@host/apus"), ("database", "sqlite:"), ("database", "a-password"),
    ("shared", "redis://host/a-password"), ("shared", "http://a-password@host"), ("shared", "memcached://a-password")])
def test_a_store_that_is_none_is_a_mistake_and_its_address_is_not_shown(upstream, tmp_path, section, url):
    result = command(tmp_path, "serve", config=configuration(upstream) | {section: {"url": url}})
    assert result.returncode == 78 and f"{section}.url" in result.stderr
    assert "a-password" not in result.stdout + result.stderr


def test_what_is_wrong_with_plans_and_keys_is_told_by_name(upstream, tmp_path):
    config = configuration(upstream)
    config["plans"] = {"free": {"requests_per_minute": -1, "requests": 5}}
    config["keys"][0] |= {"plan": "unheard-of", "expires_at": "soon", "metadata": []}
    config["auth"] = {"identity_max_age": "soon", "unauthenticated_per_minute": 0}
    result = command(tmp_path, "serve", config=config)
    assert result.returncode == 78
    for path in (
        "plans.free.requests_per_minute", "plans.free.requests ", "keys.0.plan", "keys.0.expires_at", "keys.0.metadata",
        "auth.identity_max_age", "auth.unauthenticated_per_minute"):
        assert path in result.stderr, f"{path}: {result.stderr}"
