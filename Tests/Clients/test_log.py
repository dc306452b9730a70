"""The log: one line for each request, and nothing in it that is nobody's business."""

from apus import ADMIN_KEY, CHAT_ROUTE, SECRETS, chat, wait_until
from upstream import USAGE, delta, stream


def test_each_request_is_one_line_of_json_without_content_or_secrets(apus, upstream):
    prompt = "the swift over the Rialto at dusk"
    upstream.script = stream(delta(content="unmistakable answer"), USAGE)
    assert apus.ask("POST", CHAT_ROUTE, chat(prompt, stream=True), x_request_id="logged-7").status == 200
    assert apus.ask("POST", CHAT_ROUTE, chat(prompt), key="forged-" + ADMIN_KEY, x_request_id="forged-7").status == 401
    assert apus.ask("GET", f"/v1/models?key={ADMIN_KEY}", x_request_id="query-7").status == 200
    line = wait_until(lambda: [entry for entry in apus.log() if "logged-7" in entry.values()], what="a log line")
    wait_until(lambda: [entry for entry in apus.log() if "query-7" in entry.values()], what="a log line")
    assert len(line) == 1 and {"time", "level", "message"} <= set(line[0])
    assert {"scripted", 200, "una", 11, 2} <= set(line[0].values())
    for hidden in (*SECRETS, prompt, "unmistakable answer", "How do swifts sleep", "honest", "smuggled"):
        assert hidden not in apus.said(), f"{hidden!r} stands in the log"
