"""HTTP/1.1 by hand: enough to say what no library would say, and to hear exactly what came back."""

import json
import socket
import struct
from dataclasses import dataclass


class Cut(EOFError):
    """The connection ended before the message did; `body` is what had come of it."""

    def __init__(self, body=b""):
        super().__init__(f"cut after {len(body)} bytes: {body[-200:]!r}")
        self.body = body


@dataclass
class Message:
    """A request or an answer: its first line, its headers in order, its body byte for byte."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def status(self):
        return int(self.start.split()[1])

    @property
    def method(self):
        return self.start.split()[0]

    @property
    def path(self):
        return self.start.split()[1]

    def header(self, name):
        """The values of a header, joined as RFC 9110 5.3 says, or None."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def json(self):
        return json.loads(self.body)

    def error(self):
        """The `error` of OpenAI's error shape, which must be whole."""
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["message"] and error["type"], error
        return error


def request(method, path, body=b"", **headers):
    """The bytes of a well-formed request; `content_type="…"` makes a `content-type`, `None` leaves one out."""
    fields = {"host": "apus.test", "content_length": str(len(body)) if body or method == "POST" else None} | headers
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value is not None]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


def chunk(data):
    """One chunk of a chunked body; the empty one ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Wire:
    """One end of a connection. Every wait has the socket's time limit."""

    def __init__(self, connection, seconds=20):
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Ends the connection by RST, as a process that was killed does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self):
        """What comes next; empty at the end."""
        data, self.pending = self.pending, b""
        if data:
            return data
        try:
            return self.socket.recv(1 << 16)
        except ConnectionError:
            return b""

    def rest(self):
        """All that comes until the other end closes."""
        return b"".join(iter(self.receive, b""))

    def take(self, count):
        """Exactly `count` bytes."""
        parts, missing = [], count
        while missing:
            data = self.receive()
            if not data:
                raise Cut(b"".join(parts))
            self.pending = data[missing:]
            parts.append(data[:missing])
            missing -= len(parts[-1])
        return b"".join(parts)

    def take_through(self, mark):
        """All up to and with `mark`."""
        seen = b""
        while mark not in seen:
            data = self.receive()
            if not data:
                raise Cut(seen)
            seen += data
        found, self.pending = seen[: seen.index(mark) + len(mark)], seen[seen.index(mark) + len(mark) :]
        return found

    def head(self):
        """The first line and the headers of the next message, names in lower case."""
        start, *lines = self.take_through(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        fields = (line.split(":", 1) for line in lines)
        return Message(start, [(name.lower(), value.strip()) for name, value in fields])

    def pieces(self, head, bodiless=False):
        """The body of the message as it comes: by chunk, by length, or to the end of the connection."""
        if head.header("transfer-encoding") == "chunked":
            while size := int(self.take_through(b"\r\n").split(b";")[0], 16):
                yield self.take(size)
                self.take(2)
            self.take_through(b"\r\n")
        elif head.header("content-length") is not None:
            yield self.take(int(head.header("content-length")))
        elif head.start.startswith("HTTP/") and not bodiless:
            yield from iter(self.receive, b"")

    def message(self, to="GET"):
        """The next message, whole; `to` is the method it answers, since HEAD has answers without a body."""
        head = self.head()
        bodiless = to == "HEAD" or head.start.startswith("HTTP/") and head.status in (101, 204, 304)
        try:
            for piece in () if bodiless else self.pieces(head):
                head.body += piece
        except Cut as cut:
            raise Cut(head.body + cut.body) from None
        return head

    def events(self, head):
        """The server-sent events (and comments) of an answer as they come, each without its blank line."""
        text = b""
        for piece in self.pieces(head):
            *whole, text = (text + piece).split(b"\n\n")
            yield from whole
        assert not text, f"the stream ends within an event: {text!r}"
