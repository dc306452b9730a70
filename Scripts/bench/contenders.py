"""The servers that are compared. To add one, write a class like these and list it in `field`: `name` for the command
line, `title` for the report, `version()` for its header, and `start(testbed, upstream)`, which returns a `Server`:
the process, the port, and the headers that a request needs. Those that others make as gateways are in peers.py.
"""

import os
import subprocess
from pathlib import Path

import exchange
import nginx
import prerequisites
from testbed import Server, Testbed, free_port

CLIENT_HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {exchange.CLIENT_KEY}"}


def field(binary: Path | None = None) -> list:
    """Every contender, in the order of a round; `binary` is the apus to measure instead of a fresh build."""
    return [NginxDirect(), NginxProxy(), Apus(binary)]


class NginxDirect:
    """The upstream itself: what the load generator and the upstream reach with nothing between them."""

    name = "nginx-direct"
    title = "nginx direct (the upstream)"
    version = staticmethod(nginx.version)

    def start(self, _testbed: Testbed, upstream: Server) -> Server:
        return upstream


class NginxProxy:
    """nginx in front of the upstream: the yardstick."""

    name = "nginx-proxy"
    title = "nginx as proxy"
    version = staticmethod(nginx.version)

    def start(self, testbed: Testbed, upstream: Server) -> Server:
        return nginx.start_proxy(testbed, upstream.port, CLIENT_HEADERS)


class Apus:
    """The release binary, one key, one model at an OpenAI-compatible provider, one log line per request."""

    name = "apus"
    title = "Apus"
    role = "user"  # Of its one key.
    settings = ""  # More sections of apus.yaml.

    def __init__(self, binary: Path | None):
        self._given = binary
        self._built: Path | None = None

    @property
    def binary(self) -> Path:
        """The binary that was named, else a fresh release build."""
        self._built = self._built or self._given or prerequisites.build_apus()
        return self._built

    def version(self) -> str:
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return told if told.lower().startswith("apus") else f"Apus {told}"

    def start(self, testbed: Testbed, upstream: Server) -> Server:
        folder = testbed.folder / self.name
        folder.mkdir()
        port = free_port()
        configuration = folder / "apus.yaml"
        configuration.write_text(self.settings + _APUS_YAML.format(
            port=port, folder=folder, upstream=upstream.port, key=exchange.CLIENT_KEY, role=self.role,
            model=exchange.REQUESTED_MODEL, upstream_model=exchange.UPSTREAM_MODEL,
        ))
        # What the caller's environment overrides must not reach the server that is measured.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("APUS_")}
        log = folder / "log"
        process = testbed.spawn([self.binary, "serve", "--config", configuration], log, environment)
        return Server(process, port, log, CLIENT_HEADERS)


_APUS_YAML = """\
server: {{ host: 127.0.0.1, port: {port} }}
data_dir: "{folder}/data"
keys:
  - {{ name: bench, key: "{key}", role: {role} }}
providers:
  upstream: {{ kind: openai, base_url: "http://127.0.0.1:{upstream}/v1" }}
models:
  {model}: {{ targets: [ {{ provider: upstream, model: {upstream_model} }} ] }}
"""
