"""The file format of backups: a gzipped tar of NDJSON members and stored files (docs/backup.md)."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from aimo.services.backup.contents import (
    FILES,
    HEADER,
    MANIFEST,
    holds_rows,
    require_contents,
    require_member,
    require_table,
)
from aimo.services.backup.new_file import NewFile

FORMAT = 1
_LEVEL = 3
_MEMBER_BYTES = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
# What is read in one piece; a manifest of this length names millions of files.
_LONGEST = {HEADER: 64 * 1024}
_LONGEST_MEMBER = 1024 * 1024 * 1024


class DamagedArchive(Exception):
    """A backup that is not complete and unchanged; the text says what is wrong."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known before anything else is read."""

    format: int
    aimo: str
    schema: str
    created_at: int
    database: str
    model: str
    dimension: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member: its length in bytes, SHA-256, and rows where it holds some."""

    name: str
    bytes: int
    sha256: str
    rows: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All members in their order, and the number of rows by table."""

    members: list[Member]
    rows: dict[str, int]
    missing_files: list[str]


class Writer:
    """Writes a backup in one go; it appears under its name only when it is complete."""

    def __init__(self, target: Path, header: Header) -> None:
        """Begin a file.

        Raises:
            OSError: it cannot be made or written to; then there is none.
        """
        self._members: list[Member] = []
        self._rows: dict[str, int] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self.missing_files: list[str] = []
        self._new = NewFile(target)
        try:
            self._gzip = gzip.GzipFile(filename="", fileobj=self._new.file, mode="wb", compresslevel=_LEVEL)
            self._tar = tarfile.TarFile(fileobj=self._gzip, mode="w", format=tarfile.PAX_FORMAT)
            self._add(HEADER, msgspec.json.encode(header))
        except BaseException:
            self._new.discard()
            raise

    def rows(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows of a table; those of one table follow each other."""
        self._rows.setdefault(table, 0)
        self._rows[table] += len(rows)
        for row in rows:
            self._pending.append(msgspec.json.encode(row))
            self._pending_bytes += len(self._pending[-1])
            if self._pending_bytes >= _MEMBER_BYTES:
                self.end_of(table)

    def end_of(self, table: str) -> None:
        """All rows of a table are there."""
        self._rows.setdefault(table, 0)
        if self._pending:
            number = sum(member.name.startswith(f"{table}/") for member in self._members)
            lines = self._pending
            self._pending, self._pending_bytes = [], 0
            self._add(f"{table}/{number:06d}.ndjson", b"\n".join(lines) + b"\n", rows=len(lines))

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
            raise DamagedArchive(f"the stored file {key} changed while it was read")
        self._gzip.write(b"\0" * (-size % tarfile.BLOCKSIZE))
        self._tar.offset += size + -size % tarfile.BLOCKSIZE
        self._tar.members.clear()  # type: ignore[attr-defined]
        self._members.append(Member(name=name, bytes=size, sha256=digest.hexdigest()))

    def finish(self) -> Manifest:
        """Add the manifest, make everything durable and give the file its name.

        Raises:
            ConfigurationError: there is a file of that name by now, which stays.
            OSError: the disk is full, or fails.
        """
        manifest = Manifest(members=list(self._members), rows=self._rows, missing_files=self.missing_files)
        self._add(MANIFEST, msgspec.json.encode(manifest))
        self._tar.close()
        self._gzip.close()
        self._new.publish()
        return manifest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._new.discard()

    def _add(self, name: str, content: bytes, *, rows: int | None = None) -> None:
        self._tar.addfile(_info(name, len(content)), io.BytesIO(content))
        self._tar.members.clear()  # type: ignore[attr-defined]
        if name != MANIFEST:
            digest = hashlib.sha256(content).hexdigest()
            self._members.append(Member(name=name, bytes=len(content), sha256=digest, rows=rows))


class Reader:
    """Reads a backup from its beginning, as often as wanted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def header(self) -> Header:
        """What the backup is of.

        Raises:
            DamagedArchive: it is no backup.
        """
        with _damage_told(self._path):
            for name, stream in self._members():
                if name != HEADER:
                    break
                header: Header = _decoded(_whole(name, stream), Header, HEADER)
                if header.format < 1:
                    raise DamagedArchive(f"there is no format {header.format}")
                return header
        raise DamagedArchive(f"{self._path} is no backup of AIMO")

    def verify(self, *, older: bool) -> Manifest:
        """Read everything, see that it can be restored, and compare it with the manifest.

        ``older`` says that columns which came with later releases may be missing.

        Raises:
            DamagedArchive: something is missing, added or changed, or is nothing that a backup has.
        """
        with _damage_told(self._path):
            try:
                return self._verify(older)
            except ValueError as error:
                raise DamagedArchive(str(error)) from error

    def _verify(self, older: bool) -> Manifest:
        seen: list[Member] = []
        names: dict[str, Member] = {}
        manifest = None
        for name, stream in self._members():
            if manifest or (name == HEADER) == bool(seen):
                raise DamagedArchive(f"{name!r} is where it does not belong")
            require_member(name)
            if name == MANIFEST:
                manifest = _decoded(_whole(name, stream), Manifest, MANIFEST)
                continue
            member = _examined(name, stream, older=older)
            # Rows that name the same file have it here once each.
            if name in names and (member != names[name] or not name.startswith(FILES)):
                raise DamagedArchive(f"{name!r} is there twice")
            names[name] = member
            seen.append(member)
        if manifest is None:
            raise DamagedArchive("the end is missing")
        return _agreeing(seen, manifest)

    def tables(self, prefix: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """The rows under a prefix, a member at a time, with the name of their table."""
        for name, stream in self._members():
            if name.startswith(prefix) and name.endswith(".ndjson"):
                table = name.removeprefix(prefix).rpartition("/")[0]
                yield table, _rows(name, _whole(name, stream))

    def files(self) -> Iterator[tuple[str, IO[bytes]]]:
        """The stored files by key; each can be read until the next is asked for."""
        for name, stream in self._members():
            if name.startswith(FILES):
                yield name.removeprefix(FILES), stream

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        with tarfile.open(self._path, mode="r|gz") as tar:
            for info in tar:
                stream = tar.extractfile(info) if info.isreg() and not info.issparse() else None
                if stream is None:
                    raise DamagedArchive(f"{info.name} is no plain file")
                yield info.name, stream
                tar.members = []  # type: ignore[attr-defined]


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """What the libraries raise for files that are cut short or none of theirs becomes a DamagedArchive."""
    try:
        yield
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise DamagedArchive(f"{path} cannot be read: {error}") from error


def _examined(name: str, stream: IO[bytes], *, older: bool) -> Member:
    if holds_rows(name):
        content = _whole(name, stream)
        rows = _rows(name, content)
        require_contents(name, rows, older=older)
        return Member(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), rows=len(rows))
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return Member(name=name, bytes=size, sha256=digest.hexdigest())


def _whole(name: str, stream: IO[bytes]) -> bytes:
    most = _LONGEST.get(name, _LONGEST_MEMBER)
    content = stream.read(most + 1)
    if len(content) > most:
        raise DamagedArchive(f"{name} is longer than {most} bytes")
    return content


def _rows(name: str, content: bytes) -> list[dict[str, Any]]:
    return (
        [_decoded(line, dict[str, Any], name) for line in content.removesuffix(b"\n").split(b"\n")] if content else []
    )


def _agreeing(seen: list[Member], manifest: Manifest) -> Manifest:
    for found, listed in zip(seen, manifest.members, strict=False):
        if found != listed:
            raise DamagedArchive(f"{listed.name} is not what was written")
    if len(seen) != len(manifest.members):
        raise DamagedArchive("members are missing or were added")
    counts = dict.fromkeys(manifest.rows, 0)
    for name in counts:
        require_table(name)
    for member in seen:
        if member.rows is not None:
            table = member.name.rpartition("/")[0]
            counts[table] = counts.get(table, 0) + member.rows
    if counts != manifest.rows:
        raise DamagedArchive("it has not as many rows as were written")
    return manifest


def _decoded(content: bytes, kind: Any, name: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedArchive(f"{name} cannot be read: {error}") from error


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info
