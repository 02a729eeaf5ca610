"""What was acknowledged survives every crash, and the server goes on by itself (docs/guarantees.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from support.mariadb import MariaDB
from support.server import Server
from support.waiting import eventually

from .load import Load, assert_sound

# A request fails within this time while the database is away, and works again this long after it is back.
FAILS_WITHIN = 6.0
RECOVERS_WITHIN = 5.0


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
