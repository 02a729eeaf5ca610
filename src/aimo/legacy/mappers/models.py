"""Chat models of users' own, and what they chose them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aimo.db.schema import UserFeatureConfigs, UserModels
from aimo.db.typed import table_of
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow

_LONGEST_FEATURE = 50


class UserModelMapper(Mapper):
    """Models; their keys, in clear text until now, are encrypted while they are written."""

    source = "user_models"
    table = table_of(UserModels)
    key = "id"
    secret = frozenset({"apiKey"})
    hashed = (
        ("id", "uid", "name", "provider", "api_base_url", "model_name", "is_default", "created_at", "updated_at"),
    )
    kinds: ClassVar = {
        "id": Kind.TEXT,
        "uid": Kind.TEXT,
        "name": Kind.TEXT,
        "provider": Kind.TEXT,
        "apiBaseUrl": Kind.TEXT,
        "apiKey": Kind.TEXT,
        "modelName": Kind.TEXT,
        "isDefault": Kind.FLAG,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the model without its key."""
        values = {
            "id": fields.id("id"),
            "uid": fields.owner(self.lookups),
            "name": fields.word("name", "name"),
            "provider": fields.word("provider", "provider"),
            "api_base_url": fields.optional("apiBaseUrl"),
            "model_name": fields.word("modelName", "model_name"),
            "is_default": bool(fields.raw("isDefault")),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        return Mapped(values, fields.notes)

    def secrets_of(self, row: SourceRow) -> dict[str, object]:
        """Return the key, encrypted by the target's secret."""
        assert self.keys is not None
        key = row.values["apiKey"]
        return {"api_key": self.keys.encrypt(key if isinstance(key, str) else "", model_id=str(row.values["id"]))}


class FeatureConfigMapper(Mapper):
    """Choices; a model that is not the user's stands for the server's."""

    source = "user_feature_configs"
    table = table_of(UserFeatureConfigs)
    key = "id"
    hashed = (("id", "uid", "feature", "user_model_id", "created_at", "updated_at"),)
    kinds: ClassVar = {
        "id": Kind.TEXT,
        "uid": Kind.TEXT,
        "feature": Kind.TEXT,
        "userModelId": Kind.TEXT,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, and their models."""
        await self.lookups.load_users(column_of(rows, "uid"))
        await self.lookups.load_models(column_of(rows, "userModelId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the choice."""
        uid = fields.owner(self.lookups)
        values = {
            "id": fields.id("id"),
            "uid": uid,
            "feature": (fields.optional("feature", _LONGEST_FEATURE) or ""),
            "user_model_id": own_model(self, fields, uid),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        return Mapped(values, fields.notes)


def own_model(mapper: Mapper, fields: RowFields, uid: str) -> str | None:
    """Return the id of the user's model that a row names; None, with a note, where it is none of theirs."""
    given = fields.optional("userModelId")
    if given is not None and mapper.lookups.models.get(given) != uid:
        fields.note("user_model_id", Change.UNKNOWN_MODEL, given, None)
        return None
    return given
