"""An outbox entry that kills every process which applies it stops neither the server nor the others for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support.client import Client
from tests.support.processes import Process
from tests.support.seeding import SECRET, Plot, token
from tests.support.server import AIMO, Server, environment
from tests.support.waiting import eventually

from aimo import config
from aimo.db.connection import Database
from aimo.services.sync import outbox as marks

# Loaded by every Python process of the server: it dies as soon as LanceDB is to learn of this memo.
_FATAL = """
import os, signal
from aimo.services.sync.applier import Applier

original = Applier._apply_memos

async def apply_memos(self, memo_ids):
    if os.environ["FATAL_MEMO"] in memo_ids:
        os.kill(os.getpid(), signal.SIGKILL)
    return await original(self, memo_ids)

Applier._apply_memos = apply_memos
"""

MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(migrated_database: dict[str, str], tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers that share their data and die of certain memos."""
    made: list[Server] = []
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/sitecustomize.py").write_text(_FATAL)
    hooks = {"PYTHONPATH": str(tmp_path / "hooks")}
    data = {"AIMO_DATA_DIR": str(tmp_path / "data"), "EMBEDDER": "local", "JWT_SECRET": SECRET}

    def make(fatal: str) -> Server:
        made.append(Server(tmp_path / "server", {**migrated_database, **data, **hooks, "FATAL_MEMO": fatal}))
        return made[-1]

    yield make
    for server in made:
        server.close()


async def plant(server: Server, plot: Plot, memos: list[tuple[str, str]]) -> None:
    """Write rows and their outbox entries as a server does that dies before it has applied any."""
    settings = config.load(_env_file=None, **{name.lower(): value for name, value in server.settings.items()})
    await plot.plant_rows(settings)
    database = await Database.open(settings)
    try:
        await marks.create_entries(database, "memo", memos)
    finally:
        await database.close()


def has_ended(process: Process) -> bool:
    return not process.running


def die(server: Server, times: int) -> None:
    """Start the server and wait until the entry has killed it."""
    for _ in range(times):
        process = Process([str(AIMO), "serve"], log=server.log, env=environment(server.settings), cwd=server.folder)
        eventually(partial(has_ended, process), timeout=90)
        process.kill()


def metric(server: Server, name: str) -> float:
    lines = server.client().http.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def logged_in(server: Server, uid: str) -> Client:
    client = server.client()
    client.token = token(uid)
    return client


def found(client: Client, word: str) -> set[str]:
    answer = client.post("/memos/search", {"query": word, "limit": 50}).data
    return {item["memoId"] for item in answer["items"]}


def test_an_entry_that_kills_every_process_is_set_aside_and_no_other(make_server: MakeServer) -> None:
    plot = Plot()
    uid = plot.user()
    innocent = [plot.memo(uid, f"innocent number {number}") for number in range(20)]
    fatal = plot.memo(uid, "the fatal one")
    server = make_server(fatal)
    asyncio.run(plant(server, plot, [(memo_id, uid) for memo_id in [*innocent[:10], fatal, *innocent[10:]]]))

    die(server, 3)
    server.start()
    client = logged_in(server, uid)
    new = client.post("/memos", {"content": "written meanwhile"}).data["memo"]["memoId"]
    assert new in found(client, "written meanwhile")

    eventually(lambda: metric(server, "aimo_outbox_waiting") == 0, timeout=20)
    assert metric(server, "aimo_outbox_set_aside") == 1
    assert found(client, "innocent") >= set(innocent)
    assert client.get(f"/memos/{fatal}").data["content"] == "the fatal one"
    assert fatal in {item["memoId"] for item in client.get("/memos", limit=50).data["items"]}
    assert server.running


def test_the_worst_texts_waiting_keep_nobody_from_being_answered(make_server: MakeServer) -> None:
    plot = Plot()
    author, other = plot.user(), plot.user()
    worst = [plot.memo(author, text) for text in ("a" + "\u0315\u0300" * 1_000_000, "\ufdfa" * 500_000)]
    innocent = plot.memo(other, "innocent")
    server = make_server("none")
    asyncio.run(plant(server, plot, [*((memo_id, author) for memo_id in worst), (innocent, other)]))

    started = time.monotonic()
    server.start()
    listening = time.monotonic() - started
    client = logged_in(server, other)
    longest = 0.0
    while metric(server, "aimo_outbox_waiting"):
        asked = time.monotonic()
        assert client.get("/memos").code == 0
        longest = max(longest, time.monotonic() - asked)
        assert asked - started < 60, server.log_tail()
    print(f"listened after {listening:.1f} s, all applied after {asked - started:.1f} s, longest wait {longest:.2f} s")
    assert longest < 1
    assert found(client, "innocent") == {innocent}
