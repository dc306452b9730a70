"""nginx as the upstream and as the proxy: one worker each, own folders, no privileges, loopback only."""

import os
import shutil
import subprocess

import exchange
from testbed import Server, Testbed, free_port

# Debian puts it where an ordinary user's PATH does not look.
SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"


def version() -> str:
    """As `nginx 1.22.1`."""
    told = subprocess.run([_executable(), "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().removeprefix("nginx version: ").replace("/", " ")


def start_upstream(testbed: Testbed, headers: dict[str, str]) -> Server:
    """Answers every chat request with the same completion, and logs nothing. Routers ask for its health and models."""
    completion = exchange.COMPLETION.decode().replace("\\", "\\\\").replace("'", "\\'")
    http = _UPSTREAM.replace("@path", exchange.PATH).replace("@model", exchange.UPSTREAM_MODEL)
    http = http.replace("@completion", completion)
    return _start(testbed, "nginx-upstream", http, headers)


def start_proxy(testbed: Testbed, upstream_port: int, headers: dict[str, str]) -> Server:
    """Passes everything to the upstream on kept connections, and logs one JSON line per request, buffered."""
    return _start(testbed, "nginx-proxy", _PROXY.replace("@upstream", str(upstream_port)), headers)


def _start(testbed: Testbed, name: str, http: str, headers: dict[str, str]) -> Server:
    folder = testbed.folder / name
    folder.mkdir()
    port, log = free_port(), folder / "log"
    # Root's workers would become an unprivileged user who cannot enter the temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = _MAIN.replace("@user", user).replace("@http", http).replace("@port", str(port))
    (folder / "nginx.conf").write_text(configuration)
    command = [_executable(), "-p", str(folder), "-c", "nginx.conf", "-e", "log"]
    return Server(testbed.spawn(command, log), port, log, headers)


def _executable() -> str:
    return shutil.which("nginx", path=SEARCH_PATH) or "nginx"


# Relative paths are below the server's own folder. A connection is kept for as many requests as a round brings:
# closing it after nginx's default of 1,000 would measure connecting.
_MAIN = """\
@user
daemon off;
pid pid;
error_log log warn;
worker_processes 1;
events { worker_connections 16384; }
http {
  default_type application/json;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  @http
}
"""

_UPSTREAM = """\
access_log off;
  server {
    listen 127.0.0.1:@port;
    location = /health/live { return 200; }
    location = /health { return 200; }
    location = /v1/models { return 200 '{"object":"list","data":[{"id":"@model","object":"model"}]}'; }
    location = @path { return 200 '@completion'; }
  }
"""

# The log line holds what Apus logs for each request, as far as nginx knows it.
_PROXY = """\
log_format line escape=json '{"time":"$time_iso8601","level":"info","request_id":"$request_id",'
    '"method":"$request_method","path":"$uri","status":$status,"seconds":$request_time,'
    '"upstream_seconds":"$upstream_response_time"}';
  access_log log line buffer=64k;
  upstream completions {
    server 127.0.0.1:@upstream;
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:@port;
    location / {
      proxy_pass http://completions;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
"""
