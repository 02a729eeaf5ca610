"""Writes the file format of backups: a gzipped tar of NDJSON members and stored files (docs/backup.md)."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from aimo.services.backup.archive_validation import FILES, HEADER, MANIFEST
from aimo.services.backup.atomic_file import NewArchiveFile
from aimo.services.backup.format import (
    MOST_MEMBERS,
    PART_BYTES,
    DamagedArchiveError,
    Header,
    Member,
    Summary,
    longest_row,
)

_LEVEL = 3


class Writer:
    """Writes a backup in one go; it appears under its name only when it is complete."""

    def __init__(self, target: Path, header: Header) -> None:
        """Begin a file.

        Raises:
            OSError: it cannot be made or written to; then there is none.
        """
        # The list of members grows with the number of stored files, so it waits on the disk.
        self._listed = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115 (closed with the writer)
        self._members = 0
        self._files = 0
        self._parts: Counter[str] = Counter()
        self._rows: dict[str, int] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self.missing_files: list[str] = []
        try:
            self._new = NewArchiveFile(target)
        except BaseException:
            self._listed.close()
            raise
        try:
            self._gzip = gzip.GzipFile(filename="", fileobj=self._new.file, mode="wb", compresslevel=_LEVEL)
            self._tar = tarfile.TarFile(fileobj=self._gzip, mode="w", format=tarfile.PAX_FORMAT)
            self._add(HEADER, msgspec.json.encode(header))
        except BaseException:
            self._discard()
            raise

    def rows(self, table: str, rows: Sequence[dict[str, object]]) -> None:
        """Add rows of a table; those of one table follow each other.

        Raises:
            DamagedArchive: a row is longer than one that can be restored.
        """
        self._rows.setdefault(table, 0)
        self._rows[table] += len(rows)
        for row in rows:
            line = msgspec.json.encode(row)
            if len(line) > longest_row(table):
                raise DamagedArchiveError(f"a row of {table} has {len(line)} bytes, too many to be restored")
            self._pending.append(line)
            self._pending_bytes += len(line)
            if self._pending_bytes >= PART_BYTES:
                self.end_of(table)

    def end_of(self, table: str) -> None:
        """Note that all rows of a table are there."""
        self._rows.setdefault(table, 0)
        if self._pending:
            name = f"{table}/{self._parts[table]:06d}.ndjson"
            self._parts[table] += 1
            lines = self._pending
            self._pending, self._pending_bytes = [], 0
            self._add(name, b"\n".join(lines) + b"\n", rows=len(lines))

    async def file(self, key: str, size: int, chunks: AsyncIterator[bytes]) -> None:
        """Add a stored file."""
        digest, written = hashlib.sha256(), 0
        name = f"{FILES}{key}"
        self._tar.addfile(_info(name, size))
        async for chunk in chunks:
            digest.update(chunk)
            written += len(chunk)
            self._gzip.write(chunk)
        if written != size:
            raise DamagedArchiveError(f"the stored file {key} changed while it was read")
        self._gzip.write(b"\0" * (-size % tarfile.BLOCKSIZE))
        self._tar.offset += size + -size % tarfile.BLOCKSIZE
        self._files += 1
        self._list(Member(name=name, bytes=size, sha256=digest.hexdigest()))

    def finish(self) -> Summary:
        """Add the manifest, make everything durable and give the file its name.

        Raises:
            ConfigurationError: there is a file of that name by now, which stays.
            OSError: the disk is full, or fails.
        """
        self._listed.write(b'],"rows":' + msgspec.json.encode(self._rows))
        self._listed.write(b',"missing_files":' + msgspec.json.encode(self.missing_files) + b"}")
        size = self._listed.tell()
        self._listed.seek(0)
        self._tar.addfile(_info(MANIFEST, size), self._listed)
        self._tar.close()
        self._gzip.close()
        self._new.publish()
        return Summary(rows=self._rows, files=self._files, missing_files=self.missing_files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        self._new.discard()
        # Closing writes what is left, which a full disk refuses.
        with suppress(OSError):
            self._listed.close()

    def _add(self, name: str, content: bytes, *, rows: int | None = None) -> None:
        self._tar.addfile(_info(name, len(content)), io.BytesIO(content))
        digest = hashlib.sha256(content).hexdigest()
        self._list(Member(name=name, bytes=len(content), sha256=digest, rows=rows))

    def _list(self, member: Member) -> None:
        self._tar.members.clear()  # type: ignore[attr-defined]
        if self._members >= MOST_MEMBERS:
            raise DamagedArchiveError(f"there are more than {MOST_MEMBERS} parts and files, too many to be restored")
        self._listed.write(b"," if self._members else b'{"members":[')
        self._listed.write(msgspec.json.encode(member))
        self._members += 1


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info
