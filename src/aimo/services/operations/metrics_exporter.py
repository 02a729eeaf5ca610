"""The metrics of an installation for Prometheus (docs/monitoring.md): those of its processes and its database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from aimo import clock, metrics
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import invariants as invariant_queries
from aimo.services.sync.service import SyncService
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

_SAMPLE_SECONDS = 5.0
_ASK_SECONDS = 5.0


class _ReadyMetrics:
    """A collector of metrics that are ready."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._families


class MetricsExporter:
    """Samples what this process has, and asks the database for what all share."""

    def __init__(self, database: Database, vectors: VectorStore, sync: SyncService) -> None:
        self._database = database
        self._vectors = vectors
        self._sync = sync
        self._failures: dict[str, int] = {}
        self._query_failures = FailureLog(log, "metrics query failed", over="metrics can be queried again")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Sample every few seconds, so that the process which is asked knows the others' metrics."""
        self._task = asyncio.create_task(self._run(), name="metrics")

    async def stop(self) -> None:
        """Stop sampling."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def exposition(self) -> bytes:
        """Return everything in the text format of Prometheus; without a database, what is known without it."""
        self.sample()
        registry = CollectorRegistry()
        registry.register(_ReadyMetrics(await self._installation_metrics()))
        return metrics.exposition() + generate_latest(registry)

    def sample(self) -> None:
        """Note what this process has right now."""
        pool = self._database.pool_status()
        metrics.POOL_OPEN.set(pool.open)
        metrics.POOL_IN_USE.set(pool.in_use)
        metrics.POOL_LIMIT.set(pool.limit)
        metrics.SYNC_WRITER.set(self._sync.lease.held)
        for table, failures in self._vectors.upkeep_failures.items():
            metrics.UPKEEP_FAILURES.labels(table).inc(failures - self._failures.get(table, 0))
            self._failures[table] = failures

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _installation_metrics(self) -> list[Metric]:
        up = GaugeMetricFamily("aimo_database_up", "1 when the database answers.")
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                families = [*await self._outbox(), *await self._invariants()]
        except Exception as error:  # noqa: BLE001 (whatever it is, the other metrics are of use)
            self._query_failures.failed(error)
            up.add_metric([], 0)
            return [up]
        self._query_failures.succeeded()
        up.add_metric([], 1)
        return [up, *families]

    async def _outbox(self) -> list[Metric]:
        state = await self._sync.status()
        waiting = GaugeMetricFamily("aimo_outbox_waiting", "Changes that LanceDB still has to learn.")
        waiting.add_metric([], state.waiting)
        lag = GaugeMetricFamily("aimo_sync_lag_seconds", "Age of the oldest change that LanceDB does not know.")
        lag.add_metric([], max(0, clock.now_ms() - state.oldest_ms) / 1000 if state.oldest_ms else 0)
        attempts = GaugeMetricFamily("aimo_outbox_attempts", "Most failed attempts of a waiting change.")
        attempts.add_metric([], state.attempts)
        aside = GaugeMetricFamily("aimo_outbox_set_aside", "Changes that are not applied: the process died each time.")
        aside.add_metric([], state.set_aside)
        return [waiting, lag, attempts, aside]

    async def _invariants(self) -> list[Metric]:
        async with self._database.reads() as connection:
            rows = await invariant_queries.results(connection)
        found = GaugeMetricFamily(
            "aimo_invariant_violations", "What the doctor found last and did not mend.", labels=("invariant",)
        )
        repaired = GaugeMetricFamily(
            "aimo_invariant_repaired", "What the doctor found last and has repaired.", labels=("invariant",)
        )
        checked = GaugeMetricFamily(
            "aimo_invariant_checked_timestamp_seconds", "When the doctor looked last.", labels=("invariant",)
        )
        for row in rows:
            found.add_metric([row.name], row.violations - row.repaired)
            repaired.add_metric([row.name], row.repaired)
            checked.add_metric([row.name], row.finished_at / 1000)
        return [found, repaired, checked]
