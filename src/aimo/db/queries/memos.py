"""Statements on memos: one at a time, and pages by any combination of filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from typing import Any, Final, Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, and_, case, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from aimo.db.dialect_sql import byte_length, json_items
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import MemoRelations, Memos, MemoTags
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import AnySelect, Command, Query, Scalar, columns_for


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
    created_at: int
    updated_at: int
    is_public: bool = False


class SyncRow(NamedTuple):
    """What LanceDB holds of a memo."""

    memo_id: str
    uid: str
    content: str


class SizeRow(NamedTuple):
    """What a memo takes of an answer, in bytes."""

    memo_id: str
    size: int


COLUMNS = columns_for(MemoRow, Memos)
# What a memo is created with and keeps.
_FIXED = ("memo_id", "uid", "created_at")
_CHANGEABLE = [name for name in MemoRow._fields if name not in _FIXED]

LONGEST_AT_ONCE: Final = 1024 * 1024
"""Bytes of content that a page reads at once. Longer ones, which a migration brings, are empty in its rows."""

PAGE_COLUMNS = tuple(
    case((byte_length(Memos.content) <= LONGEST_AT_ONCE, Memos.content), else_="").label("content")
    if column.key == "content"
    else column
    for column in COLUMNS
)

_OWN_LIVE = and_(Memos.uid == param("owner"), LIVE)

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
_ONE = (_OWN_LIVE, Memos.memo_id == param("id"))

_GET = Query(owned("memos.one", select(*COLUMNS).where(*_ONE)), MemoRow)
_GET_FOR_UPDATE = Query(owned("memos.for_update", select(*COLUMNS).where(*_ONE).with_for_update()), MemoRow)
_EXISTS = Scalar[str](owned("memos.exists", select(Memos.memo_id).where(*_ONE)))
_BY_IDS = Query(
    owned("memos.by_ids", select(*COLUMNS).where(_OWN_LIVE, Memos.memo_id.in_(in_list("memo_ids")))), MemoRow
)
_PAGE_BY_IDS = Query(
    owned("memos.page_by_ids", select(*PAGE_COLUMNS).where(_OWN_LIVE, Memos.memo_id.in_(in_list("memo_ids")))), MemoRow
)
_SIZES_BY_IDS = Query(
    owned(
        "memos.sizes_by_ids",
        select(Memos.memo_id, _SIZE.label("size")).where(_OWN_LIVE, Memos.memo_id.in_(in_list("memo_ids"))),
    ),
    SizeRow,
)
_KNOWN_IDS = Scalar[str](
    owned(
        "memos.known_ids",
        select(Memos.memo_id).where(Memos.uid == param("owner"), Memos.memo_id.in_(in_list("memo_ids"))),
        trashed="a reference to a memo in the trash is stored, and shown once that memo is live again",
    )
)
_COUNT_ALL = Scalar[int](owned("memos.count_all", select(func.count()).select_from(Memos).where(_OWN_LIVE)))
_GET_PUBLIC = Query(
    unscoped(
        "memos.public_one",
        select(*COLUMNS).where(Memos.memo_id == param("id"), Memos.is_public == true(), LIVE),
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
_FOR_SYNC = Query(
    unscoped(
        "memos.for_sync",
        select(*columns_for(SyncRow, Memos)).where(Memos.memo_id.in_(in_list("memo_ids")), LIVE),
        reason="the sync worker carries every user's memos to LanceDB, each with its own uid",
    ),
    SyncRow,
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


async def page_by_ids(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[MemoRow]:
    """Load the same with contents as in `page`."""
    return await _PAGE_BY_IDS.all(connection, owner=owner, memo_ids=memo_ids)


async def sizes_by_ids(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> dict[str, int]:
    """Return what those memos take of an answer in bytes, by id."""
    return {row.memo_id: row.size for row in await _SIZES_BY_IDS.all(connection, owner=owner, memo_ids=memo_ids)}


async def for_sync(connection: ReadConnection, *, memo_ids: Sequence[str]) -> list[SyncRow]:
    """Load what LanceDB should hold of the memos of all users that have one of these ids."""
    return await _FOR_SYNC.all(connection, memo_ids=memo_ids)


async def known_ids(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> set[str]:
    """Return those of these ids, at least one, that memos of the user have, be they live or in the trash."""
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


@dataclass(frozen=True)
class FilterShape:
    """Which of the optional conditions a page has; their values are bound when it is asked for.

    ``category``: any, one (bound ``category_id``) or none. ``tags``: all of the bound ``tag_ids``
    (``tag_count`` of them). ``since``/``until``: inclusive bounds of ``created_at``. ``listed``: one of the
    bound ``memo_ids``. ``attachments``: those that name files. ``public``: public ones only.
    """

    category: Literal["any", "one", "none"] = "any"
    tags: bool = False
    since: bool = False
    until: bool = False
    listed: bool = False
    attachments: bool = False
    public: bool = False

    def __str__(self) -> str:
        """Return the filters' names, for the register."""
        return ",".join([f"category={self.category}", *(name for name in _SWITCHES if getattr(self, name))])


@dataclass(frozen=True)
class FilteredMemos:
    """The memos of a user that a shape means with these values."""

    owner: str
    shape: FilterShape
    values: Mapping[str, object]

    @property
    def bound(self) -> dict[str, object]:
        """Everything to bind."""
        return {"owner": self.owner, **self.values}


