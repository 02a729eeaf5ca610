"""Keeps a process from writing that was overtaken: paused for longer than its lease lasts, for instance.

Each table that one process at a time writes to has a *fence row*, which holds the token of the latest writer. Who
becomes the writer first *raises the fence*: it puts a token of its own there, and reads what it is going to write only
afterwards. Every merge replaces the fence row too, so that two of them always conflict and LanceDB runs one of them
again; and merges and deletions fail as a whole where the row holds another token.
"""

from __future__ import annotations

import secrets

import pyarrow as pa
from lancedb.expr import Expr, col, lit

from aimo.vectors.errors import VectorStoreError

# No id has a space (`aimo.ids.is_possible`), and no user has the fence row.
FENCE_ID = " fence"
_DIGITS = 16
# Dividing by zero is the one way for a condition to fail a statement as a whole.
_REFUSAL = "Divide by zero"


class FencedError(VectorStoreError):
    """Another process has become the writer: nothing was written. Raise the fence and read again what to write."""


class Fence:
    """What this process knows of the fence of a store's tables: the token under which it writes, None without one."""

    def __init__(self) -> None:
        self.token: str | None = None

    def require(self) -> str:
        """Return the token for a write whose content is read, or was, since the fence was raised.

        Raises:
            FencedError: this process has not raised the fence, or another one has since.
        """
        if self.token is None:
            raise FencedError("this process is not the writer of LanceDB")
        return self.token

    def lost(self, token: str) -> None:
        """Note that a write under this token was refused."""
        if self.token == token:
            self.token = None


def next_token(latest: str) -> str:
    """Return a token that is greater than the latest one, or than an empty text, and that no other process has."""
    number = int(latest[1 : _DIGITS + 1] or 0) + 1
    return f" {number:0{_DIGITS}d} {secrets.token_hex(6)}"


def fence_row(schema: pa.Schema, token: str) -> pa.Table:
    """Return the fence row of a table: an id, the token in the place of a user, and whatever else is not null."""
    id_column, *others = schema.names
    columns = {id_column: pa.array([FENCE_ID])} | {name: _filler(schema.field(name), token) for name in others}
    return pa.table(columns, schema=schema)


def _filler(field: pa.Field, token: str) -> pa.Array:
    if field.name == "uid":
        return pa.array([token])
    if pa.types.is_fixed_size_list(field.type):
        # A vector index takes no zeros.
        numbers = pa.array([1.0] + [0.0] * (field.type.list_size - 1), pa.float32())
        return pa.FixedSizeListArray.from_arrays(numbers, field.type.list_size)
    return pa.array([""])


def merge_condition(id_column: str, token: str) -> str:
    """Return the condition under which a merge replaces a row: any, but it fails at a fence row with another token."""
    return f"1 / CAST((target.{id_column} <> '{FENCE_ID}' OR target.uid = '{token}') AS INT) = 1"


def delete_condition(id_column: str, token: str, rows: Expr) -> Expr:
    """Return the condition that a row is one of these and not the fence row; it fails at one with another token."""
    is_row = col(id_column) != lit(FENCE_ID)
    is_fine = is_row | (col("uid") == lit(token))
    return (rows | ~is_row) & ((lit(1) / is_fine.cast(pa.int32())) == is_row.cast(pa.int32()))


def is_refusal(error: BaseException) -> bool:
    """Return whether LanceDB failed because one of these conditions made it."""
    return _REFUSAL in str(error)
