"""Keeps tables quick while they are written to: few fragments, fresh indexes, no old versions.

Every commit adds a fragment, and queries slow down with their number (300 of them: twenty times).
LanceDB's own answer, ``optimize``, merges all fragments into new files: run after every 100 writes it
would write the whole table each time (125 MB for 60,000 vectors of 512 numbers) and keep the copies
until their versions are old enough to go. So there are two measures:

- *folding*, often: the small fragments alone are rewritten as one, by replacing their rows with
  themselves. What is merged doubles in size each time, so a row is rewritten a few times in its life.
- *optimising*, nightly and when much is not indexed yet: refreshes the indexes and removes versions
  beyond their age. Fragments are folded first, so that there is nothing left for it to merge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from lancedb.index import IvfRq, IvfSq

from aimo import clock
from aimo.vectors.errors import VectorStoreError, report_failures_as
from aimo.vectors.fence import FencedError
from aimo.vectors.table import LanceTable, first_of_each
from aimo.vectors.vector_table import VectorTable

OPTIMIZE_SECONDS = 3600.0

# Flat search over one user's 20,000 vectors takes 20 ms (512 numbers each) to 80 ms (1,536), the index 6 ms.
VECTOR_INDEX_ROWS = 20_000
# Each refresh of the vector index may add a part to it, and every part is searched on its own.
_INDEX_PARTS = 8

# A table of this many fragments is left alone.
_FEW_FRAGMENTS = 8
_SMALL_FRAGMENT = 64
# Most rows that one folding holds in memory: 120 MB of 1,536 numbers each.
_FOLDED_ROWS = 20_000

# Rows not yet indexed are scanned by every query: 1,000 of them cost some milliseconds.
_UNINDEXED_ROWS = 1000
_UNINDEXED_SHARE = 0.1

# Finding the latest version means listing them all: 5,000 double the time of a query.
_KEPT_VERSIONS = 5000
_SHORTEST_RETENTION = timedelta(hours=1)

RowIds = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class UpkeepPolicy:
    """A table is due after so many commits of this process, or so many seconds, whatever comes first."""

    commits: int = 32
    seconds: float = 300.0

    def due(self, commits: int, seconds: float) -> bool:
        """Return whether it is time, given what happened since the last upkeep."""
        return commits >= self.commits or seconds >= self.seconds


class Upkeep:
    """The upkeep of one table. Only the process that holds the writer role may do it."""

    def __init__(self, table: LanceTable, policy: UpkeepPolicy, retention: timedelta) -> None:
        self.table = table
        self.failures = 0
        self._policy = policy
        self._retention = retention
        self._commits = self._optimized_commits = table.commits
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the policy asks for `fold_fragments_or_optimize`."""
        return self._policy.due(self.table.commits - self._commits, time.monotonic() - self._last)

    async def fold_fragments_or_optimize(self) -> None:
        """Do the frequent upkeep: fold small fragments; optimise if much is not indexed yet.

        Raises:
            VectorStoreError: LanceDB failed; queries are slower until the next upkeep succeeds.
        """
        await self._count_failures(self._fold_or_optimize)

    async def optimize(self) -> None:
        """Do the nightly upkeep: fold, create or refresh every index, remove old versions.

        Raises:
            VectorStoreError: as for `fold_fragments_or_optimize`.
        """
        await self._count_failures(self._optimize)

    async def _count_failures(self, work: Callable[[], Awaitable[None]]) -> None:
        commits, self._last = self.table.commits, time.monotonic()
        try:
            with report_failures_as(f"upkeep of {self.table.name}"):
                await work()
        except VectorStoreError:
            self.failures += 1
            raise
        self._commits = commits

    async def _fold_or_optimize(self) -> None:
        stats = await self.table.handle.stats()
        if stats["fragment_stats"]["num_fragments"] > _FEW_FRAGMENTS:
            await self.table.write("folding", lambda: self._fold(rows_worth_folding))
        crowded = self.table.commits - self._optimized_commits > _KEPT_VERSIONS
        if crowded or await self._unindexed() > max(_UNINDEXED_ROWS, _UNINDEXED_SHARE * stats["num_rows"]):
            await self._optimize()

    async def _optimize(self) -> None:
        commits, table = self.table.commits, self.table
        index_wanted = await self._vector_index_wanted()
        horizon, expired = await self._removal_age()
        if not (index_wanted or expired or await self._unindexed()):
            return
        await table.write("folding", lambda: self._fold(_all_but_largest))
        if index_wanted:
            await self._index_vectors()
        await self._optimize_beside_writers(horizon)
        self._optimized_commits = commits

    async def _unindexed(self) -> int:
        """Return rows that some index does not know yet."""
        return max((index.num_unindexed_rows or 0 for index in await self.table.handle.list_indices()), default=0)

    async def _fold(self, choose: Callable[[RowIds], RowIds]) -> None:
        """Rewrite the chosen rows into one new fragment. Rows deleted meanwhile stay deleted."""
        table = self.table
        try:
            token = table.write_token()
        except FencedError:
            # This process has written nothing yet, so there is not much to fold.
            return
        row_ids = (await table.read(table.rows().select(["_rowid"]))).column("_rowid").to_numpy()
        chosen = choose(row_ids)
        if chosen.size:
            query = table.handle.take_row_ids(chosen.tolist()).select(table.layout.schema.names)
            await table.merge(first_of_each(await table.read(query), table.layout.key), token, insert=False)

    async def _vector_index_wanted(self) -> bool:
        """Return whether the table is large enough for a vector index and has none, or one in too many parts."""
        if not isinstance(self.table, VectorTable):
            return False
        for index in await self.table.handle.list_indices():
            if index.columns == [self.table.vector_column]:
                return (index.num_segments or 1) > _INDEX_PARTS
        return await self.table.count_rows() >= VECTOR_INDEX_ROWS

    async def _index_vectors(self) -> None:
        """Train the vector index again. Writers go on meanwhile; queries scan what it does not cover.

        IVF_RQ with 4 bits was the smallest and quickest to build (60,000 vectors of 512 numbers: 17 MB
        in 1.6 s; IVF_HNSW_SQ 43 MB in 29 s) at the same recall, but takes only multiples of 8.
        """
        assert isinstance(self.table, VectorTable)
        quantized = IvfRq(distance_type="cosine", num_bits=4)
        config = quantized if self.table.dimension % 8 == 0 else IvfSq(distance_type="cosine")
        async with asyncio.timeout(OPTIMIZE_SECONDS):
            await self.table.handle.create_index(self.table.vector_column, config=config, replace=True)

    async def _removal_age(self) -> tuple[timedelta, bool]:
        """Return the age from which on versions are removed, and whether there are any."""
        versions = await self.table.handle.list_versions()
        # LanceDB gives local time without a zone.
        now = datetime.fromtimestamp(clock.now_ms() / 1000)
        ages = [now - version["timestamp"] for version in versions[:-1]]
        horizon = self._retention
        if len(ages) > _KEPT_VERSIONS:
            horizon = min(horizon, max(ages[-_KEPT_VERSIONS], _SHORTEST_RETENTION))
        return horizon, any(age > horizon for age in ages)

    async def _optimize_beside_writers(self, horizon: timedelta) -> None:
        """LanceDB's ``optimize``; when writers keep getting in its way, without them."""
        for _ in range(2):
            try:
                return await self._lance_optimize(horizon)
            except RuntimeError as error:
                if "conflict" not in str(error):
                    raise
        return await self.table.write("optimising", lambda: self._lance_optimize(horizon), OPTIMIZE_SECONDS)

    async def _lance_optimize(self, horizon: timedelta) -> None:
        async with asyncio.timeout(OPTIMIZE_SECONDS):
            await self.table.handle.optimize(cleanup_older_than=horizon)


