"""What the server makes by itself in time, made at once: cards that are due, notifications."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.support.client import Client
from tests.support.server import Server


def make_due(server: Server, somebody: Client) -> None:
    """Let every card of somebody be due."""
    _execute(
        server,
        "UPDATE spaced_repetition_cards SET next_review_at = '2020-01-01 00:00:00.000' WHERE uid = ?",
        uid_of(somebody),
    )


def notify(server: Server, somebody: Client, notification_id: str, title: str, body: str, memo_id: str | None) -> None:
    """Tell somebody something about a memo."""
    _execute(
        server,
        "INSERT INTO in_app_notifications (notification_id, uid, type, title, body, memo_id, is_read, seq, created_at)"
        " VALUES (?, ?, 'spaced_repetition', ?, ?, ?, 0, (SELECT coalesce(max(seq), 0) + 1 FROM in_app_notifications),"
        " '2026-01-02 03:04:05.000')",
        notification_id,
        uid_of(somebody),
        title,
        body,
        memo_id,
    )


def cards(server: Server, somebody: Client) -> list[tuple[str, int, int]]:
    """The memo, the repetitions and the lapses of somebody's cards, in the order of writing."""
    with closing(sqlite3.connect(server.data_dir / "aimo.db", timeout=10)) as connection:
        return connection.execute(
            "SELECT memo_id, repetitions, lapse_count FROM spaced_repetition_cards WHERE uid = ? ORDER BY seq",
            (uid_of(somebody),),
        ).fetchall()


def uid_of(somebody: Client) -> str:
    """The id of the user that a client is logged in as."""
    uid: str = somebody.get("/user/info").data["uid"]
    return uid


def _execute(server: Server, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(server.data_dir / "aimo.db", timeout=10)) as connection, connection:
        connection.execute(statement, values)
