"""The peers: gateways that others make, each as its documentation runs it on a machine of as many cores as this one.

They are contenders like those in contenders.py; what each does for a request is told in docs/benchmarks.md.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import exchange
import peers_setup
from contenders import CLIENT_HEADERS
from testbed import Server, Testbed, free_port


def field() -> list["Peer"]:
    """Every peer, in the order of a round."""
    return [Envoy(), VllmRouter(), SglangRouter(), Smg(), Rolter(), LiteLLM()]


@dataclass(frozen=True)
class Place:
    """What a peer is given to start: its programs, a folder of its own, two ports, its log and the upstream's port."""

    programs: Path
    folder: Path
    port: int
    metrics_port: int
    log: Path
    upstream: int

    def configure(self, file: str, template: str) -> str:
        """Writes the configuration `file` in the peer's folder and returns its path."""
        values = {"port": self.port, "upstream": self.upstream, "log": self.log, "key": exchange.CLIENT_KEY,
                  "model": exchange.REQUESTED_MODEL, "upstream_model": exchange.UPSTREAM_MODEL}
        for name, value in values.items():
            template = template.replace(f"@{name}@", str(value))
        path = self.folder / file
        path.write_text(template)
        return str(path)


class Peer:
    """What the peers share: they come from PyPI, and a run goes on without one that cannot be had."""

    name: str
    title: str
    ready = "/health"
    environment: dict[str, str] = {}
    # Whether it knows what a model is; a proxy for everything does less.
    is_ai_gateway = True

    def version(self) -> str:
        return peers_setup.package(self.name)

    def start(self, testbed: Testbed, upstream: Server) -> Server:
        programs = peers_setup.install(self.name)
        folder = testbed.folder / self.name
        folder.mkdir()
        place = Place(programs, folder, free_port(), free_port(), folder / "log", upstream.port)
        # Nothing of the caller's environment: it may hold keys, databases and settings that these programs read.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **self.environment}
        process = testbed.spawn(self.command(place), place.log, environment)
        return Server(process, place.port, place.log, CLIENT_HEADERS, self.ready)

    def command(self, place: Place) -> list[str]:
        """What to run."""
        raise NotImplementedError


class Envoy(Peer):
    """A thread per core (its default); compares the client's key with one string and logs a JSON line."""

    name = "envoy"
    title = "Envoy"
    ready = "/health/live"
    is_ai_gateway = False

    def command(self, place: Place) -> list[str]:
        return [str(place.programs / "envoy"), "--config-path", place.configure("envoy.yaml", _ENVOY_YAML),
                "--disable-hot-restart", "--log-level", "error"]


class VllmRouter(Peer):
    """A thread per core; checks no keys and logs no requests, also at log level info."""

    name = "vllm-router"
    title = "vllm-router"

    def command(self, place: Place) -> list[str]:
        return [str(place.programs / "vllm-router"), *_router_options(place)]


class SglangRouter(Peer):
    """A thread per core; two log lines per request. Its one key goes to the worker beside the client's: none is set."""

    name = "sglang-router"
    title = "sglang-router"
    ready = "/readiness"  # Its /health is 200 before it knows its worker; smg's, too.

    def command(self, place: Place) -> list[str]:
        return [str(place.programs / "sglang-router"), "launch", *_router_options(place)]


class Smg(Peer):
    """A thread per core; checks the key, knows the model by an alias, logs two JSON lines per request."""

    name = "smg"
    title = "smg"
    ready = "/readiness"

    def command(self, place: Place) -> list[str]:
        alias = f"{exchange.REQUESTED_MODEL}={exchange.UPSTREAM_MODEL}"
        return [str(place.programs / "smg"), "launch", *_router_options(place),
                "--api-key", exchange.CLIENT_KEY, "--model-alias", alias, "--log-json"]


class Rolter(Peer):
    """A thread per core; checks the key, puts the upstream's model name in, logs only what failed."""

    name = "rolter"
    title = "rolter"
    ready = "/readyz"

    def command(self, place: Place) -> list[str]:
        return [str(place.programs / "rolter"), "gateway", "--config", place.configure("rolter.toml", _ROLTER_TOML)]


class LiteLLM(Peer):
    """A worker per core; checks the key, translates request and answer, logs a line per request."""

    name = "litellm"
    title = "LiteLLM"
    ready = "/health/readiness"
    # LiteLLM wants its master key to begin with `sk-`; without the second it asks the network for prices at start.
    environment = {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}

    def command(self, place: Place) -> list[str]:
        # A worker imports for longer than the 5 s after which it would be taken for dead and replaced.
        return [str(place.programs / "litellm"), "--config", place.configure("litellm.yaml", _LITELLM_YAML),
                "--host", "127.0.0.1", "--port", str(place.port), "--num_workers", str(os.cpu_count() or 1),
                "--timeout_worker_healthcheck", "600"]


def _router_options(place: Place) -> list[str]:
    """Of the three routers that stem from one; round robin, for there is one worker to choose from."""
    return ["--host", "127.0.0.1", "--port", str(place.port), "--worker-urls", f"http://127.0.0.1:{place.upstream}",
            "--policy", "round_robin", "--log-level", "info",
            "--prometheus-host", "127.0.0.1", "--prometheus-port", str(place.metrics_port)]


_ENVOY_YAML = """\
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: @port@ } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: "@log@"
              log_format:
                json_format:
                  time: "%START_TIME%"
                  level: info
                  request_id: "%REQ(X-REQUEST-ID)%"
                  method: "%REQ(:METHOD)%"
                  path: "%REQ(:PATH)%"
                  status: "%RESPONSE_CODE%"
                  milliseconds: "%DURATION%"
                  upstream_milliseconds: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: bench
              domains: ["*"]
              routes:
              - match: { path: /health/live }
                direct_response: { status: 200 }
              - match:
                  prefix: /
                  headers: [{ name: authorization, string_match: { exact: "Bearer @key@" } }]
                route: { cluster: upstream }
              - match: { prefix: / }
                direct_response: { status: 401 }
  clusters:
  - name: upstream
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: upstream
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: @upstream@ } } }
"""

_ROLTER_TOML = """\
[server]
host = "127.0.0.1"
port = @port@

[[providers.readonly]]
name = "upstream"
kind = "openai_compatible"
api_base = "http://127.0.0.1:@upstream@"

[[routes]]
model = "@model@"
strategy = "round_robin"
[[routes.targets]]
provider = "upstream"
model = "@upstream_model@"

[[virtual_keys]]
key = "@key@"
name = "bench"
models = []
"""

_LITELLM_YAML = """\
model_list:
  - model_name: @model@
    litellm_params:
      model: openai/@upstream_model@
      api_base: http://127.0.0.1:@upstream@/v1
      api_key: upstream
general_settings:
  master_key: "@key@"
litellm_settings:
  telemetry: false
"""
