"""Starts the built binary with a configuration of its own, watches what it says, and stops it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from upstream import CHAT
from wire import Wire, request

BINARY = os.environ.get("APUS_BINARY", "")
ADMIN_KEY = "apus-admin-5d0c1f6b8e2a4937a1b2c3d4e5f60718"
USER_KEY = "apus-user-0f9e8d7c6b5a49382716a5b4c3d2e1f0"
PROVIDER_KEY = "sk-provider-c0ffee11223344556677889900aabbcc"
SECRETS = (ADMIN_KEY, USER_KEY, PROVIDER_KEY)
ORIGIN = "https://app.example.com"
CHAT_ROUTE = "/v1/chat/completions"
SIGNED = {"content_type": "application/json", "authorization": f"Bearer {USER_KEY}"}


def chat(text="How do swifts sleep?", model="scripted", **fields):
    """The body of a chat request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


HONEST = json.dumps(chat("honest")).encode()


def asking(method, path, body=None, key=USER_KEY):
    """The bytes of a request with a key; what `body` holds goes as JSON."""
    data = b"" if body is None else json.dumps(body).encode()
    kind = "application/json" if data else None
    return request(method, path, data, content_type=kind, authorization=f"Bearer {key}")


def wait_until(condition, seconds=10, what="it"):
    """Asks again every few milliseconds, until the condition holds or the time is over."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (held := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        pause.wait(0.02)
    return held


def configuration(upstream, **server):
    """Two keys, the scripted provider with ordinary and with short patience, and one that nobody listens for."""
    scripted = {"kind": "openai", "base_url": f"http://{upstream.host}/vendor/v1", "api_key": PROVIDER_KEY}
    providers = {
        "scripted": scripted,
        "impatient": scripted | {"response_timeout": "500ms", "idle_timeout": "500ms"},
        "dead": scripted | {"base_url": "http://127.0.0.1:1/v1"},
    }
    models = {"scripted": "scripted", "renamed": "vendor/model-7 \"ü\"", "impatient": "impatient", "dead": "dead"}
    return {
        "server": {"port": 0, "cors": {"origins": [ORIGIN]}} | server,
        "auth": {"unauthenticated_per_minute": 1_000_000},
        "keys": [
            {"name": "ada", "key": ADMIN_KEY, "role": "admin"},
            {"name": "una", "key": USER_KEY, "role": "user"},
        ],
        "providers": providers,
        "models": {
            name: {"targets": [{"provider": name if name in providers else "scripted", "model": model}]}
            for name, model in models.items()
        },
    }


def environment(folder, **variables):
    """This process's environment without the settings that would reach Apus by accident."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APUS_", "OPENAI_"))}
    return inherited | {"APUS_DATA_DIR": str(folder / "data")} | variables


def write(folder, config):
    """Writes `apus.yaml`; JSON is YAML."""
    path = folder / "apus.yaml"
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False))
    return path


def command(folder, *arguments, config=None, **variables):
    """Runs the binary to its end."""
    file = [] if config is None else ["--config", str(write(folder, config))]
    return subprocess.run(
        [BINARY, *arguments, *file], cwd=folder, env=environment(folder, **variables), capture_output=True, text=True,
        timeout=60)


def keep(pipe, lines):
    """Moves what a pipe says into a list, line by line."""
    for line in pipe:
        lines.append(line)


