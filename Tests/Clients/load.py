"""A steady load, and what it met: how long each request took, and what was answered."""

import threading
import time
from dataclasses import dataclass

from wire import Cut


@dataclass
class Met:
    """One request: when it began and how long it took, in seconds, and its status; 0 where there was no answer."""

    began: float
    took: float
    status: int


class Load:
    """Clients that keep a connection each, and ask again and again until the block ends."""

    def __init__(self, server, *requests, clients=4, pause=0.01):
        self.server, self.pause, self.met = server, pause, []
        self.over = threading.Event()
        asked = [requests[at % len(requests)] for at in range(clients)]
        self.threads = [threading.Thread(target=self._ask, args=[data], daemon=True) for data in asked]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def _ask(self, data):
        wire = None
        while not self.over.wait(self.pause):
            began = time.monotonic()
            try:
                wire = wire or self.server.connect()
                wire.send(data)
                status = wire.message().status
            except (Cut, OSError):
                wire, status = None, 0
            self.met.append(Met(began, time.monotonic() - began, status))
        if wire:
            wire.socket.close()

    def since(self, moment, until=float("inf")):
        """What began in a span of the monotonic clock."""
        return [met for met in list(self.met) if moment <= met.began < until]

    def goes_on(self, seconds):
        """Waits until so much more time has been met; tells where that begins."""
        begin = time.monotonic()
        threading.Event().wait(seconds)
        return begin


def p99(met):
    """The time within which 99 of 100 were answered, in seconds."""
    assert len(met) >= 100, "too few to tell"
    return sorted(each.took for each in met)[len(met) * 99 // 100]


def statuses(met):
    return {each.status for each in met}
