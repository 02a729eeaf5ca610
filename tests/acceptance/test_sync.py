"""LanceDB follows the database by itself: after crashes, rebuilds, moves to another model, and across processes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.client import Client, plain_http
from tests.support.mariadb import MariaDB
from tests.support.seeding import SECRET, Plot, token
from tests.support.server import AIMO, Server, environment
from tests.support.stub import DIMENSIONS, Stub
from tests.support.waiting import eventually

from aimo import config
from aimo.db.connection import Database
from aimo.db.transaction import atomically
from aimo.services.sync import outbox as entries

MODEL = "text-embedding-3-small"


def has(done: Sized, enough: int) -> bool:
    return len(done) >= enough


def _aimo(running: Server, *words: str, timeout: float = 120) -> str:
    """Run a command with the server's settings, and give what it printed."""
    done = subprocess.run(
        [str(AIMO), *words],
        env=environment(running.settings),
        cwd=running.folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


def _state(running: Server) -> dict[str, Any]:
    """What `/readyz` tells of the sync."""
    state: dict[str, Any] = running.client().http.get("/readyz").json()["sync"]
    return state


def _in_step(running: Server, timeout: float = 20) -> None:
    eventually(lambda: _state(running)["waiting"] == 0, "LanceDB in step", timeout)


def _vector_total(client: Client, query: str = "anything at all") -> int:
    """How many memos searching by meaning knows; -1 when it cannot search."""
    answer = client.post("/memos/search/vector", {"query": query, "limit": 1})
    return int(answer.data["pagination"]["total"]) if answer.code == 0 else -1


def _found_by_words(client: Client, text: str) -> set[str]:
    return {memo["memoId"] for memo in client.get("/memos", search=text, limit=1000).data["items"]}


def _found_by_meaning(client: Client, query: str, limit: int = 5) -> list[str]:
    answer = client.post("/memos/search/vector", {"query": query, "limit": limit})
    return [memo["memoId"] for memo in answer.data["items"]]


async def _leave_behind(settings: config.Settings, uid: str, written: list[str], gone: str) -> None:
    """The entries of a server that was killed between the commit and the application."""
    database = await Database.open(settings)
    try:
        for memo_id in [*written, gone]:

            async def entry(connection: Any, memo_id: str = memo_id) -> None:
                await entries.write(connection, "memo", memo_id, uid)

            await atomically(database, "test", entry)
    finally:
        await database.close()


def test_what_a_crash_left_undone_is_done_after_the_restart(
    server: Callable[..., Server], stub: Stub, tmp_path: Path
) -> None:
    """Committed memos that LanceDB never heard of are found; a memo that it should have forgotten is not."""
    folder, plot = tmp_path / "planted", Plot()
    uid = plot.user()
    gone = plot.memo(uid, "a memo deleted in the database alone", [1.0] + [0.0] * (DIMENSIONS - 1))
    settings = config.load(_env_file=None, aimo_data_dir=folder)
    asyncio.run(plot.plant(settings, model=MODEL, dimension=DIMENSIONS))
    late = Plot()
    written = [late.memo(uid, f"committed, not applied, number {number}") for number in range(20)]
    asyncio.run(late.plant_rows(settings))
    asyncio.run(_delete(settings, gone))
    asyncio.run(_leave_behind(settings, uid, written, gone))
    running = server(**stub.settings(), AIMO_DATA_DIR=str(folder), JWT_SECRET=SECRET)
    client = running.client()
    client.token = token(uid)
    _in_step(running)
    assert _found_by_words(client, "not applied") == set(written)
    assert _vector_total(client) == len(written)
    assert _found_by_meaning(client, "committed number 7", 1) == [written[7]]
    assert _found_by_words(client, "deleted") == set()


async def _delete(settings: config.Settings, memo_id: str) -> None:
    database = await Database.open(settings)
    try:
        async with database.engine.connect() as connection:
            # The id is our own.
            await connection.exec_driver_sql(f"DELETE FROM memos WHERE memo_id = '{memo_id}'")
    finally:
        await database.close()


@pytest.mark.long
def test_kills_under_load_lose_nothing(
    server: Callable[..., Server], stub: Stub, mysql_database: dict[str, str]
) -> None:
    """Killed again and again while clients write: in the end both stores know the same memos."""
    running = server(**mysql_database, **stub.settings())
    owner = running.user()
    acknowledged: dict[str, str] = {}
    removed: set[str] = set()
    unsure: set[str] = set()
    over = threading.Event()

    def write(number: int) -> None:
        chance, count = random.Random(number), itertools.count()
        mine: list[str] = []
        with plain_http(f"{running.url}/api/v1", timeout=20) as http:
            http.headers["Authorization"] = f"Bearer {owner.token}"
            while not over.is_set():
                text, choice = f"text {number}x{next(count)}x {chance.random()}", chance.random()
                target = mine[-1] if mine and choice > 0.6 else ""
                try:
                    if not target:
                        memo = http.post("/memos", json={"content": text}).json()["data"]["memo"]
                        mine.append(memo["memoId"])
                        acknowledged[memo["memoId"]] = text
                    elif choice < 0.85:
                        assert http.put(f"/memos/{target}", json={"content": text}).json()["code"] == 0
                        acknowledged[target] = text
                    else:
                        assert http.delete(f"/memos/{target}").json()["code"] == 0
                        removed.add(mine.pop())
                except httpx.ConnectError:
                    time.sleep(0.05)
                except httpx.TransportError:
                    # Killed before it answered: done or not done, both are right.
                    if target:
                        unsure.add(mine.pop())

    with ThreadPoolExecutor(6) as threads:
        writers = [threads.submit(write, number) for number in range(6)]
        for kill in range(3):
            if kill:
                running.start()
            enough = len(acknowledged) + 40
            eventually(partial(has, acknowledged, enough), "some writes", 60, 0.001)
            running.kill()
        over.set()
        for writer in writers:
            writer.result()
    running.start()
    _in_step(running)
    memos = {memo["memoId"]: memo["content"] for memo in owner.get("/memos", limit=10_000).data["items"]}
    sure = {memo_id: text for memo_id, text in acknowledged.items() if memo_id not in removed | unsure}
    print(f"{len(acknowledged)} acknowledged, {len(removed)} removed, {len(unsure)} unsure, {len(memos)} there")
    assert len(sure) > 20
    assert sure.items() <= memos.items()
    assert not removed & set(memos)
    assert _vector_total(owner) == len(memos)
    assert _found_by_words(owner, "text ") == set(memos)
    for memo_id, text in random.Random(1).sample(sorted(memos.items()), 20):
        assert _found_by_words(owner, text) == {memo_id}
        assert _found_by_meaning(owner, text, 1) == [memo_id]


def test_commands_show_and_apply_what_waits(server: Callable[..., Server], stub: Stub) -> None:
    """`aimo sync status` tells how much waits and why; `aimo sync run` applies it without a server."""
    running = server(**stub.settings())
    owner = running.user()
    stub.stop()
    memo_ids = [owner.post("/memos", {"content": f"waiting memo {n}"}).data["memo"]["memoId"] for n in range(5)]
    told = eventually(lambda: _status_with(running, "cannot be reached"), "the reason", timeout=30)
    assert "5 changes are waiting" in told
    running.stop()
    stub.start()
    assert "In step" in _aimo(running, "sync", "run")
    assert "In step" in _aimo(running, "sync", "status")
    running.start()
    assert set(_found_by_meaning(owner, "waiting memo")) == set(memo_ids)


def _status_with(running: Server, reason: str) -> str:
    told = _aimo(running, "sync", "status")
    return told if reason in told else ""


@contextlib.contextmanager
def _searching(client: Client, expected: int) -> Iterator[list[str]]:
    """Searches by words and by meaning in a loop meanwhile; every answer must find everything."""
    wrong: list[str] = []
    over = threading.Event()
    count = itertools.count()

    def search() -> None:
        with plain_http(client.url, timeout=30) as http:
            http.headers["Authorization"] = f"Bearer {client.token}"
            while not over.is_set():
                next(count)
                body = {"query": "memo of the rebuild", "limit": 1000}
                vector = http.post("/api/v1/memos/search/vector", json=body).json()
                hybrid = http.post("/api/v1/memos/search", json=body).json()
                words = http.get("/api/v1/memos", params={"search": "rebuild", "limit": 1000}).json()
                for answer in (vector, hybrid, words):
                    if answer["code"] != 0 or len(answer["data"]["items"]) != expected:
                        wrong.append(f"{answer['code']} {len((answer['data'] or {}).get('items', []))}")
                if hybrid["code"] == 0 and hybrid["data"]["degraded"]:
                    wrong.append("degraded")

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield wrong
    finally:
        over.set()
        thread.join()
        print(f"{next(count)} rounds of searches")


def test_rebuilding_goes_on_beside_searches_and_without_a_server(server: Callable[..., Server], stub: Stub) -> None:
    """Beside a running server no search notices; with everything of LanceDB gone, it comes back whole."""
    running = server(**stub.settings())
    owner = running.user()
    with ThreadPoolExecutor(8) as threads:
        clients = [running.client() for _ in range(8)]
        for client in clients:
            client.token = owner.token
        bodies = [{"content": f"memo {number} of the rebuild, 第{number}条"} for number in range(304)]
        written = threads.map(
            lambda place: [clients[place].post("/memos", body).data["memo"]["memoId"] for body in bodies[place::8]],
            range(8),
        )
        memo_ids = {memo_id for group in written for memo_id in group}
    with _searching(owner, len(memo_ids)) as wrong:
        told = _aimo(running, "sync", "rebuild")
    assert "Rebuilding 304 memos" in told
    assert "In step" in told
    assert wrong == []
    running.kill()
    shutil.rmtree(running.data_dir / "lancedb")
    assert "In step" in _aimo(running, "sync", "rebuild")
    running.start()
    assert _vector_total(owner) == len(memo_ids)
    assert _found_by_words(owner, "rebuild") == memo_ids
    assert len(_found_by_words(owner, "第17条")) == 1


def test_moving_to_another_model_is_said_and_done(server: Callable[..., Server], stub: Stub) -> None:
    """Another dimension is configured: the server says so and finds by words, until `aimo sync rebuild` moves there."""
    running = server(**stub.settings())
    owner = running.user()
    old = owner.post("/memos", {"content": "written under the old model"}).data["memo"]["memoId"]
    running.stop()
    running.settings["OPENAI_EMBEDDING_DIMENSIONS"] = "256"
    running.settings["OPENAI_EMBEDDING_MODEL"] = "text-embedding-3-large"
    running.start()
    assert "aimo sync rebuild" in running.log_tail()
    assert owner.post("/memos/search/vector", {"query": "old model"}).code == 2000
    new = owner.post("/memos", {"content": "written under the new model"}).data["memo"]["memoId"]
    found = owner.post("/memos/search", {"query": "written under"}).data
    assert found["degraded"] is True
    assert {memo["memoId"] for memo in found["items"]} == {old, new}
    assert owner.get(f"/memos/{old}/related").code == 0
    # The new memo was put off for a minute.
    assert "In step" in _aimo(running, "sync", "rebuild", timeout=45)
    eventually(lambda: _vector_total(owner) == 2, "the server to use the new table")
    assert _found_by_meaning(owner, "old model", 1) == [old]
    assert owner.post("/memos/search", {"query": "written"}).data["degraded"] is False
    after = owner.post("/memos", {"content": "and one more afterwards"}).data["memo"]["memoId"]
    assert _found_by_meaning(owner, "one more afterwards", 1) == [after]


def _workers(running: Server) -> set[int]:
    """The processes that answer requests."""
    parent = running.process.pid
    return {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()}


def _writer(mariadb: MariaDB, database: dict[str, str]) -> int:
    """The process that holds the writer lease; 0 when nobody does."""
    statement = "SELECT holder FROM leases WHERE name = 'lancedb-writer' AND expires_at > UTC_TIMESTAMP(3)"
    rows = mariadb.execute(statement, database=database["MYSQL_DATABASE"])
    return int(rows[0][0].split("|")[1]) if rows else 0


def _write_and_find(running: Server, owner: Client, number: int) -> tuple[float, bool]:
    """Write on one fresh connection and search on another: how long that took, and whether it was found at once."""
    word = f"w{number}q{random.randrange(10**9)}"
    with plain_http(f"{running.url}/api/v1", timeout=20) as http:
        http.headers["Authorization"] = f"Bearer {owner.token}"
        started = time.monotonic()
        memo_id = http.post("/memos", json={"content": f"find {word} at once"}).json()["data"]["memo"]["memoId"]
        seconds = time.monotonic() - started
    with plain_http(f"{running.url}/api/v1", timeout=20) as http:
        http.headers["Authorization"] = f"Bearer {owner.token}"
        words = http.get("/memos", params={"search": word}).json()["data"]["items"]
        meaning = http.post("/memos/search/vector", json={"query": f"find {word}", "limit": 1}).json()["data"]["items"]
    return seconds, [memo["memoId"] for memo in words] == [memo_id] == [memo["memoId"] for memo in meaning]


def test_a_write_is_found_at_once_through_either_process(
    server: Callable[..., Server], stub: Stub, mariadb: MariaDB, mysql_database: dict[str, str]
) -> None:
    """Two processes: whichever takes the write or the search, it is found. One is killed, the other goes on."""
    running = server(**mysql_database, **stub.settings(), WORKERS="2")
    owner = running.user()
    tries = [_write_and_find(running, owner, number) for number in range(40)]
    assert all(found for _, found in tries)
    print(f"slowest of 40 writes {max(seconds for seconds, _ in tries):.2f} s")
    before = _workers(running)
    writer = _writer(mariadb, mysql_database)
    assert writer in before
    os.kill(writer, signal.SIGKILL)
    eventually(lambda: _writer(mariadb, mysql_database) not in (0, writer), "another writer", 30)
    eventually(lambda: _workers(running) - before, "a process in place of the killed one", 30)
    tries = [_write_and_find(running, owner, number) for number in range(20)]
    assert all(found for _, found in tries)


def test_the_writer_lease_is_handed_over(
    server: Callable[..., Server], stub: Stub, mariadb: MariaDB, mysql_database: dict[str, str], tmp_path: Path
) -> None:
    """Two servers on the same stores: when the writer stops or dies, the other has its role within seconds."""
    shared = {**mysql_database, **stub.settings(), "AIMO_DATA_DIR": str(tmp_path / "shared"), "JWT_SECRET": SECRET}
    first, second = server(**shared), server(**shared)
    owner = second.user()
    assert _writer(mariadb, mysql_database) in _workers(first)
    assert _write_and_find(second, owner, 0)[1]
    assert first.stop() == 0
    _expect_role_at(second, mariadb, mysql_database, "stopped")
    assert all(_write_and_find(second, owner, number)[1] for number in range(3))
    first.start()
    assert _write_and_find(first, owner, 3)[1]
    second.kill()
    _expect_role_at(first, mariadb, mysql_database, "killed")
    assert all(_write_and_find(first, owner, number)[1] for number in range(4, 7))


def _expect_role_at(running: Server, mariadb: MariaDB, database: dict[str, str], how: str) -> None:
    gone = time.monotonic()
    eventually(lambda: _writer(mariadb, database) in _workers(running), "the role to go over", 5)
    print(f"{how}: the role was handed over in {time.monotonic() - gone:.2f} s")
