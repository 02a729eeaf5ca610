"""Statements on memos: one at a time, and pages by any combination of filters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Executable, Select, delete, func, insert, select, true, update

from aimo.db.dialect_sql import byte_length
from aimo.db.schema import MemoRelations, Memos, MemoTags
from aimo.db.statements import in_list, owned, param, unscoped

COLUMNS = (
    Memos.memo_id,
    Memos.uid,
    Memos.category_id,
    Memos.content,
    Memos.type,
    Memos.source,
    Memos.attachments,
    Memos.tag_ids,
    Memos.is_public,
    Memos.created_at,
    Memos.updated_at,
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

ONE = owned("memos.one", select(*COLUMNS).where(*_ONE))
FOR_UPDATE = owned("memos.for_update", select(*COLUMNS).where(*_ONE).with_for_update())
EXISTS = owned("memos.exists", select(Memos.memo_id).where(*_ONE))
BY_IDS = owned("memos.by_ids", select(*COLUMNS).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))))
SIZES = owned(
    "memos.sizes_by_ids",
    select(Memos.memo_id, _SIZE.label("size")).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))),
)
KNOWN_IDS = owned("memos.known_ids", select(Memos.memo_id).where(_MINE, Memos.memo_id.in_(in_list("memo_ids"))))
COUNT_ALL = owned("memos.count_all", select(func.count()).select_from(Memos).where(_MINE))
PUBLIC_ONE = unscoped(
    "memos.public_one",
    select(*COLUMNS).where(Memos.memo_id == param("id"), Memos.is_public == true()),
    reason="anybody may read a public memo by its id",
)
CREATE = owned(
    "memos.create",
    insert(Memos).values(
        {
            name: param(name)
            for name in (
                "memo_id",
                "uid",
                "category_id",
                "content",
                "type",
                "source",
                "attachments",
                "tag_ids",
                "is_public",
                "seq",
                "created_at",
                "updated_at",
            )
        }
    ),
)
SET_TAGS = owned(
    "memos.set_tags",
    update(Memos).where(*_ONE).values(tag_ids=param("new_tag_ids"), updated_at=param("new_updated_at")),
)
UPDATE = owned(
    "memos.update",
    update(Memos)
    .where(*_ONE)
    .values(
        {
            name: param(f"new_{name}")
            for name in (
                "category_id",
                "content",
                "type",
                "source",
                "attachments",
                "tag_ids",
                "is_public",
                "updated_at",
            )
        }
    ),
)
DELETE = owned("memos.delete", delete(Memos).where(*_ONE))
FOR_SYNC = unscoped(
    "memos.for_sync",
    select(Memos.memo_id, Memos.uid, Memos.content).where(Memos.memo_id.in_(in_list("memo_ids"))),
    reason="the sync worker carries every user's memos to LanceDB, each with its own uid",
)


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
    """Return one page of memos: bound ``limit`` and ``offset``.

    Ids are picked first, which an index does alone: otherwise MySQL reads every row that a page far down skips.
    """
    picked = select(Memos.memo_id).where(*_conditions(filters)).order_by(*_ordering(order))
    chosen = picked.limit(param("limit")).offset(param("offset")).subquery("picked")
    statement = (
        select(*COLUMNS).join(chosen, Memos.memo_id == chosen.c.memo_id).where(_MINE).order_by(*_ordering(order))
    )
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
