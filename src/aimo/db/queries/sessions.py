"""Statements on logins."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, and_, delete, false, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.queries.users import ACTIVE
from aimo.db.schema import Sessions, Users
from aimo.db.statements import in_list, owned, param, unscoped

_OWN = Sessions.uid == param("owner")
_OPEN = Sessions.ended == false()

# Runs for every request: the user, and the session that the token names where there is one.
AUTHENTICATE = owned(
    "sessions.authenticate",
    select(
        Users.uid,
        Users.email,
        Users.nickname,
        Users.tokens_valid_from,
        Sessions.session_id,
        Sessions.ended,
        Sessions.last_used_at,
    )
    .select_from(Users)
    .outerjoin(Sessions, and_(Sessions.session_id == param("session_id"), _OWN))
    .where(Users.uid == param("owner"), ACTIVE),
)
CREATE = owned(
    "sessions.create",
    insert_new(cast(Table, Sessions.__table__)).values(
        {name: param(name) for name in ("session_id", "uid", "address", "user_agent", "ended", "expires_at")}
        | {"created_at": param("now"), "last_used_at": param("now")}
    ),
)
OF_USER = owned(
    "sessions.of_user",
    select(
        Sessions.session_id,
        Sessions.address,
        Sessions.user_agent,
        Sessions.created_at,
        Sessions.last_used_at,
        Sessions.expires_at,
    )
    .where(_OWN, _OPEN, Sessions.expires_at > param("now"))
    .order_by(Sessions.created_at.desc())
    .limit(param("limit")),
)
BEYOND = owned(
    "sessions.beyond",
    select(Sessions.session_id)
    .where(_OWN, _OPEN)
    .order_by(Sessions.created_at.desc())
    .offset(param("offset"))
    .limit(param("limit")),
)
TOUCH = owned(
    "sessions.touch",
    update(Sessions).where(_OWN, Sessions.session_id == param("id")).values(last_used_at=param("now")),
)
END = owned("sessions.end", delete(Sessions).where(_OWN, _OPEN, Sessions.session_id.in_(in_list("session_ids"))))
END_OTHERS = owned("sessions.end_others", delete(Sessions).where(_OWN, _OPEN, Sessions.session_id != param("kept_id")))
FORGET = unscoped(
    "sessions.forget",
    delete(Sessions).where(Sessions.expires_at <= param("now")),
    reason="what has expired means nothing any more, whose ever it was",
)
END_ALL = unscoped(
    "sessions.end_all",
    delete(Sessions).where(_OPEN),
    reason="a restored backup cannot know which sessions have ended since it was made",
)
