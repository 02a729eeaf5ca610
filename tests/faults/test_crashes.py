"""What was acknowledged survives every crash, and the server goes on by itself (docs/guarantees.md)."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.waiting import eventually

from .load import Load, assert_sound

# A request fails within this time while the database is away, and works again this long after it is back.
FAILS_WITHIN = 6.0
RECOVERS_WITHIN = 5.0


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_by_kills_under_load(
    server: Callable[..., Server], migrated_database: dict[str, str], kills: int
) -> None:
    running = server(**migrated_database)
    load = Load.on(running)
    try:
        for number in range(kills):
            if number:
                running.start()
            before = load.acknowledged
            eventually(lambda before=before: load.acknowledged > before + 8, "memos are written", timeout=60)  # type: ignore[misc]
            time.sleep(random.uniform(0, 0.3))
            running.kill()
    finally:
        load.end()
    print(f"{kills} kills of the server, {load.acknowledged} acknowledged writes, {load.failed} requests cut off")
    assert_sound(running, load)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_database_that_dies_stops_nobody_for_long(server: Callable[..., Server], kills: int) -> None:
    mariadb = MariaDB(durable=True).start()
    try:
        running = server(**mariadb.create_database())
        load = Load.on(running)
        slowest = 0.0
        try:
            for number in range(kills):
                time.sleep(0.5)
                mariadb.kill()
                # Long enough, once, to see how long a request waits for a database that is away.
                time.sleep(random.uniform(0, 2) if number else FAILS_WITHIN + 1)
                mariadb.start()
                back = time.monotonic()

                def works(back: float = back) -> bool:
                    return any(started > back and told == "ok" for started, _, told in load.answers())

                eventually(works, "requests work again", timeout=RECOVERS_WITHIN)
                slowest = max(slowest, time.monotonic() - back)
        finally:
            load.end()
        assert running.running
        failures = [(ended - started, told) for started, ended, told in load.answers() if told != "ok"]
        longest = max(seconds for seconds, _ in failures)
        print(
            f"{kills} kills of MariaDB, {load.acknowledged} acknowledged writes, {len(failures)} failed requests "
            f"within {longest:.1f} s, working again after {slowest:.1f} s"
        )
        assert longest < FAILS_WITHIN
        for _, told in failures:
            status, _, body = told.partition(" ")
            answer = json.loads(body)
            expected = {"success": False, "message": "Authentication failed"}
            assert (status, answer) == ("500", expected) or (status == "200" and answer["code"] == 2000), told
        assert_sound(running, load)
    finally:
        mariadb.close()
