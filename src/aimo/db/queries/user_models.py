"""Queries on models of users, and on what users have chosen them for."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import UserFeatureConfigs, UserModels
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, following, table_of, values_for


class UserModelRow(NamedTuple):
    """A model as it is stored: every statement that reads, adds or changes models has these columns.

    ``api_key`` is encrypted. Times are epoch milliseconds.
    """

    id: str
    uid: str
    name: str
    provider: str
    api_base_url: str | None
    api_key: str
    model_name: str
    is_default: bool
    created_at: int
    updated_at: int


class FeatureConfigRow(NamedTuple):
    """The model chosen for a feature as it is stored; None stands for the server's. Times are epoch milliseconds."""

    id: str
    uid: str
    feature: str
    user_model_id: str | None
    created_at: int
    updated_at: int


class StoredKey(NamedTuple):
    """The encrypted key of a model."""

    id: str
    uid: str
    api_key: str


_FIXED = ("id", "uid", "created_at")
_CHANGEABLE = [name for name in UserModelRow._fields if name not in _FIXED]
_COLUMNS = columns_for(UserModelRow, UserModels)
_MINE = UserModels.uid == param("owner")
_ONE = (_MINE, UserModels.id == param("model"))
_CHOICE = (UserFeatureConfigs.uid == param("owner"), UserFeatureConfigs.feature == param("which"))

_OF_USER = Query(owned("user_models.of_user", select(*_COLUMNS).where(_MINE).order_by(UserModels.seq)), UserModelRow)
_COUNT = Scalar[int](owned("user_models.count", select(func.count()).select_from(UserModels).where(_MINE)))
_GET = Query(owned("user_models.one", select(*_COLUMNS).where(*_ONE)), UserModelRow)
_CREATE = Command(
    owned(
        "user_models.create", insert(UserModels).values({name: param(name) for name in (*UserModelRow._fields, "seq")})
    )
)
_UPDATE = Command(
    owned(
        "user_models.update",
        update(UserModels).where(*_ONE).values({name: param(f"new_{name}") for name in _CHANGEABLE}),
    )
)
_UNSET_OTHER_DEFAULTS = Command(
    owned(
        "user_models.unset_other_defaults",
        update(UserModels)
        .where(_MINE, UserModels.id != param("model"), UserModels.is_default == true())
        .values(is_default=False),
    )
)
_OLDEST = Scalar[str](owned("user_models.oldest", select(UserModels.id).where(_MINE).order_by(UserModels.seq).limit(1)))
_SET_DEFAULT = Command(owned("user_models.set_default", update(UserModels).where(*_ONE).values(is_default=True)))
_DELETE = Command(owned("user_models.delete", delete(UserModels).where(*_ONE)))
_KEYS = Query(
    unscoped(
        "user_models.keys",
        following(UserModels.id, UserModels.id, UserModels.uid, UserModels.api_key),
        reason="the keys of all users are encrypted again when the server's secret changes",
    ),
    StoredKey,
)
_REPLACE_KEY = Command(
    unscoped(
        "user_models.replace_key",
        update(UserModels)
        .where(UserModels.id == param("model"), UserModels.api_key == param("old_key"))
        .values(api_key=param("new_key")),
        reason="the keys of all users are encrypted again when the server's secret changes",
    )
)
_CHOSEN = Scalar[str | None](
    owned("user_feature_configs.chosen", select(UserFeatureConfigs.user_model_id).where(*_CHOICE))
)
_CREATE_CHOICE_UNLESS_KNOWN = Command(
    owned(
        "user_feature_configs.create_new",
        insert_new(table_of(UserFeatureConfigs)).values(values_for(FeatureConfigRow, UserFeatureConfigs)),
    )
)
_CHOOSE = Command(
    owned(
        "user_feature_configs.update",
        update(UserFeatureConfigs).where(*_CHOICE).values(user_model_id=param("new_model"), updated_at=param("now")),
    )
)


async def of_user(connection: ReadConnection, *, owner: str) -> list[UserModelRow]:
    """Load the user's models in the order in which they were created."""
    return await _OF_USER.all(connection, owner=owner)


async def count(connection: ReadConnection, *, owner: str) -> int:
    """Count the user's models."""
    return await _COUNT.one(connection, owner=owner)


async def get(connection: ReadConnection, *, owner: str, model_id: str) -> UserModelRow | None:
    """Load a model; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, model=model_id)


async def create(connection: AsyncConnection, model: UserModelRow, *, seq: int) -> None:
    """Store a model; ``seq`` is its place in the order of insertion."""
    await _CREATE.run(connection, **model._asdict(), seq=seq)


async def update_model(connection: AsyncConnection, model: UserModelRow) -> None:
    """Store what has changed of a model, whose id, owner and time of creation stay."""
    changed = {f"new_{name}": getattr(model, name) for name in _CHANGEABLE}
    await _UPDATE.run(connection, owner=model.uid, model=model.id, **changed)


async def unset_other_defaults(connection: AsyncConnection, *, owner: str, model_id: str) -> None:
    """Let no model of the user but this one be the default."""
    await _UNSET_OTHER_DEFAULTS.run(connection, owner=owner, model=model_id)


async def oldest(connection: ReadConnection, *, owner: str) -> str | None:
    """Return the id of the model that the user created first; None without any."""
    return await _OLDEST.first(connection, owner=owner)


async def set_default(connection: AsyncConnection, *, owner: str, model_id: str) -> None:
    """Mark a model as the default."""
    await _SET_DEFAULT.run(connection, owner=owner, model=model_id)


async def delete_model(connection: AsyncConnection, *, owner: str, model_id: str) -> bool:
    """Remove a model, and choices of it; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, model=model_id))


async def keys(connection: ReadConnection, *, after: str, limit: int) -> list[StoredKey]:
    """Load the next keys of all users, by the ids of their models, behind the id ``after``."""
    return await _KEYS.all(connection, after=after, limit=limit)


async def replace_key(connection: AsyncConnection, *, model_id: str, old_key: str, new_key: str) -> bool:
    """Store another encrypted key; False where it is not ``old_key`` any more."""
    return bool(await _REPLACE_KEY.run(connection, model=model_id, old_key=old_key, new_key=new_key))


async def chosen(connection: ReadConnection, *, owner: str, feature: str) -> str | None:
    """Return the id of the model that the user has chosen for a feature; None for the server's."""
    return await _CHOSEN.first(connection, owner=owner, which=feature)


async def choose(connection: AsyncConnection, choice: FeatureConfigRow) -> None:
    """Store which model a user has chosen; the id and time of creation of a stored choice stay."""
    await _CREATE_CHOICE_UNLESS_KNOWN.run(connection, **choice._asdict())
    await _CHOOSE.run(
        connection,
        owner=choice.uid,
        which=choice.feature,
        new_model=choice.user_model_id,
        now=choice.updated_at,
    )
