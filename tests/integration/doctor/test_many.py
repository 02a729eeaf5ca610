"""The doctor on a large installation: how long it takes, and that its memory does not grow with what it looks at."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.seeding import Plot
from tests.support.server import AIMO, environment

from aimo import config
from aimo.db.queries import rebuild as rebuild_queries
from aimo.db.schema import Attachments, Memos
from aimo.runtime import Runtime
from aimo.services.sync import outbox as entries
from aimo.services.sync import rebuild
from aimo.vectors.hashes import text_model_hash

MANY, FEW = 50_000, 500
_CHUNK = 2000
# What more it may use on the large installation than on the small one.
_MORE_MIB = 150.0


def furnish(settings: config.Settings, memos: int) -> None:
    """Users with memos that LanceDB knows, their vectors in the cache too, and a stored file for every tenth."""
    plot = Plot()
    users = [plot.user() for _ in range(10)]
    tags = {uid: [plot.tag(uid, f"tag {number}") for number in range(20)] for uid in users}
    for number in range(memos):
        uid = users[number % 10]
        files = [plot.attachment(uid)] if number % 10 == 0 else []
        plot.memo(uid, f"memo {number}, 第{number}条", tag_ids=[tags[uid][number % 20]], attachments=files)
    for row in plot.rows[Attachments]:
        file = settings.attachments_dir / row["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 9)
    asyncio.run(plot.plant_rows(settings))
    asyncio.run(_index(settings, plot.rows[Memos]))


async def _index(settings: config.Settings, rows: list[dict[str, Any]]) -> None:
    chance = np.random.default_rng(1)
    async with Runtime(settings, worker=False) as runtime:
        stores, embedder = runtime.stores, runtime.stores.embeddings.embedder
        vectors = stores.vectors
        await vectors.raise_fence()
        for chunk in _chunks(rows):
            made = chance.normal(size=(len(chunk), embedder.dimension)).astype(np.float32)
            uids = [row["uid"] for row in chunk]
            await vectors.memo_texts.upsert([(row["memo_id"], row["uid"], row["content"]) for row in chunk])
            await vectors.memo_vectors.upsert_arrays([row["memo_id"] for row in chunk], uids, made)
            known = {row["content"]: vector for row, vector in zip(chunk, made, strict=True)}
            await vectors.embedding_cache.put_many(text_model_hash(embedder.model, embedder.dimension), known)
        await vectors.optimize()


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def examine(folder: Path, values: dict[str, str]) -> tuple[float, float]:
    """Seconds and MiB that `aimo doctor` takes to find nothing wrong."""
    told, started, most = folder / "doctor.txt", time.monotonic(), 0.0
    with told.open("wb") as out:
        process = subprocess.Popen(
            [str(AIMO), "doctor"], env=environment(values), cwd=folder, stdout=out, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            most = max(most, _peak_mib(process.pid))
            time.sleep(0.05)
    text = told.read_text(encoding="utf-8")
    assert process.returncode == 0, text
    assert text.count("holds") == 9, text
    return time.monotonic() - started, most


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


@pytest.mark.long
def test_fifty_thousand_memos_take_little_time_and_no_more_memory(
    settings: Callable[..., config.Settings], database: dict[str, str], tmp_path: Path
) -> None:
    few = {"AIMO_DATA_DIR": str(tmp_path / "few")}
    furnish(settings(**few), FEW)
    many = {**database, "AIMO_DATA_DIR": str(tmp_path / "many")}
    chosen = settings(**many)
    furnish(chosen, MANY)
    _, usual = examine(tmp_path, few)
    seconds, used = examine(tmp_path, many)
    print(f"{MANY} memos in step: {seconds:.1f} s, {used:.0f} MiB; {FEW} memos: {usual:.0f} MiB")
    assert used < usual + _MORE_MIB
    assert seconds < 120
    asyncio.run(_enqueue_everything(chosen))
    seconds, used = examine(tmp_path, many)
    print(f"{MANY} memos without their vectors, all marked: {seconds:.1f} s, {used:.0f} MiB")
    assert used < usual + _MORE_MIB
    assert seconds < 120


async def _enqueue_everything(settings: config.Settings) -> None:
    """As after `aimo sync rebuild` for another model, before anything is applied."""
    async with Runtime(settings, worker=False) as runtime:
        stores = runtime.stores
        await rebuild.request(stores.database)
        await stores.vectors.raise_fence()
        embedder, table = stores.embeddings.embedder, stores.vectors.memo_vectors
        await table.recreate(embedder.model, embedder.dimension)
        async for chunk in rebuild.iterate_all(stores.database, rebuild_queries.next_memos):
            await entries.create_entries(stores.database, "memo", chunk)
        async with stores.database.reads() as connection:
            await connection.exec_driver_sql("DELETE FROM outbox_entries WHERE kind = 'rebuild'")
