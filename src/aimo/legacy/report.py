"""The report: every source row accounted for, and whether source and target agree (docs/migration-report.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from aimo.clock import to_datetime
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.copy import account_joins, ledger
from aimo.legacy.copy import runs as run_states
from aimo.legacy.copy.file_copier import FileReport
from aimo.legacy.copy.row_stage import USAGE_COUNTS
from aimo.legacy.copy.runs import Run, Runs, details_of
from aimo.legacy.copy.vector_copier import COPIED, LEFT_OUT, THERE, WAITING_ENTRIES
from aimo.legacy.left_behind import count_left_behind
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.plan.account_conflicts import EmailConflict
from aimo.legacy.plan.completeness import DeadIds
from aimo.legacy.plan.options import CACHES, ROW_TABLES, Options
from aimo.legacy.plan.run_plan import MAPPERS
from aimo.legacy.row_outcomes import Change, RowOutcome
from aimo.legacy.verify.removed_in_source import rows_removed_in_source
from aimo.legacy.verify.verification_result import LISTED, Verification

FORMAT = 1
_SHOWN = 20
_CODES = {"copied": COPIED, "marked": WAITING_ENTRIES, "left_out": LEFT_OUT, "there": THERE}


@dataclass
class MigrationReport:
    """What a command has to say at its end. `content` is the JSON document."""

    state: str
    exit_code: int
    content: dict[str, Any]
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def pending(cls, options: Options, problems: list[str]) -> MigrationReport:
        """Return the report of a run that did nothing, with the reasons."""
        content = {"format": FORMAT, "source": options.source, "state": run_states.PENDING, "exit_code": 1}
        content["problems"] = problems
        return cls(run_states.PENDING, 1, content)


@dataclass(frozen=True)
class Findings:
    """What shows on the source as a whole, or beside the target.

    Args:
        problems: lines about tables that must be there.
        warnings: lines about tables that are missing, or lack most rows that others refer to.
        dead_ids: columns with ids that lead to no row.
        tables: rows of tables that have no place in the target.
        columns: values of columns that have no place in the target, by ``table.column``.
        conflicts: e-mails that an account of the source and another one of the target have.
    """

    problems: list[str]
    warnings: list[str]
    dead_ids: list[DeadIds]
    tables: dict[str, int]
    columns: dict[str, int]
    conflicts: list[EmailConflict]


async def build(
    options: Options,
    runs: Runs,
    run: Run,
    database: Database,
    *,
    verification: Verification,
    files: FileReport | None,
    nothing_to_do: bool,
    changed: list[str],
    remarks: list[str],
    findings: Findings,
) -> MigrationReport:
    """Put the report of a run together from its checkpoints, its quarantine and the verification."""
    quarantine = await _quarantine(database, run)
    tables = [
        await _table(runs, run, kind.source) | await _kept(database, runs, run, kind, quarantine)
        for kind in MAPPERS
        if kind.source in run.versions
    ]
    names = (*CACHES, "memo_texts", "memo_vectors", "attachment_vectors")
    lance = [entry for name in names if (entry := await _lance_table(runs, run, name))]
    problems = list(findings.problems)
    problems += [
        f"{table['table']}: {table['source_rows']} rows in the source, {table['accounted']} accounted for"
        for table in tables
        if table["accounted"] != table["source_rows"]
    ]
    if files and files.differing:
        problems.append(f"{len(files.differing)} files differ after copying")
    quarantined = sum(table["quarantined"] for table in tables)
    if quarantined != len(quarantine):
        problems.append(f"{quarantined} rows are quarantined, {len(quarantine)} are in the quarantine table")
    state = verification.state
    if problems and state == run_states.VALIDATED:
        state = run_states.MISMATCHED
    warnings = [*findings.warnings, *_lost_emails(tables), *_too_large(tables)]
    if files and files.missing:
        warnings.append(
            f"{len(files.missing):,} of {files.expected:,} files are not there, as {files.missing[0]}: --copy-files "
            "copies them from the old server's folder, or let ATTACHMENT_LOCAL_PATH name it."
        )
    if left := {name: rows for name, rows in findings.tables.items() if rows}:
        shown = ", ".join(f"{name} ({rows:,} rows)" for name, rows in left.items())
        warnings.append(f"Rows are left behind, since their tables have no place here: {shown}.")
    to_look_at = quarantined or findings.conflicts or warnings or changed
    failed = bool(problems) or (state != run_states.VALIDATED and not options.dry_run)
    content = {
        "format": FORMAT,
        "run": run.run_id,
        "source": run.source,
        "dry_run": options.dry_run,
        "nothing_to_do": nothing_to_do,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "state": state,
        "exit_code": 1 if failed else 3 if to_look_at else 0,
        "model": run.plan["model"],
        "versions": run.versions,
        "changed_since": changed,
        "remarks": remarks,
        "not_migrated": findings.tables,
        "columns_not_migrated": findings.columns,
        "email_conflicts": [asdict(conflict) for conflict in findings.conflicts],
        "accounts_joined": await account_joins.joined(runs, run),
        "dead_ids": [asdict(one) for one in findings.dead_ids],
        "warnings": warnings,
        "tables": tables,
        "lance": lance,
        "quarantine": quarantine,
        "left_behind": await count_left_behind(database, quarantine),
        "files": asdict(files) if files else None,
        "verification": verification.report(),
        "problems": problems,
    }
    summary = {"state": state, "quarantined": quarantined, "mismatches": verification.total_mismatches}
    return MigrationReport(state, content["exit_code"], content, summary)


async def _table(runs: Runs, run: Run, name: str) -> dict[str, Any]:
    """Return one relational table: how many rows met which end, and what was changed or merged."""
    counts: Counter[int] = Counter()
    notes: list[Any] = []
    merged: list[Any] = []
    for checkpoint in await runs.checkpoints(run, name):
        codes, numbers = np.unique(ledger.outcomes(checkpoint.ledger), return_counts=True)
        counts.update(dict(zip(codes.tolist(), numbers.tolist(), strict=True)))
        details = details_of(checkpoint)
        notes += details.get("notes", [])
        merged += details.get("merged", [])
    if name == "tags":
        recounted = [
            note for one in await runs.checkpoints(run, USAGE_COUNTS) for note in details_of(one).get("notes", [])
        ]
        only_counted = {note[0] for note in recounted} - {note[0] for note in notes}
        moved = min(len(only_counted), counts[RowOutcome.MIGRATED])
        counts[RowOutcome.MIGRATED] -= moved
        counts[RowOutcome.NORMALISED] += moved
        notes += recounted
    rows = run.plan["tables"][name]["rows"]
    return {
        "table": name,
        "source_rows": rows,
        **{outcome.name.lower(): counts[outcome] for outcome in RowOutcome},
        "accounted": sum(counts.values()),
        "changes": dict(sorted(Counter(f"{note[1]}: {note[2]}" for note in notes).items())),
        "merges": dict(sorted(Counter(one[3] for one in merged).items())),
        "normalisations": [dict(zip(("key", "column", "change", "old", "new"), note, strict=True)) for note in notes],
        "merged_rows": [dict(zip(("position", "key", "into", "why"), one, strict=True)) for one in merged],
    }


async def _kept(
    database: Database, runs: Runs, run: Run, kind: type[Mapper], quarantine: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return how many rows of a table the target keeps that the source gave up, and which: the first thousand."""
    kept = await rows_removed_in_source(database, runs, run, kind, quarantine)
    return {
        "kept": dict(sorted(Counter(why for _, why in kept).items())),
        "kept_rows": [{"key": key, "why": why} for key, why in kept[:LISTED]],
    }