def _fragment_sizes(row_ids: RowIds) -> tuple[RowIds, RowIds]:
    """Return the fragments and their rows, smallest first. The upper half of a row id is its fragment."""
    fragments, sizes = np.unique(row_ids >> 32, return_counts=True)
    order = np.argsort(sizes, kind="stable")
    return fragments[order], sizes[order].astype(np.uint64)


def rows_worth_folding(row_ids: RowIds) -> RowIds:
    """Return the rows of small fragments, and of larger ones as long as the smaller together have half their rows."""
    fragments, sizes = _fragment_sizes(row_ids)
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    fits = (sizes <= np.maximum(2 * before, _SMALL_FRAGMENT)) & (before + sizes <= _FOLDED_ROWS)
    count = len(sizes) if fits.all() else int(np.argmin(fits))
    return _rows_of(row_ids, fragments[:count]) if count > 1 else row_ids[:0]


def _all_but_largest(row_ids: RowIds) -> RowIds:
    """Return all rows but the largest fragment's; none where they are so many that merging all is better."""
    fragments, sizes = _fragment_sizes(row_ids)
    rest = int(sizes[:-1].sum())
    if not rest or rest > _FOLDED_ROWS or 2 * rest > sizes[-1]:
        return row_ids[:0]
    return _rows_of(row_ids, fragments[:-1])


def _rows_of(row_ids: RowIds, fragments: RowIds) -> RowIds:
    return row_ids[np.isin(row_ids >> 32, fragments)]
