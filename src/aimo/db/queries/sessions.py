"""Statements on logins."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, and_, delete, false, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.queries.users import ACTIVE
from aimo.db.schema import Session, User
from aimo.db.statements import among, owned, param, unscoped

_OWN = Session.uid == param("owner")
_OPEN = Session.ended == false()

# Runs for every request: the user, and the session that the token names where there is one.
AUTHENTICATE = owned(
    "sessions.authenticate",
    select(
        User.uid,
        User.email,
        User.nickname,
        User.tokens_valid_from,
        Session.session_id,
        Session.ended,
        Session.last_used_at,
    )
    .select_from(User)
    .outerjoin(Session, and_(Session.session_id == param("session_id"), _OWN))
    .where(User.uid == param("owner"), ACTIVE),
)
CREATE = owned(
    "sessions.create",
    insert_new(cast(Table, Session.__table__)).values(
        {name: param(name) for name in ("session_id", "uid", "address", "user_agent", "ended", "expires_at")}
        | {"created_at": param("now"), "last_used_at": param("now")}
    ),
)
OF_USER = owned(
    "sessions.of_user",
    select(
        Session.session_id,
        Session.address,
        Session.user_agent,
        Session.created_at,
        Session.last_used_at,
        Session.expires_at,
    )
    .where(_OWN, _OPEN, Session.expires_at > param("now"))
    .order_by(Session.created_at.desc())
    .limit(param("limit")),
)
BEYOND = owned(
    "sessions.beyond",
    select(Session.session_id)
    .where(_OWN, _OPEN)
    .order_by(Session.created_at.desc())
    .offset(param("offset"))
    .limit(param("limit")),
)
TOUCH = owned(
    "sessions.touch",
    update(Session).where(_OWN, Session.session_id == param("id")).values(last_used_at=param("now")),
)
END = owned("sessions.end", delete(Session).where(_OWN, _OPEN, Session.session_id.in_(among("session_ids"))))
END_OTHERS = owned("sessions.end_others", delete(Session).where(_OWN, _OPEN, Session.session_id != param("kept")))
FORGET = unscoped(
    "sessions.forget",
    delete(Session).where(Session.expires_at <= param("now")),
    excuse="what has expired means nothing any more, whose ever it was",
)
END_ALL = unscoped(
    "sessions.end_all",
    delete(Session).where(_OPEN),
    excuse="a restored backup cannot know which sessions have ended since it was made",
)
