"""Somebody who writes one memo after the other, whatever happens to the servers meanwhile."""

from __future__ import annotations

import threading
import time

import httpx
from tests.support.client import plain_http


class SteadyWriter:
    """Writes memos one after the other; knows which were acknowledged, and when."""

    def __init__(self, url: str, token: str | None, name: str) -> None:
        self.acknowledged: list[tuple[float, str]] = []
        self.failed = 0
        self._url, self._token, self._name = url, token, name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> SteadyWriter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        with plain_http(f"{self._url}/api/v1", timeout=20) as http:
            http.headers["Authorization"] = f"Bearer {self._token}"
            while not self._over.is_set():
                number += 1
                try:
                    answer = http.post("/memos", json={"content": f"{self._name} {number}"}).json()
                except httpx.HTTPError:
                    self.failed += 1
                    continue
                if answer.get("code") == 0:
                    self.acknowledged.append((time.monotonic(), answer["data"]["memo"]["memoId"]))
                else:
                    self.failed += 1
                    time.sleep(0.05)

    def resumed(self, since: float, seconds: float) -> float:
        """Return when a memo was acknowledged that was begun after a moment: the second one after it.

        Raises:
            AssertionError: there is none within twice these seconds.
        """
        deadline = time.monotonic() + 2 * seconds
        while time.monotonic() < deadline:
            later = [moment for moment, _ in list(self.acknowledged) if moment > since]
            if len(later) > 1:
                return later[1]
            time.sleep(0.02)
        raise AssertionError("writing did not go on")
