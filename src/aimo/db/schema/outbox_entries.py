"""What LanceDB must look at again."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id, Millis, Prose, Serial


class OutboxEntries(Model):
    """An outbox entry: written in the transaction that changes a memo or attachment, removed once applied.

    It carries no data and refers to nothing by a foreign key: an entry must outlive the row that it
    is about, so that a deletion reaches LanceDB too.
    """

    __tablename__ = "outbox_entries"
    __table_args__ = (
        Index(None, "next_try_at", "entry_id"),
        Index(None, "entity_id"),
        TABLE_OPTIONS | {"sqlite_autoincrement": True},
    )

    entry_id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16), nullable=False)
    entity_id: Mapped[str] = mapped_column(Id, nullable=False)
    uid: Mapped[str] = mapped_column(Id, nullable=False)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(Prose)
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    # How often a process died while it applied this entry, and since when one is applying it.
    crashes: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    started_at: Mapped[int | None] = mapped_column(Millis)
