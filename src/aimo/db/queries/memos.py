"""Statements on memos: one at a time, and pages by any combination of filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from typing import Any, Final, Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, Executable, Select, case, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import byte_length
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import MemoRelations, Memos, MemoTags
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for


class MemoRow(NamedTuple):
    """A memo as it is stored: every statement that reads, adds or changes memos has these columns.

    ``attachments`` and ``tag_ids`` are ids as clients gave them, None for none. Times are epoch milliseconds.
    """

    memo_id: str
    uid: str
    category_id: str | None
    content: str
    type: str | None
    source: str | None
    attachments: list[str] | None
    tag_ids: list[str] | None
    is_public: bool
    created_at: int
    updated_at: int


COLUMNS = columns_for(MemoRow, Memos)
# What a memo is created with and keeps.
_FIXED = ("memo_id", "uid", "created_at")
_CHANGEABLE = [name for name in MemoRow._fields if name not in _FIXED]

LONGEST_AT_ONCE: Final = 1024 * 1024
"""Bytes of content that a page reads at once. Longer ones, which a migration brings, are None in its rows."""

PAGE_COLUMNS = tuple(
    case((byte_length(Memos.content) <= LONGEST_AT_ONCE, Memos.content)).label("content")
    if column.key == "content"
    else column
    for column in COLUMNS
)

_MINE = Memos.uid == param("owner")

# What a memo takes of an answer, roughly: an id of 30 bytes becomes an attachment of 500 or a tag of 250, and each
# reference at least the beginning of another memo.
_REFERENCES = (
    select(func.count())
    .where(MemoRelations.source_memo_id == Memos.memo_id, MemoRelations.uid == param("owner"))
    .correlate(Memos)
    .scalar_subquery()
)
_SIZE = (
    byte_length(Memos.content)
    + func.coalesce(byte_length(Memos.attachments), 0) * 16
    + func.coalesce(byte_length(Memos.tag_ids), 0) * 8
    + _REFERENCES * 1000
)
_ONE = (_MINE, Memos.memo_id == param("id"))

_GET = Query(owned("memos.one", select(*COLUMNS).where(*_ONE)), MemoRow)
_GET_FOR_UPDATE = Query(owned("memos.for_update", select(*COLUMNS).where(*_ONE).with_for_update()), MemoRow)
_EXISTS = Scalar[str](owned("memos.exists", select(Memos.memo_id).where(*_ONE)))
_BY_IDS = Query(owned("memos.by_ids", select(*COLUMNS).where(_MINE, Memos.memo_id.in_(in_list("memo_ids")))), MemoRow)
PAGE_BY_IDS = owned("memos.page_by_ids", select(*PAGE_COLUMNS).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))))
SIZES = owned(
    "memos.sizes_by_ids",
    select(Memos.memo_id, _SIZE.label("size")).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))),
)
_KNOWN_IDS = Scalar[str](
    owned("memos.known_ids", select(Memos.memo_id).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))))
)
_COUNT_ALL = Scalar[int](owned("memos.count_all", select(func.count()).select_from(Memos).where(_MINE)))
_GET_PUBLIC = Query(
    unscoped(
        "memos.public_one",
        select(*COLUMNS).where(Memos.memo_id == param("id"), Memos.is_public == true()),
        reason="anybody may read a public memo by its id",
    ),
    MemoRow,
)
_CREATE = Command(
    owned("memos.create", insert(Memos).values({name: param(name) for name in (*MemoRow._fields, "seq")}))
)
_SET_TAGS = Command(
    owned(
        "memos.set_tags",
        update(Memos).where(*_ONE).values(tag_ids=param("new_tag_ids"), updated_at=param("new_updated_at")),
    )
)
_UPDATE = Command(
    owned("memos.update", update(Memos).where(*_ONE).values({name: param(f"new_{name}") for name in _CHANGEABLE}))
)
_DELETE = Command(owned("memos.delete", delete(Memos).where(*_ONE)))
FOR_SYNC = unscoped(
    "memos.for_sync",
    select(Memos.memo_id, Memos.uid, Memos.content).where(Memos.memo_id.in_(in_list("memo_ids"))),
    reason="the sync worker carries every user's memos to LanceDB, each with its own uid",
)


async def get(connection: ReadConnection, *, owner: str, memo_id: str) -> MemoRow | None:
    """Load a memo; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, id=memo_id)


