"""What a backup consists of, and how large its parts may be (docs/backup.md)."""

from __future__ import annotations

import msgspec

FORMAT = 1

# A part of rows is closed once it has this many bytes, so it is longer by one row at most.
PART_BYTES = 4 * 1024 * 1024
# The longest memo that a release ever took, 20 MB, has this length where JSON escapes each of its characters.
LONGEST_ROW = 40 * 1024 * 1024
# Hashes and one vector; 65,536 dimensions take 350 KB.
LONGEST_VECTOR_ROW = 1024 * 1024
LONGEST_HEADER = 64 * 1024
MOST_MEMBERS = 2_000_000


class DamagedArchiveError(Exception):
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


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How much a backup holds: rows by table, stored files, and the keys of files that had been lost before."""

    rows: dict[str, int]
    files: int
    missing_files: list[str]


def longest_row(member: str) -> int:
    """Return how many bytes a row of a member may have."""
    return LONGEST_VECTOR_ROW if member.startswith("vectors/") else LONGEST_ROW
