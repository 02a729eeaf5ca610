"""Vectors of attached pictures: made, cached, replaced and removed, whatever the provider does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.stub import Stub

from aimo.ai.dashscope import DashScopeEmbedder
from aimo.config import Settings
from aimo.dto.users import RegisterBody
from aimo.errors import ProviderError
from aimo.runtime import Runtime
from aimo.services.attachments.service import NewAttachment
from aimo.services.sync import rebuild
from aimo.vectors.hashes import MultimodalContent

Make = Callable[..., Settings]
CALL = "POST /services/embeddings/multimodal-embedding/multimodal-embedding"


@asynccontextmanager
async def running(make: Make, stub: Stub, **more: Any) -> AsyncIterator[Runtime]:
    switched_on = {"MULTIMODAL_EMBEDDING_ENABLED": True, "DASHSCOPE_API_KEY": "key", "EMBEDDER": "local"}
    async with Runtime(make(**{**stub.settings(), **switched_on, **more})) as runtime:
        yield runtime


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def upload(runtime: Runtime, uid: str, data: bytes = b"\x89PNG", kind: str = "image/png") -> str:
    path = Path(runtime.services.storage.scratch) / "upload"
    path.write_bytes(data)
    file = NewAttachment(filename="x.png", content_type=kind, size=len(data), path=path)
    return (await runtime.services.attachments.create(uid, file)).attachment_id


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def stored(runtime: Runtime, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        waiting = (await runtime.services.sync.status()).waiting
        return waiting == 0 and await runtime.stores.vectors.attachment_vectors.count() == count

    return check


def calls(stub: Stub) -> int:
    return int(stub.stats()["requests"].get(CALL, 0))


async def test_uploaded_images_get_a_vector_until_they_are_deleted(
    settings: Make, migrated_database: dict[str, str], stub: Stub
) -> None:
    async with running(settings, stub, **migrated_database) as runtime:
        alice = await user(runtime)
        picture = await upload(runtime, alice)
        await upload(runtime, alice, b"text", "text/plain")
        await until(stored(runtime, 1))
        table = runtime.stores.vectors.attachment_vectors
        vector = await table.get(alice, picture)
        assert vector is not None
        assert vector.shape == (1024,)
        assert table.matches("qwen3-vl-embedding", 1024)
        assert [hit.id for hit in await table.search(alice, vector, 5)] == [picture]
        row = (await runtime.services.table_browser.rows("attachments", 1, 10)).data
        assert len([item for item in row if item["multimodalModelHash"]]) == 1
        await runtime.services.attachments.delete(alice, picture)
        await until(stored(runtime, 0))
    assert calls(stub) == 1


async def test_the_same_picture_is_embedded_once(settings: Make, stub: Stub) -> None:
    async with running(settings, stub) as runtime:
        alice = await user(runtime)
        await upload(runtime, alice, b"same")
        await until(stored(runtime, 1))
        await upload(runtime, alice, b"same")
        await until(stored(runtime, 2))
        assert calls(stub) == 1
        await rebuild.request(runtime.services.database)
        await asyncio.sleep(0.3)
        await until(stored(runtime, 2))
    assert calls(stub) == 1


async def test_uploading_does_not_wait_for_the_provider_which_may_be_down(settings: Make, stub: Stub) -> None:
    stub.configure(fail_rate=1.0)
    async with running(settings, stub) as runtime:
        alice = await user(runtime)
        async with asyncio.timeout(1.5):
            await upload(runtime, alice)

        async def noticed() -> bool:
            return (await runtime.services.sync.status()).attempts > 0

        await until(noticed)
        error = (await runtime.services.sync.status()).last_error
        assert error == "DashScope API call failed: HTTP 500: stub fails this request on purpose"
        stub.configure(fail_rate=0.0)
        await until(stored(runtime, 1))


async def test_an_outage_of_one_provider_does_not_hold_up_the_other(settings: Make, stub: Stub) -> None:
    stub.configure(fail_rate=1.0)
    async with running(settings, stub) as runtime:
        from aimo.dto.memos import MemoBody

        alice = await user(runtime)
        await upload(runtime, alice)
        memo = (await runtime.services.memos.create(alice, MemoBody(content="hello"))).memo_id
        assert await runtime.stores.vectors.memo_vectors.get(alice, memo) is not None


async def test_a_refused_picture_stops_no_other(settings: Make, stub: Stub) -> None:
    async with running(settings, stub, MULTIMODAL_EMBEDDING_ENABLED=False) as runtime:
        alice = await user(runtime)
        gone = await upload(runtime, alice, b"gone")
        row = (await runtime.services.table_browser.rows("attachments", 1, 1)).data[0]
        await runtime.services.storage.delete(str(row["path"]))
    async with running(settings, stub) as runtime:
        await rebuild.request(runtime.services.database)
        good = await upload(runtime, alice, b"good")

        async def embedded() -> bool:
            return await runtime.stores.vectors.attachment_vectors.get(alice, good) is not None

        await until(embedded)
        assert await runtime.stores.vectors.attachment_vectors.get(alice, gone) is None


async def test_switched_off_nothing_is_embedded_and_old_vectors_go_with_a_rebuild(settings: Make, stub: Stub) -> None:
    async with running(settings, stub) as runtime:
        alice = await user(runtime)
        await upload(runtime, alice)
        await until(stored(runtime, 1))
    async with running(settings, stub, MULTIMODAL_EMBEDDING_ENABLED=False) as runtime:
        await upload(runtime, alice, b"other")
        await until(stored(runtime, 1))
        await rebuild.request(runtime.services.database)
        await until(stored(runtime, 0))
    assert calls(stub) == 1


async def test_vectors_move_to_another_model_with_a_rebuild(settings: Make, stub: Stub) -> None:
    async with running(settings, stub) as runtime:
        alice = await user(runtime)
        picture = await upload(runtime, alice)
        await until(stored(runtime, 1))
    moved = {"MULTIMODAL_EMBEDDING_MODEL": "tongyi-embedding-vision-flash", "MULTIMODAL_EMBEDDING_DIMENSION": 256}
    async with running(settings, stub, **moved) as runtime:
        await rebuild.request(runtime.services.database)
        table = runtime.stores.vectors.attachment_vectors

        async def arrived() -> bool:
            return table.dimension == 256 and await stored(runtime, 1)()

        await until(arrived)
        assert (await table.get(alice, picture)) is not None


async def test_provider_is_asked_as_the_contract_says(stub: Stub) -> None:
    embedder = DashScopeEmbedder(f"{stub.url}/api/v1", "key", "qwen3-vl-embedding", dimension=512)
    contents = [MultimodalContent(text="cat"), MultimodalContent(video="https://example.org/cat.mp4")]
    vectors = await embedder.embed(contents)
    assert vectors.shape == (2, 512)
    assert vectors.dtype == np.float32
    assert not np.allclose(vectors[0], vectors[1])
    with pytest.raises(ProviderError, match="DashScope API call failed: several images"):
        await embedder.embed([MultimodalContent(multi_images=("a", "b"))])
    with pytest.raises(ProviderError) as refused:
        await embedder.embed([MultimodalContent(text="[[stub:400]]")])
    assert not refused.value.retryable
    await embedder.close()
    keyless = DashScopeEmbedder(stub.url, "", "qwen3-vl-embedding")
    with pytest.raises(ProviderError, match=r"^DASHSCOPE_API_KEY is not configured$"):
        await keyless.embed(contents)
    await keyless.close()
