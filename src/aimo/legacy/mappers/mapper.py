"""What every mapper of a table promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import Table

from aimo.legacy import packet
from aimo.legacy.hashing import hash_row
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.row_outcomes import Change, Note, QuarantineReason, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow
from aimo.services.models.key_cipher import KeyCipher

# Given by the run, not by the row: verified through the ledger and by counting.
NUMBERED = ("seq", "position", "usage_count")


@dataclass(slots=True)
class Mapped:
    """A row of the target, what was changed on the way, and the rows that come with it."""

    values: dict[str, Any]
    notes: list[Note]
    links: list[str] = field(default_factory=list)
    new_tags: list[dict[str, Any]] = field(default_factory=list)


class Mapper(ABC):
    """Makes rows of one target table from rows of one source table.

    A mapper is given what it must know of the whole source (`aimo.legacy.plan.duplicates`), and looks up
    what rows refer to; mapping a row itself asks nobody and changes nothing. Only `hold` lets one row
    decide about later ones: a row that ends in quarantine must not.
    """

    source: ClassVar[str]
    table: ClassVar[Table]
    key: ClassVar[str]
    kinds: ClassVar[Mapping[str, Kind]]
    # The columns that a row's hash is made of, a tuple a version, the newest last. Hashes are kept with finished runs:
    # a column that comes later starts a version, and changes none.
    hashed: ClassVar[tuple[tuple[str, ...], ...]]
    # The columns that together belong to one row, where rows may change them; the last one is their name.
    unique: ClassVar[tuple[str, ...]] = ()
    # Rows whose change of name is in the target already, and those that could not follow (`plan.key_changes`).
    moved: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    # Rows that were written when accounts were joined, with the account that is gone (`copy.account_joins`).
    joined: Mapping[str, str] = MappingProxyType({})
    # Columns that a row can do without where no statement can hold them, the first to go first, with what is put there.
    expendable: ClassVar[Mapping[str, object]] = {}
    # Columns that the run gives.
    numbered: ClassVar[tuple[str, ...]] = NUMBERED
    # Encrypts what the target keeps encrypted.
    keys: KeyCipher | None = None
    # Whether the target has a trash for its rows.
    has_trash: ClassVar[bool] = False
    # Columns of the source that no report and no quarantine may show.
    secret: ClassVar[frozenset[str]] = frozenset()
    # How many bytes one statement may have.
    packet_limit: int = packet.SQLITE_LIMIT

    def __init__(self, lookups: TargetLookups, absent: Set[str] = frozenset()) -> None:
        self.lookups = lookups
        self.absent = absent

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Ask the target for everything that these rows refer to: their owners, unless a mapper says more."""
        await self.lookups.load_users(column_of(rows, "uid"))

    @abstractmethod
    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the row of the target.

        Raises:
            Quarantined: it has no place there.
            Merged: another row stands for it.
        """

    async def need_holders(self, rows: Sequence[Mapping[str, object]]) -> None:  # noqa: B027 (most have no names)
        """Ask the target who has the names of these rows."""

    def holder(self, values: Mapping[str, object]) -> str | None:
        """Return the id of the row that has the name of this one, as far as the target was asked."""
        return None

    def rival(self, values: Mapping[str, object], row_id: str) -> str | None:
        """Return the id of another row that has the name of this one.

        Raises:
            Quarantined: it has the name only because it could not follow the source.
        """
        holder = self.holder(values)
        if holder == row_id:
            return None
        if holder in self.stuck:
            raise RowQuarantined(
                QuarantineReason.KEY_TAKEN, f"{holder} gave its {self.unique[-1]} up in the source, but not here"
            )
        return holder

    def hold(self, mapped: Mapped) -> None:  # noqa: B027 (most rows take up nothing)
        """Take up its name, e-mail or place: later rows find them taken."""

    def release(self, held: Mapping[str, object]) -> None:  # noqa: B027 (the same)
        """Free what a row of the target takes up now, which is going to get other values."""

    def secrets_of(self, row: SourceRow) -> dict[str, object]:
        """Return what is encrypted while it is written: different each time, so that no hash covers it."""
        return {}

    def map(self, row: SourceRow) -> Mapped:
        """`build`, once the row is not in the trash; the target must be able to take the result in one statement."""
        fields = RowFields(row.values, self.absent)
        fields.refuse_left_out()
        if not self.has_trash:
            fields.refuse_deleted()
        mapped = self.build(row, fields)
        for column, without in self.expendable.items():
            if packet.fits(mapped.values.values(), self.packet_limit):
                break
            if mapped.values[column] != without:
                old = packet.left_out(mapped.values[column])
                fields.note(column, Change.LARGER_THAN_PACKET, old, without)
                mapped.values[column] = without
        if not packet.fits(mapped.values.values(), self.packet_limit):
            size = packet.statement_size(mapped.values.values())
            raise RowQuarantined(
                QuarantineReason.LARGER_THAN_PACKET,
                f"it takes {size:,} bytes, max_allowed_packet of the database is {self.packet_limit:,}: "
                "raise that, then run the command again",
            )
        return mapped

    def digest(self, values: Mapping[str, object]) -> bytes:
        """Return the hash of a row of the target, from either side, by the newest version's columns."""
        return hash_row(values[name] for name in self.hashed[-1])

    def has_digest(self, values: Mapping[str, object], recorded: bytes) -> bool:
        """Tell whether a row is still the one that was recorded, by the columns of whatever version recorded it."""
        return any(hash_row(values[name] for name in columns) == recorded for columns in reversed(self.hashed))


def column_of(rows: Sequence[SourceRow], name: str) -> list[object]:
    """Return the values of one column."""
    return [row.values[name] for row in rows]
