"""The files of an export, one after another, whatever becomes of them (docs/export.md)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
import structlog

from aimo.clock import to_iso, to_ms
from aimo.services.export.collected import Collected
from aimo.services.export.markdown import render
from aimo.services.export.records import FORMAT, Document, ExportedAttachment
from aimo.storage.local import in_thread
from aimo.storage.protocol import ObjectMissingError, Storage

T = TypeVar("T")

log = structlog.get_logger(__name__)

_PIECE = 256 * 1024
_TOGETHER = 64
SUMMARY = "aimo.json"


@dataclass(frozen=True)
class Entry:
    """One file: ``modified`` in epoch milliseconds, ``size`` about its bytes.

    ``chunks`` must be used up before the next entry is asked for; it is None for a file that the caller has already.
    """

    path: str
    modified: int
    size: int
    is_text: bool
    chunks: AsyncIterator[bytes] | None


class Entries:
    """Makes the files of an export: attachments first, since ``memos.json`` tells their hashes."""

    def __init__(self, collected: Collected, storage: Storage, *, zone: ZoneInfo) -> None:
        self._collected = collected
        self._storage = storage
        self._zone = zone
        self._memos_json = hashlib.sha256()
        self.missing: list[str] = []
        """Names of the attachments whose files had been lost before."""

    async def all(self, known: Mapping[str, str] | None = None) -> AsyncIterator[Entry]:
        """Yield all files.

        Args:
            known: hashes of attachments that the caller has, by their paths: these are not read.

        Raises:
            StorageError: while iterating, when a file cannot be read.
        """
        for attachment in self._collected.attachments.values():
            if (digest := (known or {}).get(attachment.path)) is not None:
                attachment.sha256 = digest
                yield Entry(attachment.path, _ms(attachment.created_at), attachment.size, False, None)
                continue
            try:
                stored = await self._storage.open(self._collected.keys[attachment.id])
            except ObjectMissingError:
                attachment.missing = True
                self.missing.append(attachment.name)
                log.warning("the file of an attachment is missing", attachment=attachment.id)
                continue
            async with stored:
                chunks = _hashed(stored.chunks, attachment)
                yield Entry(attachment.path, _ms(attachment.created_at), stored.size, False, chunks)
        async for path, modified, text in self._notes():
            yield Entry(path, modified, len(text), True, _once(text))
        now = self._collected.exported_at
        spools = (self._collected.memos, self._collected.messages, self._collected.review_items)
        yield Entry("memos.json", now, sum(spool.size for spool in spools), True, self._document())
        summary = msgspec.json.format(msgspec.json.encode(self._summary()), indent=2) + b"\n"
        yield Entry(SUMMARY, now, len(summary), True, _once(summary))

    async def _notes(self) -> AsyncIterator[tuple[str, int, bytes]]:
        notes = self._rendered()
        while batch := await in_thread(_take, notes, _TOGETHER):
            for note in batch:
                yield note

    def _rendered(self) -> Iterator[tuple[str, int, bytes]]:
        collected = self._collected
        for memo in collected.memos:
            links = collected.options.links
            text = render(memo, collected.attachments, collected.paths, zone=self._zone, links=links)
            yield memo.path, _ms(memo.updated_at), text.encode("utf-8", "replace")

    async def _document(self) -> AsyncIterator[bytes]:
        pieces = self._pieces()
        while piece := b"".join(await in_thread(_take, pieces, 1)):
            self._memos_json.update(piece)
            yield piece

    def _pieces(self) -> Iterator[bytes]:
        """Yield ``memos.json`` in pieces, one line a record."""
        buffer = bytearray()
        for line in self._lines():
            buffer += line
            if len(buffer) >= _PIECE:
                yield bytes(buffer)
                buffer.clear()
        yield bytes(buffer)

    def _lines(self) -> Iterator[bytes]:
        collected = self._collected
        sections: dict[str, Iterable[bytes]] = {
            "categories": map(msgspec.json.encode, collected.categories),
            "tags": map(msgspec.json.encode, collected.tags),
            "attachments": map(msgspec.json.encode, collected.attachments.values()),
            "memos": collected.memos.lines(),
            "cards": map(msgspec.json.encode, collected.cards),
            "repetitionRules": map(msgspec.json.encode, collected.rules),
            "reviewProfiles": map(msgspec.json.encode, collected.profiles),
            "reviews": map(msgspec.json.encode, collected.reviews),
            "reviewItems": collected.review_items.lines(),
            "conversations": map(msgspec.json.encode, collected.conversations),
            "messages": collected.messages.lines(),
        }
        assert ["format", "user", *sections] == list(Document.__struct_encode_fields__)
        yield b'{"format":%d,"user":%s' % (FORMAT, msgspec.json.encode(collected.user))
        for name, records in sections.items():
            yield b',\n"%s":[' % name.encode()
            before = b"\n"
            for record in records:
                yield before + record
                before = b",\n"
            yield b"\n]"
        yield b"}\n"

    def _summary(self) -> dict[str, object]:
        collected = self._collected
        return {
            "format": FORMAT,
            "program": f"AIMO {version('aimo')}",
            "exportedAt": to_iso(collected.exported_at),
            "timeZone": self._zone.key,
            "complete": collected.options.trash and not collected.options.filtered,
            "memos": len(collected.paths),
            "attachments": len(collected.attachments),
            "missingAttachments": self.missing,
            "sha256": {"memos.json": self._memos_json.hexdigest()},
        }


async def _hashed(chunks: AsyncIterator[bytes], attachment: ExportedAttachment) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    attachment.sha256 = digest.hexdigest()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _take(items: Iterator[T], number: int) -> list[T]:
    return [item for _, item in zip(range(number), items, strict=False)]


def _ms(iso: str) -> int:
    return to_ms(datetime.fromisoformat(iso.removesuffix("Z")))