@dataclass(frozen=True)
class SortOrder:
    """The order of a page; ties keep the order of insertion, in the same direction."""

    by: Literal["created_at", "updated_at"] = "created_at"
    descending: bool = True

    def __str__(self) -> str:
        """Return the order's name, for the register."""
        return f"by {self.by} {'desc' if self.descending else 'asc'}"


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
    "attachments": json_items(Memos.attachments) > 0,
    "public": Memos.is_public == true(),
}
if forgotten := {each.name for each in fields(FilterShape)} ^ {"category", *_SWITCHES}:
    raise TypeError(f"FilterShape and the conditions of its switches differ in {', '.join(sorted(forgotten))}")


def _conditions(shape: FilterShape) -> Iterator[ColumnElement[bool]]:
    yield _OWN_LIVE
    if shape.category in _IN_CATEGORY:
        yield _IN_CATEGORY[shape.category]
    for name, condition in _SWITCHES.items():
        if getattr(shape, name):
            yield condition


def _ordering(order: SortOrder) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    moment = getattr(Memos, order.by)
    return (moment.desc(), Memos.seq.desc()) if order.descending else (moment.asc(), Memos.seq.asc())


def _of_page(shape: FilterShape, order: SortOrder, *columns: ColumnElement[Any]) -> AnySelect:
    """Pick the ids first, which an index does alone: otherwise MySQL reads every row that a page far down skips."""
    picked = select(Memos.memo_id).where(*_conditions(shape)).order_by(*_ordering(order))
    chosen = picked.limit(param("limit")).offset(param("offset")).subquery("picked")
    statement = select(*columns).join(chosen, Memos.memo_id == chosen.c.memo_id)
    return statement.where(_OWN_LIVE).order_by(*_ordering(order))


@cache
def page_query(shape: FilterShape, order: SortOrder) -> Query[MemoRow]:
    """Return the query of one page."""
    return Query(owned(f"memos.page[{shape}]{order}", _of_page(shape, order, *PAGE_COLUMNS)), MemoRow)


@cache
def sizes_query(shape: FilterShape, order: SortOrder) -> Scalar[int]:
    """Return the query of what the memos of one page take of an answer."""
    return Scalar[int](owned(f"memos.sizes[{shape}]{order}", _of_page(shape, order, _SIZE.label("size"))))


@cache
def count_query(shape: FilterShape) -> Scalar[int]:
    """Return the query of how many memos there are."""
    statement = select(func.count()).select_from(Memos).where(*_conditions(shape))
    return Scalar[int](owned(f"memos.count[{shape}]", statement))


@cache
def ids_query(shape: FilterShape, order: SortOrder | None = None) -> Scalar[str]:
    """Return the query of the ids of all of them, in order when one is given."""
    statement = select(Memos.memo_id).where(*_conditions(shape))
    if order:
        statement = statement.order_by(*_ordering(order))
    return Scalar[str](owned(f"memos.ids[{shape}]{order or ''}", statement))


async def page(
    connection: ReadConnection, memos: FilteredMemos, order: SortOrder, *, limit: int, offset: int
) -> list[MemoRow]:
    """Load one page of memos; contents of more than `LONGEST_AT_ONCE` bytes are empty."""
    return await page_query(memos.shape, order).all(connection, **memos.bound, limit=limit, offset=offset)


async def sizes(
    connection: ReadConnection, memos: FilteredMemos, order: SortOrder, *, limit: int, offset: int
) -> list[int]:
    """Return what the memos of one page take of an answer in bytes, in its order."""
    return await sizes_query(memos.shape, order).all(connection, **memos.bound, limit=limit, offset=offset)


async def count(connection: ReadConnection, memos: FilteredMemos) -> int:
    """Count them."""
    return await count_query(memos.shape).one(connection, **memos.bound)


async def matching_ids(connection: ReadConnection, memos: FilteredMemos, order: SortOrder | None = None) -> list[str]:
    """Return the ids of all of them, in order when one is given."""
    return await ids_query(memos.shape, order).all(connection, **memos.bound)


def _newer_than(moment: InstrumentedAttribute[int]) -> Query[MemoRow]:
    statement = select(*PAGE_COLUMNS).where(_OWN_LIVE, moment > param("moment"))
    statement = statement.order_by(moment.desc(), Memos.seq.desc()).limit(param("limit"))
    return Query(owned(f"memos.newer[{moment.key}]", statement), MemoRow)


_NEWER = {"created_at": _newer_than(Memos.created_at), "updated_at": _newer_than(Memos.updated_at)}


async def newer(
    connection: ReadConnection, than: MemoRow, by: Literal["created_at", "updated_at"], *, limit: int
) -> list[MemoRow]:
    """Load the memos of a memo's user that are newer than it, the newest first; contents are as in `page`."""
    return await _NEWER[by].all(connection, owner=than.uid, moment=getattr(than, by), limit=limit)


def all_shapes() -> list[AnySelect]:
    """Build, and thereby register, every statement that the services can ask for."""
    free = [name for name in _SWITCHES if name not in ("listed", "public")]
    shapes: list[AnySelect] = []
    for category, chosen in product(_CATEGORIES, product((False, True), repeat=len(free))):
        plain = FilterShape(category, **dict(zip(free, chosen, strict=True)))
        listed = replace(plain, listed=True)
        shapes += [count_query(plain).statement, count_query(listed).statement, ids_query(plain).statement]
        shapes += [ids_query(plain, order).statement for order in _ORDERS]
        shapes += [statement for shape in (plain, listed) for statement in _pages(shape)]
    public = FilterShape(public=True)
    return [*shapes, count_query(public).statement, *_pages(public)]


def _pages(shape: FilterShape) -> list[AnySelect]:
    return [build(shape, order).statement for build in (page_query, sizes_query) for order in _ORDERS]
