"""Reads a gzipped tar that somebody else may have made, in memory that does not depend on what is in it."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from aimo.services.backup.format import DamagedArchiveError

CHUNK = 64 * 1024
# What may describe one member: a header, and one more with its name where that is long.
_DESCRIPTION_BYTES = 64 * 1024


class Content:
    """The bytes of one member, as many as its header says; they can be read until the next member is asked for."""

    def __init__(self, source: _Bounded, stream: IO[bytes], size: int) -> None:
        self._source = source
        self._stream = stream
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes, in pieces of `CHUNK`."""
        left = self.size
        while left:
            self._source.allow(CHUNK)
            chunk = self._stream.read(min(CHUNK, left))
            if not chunk:
                raise DamagedArchiveError("it ends in the middle")
            left -= len(chunk)
            yield chunk

    def whole(self, name: str, most: int) -> bytes:
        """Return all bytes of a member that may have no more than ``most``.

        Raises:
            DamagedArchive: it has more.
        """
        if self.size > most:
            raise DamagedArchiveError(f"{name} is longer than {most} bytes")
        return b"".join(self.chunks())


def members(path: Path) -> Iterator[tuple[str, Content]]:
    """Yield the plain files of an archive, each with its content.

    Raises:
        DamagedArchive: there is something else in it, or what describes a member is longer than any name.
    """
    with path.open("rb") as file, gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
        source = _Bounded(unzipped)
        source.allow(_DESCRIPTION_BYTES)
        with tarfile.TarFile(fileobj=cast("IO[bytes]", source), mode="r") as tar:
            while info := tar.next():
                stream = tar.extractfile(info) if info.isreg() and not info.issparse() else None
                if stream is None or tar.pax_headers:
                    raise DamagedArchiveError(f"{info.name!r:.300} is no plain file")
                yield info.name, Content(source, stream, info.size)
                tar.members = []  # type: ignore[attr-defined]
                source.allow(_DESCRIPTION_BYTES)


@contextmanager
def as_damaged_archive(path: Path) -> Iterator[None]:
    """Turn what libraries raise for files that are cut short, or not of their kind, into a DamagedArchive."""
    try:
        yield
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise DamagedArchiveError(f"{path} cannot be read: {error}") from error


class _Bounded:
    """A file that is read forwards only, and gives no more bytes than was allowed last.

    The tar library reads as much as the archive tells it to, and goes back where the archive tells a negative length.
    """

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._left = 0

    def allow(self, size: int) -> None:
        """Allow so many bytes to be read from now on, skipped ones excluded."""
        self._left = size

    def read(self, size: int) -> bytes:
        """Read so many bytes.

        Raises:
            DamagedArchive: it is more than is allowed.
        """
        if not 0 <= size <= self._left:
            raise DamagedArchiveError("what describes a member is too long")
        self._left -= size
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go forwards."""
        if offset < self._file.tell():
            raise DamagedArchiveError("a member has a negative length")
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return where it is."""
        return self._file.tell()