async def _lance_table(runs: Runs, run: Run, name: str) -> dict[str, Any] | None:
    """Return one LanceDB table: how many rows were copied, marked for embedding, left out, or there already."""
    checkpoints = await runs.checkpoints(run, name)
    if not checkpoints:
        return None
    codes = np.frombuffer(b"".join(checkpoint.ledger for checkpoint in checkpoints), dtype=np.uint8)
    return {"table": name, "rows": len(codes), **{word: int((codes == code).sum()) for word, code in _CODES.items()}}


def _lost_emails(tables: list[dict[str, Any]]) -> list[str]:
    """Say which accounts have lost their e-mail to another one: nobody can log in to them."""
    lost = [note for table in tables for note in table["normalisations"] if note["change"] == Change.EMAIL_TAKEN]
    if not lost:
        return []
    shown = ", ".join(f"{note['key']} ({note['old']})" for note in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
    return [
        f"{len(lost):,} accounts have no e-mail here, since an older account or one of this server has it, so that "
        f"nobody can log in to them: {shown}{more}."
    ]


def _too_large(tables: list[dict[str, Any]]) -> list[str]:
    """Say which values did not fit into a statement."""
    notes = [(t["table"], n) for t in tables for n in t["normalisations"] if n["change"] == Change.LARGER_THAN_PACKET]
    if not notes:
        return []
    shown = ", ".join(f"{table}.{note['column']} of {note['key']}" for table, note in notes[:_SHOWN])
    return [f"{len(notes):,} values were larger than max_allowed_packet and are in the source alone: {shown}."]


async def _quarantine(database: Database, run: Run) -> list[dict[str, object]]:
    async with database.reads() as connection:
        rows = await connection.execute(sql.QUARANTINE, {"run_id": run.run_id})
        found = [
            {
                "table": row.table_name,
                "position": row.position,
                "key": row.row_key,
                "reason": row.reason,
                "message": row.message,
                "row": row.content,
            }
            for row in rows
        ]
    # What others hang on comes before them: the causes before their consequences.
    return sorted(found, key=lambda row: (ROW_TABLES.index(str(row["table"])), row["position"]))


def _moment(ms: int | None) -> str | None:
    return None if ms is None else to_datetime(ms).isoformat(timespec="milliseconds") + "Z"
