"""Reads what a user takes out, as it was at one moment, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.clock import to_iso
from aimo.db.connection import Database
from aimo.db.queries import export as queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.export import FileRow, MemoRow, NamedRow
from aimo.db.snapshot import snapshot
from aimo.errors import AimoError, Code
from aimo.services.export.file_names import Names, local, split_extension, title
from aimo.services.export.markdown import Links
from aimo.services.export.records import (
    ExportedAttachment,
    ExportedCard,
    ExportedConversation,
    ExportedMemo,
    ExportedMessage,
    ExportedName,
    ExportedProfile,
    ExportedReview,
    ExportedReviewItem,
    ExportedRule,
    ExportedUser,
)
from aimo.services.export.spool import Spool
from aimo.services.memos.name_keys import name_key


@dataclass(frozen=True)
class ExportOptions:
    """What is taken out, and how; without filters it is everything. Times are epoch milliseconds, inclusive.

    ``category`` and ``tags`` are names, compared as everywhere; a memo must have all the tags.
    """

    since: int | None = None
    until: int | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    trash: bool = True
    links: Links = "markdown"

    @property
    def filtered(self) -> bool:
        """Whether only some memos are wanted."""
        return self.since is not None or self.until is not None or self.category is not None or bool(self.tags)


@dataclass
class Collected:
    """The rows of an export. Memos, messages and questions are on disk, the rest is small."""

    user: ExportedUser
    memos: Spool[ExportedMemo]
    messages: Spool[ExportedMessage]
    review_items: Spool[ExportedReviewItem]
    options: ExportOptions
    exported_at: int
    categories: list[ExportedName] = field(default_factory=list)
    tags: list[ExportedName] = field(default_factory=list)
    attachments: dict[str, ExportedAttachment] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Where the storage has each attachment."""
    paths: dict[str, str] = field(default_factory=dict)
    """The file of each memo."""
    cards: list[ExportedCard] = field(default_factory=list)
    rules: list[ExportedRule] = field(default_factory=list)
    profiles: list[ExportedProfile] = field(default_factory=list)
    reviews: list[ExportedReview] = field(default_factory=list)
    conversations: list[ExportedConversation] = field(default_factory=list)

    def close(self) -> None:
        """Give disk space back."""
        for spool in (self.memos, self.messages, self.review_items):
            spool.close()


async def collect(database: Database, uid: str, options: ExportOptions, *, zone: ZoneInfo, scratch: Path) -> Collected:
    """Read everything that is wanted of a user; the connection is given back before anything is sent.

    Raises:
        AimoError: ``USER_NOT_FOUND``.
        OSError: there is no room on disk.
    """
    async with snapshot(database) as connection:
        profile = await user_queries.profile(connection, owner=uid)
        if profile is None:
            raise AimoError(Code.USER_NOT_FOUND)
        collected = Collected(
            user=ExportedUser(email=profile.email, nickname=profile.nickname),
            memos=Spool(ExportedMemo, scratch),
            messages=Spool(ExportedMessage, scratch),
            review_items=Spool(ExportedReviewItem, scratch),
            options=options,
            exported_at=clock.now_ms(),
        )
        try:
            await _Collector(connection, uid, collected, zone).run()
        except BaseException:
            collected.close()
            raise
    return collected


