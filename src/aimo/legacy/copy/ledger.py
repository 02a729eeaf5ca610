"""The ledger: 49 bytes for each source row, kept with the checkpoint of its batch.

It says what became of the row, and holds the hashes of its key, of its values in the source and of its
values in the target, and its order number. With it, a later run tells what changed on which side,
and the verifier what must be there, without a row a row in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aimo.legacy.row_outcomes import IN_TARGET, RowOutcome

_RECORD = np.dtype([("outcome", "u1"), ("key", "<u8"), ("source", "V16"), ("target", "V16"), ("seq", "<i8")])
WIDTH = _RECORD.itemsize
NOTHING = bytes(16)
_CODES = np.array([int(outcome) for outcome in IN_TARGET], dtype="u1")


@dataclass(slots=True)
class LedgerEntry:
    """What became of one source row."""

    outcome: RowOutcome
    key: bytes
    source: bytes
    target: bytes = NOTHING
    seq: int = 0


def pack(entries: Iterable[LedgerEntry]) -> bytes:
    """Return the bytes to keep for these rows, in their order."""
    rows = [(e.outcome, int.from_bytes(e.key, "little"), e.source, e.target, e.seq) for e in entries]
    return np.array(rows, dtype=_RECORD).tobytes()


def unpack(packed: bytes) -> list[LedgerEntry]:
    """Return what `pack` was given."""
    return [_entry(record) for record in np.frombuffer(packed, dtype=_RECORD)]


def outcomes(packed: bytes) -> npt.NDArray[np.uint8]:
    """Return the outcomes alone."""
    return np.frombuffer(packed, dtype=_RECORD)["outcome"]


def in_target(packed: bytes) -> npt.NDArray[np.bool_]:
    """Return which of the rows are in the target."""
    return np.isin(outcomes(packed), _CODES)


class LedgerIndex:
    """The rows that earlier runs brought into one table, by the hash of their key; 49 bytes each in memory."""

    def __init__(self, ledgers: Iterable[bytes]) -> None:
        """``ledgers`` come in the order in which they were written: the last word on a key counts."""
        parts = [np.frombuffer(packed, dtype=_RECORD) for packed in ledgers]
        rows = np.concatenate(parts) if parts else np.empty(0, dtype=_RECORD)
        rows = rows[np.isin(rows["outcome"], _CODES)]
        rows = rows[np.argsort(rows["key"], kind="stable")]
        last = np.append(rows["key"][1:] != rows["key"][:-1], True)[: len(rows)]
        self._rows = rows[last]

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: bytes) -> LedgerEntry | None:
        """Return the entry of a key, or None."""
        number = int.from_bytes(key, "little")
        keys = self._rows["key"]
        place = int(np.searchsorted(keys, np.uint64(number)))
        return _entry(self._rows[place]) if place < len(keys) and int(keys[place]) == number else None

    def without(self, packed: Iterable[bytes]) -> set[bytes]:
        """Return the keys that are not among those of these ledgers."""
        there = [np.frombuffer(part, dtype=_RECORD)["key"] for part in packed]
        rest = np.setdiff1d(self._rows["key"], np.concatenate(there)) if there else self._rows["key"]
        return {int(key).to_bytes(8, "little") for key in rest}


def _entry(record: np.void) -> LedgerEntry:
    outcome, key, source, target, seq = record.item()
    return LedgerEntry(RowOutcome(outcome), key.to_bytes(8, "little"), bytes(source), bytes(target), seq)
