"""A server under a load of writes, and whether it kept what it acknowledged."""

import threading

from apus import asking, burst, configuration
from wire import Cut


def remembering(upstream, url=None, **sections):
    return configuration(upstream) | ({"database": {"url": url}} if url else {}) | sections


class Writers:
    """Makes keys as fast as they are made, in several threads; `made` are those that were acknowledged."""

    def __init__(self, apus, count=4):
        self.apus, self.made, self.refused = apus, [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._write, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def _write(self):
        while not self.over.is_set():
            try:
                answer = self.apus.administer("POST", "/api/v1/keys", {"name": "written"})
            except (Cut, OSError):
                self.over.wait(0.01)  # the server is gone
                continue
            if answer.status == 201:
                made = answer.json()
                self.made.append((made["id"], made["key"]))
            else:
                self.refused.append(answer)
                self.over.wait(0.05)


def ids(apus):
    """All keys that work, by their ids."""
    found, cursor = set(), ""
    while cursor is not None:
        answer = apus.administer("GET", f"/api/v1/keys?limit=100{cursor and '&cursor=' + cursor}")
        assert answer.status == 200, answer.body
        found |= {key["id"] for key in answer.json()["data"]}
        cursor = answer.json()["next_cursor"]
    return found


def all_there(apus, made):
    """Every acknowledged key is listed; the youngest and some of the others are tried."""
    assert {name for name, _ in made} <= ids(apus)
    tried = [key for _, key in made[-20:] + made[:: max(1, len(made) // 20)]]
    answers = burst([(apus, asking("GET", "/api/v1/me", key=key)) for key in tried])
    assert {answer.status for answer in answers} <= {200}


def told_unavailable(answer):
    assert answer.status == 503 and int(answer.header("retry-after")) >= 1, (answer.status, answer.body)
    return answer.error()["code"] if answer.body.startswith(b'{"error"') else answer.json()["code"]
