"""Users who write all the time, and what must be true of a server whatever happened to it meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.waiting import eventually_async

from aimo import config
from aimo.errors import AimoError, Code
from aimo.runtime import Runtime
from aimo.services.memos.service import MemoService

WRITERS = 4


@dataclass
class Writer:
    """Writes all the time, and remembers what the server has acknowledged."""

    client: Client
    stop: threading.Event
    alive: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    answers: list[tuple[float, float, str]] = field(default_factory=list)

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            content = f"memo {number} of {self.client.uid}"
            made = self._ask("POST", "/memos", {"content": content, "tags": [f"tag {number % 3}"]})
            if made is None:
                continue
            memo_id = made.data["memo"]["memoId"]
            self.alive[memo_id] = content
            if number % 3 == 0:
                self.unsure.add(memo_id)
                if self._ask("PUT", f"/memos/{memo_id}", {"content": f"{content}, changed"}):
                    self.alive[memo_id] = f"{content}, changed"
                    self.unsure.discard(memo_id)
            if number % 4 == 0:
                self.unsure.add(memo_id)
                if self._ask("DELETE", f"/memos/{memo_id}", None):
                    self.deleted.add(memo_id)
                    self.unsure.discard(memo_id)
                    del self.alive[memo_id]

    def _ask(self, method: str, path: str, body: object) -> Answer | None:
        started = time.monotonic()
        try:
            answer = self.client.request(method, path, body)
        except httpx.TransportError:
            self.answers.append((started, time.monotonic(), "cut"))
            time.sleep(0.2)
            return None
        told = "ok" if answer.status == 200 and answer.code == 0 else f"{answer.status} {answer.content.decode()}"
        self.answers.append((started, time.monotonic(), told))
        if told != "ok":
            time.sleep(0.2)
        return answer if told == "ok" else None

    async def verify(self, memos: MemoService) -> None:
        for memo_id, content in self.alive.items():
            if memo_id not in self.unsure:
                assert (await memos.get(self.client.uid, memo_id)).content == content
        for memo_id in self.deleted:
            with pytest.raises(AimoError) as caught:
                await memos.get(self.client.uid, memo_id)
            assert caught.value.code == Code.NOT_FOUND


@dataclass
class Load:
    """Some writers at once."""

    writers: list[Writer]
    threads: list[threading.Thread]
    stop: threading.Event

    @classmethod
    def on(cls, server: Server) -> Load:
        stop = threading.Event()
        writers = [Writer(server.user(), stop) for _ in range(WRITERS)]
        threads = [threading.Thread(target=writer.run) for writer in writers]
        for thread in threads:
            thread.start()
        return cls(writers, threads, stop)

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """How many writes have succeeded."""
        return sum(told == "ok" for _, _, told in self.answers())

    @property
    def failed(self) -> int:
        """How many requests have not."""
        return sum(told != "ok" for _, _, told in self.answers())

    def answers(self) -> Iterator[tuple[float, float, str]]:
        for writer in self.writers:
            yield from list(writer.answers)


def assert_sound(server: Server, load: Load) -> None:
    """Everything acknowledged is there, both stores agree, and the doctor finds nothing; it may run or not."""
    asyncio.run(_examine(server, load))


async def _examine(server: Server, load: Load) -> None:
    settings = config.load(_env_file=None, **{name.lower(): value for name, value in server.settings.items()})
    async with Runtime(settings, worker=not server.running) as runtime:

        async def in_step() -> bool:
            return (await runtime.services.sync.status()).waiting == 0

        await eventually_async(in_step, "all entries are applied", timeout=60)
        for writer in load.writers:
            await writer.verify(runtime.services.memos)
        for outcome in await runtime.services.doctor.run():
            assert not outcome.violations, outcome
