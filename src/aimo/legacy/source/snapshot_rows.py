"""What the existing server's relational database says of a row in other rows: tombstones, doubles, and times.

See docs/contract/source-database.md#relational-sources.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from aimo.legacy.row_outcomes import QuarantineReason
from aimo.legacy.source.relational_tables import FILLED_BY_THE_DATABASE, LEFT_OUT, MERGED_INTO

Row = dict[str, Any]


@dataclass
class RowContext:
    """What is known of all rows before they are written into a snapshot.

    Args:
        zone: the zone of the sessions that wrote the times, where they were read as UTC.
        counts: how often a row was adjusted, by what was done.
    """

    zone: tzinfo | None = None
    deleted_users: set[str] = field(default_factory=set)
    deleted_tags: set[str] = field(default_factory=set)
    trashed_memos: set[str] = field(default_factory=set)
    conversations: dict[str, Row] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    doubles: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def learn(self, table: str, rows: Iterable[Row]) -> None:
        """Take up what rows of this table say of others."""
        for row in rows:
            deleted = bool(row.get("deletedAt"))
            if table == "users" and deleted:
                self.deleted_users.add(row["uid"])
            elif table == "tags" and deleted:
                self.deleted_tags.add(row["tagId"])
            elif table == "memos" and deleted:
                self.trashed_memos.add(row["memoId"])
            elif table == "ai_conversations":
                self.conversations[row["conversationId"]] = {"uid": row["uid"], "deletedAt": row.get("deletedAt")}
            elif table == "review_sessions":
                self.sessions[row["sessionId"]] = row["uid"]

    def learn_doubles(self, cards: Iterable[Row]) -> None:
        """Of several cards of a user for one memo, the one that was reviewed last stays, else the oldest."""
        groups: dict[tuple[object, object], list[Row]] = {}
        for card in cards:
            groups.setdefault((card["uid"], card["memoId"]), []).append(card)
        for group in groups.values():
            oldest = sorted(group, key=lambda card: (str(card["createdAt"]), card["cardId"]))
            best = max(oldest, key=lambda card: str(card["lastReviewAt"] or ""))
            self.doubles |= {card["cardId"]: best["cardId"] for card in group if card is not best}

    def adjust(self, table: str, row: Row) -> Row:
        """Return the row as mappers are to see it."""
        if self._is_of_deleted_account(table, row):
            row[LEFT_OUT] = QuarantineReason.ACCOUNT_DELETED
        if table == "ai_messages" and (conversation := self.conversations.get(row["conversationId"])):
            row["deletedAt"] = row.get("deletedAt") or conversation["deletedAt"]
        if table == "memo_relations" and row.get("deletedAt"):
            ends = {row["sourceMemoId"], row["targetMemoId"]}
            if ends & self.trashed_memos:
                # It was hidden with the memo, and comes back with it.
                row["deletedAt"] = 0
        if table == "memos" and self.deleted_tags:
            self._drop_deleted_tags(row)
        if table == "spaced_repetition_cards":
            row[MERGED_INTO] = self.doubles.get(row["cardId"])
        if self.zone is not None:
            _read_times(table, row, self.zone)
        return row

    def _is_of_deleted_account(self, table: str, row: Row) -> bool:
        uid = row.get("uid")
        if table == "ai_messages":
            uid = self.conversations.get(row["conversationId"], {}).get("uid")
        elif table == "review_items":
            uid = self.sessions.get(row["sessionId"])
        return uid in self.deleted_users

    def _drop_deleted_tags(self, row: Row) -> None:
        given = row.get("tagIds")
        try:
            tag_ids = json.loads(given) if given else None
        except ValueError:
            return
        if isinstance(tag_ids, list) and any(item in self.deleted_tags for item in tag_ids if isinstance(item, str)):
            left = [item for item in tag_ids if not (isinstance(item, str) and item in self.deleted_tags)]
            row["tagIds"] = json.dumps(left, ensure_ascii=False)
            self.counts["deleted tags left out of memos"] += 1


def _read_times(table: str, row: Row, zone: tzinfo) -> None:
    """Turn the moments of a row, which are UTC, into what the old server meant.

    It wrote UTC as if that were a time of its session's zone; what the database's clock filled in is right.
    """
    created = row.get("createdAt") if table in FILLED_BY_THE_DATABASE else None
    for name, value in row.items():
        if name.endswith("At") and isinstance(value, str):
            filled = name == "createdAt" or (name == "updatedAt" and value == created)
            if created is None or not filled:
                row[name] = _in_zone(value, zone)


def _in_zone(value: str, zone: tzinfo) -> str:
    try:
        moment = datetime.fromisoformat(value).replace(tzinfo=UTC).astimezone(zone)
        return moment.replace(tzinfo=None).isoformat(" ", "milliseconds")
    except (ValueError, OverflowError):
        return value


def json_row(row: Mapping[str, Any], columns: Iterable[str]) -> Row:
    """Return a row of LanceDB in the form that rows of the relational database have here."""
    converted: Row = {}
    for name in columns:
        value = row.get(name)
        if isinstance(value, list | dict):
            value = json.dumps(value, ensure_ascii=False)
        elif isinstance(value, datetime):
            value = value.isoformat(" ", "milliseconds")
        elif isinstance(value, bool):
            value = int(value)
        converted[name] = value
    return converted
