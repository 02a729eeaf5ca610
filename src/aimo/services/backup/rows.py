"""The rows of a member, line by line, with no more of them in memory than is asked for."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from aimo.services.backup.format import DamagedArchiveError

# Longer values are not looked into before they are restored: JSON can take twenty times its length in memory.
SHORT = 64 * 1024

RawRow = dict[str, msgspec.Raw]


def lines(member: str, chunks: Iterable[bytes], longest: int) -> Iterator[bytearray]:
    """Yield the lines of a member without their ends.

    Raises:
        DamagedArchive: one has more than ``longest`` bytes.
    """
    pending = bytearray()
    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            pending += chunk[start:end]
            _require_short(member, pending, longest)
            # Handed on instead of copied, because one line may be most of what is in memory.
            line, pending = pending, bytearray()
            start = end + 1
            yield line
        pending += chunk[start:]
        _require_short(member, pending, longest)
    if pending:
        yield pending


def raw_row(member: str, line: bytearray, columns: tuple[str, ...]) -> RawRow:
    """Return the values of a row, each as the JSON that it has there; a line with other columns than these is damaged.

    Raises:
        DamagedArchive: it is no object of such values.
    """
    kind = _kind(columns)
    try:
        row = msgspec.json.decode(line, type=kind)
        found = {name: getattr(row, field) for name, field in zip(columns, kind.__struct_fields__, strict=True)}
        raw = {name: value for name, value in found.items() if value is not msgspec.UNSET}
        for value in raw.values():
            if not is_short(value):
                _require_utf8(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedArchiveError(f"{member} cannot be read: {error}") from error
    return raw


def is_short(raw: msgspec.Raw) -> bool:
    """Return whether a value may be looked into whatever it is."""
    return memoryview(raw).nbytes <= SHORT


def plain(member: str, raw: msgspec.Raw) -> object:
    """Return a value.

    Raises:
        DamagedArchive: it cannot be read.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedArchiveError(f"{member} cannot be read: {error}") from error


@cache
def _kind(columns: tuple[str, ...]) -> type[msgspec.Struct]:
    """Objects of these keys alone, for an object of any keys can have millions."""
    fields = [(f"field_{number}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for number in range(len(columns))]
    names = {f"field_{number}": column for number, column in enumerate(columns)}
    return msgspec.defstruct("Row", fields, rename=names.get, forbid_unknown_fields=True)


def _require_short(member: str, line: bytearray, longest: int) -> None:
    if len(line) > longest:
        raise DamagedArchiveError(f"{member} has a line of more than {longest} bytes")


def _require_utf8(value: msgspec.Raw) -> None:
    view = memoryview(value)
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(view), SHORT):
        decoder.decode(view[start : start + SHORT], final=start + SHORT >= len(view))
