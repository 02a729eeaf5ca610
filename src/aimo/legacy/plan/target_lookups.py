"""What rows refer to, looked up in the target for a whole batch at once and remembered while it stays valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Executable

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import migration as sql

_IN_ONE_QUERY = 1000
_REMEMBERED = 100_000


@dataclass
class NamedRows:
    """A user's tags or categories: which ids there are, and which id has a name's key."""

    ids: set[str] = field(default_factory=set)
    by_key: dict[str, str] = field(default_factory=dict)

    def add(self, row_id: str, key: str) -> None:
        """Add a row."""
        self.ids.add(row_id)
        self.by_key[key] = row_id

    def free(self, row_id: str, key: str) -> None:
        """Free the name of that row."""
        if self.by_key.get(key) == row_id:
            del self.by_key[key]


class TargetLookups:
    """Answers from the target, kept in memory. `forget` after a transaction that did not commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.merged_tags: dict[str, str] = {}
        self.merged_categories: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """Drop everything that was remembered."""
        self.users: dict[str, bool] = {}
        self.emails: dict[str, str | None] = {}
        self.tags: dict[str, NamedRows] = {}
        self.categories: dict[str, NamedRows] = {}
        self.memos: dict[str, str | None] = {}
        self.conversations: dict[str, bool] = {}
        self.models: dict[str, str | None] = {}
        self.profiles: dict[str, str | None] = {}
        self.sessions: dict[str, str | None] = {}
        self.memo_seqs: dict[str, int] = {}
        self.cards: dict[str, str] = {}
        self.pairs: dict[tuple[str, str], str] = {}
        self.days: dict[tuple[str, str], str] = {}

    @property
    def crowded(self) -> bool:
        """Whether it is time to `forget`, so that memory stays bounded; only when nothing is being written."""
        named = len(self.tags) + len(self.categories)
        rows = len(self.users) + len(self.emails) + len(self.memos) + len(self.conversations)
        rows += len(self.models) + len(self.profiles) + len(self.sessions) + len(self.memo_seqs)
        return named + rows + len(self.pairs) + len(self.days) > _REMEMBERED

    async def load_users(self, uids: Iterable[object]) -> None:
        """Know which of these users there are."""
        missing = self._missing(uids, self.users)
        self.users |= dict.fromkeys(missing, False)
        for row in await self._ask(sql.USERS, missing):
            self.users[row.uid] = True

    async def need_emails(self, keys: Iterable[str]) -> None:
        """Know who has these e-mails."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.emails]
        self.emails |= dict.fromkeys(missing, None)
        for row in await self._ask(sql.EMAILS, missing):
            self.emails[row.email_key] = row.uid

    async def load_tags(self, uids: Iterable[object]) -> None:
        """Know the tags of these users."""
        await self._need_named(uids, self.tags, sql.TAGS, lambda row: row.tag_id)

    async def load_categories(self, uids: Iterable[object]) -> None:
        """Know the categories of these users."""
        await self._need_named(uids, self.categories, sql.CATEGORIES, lambda row: row.category_id)

    async def load_memo_owners(self, memo_ids: Iterable[object]) -> None:
        """Know whose these memos are."""
        await self._load_owners(memo_ids, self.memos, sql.MEMOS)

    async def load_models(self, model_ids: Iterable[object]) -> None:
        """Know whose these chat models are."""
        await self._load_owners(model_ids, self.models, sql.MODELS)

    async def load_profiles(self, profile_ids: Iterable[object]) -> None:
        """Know whose these profiles of reviews are."""
        await self._load_owners(profile_ids, self.profiles, sql.PROFILES)

    async def load_sessions(self, session_ids: Iterable[object]) -> None:
        """Know whose these reviews are."""
        await self._load_owners(session_ids, self.sessions, sql.SESSIONS)

    async def load_conversations(self, keys: Iterable[object]) -> None:
        """Know which of these conversations there are."""
        missing = self._missing(keys, self.conversations)
        self.conversations |= dict.fromkeys(missing, False)
        for row in await self._ask(sql.CONVERSATIONS, missing):
            self.conversations[row.conversation_id] = True

    async def load_relations(self, source_ids: Iterable[object]) -> None:
        """Know the relations that start at these memos."""
        for row in await self._ask(sql.RELATIONS, self._missing(source_ids, {})):
            self.pairs[row.source_memo_id, row.target_memo_id] = row.relation_id

    async def load_memo_cards(self, memo_ids: Iterable[object]) -> None:
        """Know the order numbers of these memos, and the cards that they have."""
        for row in await self._ask(sql.MEMO_CARDS, self._missing(memo_ids, {})):
            self.memo_seqs[row.memo_id] = row.seq
            if row.card_id is not None:
                self.cards[row.memo_id] = row.card_id

    async def load_recommendation_days(self, uids: Iterable[object]) -> None:
        """Know the recommendations of these users."""
        for row in await self._ask(sql.DAYS, self._missing(uids, {})):
            self.days[row.uid, row.date] = row.recommendation_id

    async def _load_owners(self, keys: Iterable[object], known: dict[str, str | None], statement: Executable) -> None:
        missing = self._missing(keys, known)
        known |= dict.fromkeys(missing, None)
        for row in await self._ask(statement, missing):
            known[row[0]] = row.uid

    async def _need_named(
        self, uids: Iterable[Any], known: dict[str, NamedRows], statement: Executable, row_id: Callable[[Any], str]
    ) -> None:
        missing = self._missing(uids, known)
        known |= {uid: NamedRows() for uid in missing}
        for row in await self._ask(statement, missing):
            known[row.uid].add(row_id(row), row.name_key)

    def _missing(self, keys: Iterable[Any], known: dict[Any, Any]) -> list[str]:
        """Return those keys to ask for: only what can be an id may reach the database."""
        wanted = dict.fromkeys(key for key in keys if isinstance(key, str))
        return [key for key in wanted if key not in known and ids.is_possible(key)]

    async def _ask(self, statement: Executable, keys: list[str]) -> list[Any]:
        found: list[object] = []
        for start in range(0, len(keys), _IN_ONE_QUERY):
            async with self._database.reads() as connection:
                found += await connection.execute(statement, {"keys": keys[start : start + _IN_ONE_QUERY]})
        return found
