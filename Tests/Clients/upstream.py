"""A provider that plays scripts: it records what reached it and answers, or misbehaves, exactly as told."""

import base64
import json
import socket
import struct
import threading

from wire import Wire, chunk

# Numbers that a parser would change, spacing that an encoder would lose, keys out of order.
CHAT = (
    '{ "id":"chatcmpl-7", "object": "chat.completion","created":1700000000, "model":"vendor/model-7",\n'
    ' "price": 2.50, "big": 12345678901234567890, "e": 1E+2, "caf\\u00e9": "é",\n'
    ' "choices":[{"index":0,"message":{"role":"assistant","content":"Swifts sleep in the air."},'
    '"finish_reason":"stop","logprobs":null}],\n'
    ' "usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}\n'
).encode()

COMPLETION = (
    b'{"id":"cmpl-7","object":"text_completion","created":1700000000,"model":"vendor/model-7",'
    b'"choices":[{"index":0,"text":" in the air","logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}'
)

TOOL_CALL = (
    b'{"id":"chatcmpl-8","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":'
    b'{"name":"altitude","arguments":"{\\"bird\\": \\"swift\\"}"}}]},"finish_reason":"tool_calls"}]}'
)

MODELS = b'{"object":"list","data":[{"id":"vendor/model-7","object":"model","created":1,"owned_by":"vendor"}]}'


def delta(**fields):
    """One event of a chat stream, as JSON."""
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    head = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1700000000, "model": "vendor/model-7"}
    return json.dumps(head | {"choices": [choice]}).encode()


def text_delta(text):
    """One event of a completion stream, as JSON."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": None}
    head = {"id": "cmpl-9", "object": "text_completion", "created": 1700000000, "model": "vendor/model-7"}
    return json.dumps(head | {"choices": [choice]}).encode()


def tool_delta(**call):
    """One event of a streamed tool call."""
    return delta(tool_calls=[{"index": 0} | call])


USAGE = (
    b'{"id":"chatcmpl-9","object":"chat.completion.chunk","created":1700000000,"model":"vendor/model-7","choices":[],'
    b'"usage":{"prompt_tokens":11,"completion_tokens":2,"total_tokens":13}}'
)
DONE = b"[DONE]"


def play(*steps, keep=False):
    """A script: bytes are sent, an Event is waited for, a function is called with the wire; then it hangs up."""

    def script(wire, _):
        for step in steps:
            if isinstance(step, bytes):
                wire.send(step)
            elif isinstance(step, threading.Event):
                assert step.wait(30), "no test opened the gate"
            else:
                step(wire)
        if not keep:
            raise EOFError

    return script


def reply(body, status="200 OK", kind="application/json", **headers):
    """A script that answers with a plain body and keeps the connection."""
    fields = {"content-type": kind, "content-length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return play(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body, keep=True)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def stream(*steps, end=(DONE,)):
    """A script that answers with events; other steps pass between them. `end=()` cuts where the steps end."""
    sent = [chunk(b"data: " + step + b"\n\n") if isinstance(step, bytes) else step for step in (*steps, *end)]
    return play(STREAM_HEAD, *sent, *([b"0\r\n\r\n"] if end else []), keep=bool(end))


def until_gone(gone):
    """A step that says nothing until the other end hangs up, and then sets `gone`."""

    def step(wire):
        if not wire.receive():
            gone.set()

    return step


def silent(wire):
    """A step that says nothing until the other end hangs up."""
    wire.receive()


def embeddings(wire, asked):
    """Three floats for each input, in the encoding that was asked for."""
    floats = [0.25, -0.5, 1.0]
    encoded = base64.b64encode(struct.pack("<3f", *floats)).decode()
    inputs = asked.get("input") if isinstance(asked.get("input"), list) else [asked.get("input")]
    vector = encoded if asked.get("encoding_format") == "base64" else floats
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(inputs))]
    answer = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    reply(json.dumps(answer).encode())(wire, None)


def well_behaved(wire, request):
    """What a provider answers when no test asked for anything else."""
    asked = json.loads(request.body) if request.body else {}
    route = request.path.rsplit("/", 1)[-1]
    if route == "embeddings":
        embeddings(wire, asked)
    elif asked.get("stream") is True:
        spoken = (delta(role="assistant", content=""), delta(content="in the"), delta(content=" air"), USAGE)
        stream(*spoken if "chat" in request.path else (text_delta("in"), text_delta(" air")))(wire, request)
    else:
        plain = CHAT if "chat" in request.path else COMPLETION
        body = {("GET", "models"): MODELS, ("POST", "completions"): plain}.get((request.method, route))
        (reply(body) if body else reply(b'{"error":{"message":"no such route"}}', "404 Not Found"))(wire, request)


class Upstream:
    """The scripted provider, on a free port of the loopback; a thread for each connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        """Forgets the requests and behaves well again."""
        self.requests = []
        self.script = well_behaved

    @property
    def last(self):
        """The only request that came since `reset`."""
        assert len(self.requests) == 1, [request.start for request in self.requests]
        return self.requests[0]

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with Wire(connection, seconds=60) as wire:
            try:
                while True:
                    request = wire.message()
                    self.requests.append(request)
                    self.script(wire, request)
            except (EOFError, OSError):
                pass  # the other end, or the script, has hung up
