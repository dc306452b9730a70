"""What the tests share: one scripted provider and one running Apus for all that do not need their own."""

import asyncio
import inspect
import os

import openai
import pytest

import apus as harness
import keys
import limits
import tokens
from databases import PostgreSQL, Redis
from upstream import Upstream


def pytest_configure():
    if not os.access(harness.BINARY, os.X_OK):
        raise pytest.UsageError("APUS_BINARY must name the built apus")


@pytest.fixture(scope="session")
def provider():
    return Upstream()


@pytest.fixture
def upstream(provider):
    """The scripted provider, with nothing recorded and nothing scripted."""
    provider.reset()
    return provider


@pytest.fixture(scope="session")
def shared_apus(provider, tmp_path_factory):
    server = harness.Apus(tmp_path_factory.mktemp("apus"), harness.configuration(provider))
    yield server
    server.stop()


@pytest.fixture
def apus(shared_apus, upstream):
    """The running server; it must have survived the test."""
    yield shared_apus
    assert shared_apus.alive(), shared_apus.said()[-4000:]


@pytest.fixture
def start(upstream, tmp_path):
    """Starts servers of the test's own, and sees that each ends well."""
    started = []

    def begin(config=None, **variables):
        started.append(harness.Apus(tmp_path, config, **variables))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def postgres_server():
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture
def postgres(postgres_server):
    """An empty database on a server that runs, whatever the test before did to it."""
    postgres_server.revive()
    return postgres_server.database()


@pytest.fixture
def redis():
    server = Redis()
    yield server
    server.revive()
    server.remove()


@pytest.fixture
def memory(request):
    """The configuration of what Apus remembers in, by name: `sqlite`, `postgres`, either with `+redis`."""

    def sections(name):
        database, _, shared = name.partition("+")
        urls = {"database": database == "postgres" and "postgres", "shared": shared}
        return {section: {"url": request.getfixturevalue(server).url} for section, server in urls.items() if server}

    return sections


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def keeper(request, provider, tmp_path_factory):
    """A server for the tests of this file, with each database in turn."""
    config = keys.with_plans(provider)
    if request.param == "postgres":
        config["database"] = {"url": request.getfixturevalue("postgres_server").database().url}
    server = harness.Apus(tmp_path_factory.mktemp("keeper"), config)
    yield server
    server.stop()


@pytest.fixture
def limited(start, upstream):
    """A server with the plans of this file."""
    return start(limits.with_plans(upstream))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A key pair of each kind."""
    folder = tmp_path_factory.mktemp("pairs")
    return {algorithm: tokens.Pair(algorithm, folder) for algorithm in tokens.ALGORITHMS}


@pytest.fixture(scope="module")
def trusting(provider, tmp_path_factory):
    """A server that shares a secret with the issuer."""
    apus = harness.Apus(tmp_path_factory.mktemp("tokens"), tokens.accepting(provider, secret=tokens.SECRET))
    yield apus
    apus.stop()


class SDK:
    """OpenAI's client, the one that blocks or the one that awaits, used in the same way."""

    def __init__(self, kind, server):
        self.kind, self.server, self.runner = kind, server, asyncio.Runner()
        self.client = self.with_key(harness.USER_KEY)

    def with_key(self, key):
        return self.kind(api_key=key, base_url=f"{self.server.address}/v1", max_retries=0, timeout=20)

    def run(self, result):
        """The result itself, waited for where the client awaits."""

        async def wait():
            return await result

        return self.runner.run(wait()) if inspect.isawaitable(result) else result

    def items(self, stream):
        """All events of a stream."""

        async def gather():
            return [item async for item in stream]

        return self.runner.run(gather()) if hasattr(stream, "__aiter__") else list(stream)

    def close(self):
        self.run(self.client.close())
        self.runner.close()


@pytest.fixture(params=[openai.OpenAI, openai.AsyncOpenAI], ids=["sync", "async"])
def sdk(request, apus):
    sdk = SDK(request.param, apus)
    yield sdk
    sdk.close()
