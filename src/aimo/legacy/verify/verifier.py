"""Compares source and target: every row of every table, every vector, and a sample of searches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aimo.db.connection import Database
from aimo.legacy.copy import runs as run_states
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.plan.run_plan import MAPPERS
from aimo.legacy.retry import with_retries
from aimo.legacy.verify.lance_verifier import LanceVerifier
from aimo.legacy.verify.row_verifier import RowVerifier
from aimo.legacy.verify.use_since import UseSince
from aimo.legacy.verify.verification_result import Verification
from aimo.vectors.legacy_source import LegacySource
from aimo.vectors.store import VectorStore

Part = Callable[[], Awaitable[Verification]]


class Verifier:
    """Verifies one run. It only reads."""

    def __init__(
        self, database: Database, vectors: VectorStore | None, runs: Runs, run: Run, source: LegacySource
    ) -> None:
        self._database = database
        self._vectors = vectors
        self._runs = runs
        self._run = run
        self._source = source

    async def verify(self, progress: Progress) -> Verification:
        """Compare everything that the run covered.

        Raises:
            VectorStoreError: source or target cannot be read.
        """
        result = Verification()
        if self._run.status != run_states.FINISHED:
            return result
        self._use = await with_retries(lambda: UseSince.of(self._database, self._run))
        self._changed: set[str] = set()
        parts = [self._table(kind, progress) for kind in MAPPERS if kind.source in self._run.versions]
        parts.append(self._counts)
        if self._vectors is not None:
            parts.append(self._lancedb(self._vectors, progress))
        for part in parts:
            # Started again when the database was away: nothing may be counted twice.
            result.add(await with_retries(part))
            self._changed = result.changed_keys
        result.state = run_states.MISMATCHED if result.total_mismatches else run_states.VALIDATED
        return result

    def _table(self, kind: type[Mapper], progress: Progress) -> Part:
        async def verify() -> Verification:
            found = Verification()
            rows = RowVerifier(self._database, self._runs, self._run, found, self._use)
            await rows.verify(kind, self._source.tables[kind.source], progress)
            return found

        return verify

    async def _counts(self) -> Verification:
        found = Verification()
        await RowVerifier(self._database, self._runs, self._run, found, self._use).verify_counts()
        return found

    def _lancedb(self, vectors: VectorStore, progress: Progress) -> Part:
        async def verify() -> Verification:
            found = Verification()
            verifier = LanceVerifier(self._database, vectors, self._runs, self._run, self._source, result=found)
            verifier.changed_keys, verifier.used = self._changed, self._use.any
            await verifier.verify(progress)
            return found

        return verify
