"""Memos as clients see them: rows enriched with tags, attachments and relations, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from aimo import ids
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries.memos import MemoRow
from aimo.db.queries.relations import BEGINNING, TARGETS, WHOLE_BYTES, ReferenceRow
from aimo.db.typed import Bound, read_together
from aimo.dto.attachments import Attachment
from aimo.dto.base import UNSET
from aimo.dto.memos import Memo, NestedMemo
from aimo.dto.tags import Tag
from aimo.services.attachments import service as attachments
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.memos import tags

T = TypeVar("T")

NESTED_BYTES: Final = 8 * 1024 * 1024
"""What the memos inside ``relations`` take of one answer, each as often as it is named there."""

# About what an attachment takes of an answer, its signed address included.
_ATTACHMENT_BYTES = 500


@dataclass(frozen=True)
class View:
    """Which of the optional fields a route shows (docs/contract/memos.md#which-field-appears-where)."""

    tag_ids: bool = True
    is_public: bool = True
    source: bool = False
    relations: bool = False


LISTED = View(source=True, relations=True)
CREATED = View(tag_ids=False, source=True)
UPDATED = View(relations=True)
FOUND = View()
PLAIN = View()


@dataclass(frozen=True)
class _Target:
    """A memo that another one refers to; one that is not complete has only the beginning of its text."""

    row: ReferenceRow
    content: str
    complete: bool


class MemoPresenter:
    """Turns rows into memos with a fixed number of statements, and one more where they refer to long memos."""

    def __init__(self, urls: FileUrls) -> None:
        self._urls = urls

    async def present(self, connection: ReadConnection, uid: str, rows: Sequence[MemoRow], view: View) -> list[Memo]:
        """Return the memos of these rows in their order, and in them the memos that they refer to, where shown.

        Those are complete as long as `NESTED_BYTES` last; the others have the beginning of their text, no
        attachments and ``truncated``: memos that refer to each other would make an answer of any size.
        """
        if not rows:
            return []
        targets, known_tags = await self._targets_and_tags(connection, uid, rows, view)
        every_target = [target.row for group in targets.values() for target in group if target.complete]
        files = await self._attachments(connection, uid, [*rows, *every_target])
        return [self._memo(row, view, known_tags, files, targets.get(row.memo_id, ())) for row in rows]

    def _memo(
        self,
        row: MemoRow,
        view: View,
        known_tags: dict[str, Tag],
        files: dict[str, Attachment],
        targets: Iterable[_Target],
    ) -> Memo:
        tag_ids = row.tag_ids or []
        relations = [self._nested(target, files) for target in targets]
        return Memo(
            memo_id=row.memo_id,
            uid=row.uid,
            content=row.content,
            type=row.type or "text",
            attachments=_in_order(row.attachments, files),
            created_at=row.created_at,
            updated_at=row.updated_at,
            category_id=row.category_id,
            tag_ids=tag_ids if view.tag_ids else UNSET,
            tags=_in_order(tag_ids, known_tags),
            is_public=bool(row.is_public) if view.is_public else UNSET,
            source=row.source if view.source else UNSET,
            relations=relations or UNSET,
        )

    def _nested(self, target: _Target, files: dict[str, Attachment]) -> NestedMemo:
        row = target.row
        return NestedMemo(
            memo_id=row.memo_id,
            uid=row.uid,
            content=target.content,
            type=row.type or "text",
            category_id=row.category_id,
            attachments=_in_order(row.attachments, files) if target.complete else [],
            created_at=row.created_at,
            updated_at=row.updated_at,
            truncated=UNSET if target.complete else True,
        )

    async def _targets_and_tags(
        self, connection: ReadConnection, uid: str, rows: Sequence[MemoRow], view: View
    ) -> tuple[dict[str, list[_Target]], dict[str, Tag]]:
        """Return what each memo refers to, in the order in which it names them, and the tags by their ids."""
        memo_ids = [row.memo_id for row in rows]
        wanted = _possible(row.tag_ids for row in rows)
        found, known_tags = await read_together(
            connection,
            Bound(TARGETS, {"owner": uid, "memo_ids": memo_ids}) if view.relations else None,
            Bound(tag_queries.BY_IDS, {"owner": uid, "tag_ids": wanted}) if wanted else None,
        )
        targets = await self._targets(connection, uid, memo_ids, found)
        return targets, {row.tag_id: tags.present(row) for row in known_tags}

    async def _targets(
        self, connection: ReadConnection, uid: str, memo_ids: Sequence[str], found: list[ReferenceRow]
    ) -> dict[str, list[_Target]]:
        places = {memo_id: place for place, memo_id in enumerate(memo_ids)}
        found.sort(key=lambda row: (places[row.source_memo_id], row.position))
        room = _room(found)
        long = list(dict.fromkeys(row.memo_id for row in found[:room] if row.size > WHOLE_BYTES))
        contents: dict[str, str] = {}
        if long:
            whole = await memo_queries.by_ids(connection, owner=uid, memo_ids=long)
            contents = {row.memo_id: row.content for row in whole}
        targets: dict[str, list[_Target]] = {}
        for place, row in enumerate(found):
            targets.setdefault(row.source_memo_id, []).append(_target(row, contents, within=place < room))
        return targets

    async def _attachments(
        self, connection: ReadConnection, uid: str, rows: Iterable[MemoRow | ReferenceRow]
    ) -> dict[str, Attachment]:
        wanted = _possible(row.attachments for row in rows)
        if not wanted:
            return {}
        found = await attachment_queries.by_ids(connection, owner=uid, attachment_ids=wanted)
        return {row.attachment_id: attachments.present(row, self._urls) for row in found}


def _room(found: Sequence[ReferenceRow]) -> int:
    """Return how many of these nested memos an answer can hold whole."""
    left = NESTED_BYTES
    for place, row in enumerate(found):
        left -= row.size + _ATTACHMENT_BYTES * len(row.attachments or ())
        if left < 0:
            return place
    return len(found)


def _target(row: ReferenceRow, contents: Mapping[str, str], *, within: bool) -> _Target:
    if not within:
        return _Target(row, row.content[:BEGINNING], complete=False)
    if row.size <= WHOLE_BYTES:
        return _Target(row, row.content, complete=True)
    # Without its content the memo was deleted between the two statements.
    return _Target(row, contents.get(row.memo_id, row.content), complete=row.memo_id in contents)


def _possible(lists: Iterable[list[str] | None]) -> list[str]:
    """Return every id of these lists once, without those that cannot be one."""
    return [
        value for value in dict.fromkeys(value for values in lists for value in values or ()) if ids.is_possible(value)
    ]


def _in_order(wanted: list[str] | None, known: dict[str, T]) -> list[T]:
    return [known[value] for value in wanted or () if value in known]
