"""What is counted and measured in this process, for Prometheus (docs/monitoring.md).

With several server processes the library keeps the metrics in files of a folder that all of them read, named
by ``PROMETHEUS_MULTIPROC_DIR`` before this module is imported; so whichever process is asked answers for all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Histogram(
    "aimo_http_request_seconds",
    "Time from a request's first byte to its answer's last, by route and class of status.",
    ("method", "route", "status"),
    buckets=_BUCKETS,
)
POOL_OPEN = Gauge("aimo_database_connections_open", "Connections that are open.", multiprocess_mode="livesum")
POOL_IN_USE = Gauge("aimo_database_connections_in_use", "Connections lent out.", multiprocess_mode="livesum")
POOL_LIMIT = Gauge("aimo_database_connections_limit", "Connections at most.", multiprocess_mode="livesum")
SYNC_WRITER = Gauge(
    "aimo_sync_writers", "Processes that hold the role of writing to LanceDB; 1 is right.", multiprocess_mode="livesum"
)
UPKEEP_FAILURES = Counter("aimo_lancedb_upkeep_failures", "Failed upkeeps of a LanceDB table.", ("table",))
TRUNCATED = Counter(
    "aimo_embeddings_truncated", "Vectors of the beginning of a text that was too long for the embedding model."
)
PROVIDER_ERRORS = Counter("aimo_provider_errors", "Failed calls of an outside service, by task.", ("task",))


def exposition() -> bytes:
    """Return the metrics of all server processes in the text format of Prometheus."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return generate_latest(REGISTRY)
    _drop_gauges_of_dead_processes(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


@contextmanager
def multiprocess_metrics() -> Iterator[None]:
    """Within, processes that are started count together; to be entered before any of them is."""
    folder = tempfile.mkdtemp(prefix="aimo-metrics-")
    os.environ[FOLDER_VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[FOLDER_VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)


def _drop_gauges_of_dead_processes(folder: Path) -> None:
    """Stop counting what killed processes had: their connections are gone. What they counted stays counted."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]
