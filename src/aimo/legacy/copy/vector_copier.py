"""Copies vectors and texts page by page, Arrow to Arrow (docs/lancedb.md#tables).

Each page is one commit in LanceDB, then one checkpoint in the database. Killed between the two, the
page is written again: the first page of every attempt replaces rows of equal key instead of adding.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy.exc import IntegrityError

from aimo.db.connection import Database
from aimo.db.transaction import transaction
from aimo.folding import fold
from aimo.legacy.copy import ledger
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.runs import Run, Runs, add_checkpoints, checkpoint_row
from aimo.legacy.copy.separate_vectors import outcomes_of, read_with_owner
from aimo.legacy.copy.waiting_entries import enqueue
from aimo.legacy.plan.duplicates import is_duplicate_mask
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import RowOutcome
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.legacy.source.row_reader import DELETED_AT
from aimo.vectors.bulk_copy import append_rows, one_array, put_rows, rows_with, usable_vectors
from aimo.vectors.legacy_source import SourceTable
from aimo.vectors.owned_table import OwnedLanceTable

COPIED, WAITING_ENTRIES, LEFT_OUT, THERE = 1, 2, 3, 4
_PAGE_BYTES = 12_000_000
_TEXT_ROWS = 2000

Codes = npt.NDArray[np.uint8]


class PageCopier(ABC):
    """Goes through the rows of a source table again, for what LanceDB keeps of them.

    Args:
        target: the LanceDB table, or None to check everything and write nothing to LanceDB.
        appending: whether the target was empty when the run began.
    """

    name: str

    def __init__(
        self,
        database: Database,
        runs: Runs,
        run: Run,
        source: SourceTable,
        *,
        target: OwnedLanceTable | None,
        appending: bool,
    ) -> None:
        self._database = database
        self._runs = runs
        self._run = run
        self.source = source
        self._target = target
        self._appending = appending
        self._safe = False

    @property
    @abstractmethod
    def page_rows(self) -> int:
        """Rows of one page."""

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """Columns to read, the id and ``uid`` first."""

    @abstractmethod
    def prepare(self, page: pa.Table, wanted: npt.NDArray[np.bool_]) -> tuple[Codes, pa.Table]:
        """Return what becomes of each row, and the rows to write, among the wanted ones."""

    async def copy(self, progress: Progress) -> None:
        """Go on from where the run stands to the end."""
        first = await with_retries(lambda: self._runs.position(self._run, self.name))
        progress.begin(self.name, self.source.rows, first)
        following = self._read(first)
        while following is not None:
            page = await following
            # Reading goes on while this page is written.
            following = self._read(first + page.num_rows)
            outcomes = await with_retries(lambda first=first, page=page: self._outcomes(first, page))  # type: ignore[misc]
            codes = await self._copy_page(page, outcomes)
            entries = page.column(0).filter(pa.array(codes == WAITING_ENTRIES)).to_pylist()
            owners = page.column("uid").filter(pa.array(codes == WAITING_ENTRIES)).to_pylist()
            await with_retries(
                lambda first=first, codes=codes, entries=entries, owners=owners: self._checkpoint_once(  # type: ignore[misc]
                    first, codes, entries, owners
                )
            )
            self._safe = True
            first += page.num_rows
            progress.advance(first)

    def _read(self, first: int) -> asyncio.Task[pa.Table] | None:
        left = self.source.rows - first
        if left <= 0:
            return None
        return asyncio.create_task(self._page(first, min(self.page_rows, left)))

    async def _page(self, first: int, count: int) -> pa.Table:
        extra = [DELETED_AT] if self.source.name == "memos" and DELETED_AT in self.source.schema.names else []
        return await read_with_nulls_for_lost(self.source, [*self.columns, *extra], first, count)

    async def _outcomes(self, first: int, page: pa.Table) -> Codes:
        """Return what became of the rows of a page."""
        packed = await self._runs.ledger_of(self._run, self.source.name, first, page.num_rows, ledger.WIDTH)
        return ledger.outcomes(packed)

    async def _copy_page(self, page: pa.Table, outcomes: Codes) -> Codes:
        trashed = _in_trash(page)
        wanted = np.isin(outcomes, [int(o) for o in (RowOutcome.MIGRATED, RowOutcome.NORMALISED, RowOutcome.UPDATED)])
        # LanceDB has nothing of memos in the trash; coming back, they are found in the cache.
        wanted &= ~trashed
        present = (outcomes == int(RowOutcome.PRESENT)) & ~trashed
        there = await self._already_there(page, present) if present.any() else np.zeros(len(wanted), dtype=bool)
        codes, rows = self.prepare(page, wanted | (present & ~there))
        codes[there] = THERE
        if self._target is not None and not self._appending:
            # What an earlier run brought may be the vector of another text.
            await self._target.delete(page.column(0).filter(pa.array(codes == WAITING_ENTRIES)).to_pylist())
        if self._target is not None and rows.num_rows:
            replacing = not self._appending or not self._safe or bool(present.any())
            await (put_rows if replacing else append_rows)(self._target, rows)
        return codes

    async def _already_there(self, page: pa.Table, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        row_ids = page.column(0).to_pylist()
        if self._target is None:
            return present
        asked = [row_id for row_id, flag in zip(row_ids, present, strict=True) if flag]
        key = self._target.id_column
        held = set((await rows_with(self._target, key, asked, [key])).column(key).to_pylist())
        there: npt.NDArray[np.bool_] = present & np.array([row_id in held for row_id in row_ids], dtype=bool)
        return there

    async def _checkpoint_once(self, first: int, codes: Codes, entries: Sequence[str], owners: Sequence[str]) -> None:
        """Find out whether a commit happened whose answer was lost: then its key is taken."""
        try:
            await self._checkpoint(first, codes, entries, owners)
        except IntegrityError:
            if await self._runs.position(self._run, self.name) <= first:
                raise

    async def _checkpoint(self, first: int, codes: Codes, entries: Sequence[str], owners: Sequence[str]) -> None:
        row = checkpoint_row(self._run, self.name, first, ledger=codes.tobytes(), count=len(codes), details=None)
        kind = "attachment" if self.source.name.startswith("attachment") else "memo"
        async with transaction(self._database, f"migration.{self.name}") as connection:
            await enqueue(connection, kind, dict(zip(entries, owners, strict=True)))
            await add_checkpoints(connection, [row])


def _in_trash(page: pa.Table) -> npt.NDArray[np.bool_]:
    if DELETED_AT not in page.column_names:
        return np.zeros(page.num_rows, dtype=bool)
    values = page.column(DELETED_AT).to_pylist()
    return np.array([isinstance(value, int) and value > 0 for value in values], dtype=bool)


class VectorCopier(PageCopier):
    """Vectors, bit for bit. What cannot be searched becomes a outbox entry, unless it is ``optional`` and null."""

    def __init__(self, *args: Any, column: str, dimension: int, name: str, optional: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.name = name
        self._column = column
        self._dimension = dimension
        self._optional = optional
        self._key = {"memo_vectors": "memoId", "attachment_vectors": "attachmentId"}[name]

    @property
    def page_rows(self) -> int:
        """So many that their vectors take some megabytes."""
        return max(64, min(20_000, _PAGE_BYTES // (4 * self._dimension)))

    @property
    def columns(self) -> list[str]:
        """The id, the owner and the vector."""
        return [self._key, "uid", self._column]

    def prepare(self, page: pa.Table, wanted: npt.NDArray[np.bool_]) -> tuple[Codes, pa.Table]:
        """Return the usable vectors of the wanted rows."""
        column = page.column(self._column)
        usable, vectors = usable_vectors(column, self._dimension)
        if not wanted.all():
            vectors = vectors.filter(pa.array(wanted[usable]))
        codes = np.full(page.num_rows, WAITING_ENTRIES, dtype=np.uint8)
        codes[usable] = COPIED
        if self._optional:
            codes[column.is_null().to_numpy()] = LEFT_OUT
        codes[~wanted] = LEFT_OUT
        names = (self._key, "uid")
        chosen = page.select(names) if (codes == COPIED).all() else page.select(names).filter(pa.array(codes == COPIED))
        columns = [one_array(chosen.column(name)).cast(pa.string()) for name in names]
        fields = [pa.field(name, pa.string(), nullable=False) for name in names]
        fields.append(pa.field(self._column, vectors.type, nullable=False))
        return codes, pa.table([*columns, vectors], schema=pa.schema(fields))


class SeparateVectorCopier(VectorCopier):
    """Vectors of a later release, which keeps them in a table of their own."""

    async def copy(self, progress: Progress) -> None:
        """As for every copier."""
        self._repeated = await is_duplicate_mask(self.source, self._key)
        await super().copy(progress)

    async def _page(self, first: int, count: int) -> pa.Table:
        return await with_retries(lambda: read_with_owner(self._database, self.source, self.columns, first, count))

    async def _outcomes(self, first: int, page: pa.Table) -> Codes:
        return await outcomes_of(self._database, page, self._repeated[first : first + page.num_rows])


class OutboxCopier(VectorCopier):
    """Leaves the vectors behind: every memo gets an outbox entry, to be embedded by the configured model."""

    @property
    def columns(self) -> list[str]:
        """The id and the owner."""
        return [self._key, "uid"]

    def prepare(self, page: pa.Table, wanted: npt.NDArray[np.bool_]) -> tuple[Codes, pa.Table]:
        """Return an entry for each wanted row."""
        codes = np.where(wanted, WAITING_ENTRIES, LEFT_OUT).astype(np.uint8)
        return codes, pa.table({})


class TextCopier(PageCopier):
    """The folded texts of the memos."""

    name = "memo_texts"

    @property
    def page_rows(self) -> int:
        """Texts can be long."""
        return _TEXT_ROWS

    @property
    def columns(self) -> list[str]:
        """The id, the owner and the text."""
        return ["memoId", "uid", "content"]

    def prepare(self, page: pa.Table, wanted: npt.NDArray[np.bool_]) -> tuple[Codes, pa.Table]:
        """Return the wanted texts, folded as every query is."""
        codes = np.where(wanted, COPIED, LEFT_OUT).astype(np.uint8)
        kept = page if wanted.all() else page.filter(pa.array(wanted))
        texts = [fold(text or "") for text in kept.column("content").to_pylist()]
        columns = {
            "memoId": kept.column("memoId").to_pylist(),
            "uid": kept.column("uid").to_pylist(),
            "content": texts,
        }
        schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in columns])
        return codes, pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}, schema)
