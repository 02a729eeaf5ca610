"""A zip that is sent while it is made: nothing of it is kept."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from aimo.services.export.entries import Entry
from aimo.services.export.file_names import local
from aimo.storage.local import in_thread

_PIECE = 256 * 1024
# From 2 GiB on the larger form is needed; a file may turn out to be longer than it was said to be.
_LARGE = 1024**3
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LATEST = (2107, 12, 31, 23, 59, 58)


class _Sink:
    """What the library writes to: it cannot be wound back."""

    def __init__(self) -> None:
        self._pieces = bytearray()

    def write(self, data: bytes) -> int:
        self._pieces += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: everything is taken by `take`."""

    def __len__(self) -> int:
        return len(self._pieces)

    def take(self) -> bytes:
        taken = bytes(self._pieces)
        self._pieces.clear()
        return taken


async def zipped(entries: AsyncIterator[Entry], folder: str, zone: ZoneInfo) -> AsyncIterator[bytes]:
    """Yield the bytes of a zip whose files lie in one folder. Attachments are not compressed: most are already."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        async for entry in entries:
            assert entry.chunks is not None
            info = zipfile.ZipInfo(f"{folder}/{entry.path}", _date(entry.modified, zone))
            info.compress_type = zipfile.ZIP_DEFLATED if entry.is_text else zipfile.ZIP_STORED
            info.external_attr = 0o100644 << 16
            with archive.open(info, "w", force_zip64=entry.size > _LARGE) as file:
                async for chunk in entry.chunks:
                    if len(chunk) > _PIECE // 4:
                        await in_thread(file.write, chunk)
                    else:
                        file.write(chunk)
                    if len(sink) >= _PIECE:
                        yield sink.take()
                        await asyncio.sleep(0)
    yield sink.take()


def _date(ms: int, zone: ZoneInfo) -> tuple[int, int, int, int, int, int]:
    moment = local(ms, zone)
    fields = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return min(max(fields, _EARLIEST), _LATEST)
