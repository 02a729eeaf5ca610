"""One migration from its start to its report: which run to take up, and the stages in their order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.errors import ConfigurationError
from aimo.legacy.copy import runs as run_states
from aimo.legacy.copy.file_copier import FileCopier, FileReport
from aimo.legacy.copy.lance_stage import LanceStage
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.row_stage import RowStage
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.plan import run_plan as planning
from aimo.legacy.plan.account_conflicts import find_conflicts
from aimo.legacy.plan.completeness import MissingTables, count_dead_ids, find_missing_tables
from aimo.legacy.plan.options import Options, UsageError
from aimo.legacy.plan.run_plan import MAPPERS, NEEDS
from aimo.legacy.report import Findings, MigrationReport, build
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import QuarantineReason
from aimo.legacy.source.damaged_reads import SourceVersionGoneError
from aimo.legacy.source.model_finder import Model, choose
from aimo.legacy.source.unknown_columns import count_unknown_values
from aimo.legacy.verify.verification_result import Verification
from aimo.legacy.verify.verifier import Verifier
from aimo.services.memos.change_log import start_again
from aimo.services.models.key_cipher import KeyCipher
from aimo.storage.protocol import Storage
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import LegacySource
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class MigrationTarget:
    """Where everything goes. ``vectors`` is None in a dry run, which writes to neither of them.

    ``packet_limit`` is how many bytes one statement of the real database may have; ``keys`` encrypts keys of models.
    """

    database: Database
    vectors: VectorStore | None
    storage: Storage
    packet_limit: int
    keys: KeyCipher | None = None


class Migration:
    """Moves one source into one target."""

    def __init__(
        self,
        options: Options,
        target: MigrationTarget,
        source: LegacySource,
        runs: Runs,
        *,
        model: Mapping[str, object],
        reopen: Callable[[Mapping[str, int]], Awaitable[LegacySource]],
        progress: Progress,
    ) -> None:
        self._options = options
        self._target = target
        self._source = source
        self._model = model
        self._reopen = reopen
        self._progress = progress
        self._runs = runs
        self._remarks: list[str] = []
        self._taken_up = ""
        self._missing = MissingTables()

    async def run(self) -> MigrationReport:
        """Do what was asked for and report on it.

        Raises:
            UsageError: a table was chosen that the source does not have, or whose owners are not there yet.
            VectorStoreError: the source cannot be read, or LanceDB not be written.
        """
        if self._options.verify_only:
            run = self._runs.finished or self._runs.unfinished
            if run is None:
                why = "this source has never been migrated into this database"
                return MigrationReport.pending(self._options, [why])
            self._missing = await self._missing_tables(run.plan.get("selected"))
            return await self._report(run, nothing_to_do=False, files=None)
        for name in self._options.tables:
            if name not in self._source.tables:
                raise UsageError(f"--table {name}: the source has no such table.")
        self._missing = await self._missing_tables(self._options.tables)
        if self._runs.unfinished:
            await self._resume(self._runs.unfinished)
        elif self._options.resume:
            self._remarks.append("There was no interrupted run of this source to go on with.")
        if others := self._runs.interrupted_elsewhere:
            self._remarks.append(f"The migration of {', '.join(others)} into this database was interrupted.")
        done = self._runs.finished
        newest = {name: self._source.tables[name].version for name in planning.chosen(self._options, self._source)}
        if done is not None and done.has_read(newest) and not await self._can_bring_more(done):
            files = await self._copy_files()
            return await self._report(done, nothing_to_do=done.run_id != self._taken_up, files=files)
        self._check_needs()
        if self._missing.damaging and not self._options.dry_run:
            return MigrationReport.pending(self._options, self._missing.damaging)
        plan = planning.describe(
            self._options, self._source, self._model, await self._empty(), self._target.packet_limit
        )
        run = await self._runs.start(plan, planning.order_numbers(self._source))
        await self._carry_out(run, self._source)
        files = await self._copy_files()
        return await self._report(run, nothing_to_do=False, files=files)

    async def _resume(self, run: Run) -> None:
        """Go on with an interrupted run, on the versions it began with."""
        self._remarks.append(f"Went on with the interrupted run {run.run_id}, as it had been started.")
        try:
            source = await self._reopen(run.versions)
        except VectorStoreError as error:
            await self._give_up(run, error)
            return
        try:
            await self._carry_out(run, source)
            self._taken_up = run.run_id
        except SourceVersionGoneError as error:
            await self._give_up(run, error)
        finally:
            source.close()

    async def _give_up(self, run: Run, error: VectorStoreError) -> None:
        log.warning("interrupted run cannot be resumed", run=run.run_id, error=str(error))
        self._remarks[-1] = (
            f"The interrupted run {run.run_id} could not go on, because the source has lost the versions that it "
            "read; a new run took over what it had brought."
        )
        await with_retries(lambda: self._runs.give_up(run))

    async def _carry_out(self, run: Run, source: LegacySource) -> None:
        limit = self._target.packet_limit
        rows = RowStage(self._target.database, self._runs, run, source, batch=self._options.batch, packet_limit=limit)
        rows.keys = self._target.keys
        await rows.copy_all(self._progress)
        lance = LanceStage(self._target.database, self._runs, run, source, vectors=self._target.vectors)
        await lance.copy_all(self._progress)
        # Clients that keep copies of memos have not been told of those that came.
        await with_retries(lambda: start_again(self._target.database))
        run.status, run.finished_at = run_states.FINISHED, clock.now_ms()
        await with_retries(lambda: self._runs.save(run))

    async def _copy_files(self) -> FileReport | None:
        copier = FileCopier(
            self._target.database, self._target.storage, self._options.copy_files, dry_run=self._options.dry_run
        )
        return await with_retries(lambda: copier.run(self._progress))

    async def _report(self, run: Run, *, nothing_to_do: bool, files: FileReport | None) -> MigrationReport:
        source = await self._source_at_versions_of(run)
        try:
            verification = Verification.skipped()
            if not self._options.dry_run:
                verifier = Verifier(self._target.database, self._target.vectors, self._runs, run, source)
                verification = await verifier.verify(self._progress)
            changed = await self._changed_since(run)
            findings = await self._findings(run, source)
            report = await with_retries(
                lambda: build(
                    self._options,
                    self._runs,
                    run,
                    self._target.database,
                    verification=verification,
                    files=files,
                    nothing_to_do=nothing_to_do,
                    changed=changed,
                    remarks=[*self._remarks, *source.remarks],
                    findings=findings,
                )
            )
        finally:
            if source is not self._source:
                source.close()
        run.state, run.summary = report.state, report.summary
        if not nothing_to_do and not self._options.verify_only:
            await with_retries(lambda: self._runs.save(run))
        return report

    async def _source_at_versions_of(self, run: Run) -> LegacySource:
        current = {name: table.version for name, table in self._source.tables.items()}
        if run.versions.items() <= current.items():
            return self._source
        try:
            return await self._reopen(run.versions)
        except VectorStoreError as error:
            raise ConfigurationError(
                f"The versions that were migrated are not in the source any more ({error}); run without --verify-only."
            ) from error

    async def _changed_since(self, run: Run) -> list[str]:
        """Tables that were written to in the source after the run pinned them."""
        newest = await self._source.newest_versions()
        return [name for name, version in run.versions.items() if newest.get(name) != version]

    async def _missing_tables(self, selected: object) -> MissingTables:
        """Return what shows that the source is incomplete; nothing where tables were asked for by name."""
        return MissingTables() if selected else await find_missing_tables(self._source)

    async def _can_bring_more(self, done: Run) -> bool:
        """Return whether rows that a finished run could not bring may be brought now, from the same versions."""
        if self._options.join_accounts and "users" in done.versions:
            return bool(await find_conflicts(self._target.database, self._source.tables["users"]))
        if self._target.packet_limit <= done.plan.get("packet_limit", self._target.packet_limit):
            return False
        async with self._target.database.reads() as connection:
            which = {"run_id": done.run_id, "reason": QuarantineReason.LARGER_THAN_PACKET}
            return bool((await connection.execute(sql.QUARANTINED_FOR, which)).scalar_one())

    async def _findings(self, run: Run, source: LegacySource) -> Findings:
        users = source.tables["users"] if "users" in run.versions and run.status == run_states.FINISHED else None
        dead = await count_dead_ids(source, run.versions)
        suspicious = [f"{one}: is the source an incomplete copy?" for one in dead if one.suspicious]
        return Findings(
            problems=self._missing.damaging,
            warnings=[*source.warnings, *self._missing.harmless, *suspicious],
            dead_ids=dead,
            # Of the source as it is now: a table may have come after the run.
            tables=planning.tables_without_a_place(self._source, run.versions),
            columns=await count_unknown_values(source, run.versions),
            conflicts=await find_conflicts(self._target.database, users) if users else [],
        )

    def _check_needs(self) -> None:
        finished = {name for run in self._runs.all if run.status == run_states.FINISHED for name in run.versions}
        chosen = planning.chosen(self._options, self._source)
        for name in chosen:
            for needed in NEEDS.get(name, ()):
                if needed in self._source.tables and needed not in chosen and needed not in finished:
                    raise UsageError(f"--table {name}: {needed} must be migrated first, or together with it.")

    async def _empty(self) -> list[str]:
        """Return the tables of the target that have no rows yet."""
        empty = []
        async with self._target.database.reads() as connection:
            for mapper in MAPPERS:
                if not (await connection.execute(sql.count(mapper.table))).scalar_one():
                    empty.append(str(mapper.table.name))
        if self._target.vectors is not None:
            for table in self._target.vectors.tables:
                if not await table.count_rows():
                    empty.append(f"lance:{table.name}")
        return empty


async def choose_model(source: LegacySource, options: Options, configured: Model, runs: Runs) -> dict[str, object]:
    """Return the model under which the vectors are kept: what an earlier run decided, unless the options say otherwise.

    Raises:
        UsageError: the options contradict a run that is to be taken up, or that has done everything already.
        ConfigurationError: it is not the configured one, and the options do not say what to do.
    """
    wants_memos = not options.tables or "memos" in options.tables
    decided = next((run.plan["model"] for run in reversed(runs.all) if run.brings_memos), None)
    if decided is None and (options.verify_only or not wants_memos):
        return {"name": configured.name, "dimension": configured.dimension, "copied": True}
    if decided is None:
        return await choose(source, configured, keep_as=options.model, reembed=options.reembed)
    if (options.reembed and decided["copied"]) or options.model not in (None, decided["name"]):
        raise UsageError(
            f"This source is being migrated, or was, with its vectors {_kept(decided)}. Finish that without --model "
            "and --reembed; to embed everything by another model, configure it and run `aimo sync rebuild` afterwards."
        )
    return dict(decided)


def _kept(model: Mapping[str, object]) -> str:
    return f"kept as those of {model['name']}" if model["copied"] else "left behind, to be embedded again"
