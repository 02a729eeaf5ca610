"""Tables whose files are missing or broken are recreated, and no others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lancedb
import numpy as np
import pytest

from aimo.vectors import damage
from aimo.vectors.errors import DamagedTableError, VectorStoreError
from aimo.vectors.store import VectorStore

from .conftest import OpenStore

ROWS = 300


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two looks follow each other at once: nothing here is only passing."""
    monkeypatch.setattr(damage, "_PAUSE_SECONDS", 0.0)


async def _fill(store: VectorStore, rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(ROWS, 8)).astype(np.float32)
    await store.memo_vectors.upsert([(f"m{row}", "u", vectors[row]) for row in range(ROWS)])
    await store.memo_texts.upsert([(f"m{row}", "u", f"text number {row}") for row in range(ROWS)])
    await store.embedding_cache.put_many("hash", {f"text {row}": vectors[row] for row in range(ROWS)})
    await store.optimize()


def _gone(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _overwritten(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def _current(folder: Path, table: str) -> list[Path]:
    """Data files and those of indexes, without what only older versions know."""
    home = folder / "lancedb" / f"{table}.lance"
    return [file for part in ("data", "_indices") for file in sorted((home / part).rglob("*")) if file.is_file()]


@pytest.mark.parametrize("harm", [_gone, _cut, _empty, _overwritten])
@pytest.mark.parametrize("table", ["memo_vectors", "memo_texts", "embedding_cache"])
async def test_a_damaged_table_is_recreated_for_all_handles(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path, table: str, harm: Callable[[Path], None]
) -> None:
    writer, other = await open_store(), await open_store()
    await _fill(writer, rng)
    assert await other.memo_vectors.count() == ROWS
    for file in _current(tmp_path, table):
        harm(file)
    assert await writer.recreate_damaged_tables() == [table]
    assert await writer.recreate_damaged_tables() == []
    left = {each.name: await each.count_rows() for each in other.tables}
    expected = {"memo_vectors": ROWS, "memo_texts": ROWS, "embedding_cache": ROWS, table: 0}
    assert {name: left[name] for name in expected} == expected
    await _fill(writer, rng)
    assert len(await other.memo_texts.containing("u", ["number 1"])) == 111
    assert len(await other.memo_vectors.search("u", np.ones(8), 10)) == 10
    assert len(await other.embedding_cache.get_many("hash", ["text 1", "text 2"])) == 2


async def test_a_lost_index_alone_is_damage(open_store: OpenStore, rng: np.random.Generator, tmp_path: Path) -> None:
    store = await open_store()
    await _fill(store, rng)
    for file in (tmp_path / "lancedb" / "memo_vectors.lance" / "_indices").rglob("*.lance"):
        file.unlink()
    assert await store.recreate_damaged_tables() == ["memo_vectors"]


async def test_readable_tables_are_not_touched(store: VectorStore, rng: np.random.Generator) -> None:
    await _fill(store, rng)
    before = [await table.handle.version() for table in store.tables]
    assert await store.recreate_damaged_tables() == []
    assert [await table.handle.version() for table in store.tables] == before


async def test_a_transient_failure_empties_nothing(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path
) -> None:
    store = await open_store()
    await _fill(store, rng)
    for file in _current(tmp_path, "memo_texts"):
        file.rename(f"{file}.away")
        file.symlink_to(file.name)
    with pytest.raises(VectorStoreError, match="Too many levels") as raised:
        await store.recreate_damaged_tables()
    assert not isinstance(raised.value, DamagedTableError)
    for file in _current(tmp_path, "memo_texts"):
        if file.suffix == ".away":
            file.rename(file.with_suffix(""))
    assert await (await open_store()).memo_texts.count() == ROWS


@pytest.mark.parametrize("mend", [True, False])
async def test_a_table_that_cannot_be_opened_is_dropped_only_on_demand(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path, mend: bool
) -> None:
    store = await open_store()
    await _fill(store, rng)
    stranger = await lancedb.connect_async(str(tmp_path / "lancedb"))
    await stranger.create_table("notes", data=[{"id": 1}])
    for table in ("memo_vectors", "notes"):
        for file in (tmp_path / "lancedb" / f"{table}.lance" / "_versions").glob("*.manifest"):
            _empty(file)
    if mend:
        assert await (await open_store(mend=True)).memo_vectors.count() == 0
        await store.raise_fence()
        await _fill(store, rng)
        assert await store.memo_vectors.count() == ROWS
    else:
        with pytest.raises(DamagedTableError, match="aimo sync rebuild"):
            await open_store()
    assert (tmp_path / "lancedb" / "notes.lance").is_dir()
