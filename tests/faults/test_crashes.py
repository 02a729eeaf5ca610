"""What was acknowledged survives every crash, and the server goes on by itself (docs/guarantees.md)."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from support.client import Answer, Client
from support.mariadb import MariaDB
from support.server import AIMO, Server, environment
from support.waiting import eventually

WRITERS = 4
# A request fails within this time while the database is away, and works again this long after it is back.
FAILS_WITHIN = 6.0
RECOVERS_WITHIN = 5.0


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
            time.sleep(0.05)
            return None
        told = "ok" if answer.status == 200 and answer.code == 0 else f"{answer.status} {answer.content.decode()}"
        self.answers.append((started, time.monotonic(), told))
        if told != "ok":
            time.sleep(0.05)
        return answer if told == "ok" else None

    def verify(self, client: Client) -> None:
        for memo_id, content in self.alive.items():
            if memo_id not in self.unsure:
                assert client.get(f"/memos/{memo_id}").data["content"] == content
        for memo_id in self.deleted:
            assert client.get(f"/memos/{memo_id}").code == 3


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

    def answers(self) -> Iterator[tuple[float, float, str]]:
        for writer in self.writers:
            yield from list(writer.answers)


def assert_sound(server: Server, load: Load) -> None:
    for writer in load.writers:
        writer.verify(writer.client)

    def in_step() -> bool:
        return bool(server.client().http.get("/readyz").json()["sync"]["waiting"] == 0)

    eventually(in_step, "all marks are applied", timeout=60)
    command = [str(AIMO), "doctor"]
    checked = subprocess.run(
        command,
        env=environment(server.settings),
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_by_kills_under_load(
    server: Callable[..., Server], migrated_database: dict[str, str], rounds: int
) -> None:
    running = server(**migrated_database)
    load = Load.on(running)
    try:
        for _ in range(rounds):
            time.sleep(1.5)
            running.kill()
            running.start()
    finally:
        load.end()
    assert sum(len(writer.alive) for writer in load.writers) > rounds
    assert_sound(running, load)


def test_a_database_that_dies_twice_stops_nobody_for_long(server: Callable[..., Server]) -> None:
    mariadb = MariaDB(durable=True).start()
    try:
        running = server(**mariadb.create_database())
        load = Load.on(running)
        try:
            for _ in range(2):
                time.sleep(2)
                mariadb.kill()
                time.sleep(7)
                mariadb.start()
                back = time.monotonic()

                def works(back: float = back) -> bool:
                    return any(started > back and told == "ok" for started, _, told in load.answers())

                eventually(works, "requests work again", timeout=RECOVERS_WITHIN)
        finally:
            load.end()
        assert running.process.running
        failures = [(ended - started, told) for started, ended, told in load.answers() if told != "ok"]
        assert failures
        assert max(seconds for seconds, _ in failures) < FAILS_WITHIN
        for _, told in failures:
            status, _, body = told.partition(" ")
            answer = json.loads(body)
            expected = {"success": False, "message": "Authentication failed"}
            assert (status, answer) == ("500", expected) or (status == "200" and answer["code"] == 2000), told
        assert_sound(running, load)
    finally:
        mariadb.close()


def test_a_stop_under_load_is_quick_and_orderly(
    server: Callable[..., Server], migrated_database: dict[str, str]
) -> None:
    running = server(**migrated_database)
    load = Load.on(running)
    try:
        time.sleep(1.5)
        started = time.monotonic()
        code = running.stop()
        took = time.monotonic() - started
    finally:
        load.end()
    assert code == 0
    assert took <= 5
    log = running.log.read_text(encoding="utf-8")
    kind = "MySQL" if "MYSQL_HOST" in migrated_database else "SQLite"
    closings = log.split("AIMO listens")[1]
    assert f"{kind} connection pool closed" in closings
    assert "Traceback" not in closings
    running.start()
    assert_sound(running, load)
