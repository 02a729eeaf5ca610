"""Tags of a user's memos, and the counters that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries.memos import FilteredMemos, FilterShape
from aimo.db.queries.tags import NewTag, TagRow
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.tags import Tag, TagBody
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.services.memos import change_log
from aimo.services.memos.name_keys import name_key, require_color, require_length, require_lookup
from aimo.services.memos.possible_ids import require_possible_id


class TagService:
    """Lists, makes, changes and removes tags (docs/contract/tags.md)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> list[Tag]:
        """Return the user's tags in the order in which they were made."""
        async with self._database.reads() as connection:
            return [present(row) for row in await tag_queries.of_user(connection, owner=uid)]

    async def get(self, uid: str, tag_id: str) -> Tag:
        """Return one tag; NOT_FOUND when the user has none of that id."""
        async with self._database.reads() as connection:
            return present(await _require(connection, uid, tag_id))

    async def create(self, uid: str, body: TagBody) -> Tag:
        """Make a tag, or return the one that has this name already."""
        if not body.name or is_blank(body.name):
            raise AimoError(Code.PARAMS_ERROR, "Tag name is required")
        name, color = require_length(body.name.strip(), "Tag name"), require_color(body.color) or None

        async def work(connection: AsyncConnection) -> Tag:
            return (await _find_or_create(connection, uid, [name], color))[0]

        tag = await atomically(self._database, "tags.create", work, user=uid)
        if tag.color is None and body.color is UNSET:
            tag.color = UNSET
        return tag

    async def update(self, uid: str, tag_id: str, body: TagBody) -> Tag:
        """Change name or colour; a name that another tag has is refused."""
        if not isinstance(body.name, UnsetType):
            if is_blank(body.name or ""):
                raise AimoError(Code.PARAMS_ERROR, "Tag name cannot be empty")
            require_length((body.name or "").strip(), "Tag name")
        require_color(body.color)
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> Tag:
            stored = await _require(connection, uid, tag_id, lock=True)
            name = stored.name if isinstance(body.name, UnsetType) else (body.name or "").strip()
            color = stored.color if isinstance(body.color, UnsetType) else body.color
            key = name_key(name)
            await tag_queries.update_tag(
                connection, owner=uid, tag_id=tag_id, name=name, name_key=key, color=color, now=now
            )
            return present(stored._replace(name=name, color=color, updated_at=now))

        try:
            return await atomically(self._database, "tags.update", work, user=uid, entity=tag_id)
        except IntegrityError as error:
            raise AimoError(Code.PARAMS_ERROR, "Another tag has this name") from error

    async def delete(self, uid: str, tag_id: str) -> None:
        """Remove a tag, also from the memos that carry it."""
        require_possible_id(tag_id)

        async def work(connection: AsyncConnection) -> bool:
            carriers = FilteredMemos(uid, FilterShape(tags=True), {"tag_ids": [tag_id], "tag_count": 1})
            changed = await memo_queries.matching_ids(connection, carriers)
            # Memos before the tag: the order in which changing a memo locks them.
            await tag_queries.remove_from_memos(connection, owner=uid, tag_id=tag_id)
            removed = await tag_queries.delete_tag(connection, owner=uid, tag_id=tag_id)
            await change_log.record(connection, uid, changed)
            return removed

        if not await atomically(self._database, "tags.delete", work, user=uid, entity=tag_id):
            raise AimoError(Code.NOT_FOUND)


async def resolve(connection: AsyncConnection, uid: str, tag_ids: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the ids that a request means: the given ones, unknown ones included, or else those of the names.

    Names that no tag has are made into tags. Duplicates are dropped, the order is kept.
    See docs/decisions/11-names-of-tags-and-categories.md.
    """
    if tag_ids:
        return list(dict.fromkeys(tag_ids))
    require_lookup(names)
    wanted = [name.strip() for name in names if not is_blank(name)]
    return [tag.tag_id for tag in await _find_or_create(connection, uid, wanted, None)] if wanted else []


class JoinedNames(str):
    """Names that a client has joined by commas, unless a tag has all of it as its name."""

    __slots__ = ()


async def find_by_names(connection: ReadConnection, uid: str, names: Sequence[str]) -> list[str] | None:
    """Return the ids of the tags of these names, without making any; None when a name is unknown, [] without names.

    `JoinedNames` that no tag has as its name stand for the names between their commas.
    """
    require_lookup(names)
    wanted = {name_key(name): [name_key(part) for part in _parts(name)] for name in names if not is_blank(name)}
    if not wanted:
        return []
    keys = dict.fromkeys(key for literal, parts in wanted.items() for key in (literal, *parts))
    rows = await tag_queries.by_name_keys(connection, owner=uid, name_keys=list(keys))
    known = {row.name_key: row.tag_id for row in rows}
    meant = {
        key for literal, parts in wanted.items() for key in ([literal] if literal in known or not parts else parts)
    }
    return [known[key] for key in meant] if meant <= known.keys() else None


def _parts(name: str) -> list[str]:
    """Return the names that a text joins; none where it is one name."""
    return [part for part in name.split(",") if not is_blank(part)] if isinstance(name, JoinedNames) else []


async def recount(connection: AsyncConnection, uid: str, gone: Iterable[str], added: Iterable[str]) -> set[str]:
    """Count tags down and up, always in the same order of locks; return those of ``added`` that exist."""
    known = set()
    steps = [(tag_id, False) for tag_id in gone] + [(tag_id, True) for tag_id in added]
    for tag_id, up in sorted(steps, key=lambda step: step[0]):
        if not ids.is_possible(tag_id):
            continue
        if not up:
            await tag_queries.count_down(connection, owner=uid, tag_id=tag_id)
        elif await tag_queries.count_up(connection, owner=uid, tag_id=tag_id):
            known.add(tag_id)
    return known


async def _find_or_create(connection: AsyncConnection, uid: str, names: Sequence[str], color: str | None) -> list[Tag]:
    """Return one tag a distinct name, in the order of the names."""
    by_key = {name_key(name): name for name in reversed(names)}
    found = await _by_keys(connection, uid, list(by_key))
    missing = [key for key in dict.fromkeys(name_key(name) for name in names) if key not in found]
    if missing:
        now = clock.now_ms()
        rows = [
            NewTag(
                tag_id=ids.tag_id(),
                uid=uid,
                name=require_length(by_key[key], "Tag name"),
                name_key=key,
                color=color,
                usage_count=0,
                seq=clock.next_sequence(),
                created_at=now,
                updated_at=now,
            )
            for key in missing
        ]
        await tag_queries.create_unless_known(connection, rows)
        found = await _by_keys(connection, uid, list(by_key))
    return [found[key] for key in dict.fromkeys(name_key(name) for name in names)]


async def _by_keys(connection: AsyncConnection, uid: str, keys: Sequence[str]) -> dict[str, Tag]:
    rows = await tag_queries.by_name_keys(connection, owner=uid, name_keys=keys)
    return {row.name_key: present(row) for row in rows}


async def _require(connection: AsyncConnection, uid: str, tag_id: str, *, lock: bool = False) -> TagRow:
    require_possible_id(tag_id)
    load = tag_queries.get_for_update if lock else tag_queries.get
    row = await load(connection, owner=uid, tag_id=tag_id)
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


def present(row: TagRow) -> Tag:
    """Return a tag as clients see it."""
    return Tag(
        tag_id=row.tag_id,
        name=row.name,
        color=row.color,
        usage_count=row.usage_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
