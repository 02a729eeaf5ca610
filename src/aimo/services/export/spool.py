"""Records on disk instead of in memory: written once, read any number of times."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Spool(Generic[T]):
    """Records of one kind in a file without a name, which ends with the process."""

    def __init__(self, kind: type[T], folder: Path) -> None:
        """Begin.

        Raises:
            OSError: no file can be made in the folder.
        """
        self._decoder = msgspec.json.Decoder(kind)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by close)
        self.size = 0
        """Bytes."""

    def add(self, record: T) -> None:
        """Store one more record."""
        self.size += self._file.write(msgspec.json.encode(record) + b"\n")

    def lines(self) -> Iterator[bytes]:
        """Yield each record as JSON."""
        self._file.seek(0)
        for line in self._file:
            yield line[:-1]

    def __iter__(self) -> Iterator[T]:
        """Yield the records."""
        for line in self.lines():
            yield self._decoder.decode(line)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()
