"""The other client, in a process of its own: what sends megabytes would hold up its own measuring."""

from __future__ import annotations

import http.client
import multiprocessing
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

_PATHS = ("/healthz", "/api/v1/memos?limit=5")
_PAUSE_SECONDS = 0.005


class Poller:
    """Asks for cheap things, one after the other, and remembers the longest wait for an answer."""

    def __init__(self, port: int, token: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_poll, args=(port, token, theirs), daemon=True)

    def __enter__(self) -> Self:
        """Start, and wait until the first answers are there."""
        self._process.start()
        self.longest()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._pipe.send("stop")
        self._process.join(10)

    def longest(self) -> float:
        """Return the longest wait in seconds since this was asked for last, including the request under way."""
        self._pipe.send("longest")
        return float(self._pipe.recv())


def _poll(port: int, token: str, pipe: Connection) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {token}"}
    longest, number = 0.0, 0
    while True:
        asked = time.perf_counter()
        connection.request("GET", _PATHS[number % len(_PATHS)], headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the server answered {answer.status}")
        longest = max(longest, time.perf_counter() - asked)
        number += 1
        if pipe.poll(_PAUSE_SECONDS):
            if pipe.recv() == "stop":
                return
            pipe.send(longest)
            longest = 0.0
