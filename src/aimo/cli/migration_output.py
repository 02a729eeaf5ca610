"""How ``aimo migrate-data`` shows its progress and its report."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from aimo.legacy.copy.progress import Progress, StageProgress
from aimo.legacy.report import MigrationReport
from aimo.legacy.row_outcomes import RowOutcome
from aimo.legacy.verify.removed_in_source import SourceRemoval

console = Console(width=None if sys.stdout.isatty() else 120)
logger = structlog.get_logger(__name__)

_LOG_SECONDS = 5.0
_LISTED = 20
_GIVEN_UP = {SourceRemoval.REMOVED: "no longer in the source", SourceRemoval.TRASHED: "in the source's trash now"}


@contextmanager
def progress_display() -> Iterator[Progress]:
    """Progress as a bar on a terminal, as log lines elsewhere."""
    if not console.is_terminal:
        yield Progress(_ProgressLog())
        return
    with Bars(BarColumn(), TextColumn("{task.description}"), console=console) as bars:
        yield Progress(_Bars(bars))


class _ProgressLog:
    """A line when a stage begins or ends, and every five seconds."""

    def __init__(self) -> None:
        self._said = 0.0
        self._stage = ""

    def __call__(self, stage: StageProgress) -> None:
        now = time.monotonic()
        if stage.name != self._stage or stage.done >= stage.total or now - self._said > _LOG_SECONDS:
            self._said, self._stage = now, stage.name
            logger.info(str(stage))


class _Bars:
    """One bar a stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: StageProgress) -> None:
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(str(stage), total=stage.total or None)
        self._bars.update(self._tasks[stage.name], completed=stage.done, description=str(stage))


def print_report(report: MigrationReport) -> None:
    """Print the report as tables; the JSON file has every row, this the sums and some examples."""
    content = report.content
    if content.get("tables"):
        console.print(_row_tables(content["tables"]))
        console.print(_lance_tables(content["lance"]))
    for line in _remarks(content):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    verification = content.get("verification", {})
    for mismatch in verification.get("mismatches", [])[:_LISTED]:
        console.print(
            f"mismatch: table {mismatch['table']}, key {mismatch['key']}, column {mismatch['column']}: "
            f"{mismatch['problem']} (expected {mismatch['expected']!r}, found {mismatch['found']!r})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if (more := verification.get("total_mismatches", 0) - _LISTED) > 0:
        console.print(f"... and {more:,} more mismatches; --report FILE lists the first thousand", markup=False)
    console.print(f"State: {report.state}", markup=False)


def _row_tables(tables: list[dict[str, Any]]) -> Table:
    shown = Table(title="Rows")
    shown.add_column("table", no_wrap=True)
    names = [outcome.name.lower() for outcome in RowOutcome]
    for name in ("source", *names):
        shown.add_column(name, justify="right")
    for table in tables:
        shown.add_row(table["table"], f"{table['source_rows']:,}", *(f"{table[name]:,}" for name in names))
    return shown


def _lance_tables(tables: list[dict[str, Any]]) -> Table:
    shown = Table(title="Vectors, texts and caches")
    shown.add_column("table", no_wrap=True)
    names = ("rows", "copied", "there", "marked", "left_out")
    for name in names:
        shown.add_column(name.replace("_", " "), justify="right")
    for table in tables:
        shown.add_row(table["table"], *(f"{table[name]:,}" for name in names))
    return shown


def _remarks(content: dict[str, Any]) -> list[str]:
    lines: list[str] = list(content.get("remarks", []))
    for table in content.get("tables", []):
        for what in ("changes", "merges"):
            counts = ", ".join(f"{name} {count:,}" for name, count in table[what].items())
            if counts:
                lines.append(f"{table['table']}, {what}: {counts}")
        lines += [_kept(table, why, what) for why, what in _GIVEN_UP.items() if why in table["kept"]]
    quarantine = content.get("quarantine", [])
    lines += [
        f"quarantined: {row['table']} {row['key']}: {row['reason']} ({row['message']})" for row in quarantine[:_LISTED]
    ]
    if len(quarantine) > _LISTED:
        lines.append(f"... and {len(quarantine) - _LISTED:,} more in quarantine; --report FILE lists them all")
    lines += _left_behind(content.get("left_behind", []))
    if content.get("changed_since"):
        lines.append(
            f"The source has changed since it was read: {', '.join(content['changed_since'])}. "
            "Stop the old server and run the command again to take the changes over."
        )
    if content.get("not_migrated"):
        others = ", ".join(f"{name} ({rows:,} rows)" for name, rows in content["not_migrated"].items())
        lines.append(f"Tables without a place here: {others}")
    if content.get("columns_not_migrated"):
        columns = ", ".join(f"{name} ({values:,} values)" for name, values in content["columns_not_migrated"].items())
        lines.append(f"The source has columns without a place here: {columns}")
    dead = [f"{one['column']} ({one['dead']:,} of {one['ids']:,})" for one in content.get("dead_ids", [])]
    if dead:
        lines.append(f"Ids that lead to no row of the source: {', '.join(dead)}")
    lines += [f"WARNING: {line}" for line in content.get("warnings", [])]
    if changed := content.get("verification", {}).get("changed_here"):
        lines.append(f"{changed:,} rows were changed here since the move, which is no damage; --report FILE lists them")
    lines += _accounts(content)
    if content.get("nothing_to_do"):
        lines.append("Nothing to do: this version of the source has been migrated already.")
    lines += [f"problem: {problem}" for problem in content.get("problems", [])]
    return lines


def _left_behind(users: list[dict[str, Any]]) -> list[str]:
    """Say whose rows are in quarantine, with those who miss most first."""
    shown = sorted(users, key=lambda user: (user["uid"] is None, -sum(user["rows"].values())))
    lines = []
    for user in shown[:_LISTED]:
        name = " ".join(filter(None, (user["email"], user["uid"]))) or "rows of nobody known"
        reasons = ", ".join(f"{what} {count:,}" for what, count in user["rows"].items())
        lines.append(f"left behind: {name}: {reasons}")
    if len(users) > _LISTED:
        lines.append(f"... and rows of {len(users) - _LISTED:,} more users; --report FILE lists them all")
    return lines


def _accounts(content: dict[str, Any]) -> list[str]:
    joined = content.get("accounts_joined", [])
    lines = [f"joined: {one['email']}: {one['target_uid']} into {one['source_uid']}" for one in joined]
    conflicts = content.get("email_conflicts", [])
    lines += [
        f"WARNING: {one['email']} belongs to {one['target_uid']} here and to {one['source_uid']} in the source, which "
        "is without it here and cannot log in"
        for one in conflicts[:_LISTED]
    ]
    if len(conflicts) > _LISTED:
        lines.append(f"... and {len(conflicts) - _LISTED:,} more e-mails; --report FILE lists them all")
    if conflicts:
        lines.append("Run the command with --join-accounts to make one account of each two.")
    return lines


def _kept(table: dict[str, Any], why: str, what: str) -> str:
    count = table["kept"][why]
    keys = [row["key"] for row in table["kept_rows"] if row["why"] == why][:_LISTED]
    more = f" and {count - len(keys):,} more" if count > len(keys) else ""
    return f"{table['table']}: {count:,} brought over earlier, {what}, stay in the target: {', '.join(keys)}{more}"
