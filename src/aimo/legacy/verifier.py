"""Compares source and target: every row of every table, every vector, and a sample of searches."""

from __future__ import annotations

from aimo.db.connection import Database
from aimo.legacy import runs as run_states
from aimo.legacy.lance_verifier import LanceVerifier
from aimo.legacy.plan import MAPPERS
from aimo.legacy.progress import Progress
from aimo.legacy.row_verifier import RowVerifier
from aimo.legacy.runs import Run, Runs
from aimo.legacy.verification import Verification
from aimo.vectors.legacy_source import LegacySource
from aimo.vectors.store import VectorStore


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
        rows = RowVerifier(self._database, self._runs, self._run, result)
        await rows.prepare()
        for kind in MAPPERS:
            if kind.source in self._run.versions:
                await rows.verify(kind, self._source.tables[kind.source], progress)
        await rows.verify_counts()
        if self._vectors is not None:
            lance = LanceVerifier(self._database, self._vectors, self._runs, self._run, self._source, result=result)
            await lance.verify(progress)
        result.state = run_states.MISMATCHED if result.total_mismatches else run_states.VALIDATED
        return result
