"""A zip is sent while it is made, whatever its size."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from aimo.services.export.entries import Entry
from aimo.services.export.zip_stream import zipped

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 1024


async def _content(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield PIECE


async def _entries(files: int, pieces: int) -> AsyncIterator[Entry]:
    for number in range(files):
        yield Entry(f"attachments/{number}.bin", 0, pieces * len(PIECE), number % 2 == 1, _content(pieces))


async def test_memory_does_not_grow_with_what_is_exported() -> None:
    sent = 0
    tracemalloc.start()
    try:
        async for chunk in zipped(_entries(8, 32), "AIMO", ZoneInfo("UTC")):
            sent += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent > 32 * MIB
    assert peak < 4 * MIB


async def test_what_was_sent_is_a_zip_with_everything() -> None:
    content = b"".join([chunk async for chunk in zipped(_entries(3, 2), "AIMO", ZoneInfo("UTC"))])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"AIMO/attachments/{number}.bin" for number in range(3)]
        assert {archive.read(name) for name in archive.namelist()} == {PIECE * 2}
        # Before 1980 there is no time in a zip.
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