class Apus:
    """A running server. `lines` and `complaints` are what it has said on stdout and stderr so far."""

    def __init__(self, folder, config=None, **variables):
        self.folder, self.lines, self.complaints = folder, [], []
        file = [] if config is None else ["--config", str(write(folder, config))]
        self.process = subprocess.Popen(
            [BINARY, "serve", *file], cwd=folder, env=environment(folder, **variables), text=True, bufsize=1,
            encoding="utf-8", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The pipes are read all the time, or a full one would stop the server.
        pipes = ((self.process.stdout, self.lines), (self.process.stderr, self.complaints))
        self.readers = [threading.Thread(target=keep, args=pair, daemon=True) for pair in pipes]
        for reader in self.readers:
            reader.start()
        listening = wait_until(lambda: self.log(message="listening") or not self.alive(), 30, "listening")
        assert self.alive(), f"ended with {self.process.wait()}: {self.said()}"
        self.address = listening[0]["address"]

    @property
    def pid(self):
        return self.process.pid

    @property
    def endpoint(self):
        return urlsplit(self.address).hostname, urlsplit(self.address).port

    def alive(self):
        return self.process.poll() is None

    def said(self):
        """Everything on stdout and stderr, as one text."""
        return "".join([*self.lines, *self.complaints])

    def log(self, **fields):
        """The log lines that have all of these fields."""
        entries = [json.loads(line) for line in list(self.lines)]
        return [entry for entry in entries if all(entry.get(key) == value for key, value in fields.items())]

    def connect(self, seconds=20, receive_buffer=None):
        """A connection of its own."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(seconds)
        connection.connect(self.endpoint)
        return Wire(connection, seconds)

    def ask(self, method, path, body=b"", key=USER_KEY, **headers):
        """One request on a connection of its own; a `dict` goes as JSON."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        fields = {"content_type": "application/json" if body else None, "connection": "close"} | headers
        if key:
            fields["authorization"] = f"Bearer {key}"
        with self.connect() as wire:
            wire.send(request(method, path, body, **fields))
            return wire.message(to=method)

    def chat(self, text="How do swifts sleep?", model="scripted", key=USER_KEY, **fields):
        """One plain question to a model."""
        return self.ask("POST", CHAT_ROUTE, chat(text, model, **fields), key)

    def administer(self, method, path, body=b""):
        """One request of the admin."""
        return self.ask(method, path, body, ADMIN_KEY)

    def make_key(self, name="made", **fields):
        """What the API answers when it makes a key: with `id`, and `key` for whoever is to use it."""
        answer = self.administer("POST", "/api/v1/keys", {"name": name} | fields)
        assert answer.status == 201, answer.body
        return answer.json()

    def knows(self, key):
        """Whether it lets the bearer of a key in; anything but yes and no is a fault."""
        answer = self.ask("GET", "/api/v1/me", key=key)
        assert answer.status in (200, 401), answer.body
        return answer.status == 200

    def health(self, part):
        """What `/health/ready` says about one part."""
        answer = self.ask("GET", "/health/ready", key=None)
        return answer.status, answer.json()["checks"][part][0]

    def metrics(self):
        """The samples of `/metrics`, by name with labels as it is written there."""
        text = self.ask("GET", "/metrics", key=ADMIN_KEY).body.decode()
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        samples = [(key, value) for key, value in self.metrics().items() if key.partition("{")[0] == name]
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(value for key, value in samples if all(label in key for label in wanted))

    def descriptors(self):
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10

    def stop(self, seconds=40):
        """Stops it as an init system does; it must end by itself, with status 0."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        self.ended(seconds)
        assert self.process.returncode == 0, f"ended with {self.process.returncode}: {self.said()[-2000:]}"

    def ended(self, seconds=40):
        """Waits for the end of the process, and of what it says."""
        try:
            self.process.wait(seconds)
        finally:
            self.process.kill()
            for reader in self.readers:
                reader.join(10)


def burst(asked):
    """Sends all of these pairs of a server and a request before it reads the first answer."""
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(server.connect(60)) for server, _ in asked]
        for wire, (_, data) in zip(wires, asked):
            wire.send(data)
        return [wire.message() for wire in wires]


def still_serves(apus, upstream):
    """A plain chat, on a connection of its own, is answered at once."""
    upstream.reset()
    began = time.monotonic()
    answer = apus.chat()
    assert (answer.status, answer.body) == (200, CHAT)
    assert time.monotonic() - began < 3