async def get_for_update(connection: AsyncConnection, *, owner: str, memo_id: str) -> MemoRow | None:
    """Load a memo and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, id=memo_id)


async def get_public(connection: ReadConnection, *, memo_id: str) -> MemoRow | None:
    """Load a memo, whoever owns it, that its owner made public."""
    return await _GET_PUBLIC.first(connection, id=memo_id)


async def exists(connection: ReadConnection, *, owner: str, memo_id: str) -> bool:
    """Return whether the user has a memo of this id."""
    return await _EXISTS.first(connection, owner=owner, id=memo_id) is not None


async def by_ids(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[MemoRow]:
    """Load the user's memos that have one of these ids, at least one of them, in no particular order."""
    return await _BY_IDS.all(connection, owner=owner, memo_ids=memo_ids)


async def known_ids(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> set[str]:
    """Return those of these ids, at least one, that memos of the user have."""
    return set(await _KNOWN_IDS.all(connection, owner=owner, memo_ids=memo_ids))


async def count_all(connection: ReadConnection, *, owner: str) -> int:
    """Count the user's memos."""
    return await _COUNT_ALL.one(connection, owner=owner)


async def create(connection: AsyncConnection, memo: MemoRow, *, seq: int) -> None:
    """Store a memo; ``seq`` is its place in the order of insertion."""
    await _CREATE.run(connection, **memo._asdict(), seq=seq)


async def update_memo(connection: AsyncConnection, memo: MemoRow) -> None:
    """Store what has changed of a memo, whose id, owner and time of creation stay."""
    changed = {f"new_{name}": getattr(memo, name) for name in _CHANGEABLE}
    await _UPDATE.run(connection, owner=memo.uid, id=memo.memo_id, **changed)


async def set_tags(
    connection: AsyncConnection, *, owner: str, memo_id: str, tag_ids: Sequence[str] | None, now: int
) -> None:
    """Store the ids of a memo's tags, and when they changed."""
    await _SET_TAGS.run(connection, owner=owner, id=memo_id, new_tag_ids=tag_ids, new_updated_at=now)


async def delete_memo(connection: AsyncConnection, *, owner: str, memo_id: str) -> None:
    """Remove a memo, and by their foreign keys its relations and tags."""
    await _DELETE.run(connection, owner=owner, id=memo_id)


@dataclass(frozen=True)
class FilterShape:
    """Which of the optional conditions a page has; their values are bound when it is asked for.

    ``category``: any, one (bound ``category_id``) or none. ``tags``: all of the bound ``tag_ids``
    (``tag_count`` of them). ``since``/``until``: inclusive bounds of ``created_at``. ``listed``: one of the
    bound ``memo_ids``. ``public``: public ones only.
    """

    category: Literal["any", "one", "none"] = "any"
    tags: bool = False
    since: bool = False
    until: bool = False
    listed: bool = False
    public: bool = False

    def __str__(self) -> str:
        """Return the filters' names, for the register."""
        return ",".join([f"category={self.category}", *(name for name in _SWITCHES if getattr(self, name))])


@dataclass(frozen=True)
class SortOrder:
    """The order of a page; ties keep the order of insertion, in the same direction."""

    by: Literal["created_at", "updated_at"] = "created_at"
    descending: bool = True


_CATEGORIES: tuple[Literal["any", "one", "none"], ...] = ("any", "one", "none")
_ORDERS = tuple(
    SortOrder(by, descending) for by in get_args(Literal["created_at", "updated_at"]) for descending in (True, False)
)


_IN_CATEGORY: dict[str, ColumnElement[bool]] = {
    "one": Memos.category_id == param("category_id"),
    "none": Memos.category_id.is_(None),
}
# What each switch of a shape means.
_SWITCHES: dict[str, ColumnElement[bool]] = {
    "tags": Memos.memo_id.in_(
        select(MemoTags.memo_id)
        .where(MemoTags.uid == param("owner"), MemoTags.tag_id.in_(in_list("tag_ids")))
        .group_by(MemoTags.memo_id)
        .having(func.count() == param("tag_count"))
    ),
    "since": Memos.created_at >= param("since"),
    "until": Memos.created_at <= param("until"),
    "listed": Memos.memo_id.in_(in_list("memo_ids")),
    "public": Memos.is_public == true(),
}
if forgotten := {each.name for each in fields(FilterShape)} ^ {"category", *_SWITCHES}:
    raise TypeError(f"FilterShape and the conditions of its switches differ in {', '.join(sorted(forgotten))}")


def _conditions(filters: FilterShape) -> Iterator[ColumnElement[bool]]:
    yield _MINE
    if filters.category in _IN_CATEGORY:
        yield _IN_CATEGORY[filters.category]
    for name, condition in _SWITCHES.items():
        if getattr(filters, name):
            yield condition


def _ordering(order: SortOrder) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    moment = getattr(Memos, order.by)
    return (moment.desc(), Memos.seq.desc()) if order.descending else (moment.asc(), Memos.seq.asc())


@cache
def page(filters: FilterShape, order: SortOrder) -> Select[Any]:
    """Return one page of memos, with contents of up to `LONGEST_AT_ONCE` bytes: bound ``limit`` and ``offset``.

    Ids are picked first, which an index does alone: otherwise MySQL reads every row that a page far down skips.
    """
    picked = select(Memos.memo_id).where(*_conditions(filters)).order_by(*_ordering(order))
    chosen = picked.limit(param("limit")).offset(param("offset")).subquery("picked")
    statement = select(*PAGE_COLUMNS).join(chosen, Memos.memo_id == chosen.c.memo_id)
    statement = statement.where(_MINE).order_by(*_ordering(order))
    return owned(f"memos.page[{filters}]by {order.by} {'desc' if order.descending else 'asc'}", statement)


@cache
def sizes(filters: FilterShape, order: SortOrder) -> Select[Any]:
    """Return what the memos of one page take of an answer in bytes, in its order: bound ``limit`` and ``offset``."""
    picked = select(Memos.memo_id).where(*_conditions(filters)).order_by(*_ordering(order))
    chosen = picked.limit(param("limit")).offset(param("offset")).subquery("picked")
    statement = select(_SIZE.label("size")).join(chosen, Memos.memo_id == chosen.c.memo_id)
    statement = statement.where(_MINE).order_by(*_ordering(order))
    return owned(f"memos.sizes[{filters}]by {order.by} {'desc' if order.descending else 'asc'}", statement)


@cache
def count(filters: FilterShape) -> Select[Any]:
    """Return how many memos there are."""
    return owned(f"memos.count[{filters}]", select(func.count()).select_from(Memos).where(*_conditions(filters)))


@cache
def ids(filters: FilterShape, order: SortOrder | None = None) -> Select[Any]:
    """Return the ids of all of them, in order when one is given."""
    statement = select(Memos.memo_id).where(*_conditions(filters))
    name = f"memos.ids[{filters}]"
    if order:
        statement = statement.order_by(*_ordering(order))
        name += f"by {order.by} {'desc' if order.descending else 'asc'}"
    return owned(name, statement)


def all_shapes() -> list[Executable]:
    """Build, and thereby register, every statement that the services can ask for."""
    free = [name for name in _SWITCHES if name not in ("listed", "public")]
    shapes: list[Executable] = []
    for category, chosen in product(_CATEGORIES, product((False, True), repeat=len(free))):
        plain = FilterShape(category, **dict(zip(free, chosen, strict=True)))
        listed = replace(plain, listed=True)
        shapes += [count(plain), count(listed), ids(plain)]
        shapes += [ids(plain, order) for order in _ORDERS]
        shapes += [build(each, order) for build in (page, sizes) for each in (plain, listed) for order in _ORDERS]
    public = FilterShape(public=True)
    return [*shapes, count(public), *(build(public, order) for build in (page, sizes) for order in _ORDERS)]
