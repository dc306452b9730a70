"""Real questions to real models on this machine, with nothing configured."""

import math
import os
import signal
from pathlib import Path

import openai
import pytest

from apus import Apus, wait_until

MODELS = Path(os.environ.get("APUS_TEST_DATA", "nowhere"))

pytestmark = pytest.mark.skipif(
    not (MODELS / "models" / "smollm2.gguf").exists(), reason="APUS_TEST_DATA names no folder with models")


def begin(folder):
    """Apus as it is out of the box, with the models in its data folder and one thread for each."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for name in ("models", "llama-server"):
        if (MODELS / name).exists() and not (data / name).exists():
            (data / name).symlink_to(MODELS / name)
    server = Apus(folder, APUS_SERVER_PORT="0", APUS_PROVIDERS_LOCAL_THREADS="1")
    ready(server)
    return server


def ready(server):
    wait_until(lambda: server.ask("GET", "/health/ready", key=None).status == 200, 60, "being ready")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    server = begin(tmp_path_factory.mktemp("local"))
    yield server
    children = llama_servers(server.pid)
    server.stop()
    assert children and not any(map(runs, children))


@pytest.fixture
def client(local):
    key = (local.folder / "data" / "admin.key").read_text().strip()
    return openai.OpenAI(api_key=key, base_url=f"{local.address}/v1", max_retries=0, timeout=60)


def status(pid):
    """The state, the parent and the name of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return rest[0], int(rest[1]), name


def runs(pid):
    """Whether the process is there and not just waiting to be buried."""
    return (status(pid) or "Z")[0] not in "ZX"


def llama_servers(ancestor):
    """The llama.cpp servers below a process."""
    processes = {int(entry.name): status(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    family = {ancestor}
    while more := {pid for pid, known in processes.items() if known and known[1] in family} - family:
        family |= more
    return [pid for pid in family if processes[pid] and "llama" in processes[pid][2] and runs(pid)]


def question(client, text, **fields):
    return client.chat.completions.create(
        model="smollm2", messages=[{"role": "user", "content": text}], max_tokens=24, temperature=0, **fields)


def test_a_real_model_answers_plain_and_streamed(client):
    answer = question(client, "Name one bird.")
    assert answer.choices[0].message.content.strip() and answer.usage.completion_tokens > 0
    with question(client, "Name one bird.", stream=True) as events:
        pieces = [event.choices[0].delta.content or "" for event in events if event.choices]
    assert "".join(pieces).strip() and len(pieces) > 2


def test_sentences_of_like_meaning_lie_near_each_other(client):
    texts = [
        "The swift is a bird that sleeps in the air.", "A bird rests while flying.", "The invoice is due on Friday."]
    vectors = [item.embedding for item in client.embeddings.create(model="minilm", input=texts).data]
    assert [len(vector) for vector in vectors] == [384] * 3

    def likeness(a, b):
        return sum(map(float.__mul__, a, b)) / (math.hypot(*a) * math.hypot(*b))

    assert likeness(vectors[0], vectors[1]) > likeness(vectors[0], vectors[2]) + 0.2


def test_readiness_names_both_servers(local):
    checks = local.ask("GET", "/health/ready", key=None).json()["checks"]
    for part in ("local:chat", "local:embedding"):
        assert [each["status"] for each in checks[part]] == ["pass"]


def test_a_llama_server_that_is_killed_is_healed(local, client):
    before = llama_servers(local.pid)
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(runs, before)) and len(llama_servers(local.pid)) == 2, 30, "new servers")
    ready(local)
    assert question(client, "Name one bird.").choices[0].message.content.strip()
    assert len(client.embeddings.create(model="minilm", input="swift").data[0].embedding) == 384


def test_apus_that_is_killed_leaves_no_llama_server_behind(tmp_path):
    server = begin(tmp_path)
    children = llama_servers(server.pid)
    assert len(children) == 2
    server.process.kill()
    server.ended()
    wait_until(lambda: not any(map(runs, children)), 10, "the end of the llama servers")