class _Collector:
    def __init__(self, connection: AsyncConnection, uid: str, into: Collected, zone: ZoneInfo) -> None:
        self._connection = connection
        self._uid = uid
        self._into = into
        self._zone = zone
        self._names = Names()
        self._relations: dict[str, list[str]] = {}
        self._category_names: dict[str, str] = {}
        self._tag_names: dict[str, str] = {}

    async def run(self) -> None:
        into, options, connection, uid = self._into, self._into.options, self._connection, self._uid
        categories = await queries.CATEGORIES.all(connection, uid)
        tags = await queries.TAGS.all(connection, uid)
        self._category_names = {row.id: row.name for row in categories}
        self._tag_names = {row.id: row.name for row in tags}
        for file in await queries.FILES.all(connection, uid):
            into.attachments[file.attachment_id] = self._attachment(file)
            into.keys[file.attachment_id] = file.path
        links = await queries.LINKS.all(connection, uid)
        for link in sorted(links, key=lambda link: (link.source_memo_id, link.position)):
            self._relations.setdefault(link.source_memo_id, []).append(link.target_memo_id)
        used = await self._memos()
        cards = await queries.CARDS.all(connection, uid)
        into.cards = [
            ExportedCard(
                id=row.card_id,
                memo_id=row.memo_id,
                ease_factor=row.ease_factor,
                interval_days=row.interval_days,
                repetitions=row.repetitions,
                lapse_count=row.lapse_count,
                next_review_at=to_iso(row.next_review_at),
                last_review_at=_iso(row.last_review_at),
                created_at=to_iso(row.created_at),
            )
            for row in cards
            if row.memo_id in into.paths
        ]
        if options.filtered:
            into.categories = [_name(row) for row in categories if row.name in used.categories]
            into.tags = [_name(row) for row in tags if row.name in used.tags]
            into.attachments = {key: found for key, found in into.attachments.items() if key in used.attachments}
            return
        into.categories, into.tags = list(map(_name, categories)), list(map(_name, tags))
        await self._rest()

    async def _memos(self) -> _Used:
        used = _Used()
        for statement in (queries.LIVE_MEMOS, *([queries.TRASHED_MEMOS] if self._into.options.trash else [])):
            async for rows in statement.batches(self._connection, self._uid):
                for row in rows:
                    memo = self._memo(row)
                    if not self._is_wanted(row, memo):
                        continue
                    memo.path = self._path(row)
                    self._into.paths[memo.id] = memo.path
                    self._into.memos.add(memo)
                    used.add(memo)
        return used

    def _is_wanted(self, row: MemoRow, memo: ExportedMemo) -> bool:
        options = self._into.options
        if options.since is not None and row.created_at < options.since:
            return False
        if options.until is not None and row.created_at > options.until:
            return False
        if options.category is not None and name_key(memo.category or "") != name_key(options.category):
            return False
        return set(map(name_key, options.tags)) <= set(map(name_key, memo.tags))

    def _memo(self, row: MemoRow) -> ExportedMemo:
        return ExportedMemo(
            id=row.memo_id,
            path="",
            content=row.content,
            type=row.type,
            source=row.source,
            category=self._category_names.get(row.category_id or ""),
            tags=[self._tag_names[key] for key in _ids(row.tag_ids) if key in self._tag_names],
            attachments=[key for key in _ids(row.attachments) if key in self._into.attachments],
            relations=self._relations.get(row.memo_id, []),
            is_public=bool(row.is_public),
            created_at=to_iso(row.created_at),
            updated_at=to_iso(row.updated_at),
            deleted_at=to_iso(row.deleted_at) if row.deleted_at else None,
        )

    def _path(self, row: MemoRow) -> str:
        moment = local(row.created_at, self._zone)
        stem = f"{moment:%Y-%m-%d %H%M%S} {title(row.content)}".strip()
        return self._names.give(f"{'trash' if row.deleted_at else 'memos'}/{moment:%Y}", stem, ".md", row.memo_id[1:])

    def _attachment(self, row: FileRow) -> ExportedAttachment:
        stem, extension = split_extension(row.filename)
        # Two of one name stay two, and no name is one that Windows keeps for itself.
        known = hashlib.sha256(row.attachment_id.encode()).hexdigest()
        folder = f"attachments/{local(row.created_at, self._zone):%Y}"
        return ExportedAttachment(
            id=row.attachment_id,
            name=row.filename,
            type=row.type,
            size=row.size,
            path=self._names.give(folder, f"{known[:8]} {stem}".strip(), extension, known),
            width=row.width,
            height=row.height,
            properties=row.properties,
            created_at=to_iso(row.created_at),
        )

    async def _rest(self) -> None:
        """Read what belongs to no memo."""
        into, connection, uid = self._into, self._connection, self._uid
        into.rules = [
            ExportedRule(
                id=row.rule_id,
                mode=row.mode,
                filter_type=row.filter_type,
                filter_value=row.filter_value,
                created_at=to_iso(row.created_at),
            )
            for row in await queries.RULES.all(connection, uid)
        ]
        into.profiles = [
            ExportedProfile(
                id=row.profile_id,
                name=row.name,
                filter_rules=row.filter_rules,
                question_count=row.question_count,
                created_at=to_iso(row.created_at),
                updated_at=to_iso(row.updated_at),
            )
            for row in await queries.PROFILES.all(connection, uid)
        ]
        into.reviews = [
            ExportedReview(
                id=row.session_id,
                profile_id=row.profile_id,
                scope=row.scope,
                scope_value=row.scope_value,
                status=row.status,
                score=row.score,
                created_at=to_iso(row.created_at),
                completed_at=_iso(row.completed_at),
            )
            for row in await queries.REVIEWS.all(connection, uid)
        ]
        async for items in queries.REVIEW_ITEMS.batches(connection, uid):
            for item in items:
                into.review_items.add(
                    ExportedReviewItem(
                        id=item.item_id,
                        review_id=item.session_id,
                        memo_id=item.memo_id,
                        position=item.position,
                        question=item.question,
                        user_answer=item.user_answer,
                        ai_feedback=item.ai_feedback,
                        mastery=item.mastery,
                    )
                )
        into.conversations = [
            ExportedConversation(
                id=row.conversation_id,
                title=row.title,
                created_at=to_iso(row.created_at),
                updated_at=to_iso(row.updated_at),
            )
            for row in await queries.CONVERSATIONS.all(connection, uid)
        ]
        async for messages in queries.MESSAGES.batches(connection, uid):
            for message in messages:
                into.messages.add(
                    ExportedMessage(
                        id=message.message_id,
                        conversation_id=message.conversation_id,
                        role=message.role,
                        content=message.content,
                        sources=message.sources,
                        created_at=to_iso(message.created_at),
                    )
                )


@dataclass
class _Used:
    """What the memos of an export refer to."""

    categories: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    attachments: set[str] = field(default_factory=set)

    def add(self, memo: ExportedMemo) -> None:
        self.tags.update(memo.tags)
        if memo.category is not None:
            self.categories.add(memo.category)
        self.attachments.update(memo.attachments)


def _name(row: NamedRow) -> ExportedName:
    return ExportedName(
        id=row.id,
        name=row.name,
        color=row.color,
        created_at=to_iso(row.created_at),
        updated_at=to_iso(row.updated_at),
    )


def _ids(stored: Sequence[object] | None) -> Iterator[str]:
    return (key for key in stored or () if isinstance(key, str))


def _iso(ms: int | None) -> str | None:
    return None if ms is None else to_iso(ms)
