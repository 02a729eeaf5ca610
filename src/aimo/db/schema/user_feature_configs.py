"""Which of their models users have chosen for what."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id


class UserFeatureConfigs(Model):
    """The model of a user for one feature, such as ``tag_generation``; NULL stands for the server's."""

    __tablename__ = "user_feature_configs"
    __table_args__ = (UniqueConstraint("uid", "feature"), Index(None, "user_model_id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    feature: Mapped[str] = mapped_column(String(50), nullable=False)
    user_model_id: Mapped[str | None] = mapped_column(
        Id, ForeignKey("user_models.id", ondelete="SET NULL"), nullable=True
    )
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
