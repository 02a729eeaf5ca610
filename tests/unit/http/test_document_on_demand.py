"""The API's document is made when somebody asks, and once."""

from __future__ import annotations

import asyncio
import threading

from aimo.http.output.openapi import DocumentOnDemand


async def test_the_document_is_made_once_outside_the_event_loop_however_many_ask() -> None:
    made: list[threading.Thread] = []

    def make() -> dict[str, object]:
        made.append(threading.current_thread())
        return {"openapi": "3.1.0"}

    document = DocumentOnDemand(make)
    assert made == []
    answers = await asyncio.gather(*(document.get() for _ in range(5)))
    assert answers == [{"openapi": "3.1.0"}] * 5
    assert len(made) == 1
    assert made[0] is not threading.main_thread()


async def test_a_document_that_could_not_be_made_is_tried_again() -> None:
    calls: list[int] = []

    def make() -> dict[str, object]:
        calls.append(len(calls))
        if len(calls) == 1:
            raise MemoryError("first")
        return {"openapi": "3.1.0"}

    document = DocumentOnDemand(make)
    [failed] = await asyncio.gather(document.get(), return_exceptions=True)
    assert isinstance(failed, MemoryError)
    assert await document.get() == {"openapi": "3.1.0"}
