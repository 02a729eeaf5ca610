from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from tests.integration.vectors.conftest import OpenStore, same_vector

from aimo.errors import ConfigurationError
from aimo.vectors.creation_lock import creation_lock
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore
from aimo.vectors.table import LanceTable

VECTOR = np.arange(1, 9)

OPEN_AT = """
import asyncio, sys, time
from aimo.vectors.store import VectorStore

async def main():
    time.sleep(max(0.0, float(sys.argv[2]) - time.time()))
    store = await VectorStore.open(sys.argv[1], model="m", dimension=8)
    await store.close()

asyncio.run(main())
"""


async def indexes(table: LanceTable) -> dict[str, str]:
    return {index.columns[0]: index.index_type for index in await table.handle.list_indices()}


async def test_a_new_store_has_five_tables_with_their_scalar_indexes(store: VectorStore) -> None:
    assert [table.name for table in store.tables] == [
        "memo_vectors",
        "attachment_vectors",
        "memo_texts",
        "embedding_cache",
        "multimodal_embedding_cache",
    ]
    assert await indexes(store.memo_vectors) == {"memoId": "BTree", "uid": "BTree"}
    assert await indexes(store.attachment_vectors) == {"attachmentId": "BTree", "uid": "BTree"}
    assert await indexes(store.memo_texts) == {"memoId": "BTree", "uid": "BTree", "content": "FTS"}
    assert await indexes(store.embedding_cache) == {"contentHash": "BTree", "modelHash": "BTree"}
    assert await indexes(store.multimodal_cache) == {
        "contentHash": "BTree",
        "modelHash": "BTree",
        "modalityType": "Bitmap",
    }


async def test_the_caches_have_the_columns_of_the_existing_server(store: VectorStore) -> None:
    def required(name: str, kind: pa.DataType) -> pa.Field:
        return pa.field(name, kind, nullable=False)

    created_at = required("createdAt", pa.timestamp("ms"))
    hashes = [required("modelHash", pa.string()), required("contentHash", pa.string())]
    assert await store.embedding_cache.handle.schema() == pa.schema(
        [*hashes, required("embedding", pa.list_(pa.float32(), 8)), created_at]
    )
    modality = required("modalityType", pa.string())
    assert await store.multimodal_cache.handle.schema() == pa.schema(
        [*hashes, modality, required("embedding", pa.list_(pa.float32(), 1024)), created_at]
    )


async def test_what_was_written_is_there_after_opening_again(open_store: OpenStore) -> None:
    store = await open_store(model="模型-é")
    await store.memo_vectors.upsert([("m1", "u", VECTOR)])
    await store.memo_texts.upsert([("m1", "u", "text")])
    await store.optimize()
    await store.close()
    again = await open_store(model="模型-é")
    assert again.memo_vectors.matches("模型-é", 8)
    assert same_vector(await again.memo_vectors.get("u", "m1"), VECTOR)
    assert await again.memo_texts.containing("u", ["tex"]) == ["m1"]


async def test_a_vector_table_keeps_its_model_when_another_is_configured(open_store: OpenStore) -> None:
    await (await open_store(model="old", dimension=8)).memo_vectors.upsert([("m1", "u", VECTOR)])
    table = (await open_store(model="new", dimension=4)).memo_vectors
    assert (table.model, table.dimension) == ("old", 8)
    assert table.matches("old", 8)
    assert not table.matches("new", 4)
    assert not table.matches("old", 4)
    assert await table.count() == 1


async def test_recreating_moves_a_table_to_another_model(open_store: OpenStore) -> None:
    store, beside = await open_store(), await open_store()
    table = store.memo_vectors
    await table.upsert([("m1", "u", VECTOR)])
    await table.recreate("bigger", 16)
    assert table.matches("bigger", 16)
    assert await table.count() == 0
    assert await indexes(table) == {"memoId": "BTree", "uid": "BTree"}
    await table.upsert([("m1", "u", np.ones(16))])
    await store.optimize()

    await beside.memo_vectors.refresh()
    assert beside.memo_vectors.matches("bigger", 16)
    assert [hit.id for hit in await beside.memo_vectors.search("u", np.ones(16), 5)] == ["m1"]
    assert (await open_store()).memo_vectors.matches("bigger", 16)


async def test_another_dimension_gets_a_cache_of_its_own_and_the_old_rows_stay(open_store: OpenStore) -> None:
    await (await open_store(dimension=8)).embedding_cache.put_many("h8", {"text": VECTOR})
    smaller = await open_store(dimension=4)
    await smaller.embedding_cache.put_many("h4", {"text": np.ones(4)})
    assert (await smaller.embedding_cache.get_many("h4", ["text"]))["text"].shape == (4,)
    assert smaller.embedding_cache.name == "embedding_cache_4"
    back = await open_store(dimension=8)
    assert np.array_equal((await back.embedding_cache.get_many("h8", ["text"]))["text"], VECTOR)
    old = await smaller.text_cache(8)
    assert np.array_equal((await old.get_many("h8", ["text"]))["text"], VECTOR)


async def test_processes_that_open_at_the_same_moment_all_succeed(tmp_path: Path) -> None:
    start = str(time.time() + 2)
    uri = tmp_path / "lancedb"
    command = [sys.executable, "-c", OPEN_AT, str(uri), start]
    processes = [await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE) for _ in range(4)]
    for process in processes:
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
    store = await VectorStore.open(uri, model="m", dimension=8)
    assert await indexes(store.memo_texts) == {"memoId": "BTree", "uid": "BTree", "content": "FTS"}
    assert len(list(await store.memo_texts.handle.list_indices())) == 3
    await store.close()


async def test_only_one_process_at_a_time_creates_tables(tmp_path: Path) -> None:
    async with creation_lock(str(tmp_path)):
        opening = asyncio.create_task(VectorStore.open(tmp_path, model="m", dimension=8))
        await asyncio.sleep(0.5)
        assert not list(tmp_path.glob("*.lance"))
        assert not opening.done()
    store = await asyncio.wait_for(opening, 30)
    assert len(list(tmp_path.glob("*.lance"))) == 5
    await store.close()


async def test_a_table_of_another_program_is_refused_with_a_hint(tmp_path: Path) -> None:
    connection = await lancedb.connect_async(str(tmp_path / "lancedb"))
    await connection.create_table("memo_vectors", pa.table({"something": ["else"]}))
    with pytest.raises(ConfigurationError, match=r"memo_vectors.*LANCEDB_PATH"):
        await VectorStore.open(tmp_path / "lancedb", model="m", dimension=8)


async def test_a_folder_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VectorStoreError):
        await VectorStore.open(tmp_path / "file" / "lancedb", model="m", dimension=8)
