"""Folding what is stored takes no thread from what users send."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from aimo.config import Settings
from aimo.folding import fold
from aimo.runtime import Runtime
from aimo.threads import TEXTS
from aimo.vectors import text_table

LONG = 100_000


async def test_stored_texts_that_fold_for_ever_keep_no_request_waiting_for_a_thread(
    settings: Callable[..., Settings], migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def endless(text: str) -> str:
        if len(text) >= LONG:
            go_on.wait(60)
        return fold(text)

    monkeypatch.setattr(text_table, "fold", endless)
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        await runtime.stores.vectors.raise_fence()
        texts = runtime.stores.vectors.memo_texts
        folding = [asyncio.create_task(texts.upsert([(f"m{i}", "u", "é" * LONG)])) for i in range(2)]
        try:
            await asyncio.sleep(0.2)
            async with asyncio.timeout(5):
                assert await TEXTS.run(fold, "Straße") == "strasse"
            assert not any(each.done() for each in folding)
        finally:
            go_on.set()
            await asyncio.gather(*folding)
