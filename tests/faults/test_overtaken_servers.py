"""Servers that share a database and a bucket: the writing one is stopped, killed and woken up again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.faults.load import Load, assert_sound
from tests.support.s3_stand_in import S3StandIn
from tests.support.server import Server
from tests.support.waiting import eventually

# A lease lasts 4 s, and 4 s more until another process has seen that nobody renews it.
TAKEOVER_SECONDS = 30


class Servers:
    """Some servers with the same data, and users who write through all of them."""

    def __init__(self, folder: Path, settings: dict[str, str], bucket: S3StandIn, number: int) -> None:
        own = {"EMBEDDER": "local", "JWT_SECRET": "of-all-servers-" * 3, "AUTO_MIGRATE": "true"}
        self.bucket = bucket
        self.all = [Server(folder / str(i), {**settings, **bucket.settings(), **own}) for i in range(number)]
        # One alone in an empty bucket.
        for server in self.all:
            server.start()
        loads = [Load.on(server) for server in self.all]
        self.load = Load([writer for load in loads for writer in load.writers], [], loads[0].stop)
        self._loads = loads

    def writer(self) -> Server:
        """The one that writes to LanceDB."""
        found = eventually(self._writer, "a server writes to LanceDB", TAKEOVER_SECONDS)
        assert found
        return found

    def _writer(self) -> Server | None:
        for server in self.all:
            try:
                state = httpx.get(f"{server.url}/readyz", timeout=2).json()
            except httpx.HTTPError:
                continue
            if state["sync"]["writer"]:
                return server
        return None

    def pause_writer(self, seconds: float) -> None:
        """Stop the writing server's process for a while, and wait until another one writes."""
        paused = self.writer()
        os.killpg(paused.process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
            eventually(lambda: self._writer() not in (None, paused), "another server writes", TAKEOVER_SECONDS)
        finally:
            os.killpg(paused.process.pid, signal.SIGCONT)

    def kill_writer(self) -> Server:
        """Kill it."""
        killed = self.writer()
        killed.kill()
        return killed

    def end(self) -> None:
        """Let the users finish, and examine everything."""
        for load in self._loads:
            load.end()
        assert_sound(next(server for server in self.all if server.running), self.load)
        print(f"{self.load.acknowledged} writes acknowledged, {self.load.failed} not")
        assert self.load.acknowledged > 20

    def close(self) -> None:
        """Kill all."""
        for load in self._loads:
            load.stop.set()
        for server in self.all:
            server.close()


@contextmanager
def running(folder: Path, settings: dict[str, str], number: int) -> Iterator[Servers]:
    with ExitStack() as stack:
        bucket = S3StandIn(folder / "bucket.log")
        stack.callback(bucket.close)
        servers = Servers(folder, settings, bucket, number)
        stack.callback(servers.close)
        yield servers


def test_a_writer_that_wakes_up_late_and_one_that_dies_leave_nothing_wrong(
    tmp_path: Path, mysql_database: dict[str, str]
) -> None:
    with running(tmp_path, mysql_database, 2) as servers:
        servers.pause_writer(1)
        time.sleep(0.5)
        killed = servers.kill_writer()
        assert servers.writer() is not killed
        servers.end()


@pytest.mark.long
def test_many_pauses_deaths_and_outages_of_the_bucket_leave_nothing_wrong(
    tmp_path: Path, mysql_database: dict[str, str]
) -> None:
    chance = random.Random(14)
    events = ["pause"] * 20 + ["kill"] * 20 + ["fail"] * 5
    chance.shuffle(events)
    with running(tmp_path, mysql_database, 3) as servers:
        servers.bucket.behave("well", 25)
        for event in events:
            time.sleep(chance.uniform(0.5, 3))
            if event == "pause":
                servers.pause_writer(chance.choice([2, 3, 5, 8, 13, 60]))
            elif event == "kill":
                servers.kill_writer().start()
            else:
                servers.bucket.behave(chance.choice(["fail", "hang"]))
                time.sleep(40)
                servers.bucket.behave("well", 25)
        servers.end()
