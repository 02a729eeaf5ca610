"""Personal access tokens."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment, Sequence
from aimo.db.types import Id, Word


class AccessTokens(Model):
    """One token for a program, valid while the row exists and has not expired.

    ``secret_hash`` is the SHA-256 of its secret part in hexadecimal; ``scopes`` are names with spaces between them.
    A token without ``expires_at`` does not expire.
    """

    __tablename__ = "access_tokens"
    __table_args__ = (Index(None, "uid", "seq"), Index(None, "expires_at"), TABLE_OPTIONS)

    token_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Word, nullable=False)
    secret_hash: Mapped[str] = mapped_column(String(64), nullable=False)
    scopes: Mapped[str] = mapped_column(Word, nullable=False)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    expires_at: Mapped[OptionalMoment]
    last_used_at: Mapped[OptionalMoment]
