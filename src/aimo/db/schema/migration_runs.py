"""Runs of the data migration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment, Sequence
from aimo.db.types import Json, Prose


class MigrationRuns(Model):
    """One run of ``aimo migrate-data``, from its start over all its resumptions to its end.

    ``plan`` is what was decided at the start: the pinned version, rows and place of each source table
    and the model of the vectors. ``first_seq`` and ``next_seq`` bound the order numbers that the run gives out.
    """

    __tablename__ = "migration_runs"
    __table_args__ = (TABLE_OPTIONS,)

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(Prose, nullable=False)
    status: Mapped[str] = mapped_column(String(16), nullable=False)
    state: Mapped[str] = mapped_column(String(16), nullable=False)
    first_seq: Mapped[Sequence]
    next_seq: Mapped[Sequence]
    plan: Mapped[Any] = mapped_column(Json, nullable=False)
    summary: Mapped[Any | None] = mapped_column(Json)
    started_at: Mapped[Moment]
    finished_at: Mapped[OptionalMoment]
