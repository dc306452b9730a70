"""One client and one upstream in lockstep: each sends the same bytes in the same pieces in every run, and nothing
before the other side has what came before. So the number of reads, and with it of instructions, does not depend on
how fast anybody is."""

import http.client
import json
import socket
import threading

import exchange
from failure import BenchFailure

_TIMEOUT_SECONDS = 60
_STREAM_REQUEST = json.dumps(json.loads(exchange.REQUEST) | {"stream": True}).encode()
# As OpenAI sends them: some 200 bytes.
_EVENT = b"data: " + json.dumps(
    {
        "id": "chatcmpl-bench0000000000000000000001",
        "object": "chat.completion.chunk",
        "created": 1750000000,
        "model": exchange.UPSTREAM_MODEL,
        "choices": [{"index": 0, "delta": {"content": " swift"}, "logprobs": None, "finish_reason": None}],
    },
    separators=(",", ":"),
).encode() + b"\n\n"
_LAST = b"data: [DONE]\n\n"


class Upstream:
    """Answers on kept connections: a completion in one write, or a stream in one write for each event."""

    def __init__(self):
        self.events = 0  # 0 answers with a completion; else the number of events of each stream.
        self.taken = threading.Semaphore(0)  # Released by the client for each event that it has.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while reader.readline():
            headers = http.client.parse_headers(reader)
            reader.read(int(headers["Content-Length"]))
            if self.events:
                self._stream(connection)
            else:
                connection.sendall(_head("application/json", f"Content-Length: {len(exchange.COMPLETION)}")
                                   + exchange.COMPLETION)

    def _stream(self, connection: socket.socket) -> None:
        head = _head("text/event-stream", "Transfer-Encoding: chunked")
        for event in [_EVENT] * self.events + [_LAST]:
            connection.sendall(head + b"%x\r\n%b\r\n" % (len(event), event))
            self.taken.acquire()
            head = b""
        connection.sendall(b"0\r\n\r\n")


class Connection:
    """One kept connection to the server that is measured."""

    def __init__(self, port: int, headers: dict[str, str]):
        self.headers = {"Host": "127.0.0.1", **headers}
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """One chat request, answered whole."""
        answer = self._send(exchange.REQUEST)
        body = answer.read()
        if not exchange.is_the_completion(body):
            raise BenchFailure(f"answered {answer.status}, not the upstream's completion: {body[:500]!r}")

    def _send(self, body: bytes) -> http.client.HTTPResponse:
        """Head and body in one piece."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"POST {exchange.PATH} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        answer = http.client.HTTPResponse(self._socket, method="POST")
        answer.begin()
        return answer


class Client(Connection):
    """Tells the upstream what the next request shall be answered with."""

    def __init__(self, port: int, headers: dict[str, str], upstream: Upstream):
        super().__init__(port, headers)
        self._upstream = upstream

    def ask(self) -> None:
        self._upstream.events = 0
        super().ask()

    def stream(self, events: int) -> None:
        """One chat request, answered with so many events and `[DONE]`, each taken before the next is sent."""
        self._upstream.events = events
        answer = self._send(_STREAM_REQUEST)
        received = 0
        while line := answer.readline():
            if line.startswith(b"data: "):
                received += 1
                self._upstream.taken.release()
        if received != events + 1:
            raise BenchFailure(f"a stream, with status {answer.status}, of {received} events instead of {events + 1}")


def _head(media_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n{framing}\r\n\r\n".encode()
