"""Merges tags and categories whose names have become the same: what folds has changed since they were created.

Meant for a transaction; and even without one, dying between two statements loses nothing and the next run does the
rest: what a row refers to is there at every moment, and a row is removed only when nothing refers to it any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from aimo.db.dialect_sql import insert_new
from aimo.db.types import Id, Json, unique_key
from aimo.folding import name_form

_PAGE = 500

# As of the revision that merges them, whatever later ones make of these tables.
_METADATA = sa.MetaData()


def _named(name: str, key: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        _METADATA,
        sa.Column(key, Id, primary_key=True),
        sa.Column("uid", Id),
        sa.Column("name", sa.Text),
        sa.Column("name_key", sa.Text),
        sa.Column("color", sa.Text),
        sa.Column("seq", sa.BigInteger),
        # Compared with each other only.
        sa.Column("created_at", sa.Text),
        *columns,
    )


_TAGS = _named("tags", "tag_id", sa.Column("usage_count", sa.Integer))
_CATEGORIES = _named("categories", "category_id")
_MEMOS = sa.Table(
    "memos",
    _METADATA,
    sa.Column("memo_id", Id, primary_key=True),
    sa.Column("category_id", Id),
    sa.Column("tag_ids", Json),
)
_MEMO_TAGS = sa.Table(
    "memo_tags",
    _METADATA,
    sa.Column("memo_id", Id, primary_key=True),
    sa.Column("tag_id", Id, primary_key=True),
    sa.Column("uid", Id),
)


class _Named(NamedTuple):
    """A tag or category; ``key`` is what its name is compared by now."""

    id: str
    uid: str
    key: str
    stored_key: str
    color: str | None
    age: tuple[str, int, str]


def merge_equal_names(connection: sa.Connection) -> None:
    """Give every tag and category the key of its name; of several that have the same one, the oldest stays.

    It keeps its name. It gets the memos of the others, and the color of one of them if it has none. Rows that have
    their key already are not touched.
    """
    for table in (_TAGS, _CATEGORIES):
        groups: defaultdict[tuple[str, str], list[_Named]] = defaultdict(list)
        for row in _rows(connection, table):
            if row.stored_key != row.key:
                groups[row.uid, row.key].append(row)
        for (uid, key), rows in groups.items():
            _merge(connection, table, [*rows, *_holders(connection, table, uid, key)], key)


def has_outdated_keys(connection: sa.Connection) -> bool:
    """Return whether some tag or category has another key than its name, which `merge_equal_names` would change."""
    return any(row.stored_key != row.key for table in (_TAGS, _CATEGORIES) for row in _rows(connection, table))


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[_Named]:
    key = _id_of(table)
    after = ""
    while page := connection.execute(sa.select(table).where(key > after).order_by(key).limit(_PAGE)).all():
        yield from map(_named_row, page)
        after = page[-1][0]


def _holders(connection: sa.Connection, table: sa.Table, uid: str, key: str) -> list[_Named]:
    """Return the row that has this key already, if its name is the same; otherwise free the key."""
    found = connection.execute(sa.select(table).where(table.c.uid == uid, table.c.name_key == key)).all()
    rows = list(map(_named_row, found))
    for row in rows:
        if row.key != key:
            # Somebody edited the database by hand. The row is given its own key in its turn.
            connection.execute(sa.update(table).where(_id_of(table) == row.id).values(name_key=f"#{row.id}"))
    return [row for row in rows if row.key == key]


def _named_row(row: sa.Row[Any]) -> _Named:
    key = unique_key(name_form(row.name))
    return _Named(row[0], row.uid, key, row.name_key, row.color, (str(row.created_at), row.seq, row[0]))


def _merge(connection: sa.Connection, table: sa.Table, rows: Sequence[_Named], key: str) -> None:
    oldest, *others = sorted(rows, key=lambda row: row.age)
    # Whoever tags a memo locks the tag: within a transaction nobody gets one of these any more.
    locked = sa.select(_id_of(table)).where(_id_of(table).in_([row.id for row in rows]))
    connection.execute(locked.order_by(_id_of(table)).with_for_update())
    for other in others:
        (_move_tag if table is _TAGS else _move_category)(connection, other.id, oldest)
    if oldest.color is None and (color := next((other.color for other in others if other.color), None)):
        connection.execute(sa.update(table).where(_id_of(table) == oldest.id).values(color=color))
    for other in others:
        connection.execute(sa.delete(table).where(_id_of(table) == other.id))
    connection.execute(sa.update(table).where(_id_of(table) == oldest.id).values(name_key=key))


def _move_category(connection: sa.Connection, other: str, oldest: _Named) -> None:
    moved = sa.update(_MEMOS).where(_MEMOS.c.category_id == other)
    connection.execute(moved.values(category_id=oldest.id))


def _move_tag(connection: sa.Connection, other: str, oldest: _Named) -> None:
    memo_id, tag_ids = _MEMOS.c.memo_id, _MEMOS.c.tag_ids
    carriers = (
        sa.select(memo_id, tag_ids)
        .join(_MEMO_TAGS, _MEMO_TAGS.c.memo_id == memo_id)
        .where(_MEMO_TAGS.c.tag_id == other)
        .order_by(memo_id)
        .limit(_PAGE)
    )
    after = ""
    while page := connection.execute(carriers.where(memo_id > after)).all():
        after = page[-1].memo_id
        for memo in page:
            link = {"memo_id": memo.memo_id, "tag_id": oldest.id, "uid": oldest.uid}
            connection.execute(insert_new(_MEMO_TAGS), link)
            listed = dict.fromkeys(oldest.id if tag_id == other else tag_id for tag_id in memo.tag_ids or ())
            connection.execute(sa.update(_MEMOS).where(memo_id == memo.memo_id).values(tag_ids=list(listed)))
    # Counted before the others go: afterwards nothing would tell that counting is still to be done.
    count = sa.select(sa.func.count()).where(_MEMO_TAGS.c.tag_id == oldest.id).scalar_subquery()
    connection.execute(sa.update(_TAGS).where(_TAGS.c.tag_id == oldest.id).values(usage_count=count))
    connection.execute(sa.delete(_MEMO_TAGS).where(_MEMO_TAGS.c.tag_id == other))


def _id_of(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key))
