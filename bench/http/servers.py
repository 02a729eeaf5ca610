"""The two servers of a comparison, each with its own copy of the LanceDB folder, on one database."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import Server

_ROOT = Path(__file__).parents[2]
_CODE = {"PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "src")])}
_TICKS = os.sysconf("SC_CLK_TCK")


class FloorServer(Server):
    """The floor, started like AIMO."""

    command = (sys.executable, "-m", "bench.http.floor")


def settings(folder: Path, name: str, database: Mapping[str, str], secret: str) -> dict[str, str]:
    """The environment of one of the servers that share a database."""
    folders = {"AIMO_DATA_DIR": str(folder / "data"), "LANCEDB_PATH": str(folder / f"lancedb-{name}")}
    return {**folders, "EMBEDDER": "local", "AIMO_LOG_LEVEL": "warn", "JWT_SECRET": secret, **_CODE, **database}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used so far."""
    parents = {child: parent for child, (parent, _) in (_all_processes()).items()}
    members = {pid} | {child for child in parents if _descends(child, pid, parents)}
    return sum(ticks for process, (_, ticks) in _all_processes().items() if process in members) / _TICKS


def _descends(process: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while process in parents:
        process = parents[process]
        if process == ancestor:
            return True
    return False


def _all_processes() -> dict[int, tuple[int, int]]:
    """Parent and processor ticks of every process."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            found[int(folder.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    return found
