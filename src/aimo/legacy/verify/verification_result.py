"""What a comparison of source and target found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from aimo.legacy.copy import runs as run_states

LISTED = 1000


@dataclass(frozen=True)
class Mismatch:
    """One difference: where, what the source says and what the target has."""

    table: str
    key: str
    column: str
    problem: str
    expected: object = None
    found: object = None


@dataclass
class TableCheck:
    """The comparison of one table."""

    table: str
    expected: int = 0
    found: int = 0
    chunks: int = 0
    mismatches: int = 0


@dataclass
class Verification:
    """What was compared, and every difference up to a thousand of them."""

    state: str = run_states.PENDING
    tables: list[TableCheck] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    total_mismatches: int = 0
    searches: int = 0
    # Rows that people changed in the new server since the move: no damage.
    changed_here: int = 0
    changed_rows: list[Mismatch] = field(default_factory=list)
    changed_keys: set[str] = field(default_factory=set)

    @classmethod
    def skipped(cls) -> Verification:
        """Return a verification that compared nothing."""
        return cls()

    def begin(self, table: str) -> TableCheck:
        """Return the comparison of one more table."""
        self.tables.append(TableCheck(table))
        return self.tables[-1]

    def add(self, part: Verification) -> None:
        """Add what another comparison found, of other tables."""
        self.tables += part.tables
        self.total_mismatches += part.total_mismatches
        self.mismatches += part.mismatches[: LISTED - len(self.mismatches)]
        self.searches += part.searches
        self.changed_here += part.changed_here
        self.changed_rows += part.changed_rows[: LISTED - len(self.changed_rows)]
        self.changed_keys |= part.changed_keys

    def report(self) -> dict[str, Any]:
        """Return it as the report has it."""
        content = asdict(self)
        del content["changed_keys"]
        return content

    def change(self, mismatch: Mismatch) -> None:
        """Add what people changed in the new server."""
        if mismatch.key not in self.changed_keys:
            self.changed_keys.add(mismatch.key)
            self.changed_here += 1
        if len(self.changed_rows) < LISTED:
            self.changed_rows.append(mismatch)

    def differ(self, mismatch: Mismatch) -> None:
        """Add a difference."""
        self.total_mismatches += 1
        for check in self.tables:
            check.mismatches += check.table == mismatch.table
        if len(self.mismatches) < LISTED:
            self.mismatches.append(mismatch)
