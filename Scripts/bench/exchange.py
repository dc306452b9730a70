"""What is sent and what comes back: one chat request and one completion, about 1 KB each."""

import json
import secrets

PATH = "/v1/chat/completions"
# Two names, so that a gateway has to put the upstream's name into the body, as it does in real use.
REQUESTED_MODEL = "bench"
UPSTREAM_MODEL = "bench-upstream"
# Apus wants at least 32 characters, LiteLLM wants `sk-` before them; new in every run.
CLIENT_KEY = "sk-bench-" + secrets.token_hex(24)

_PARAGRAPH = (
    "Swifts spend nearly their whole lives in the air: they eat, drink, mate and even sleep on the wing, and a young "
    "bird may not touch the ground for two or three years after it has left the nest. "
)

REQUEST = json.dumps(
    {
        "model": REQUESTED_MODEL,
        "messages": [
            {"role": "system", "content": "You answer questions about birds, briefly and with figures."},
            {"role": "user", "content": "Read this, then say how long a swift stays up. " + _PARAGRAPH * 4},
        ],
        "temperature": 0.2,
        "max_tokens": 200,
        "user": "bench-user-0001",
    }
).encode()

COMPLETION = json.dumps(
    {
        "id": "chatcmpl-bench0000000000000000000001",
        "object": "chat.completion",
        "created": 1750000000,
        "model": UPSTREAM_MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "About ten months without landing. " + _PARAGRAPH * 3},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 168, "completion_tokens": 142, "total_tokens": 310},
        "system_fingerprint": "fp_bench",
    }
).encode()


def is_the_completion(body: bytes) -> bool:
    """Whether `body` says what the upstream said; a gateway may add fields of its own and leave out empty ones."""
    try:
        return _said(json.loads(body)) == _said(json.loads(COMPLETION))
    except (ValueError, LookupError, TypeError):
        return False


def _said(completion: dict) -> tuple:
    """The text, why it ended, and what it cost."""
    choice, usage = completion["choices"][0], completion["usage"]
    message, tokens = choice["message"], ("prompt_tokens", "completion_tokens", "total_tokens")
    return message["role"], message["content"], choice["finish_reason"], [usage[name] for name in tokens]
