"""Statements on accounts."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from aimo.db.schema import Users
from aimo.db.statements import owned, param, unscoped

# A deactivated user is nobody (docs/contract/sessions.md#tokens).
ACTIVE = Users.status != 0

BY_EMAIL = unscoped(
    "users.by_email",
    select(Users.uid, Users.email, Users.nickname, Users.password).where(Users.email_key == param("email_key"), ACTIVE),
    reason="logging in starts from the e-mail",
)
IDENTITY = owned(
    "users.identity", select(Users.uid, Users.email, Users.nickname).where(Users.uid == param("owner"), ACTIVE)
)
PROFILE = owned(
    "users.profile", select(Users.uid, Users.email, Users.nickname, Users.avatar).where(Users.uid == param("owner"))
)
PASSWORD = owned("users.password", select(Users.password).where(Users.uid == param("owner")))
LOGIN_FOR_UPDATE = owned(
    "users.login_for_update",
    select(Users.password, Users.tokens_valid_from).where(Users.uid == param("owner"), ACTIVE).with_for_update(),
)
AVATAR_FOR_UPDATE = owned(
    "users.avatar_for_update", select(Users.avatar).where(Users.uid == param("owner")).with_for_update()
)
LOCK = owned("users.lock", select(Users.uid).where(Users.uid == param("owner")).with_for_update())
CREATE = owned(
    "users.create",
    insert(Users).values(
        {name: param(name) for name in ("uid", "email", "email_key", "phone", "password", "salt", "nickname")}
        | {"status": 1, "created_at": param("now"), "updated_at": param("now")}
    ),
)
SET_NICKNAME = owned(
    "users.set_nickname",
    update(Users).where(Users.uid == param("owner")).values(nickname=param("new_nickname"), updated_at=param("now")),
)
SET_AVATAR = owned(
    "users.set_avatar",
    update(Users).where(Users.uid == param("owner")).values(avatar=param("new_avatar"), updated_at=param("now")),
)
SET_PASSWORD = owned(
    "users.set_password",
    update(Users)
    .where(Users.uid == param("owner"))
    .values(password=param("new_password"), salt=param("new_salt"), updated_at=param("now")),
)
SET_TOKENS_VALID_FROM = owned(
    "users.set_tokens_valid_from",
    update(Users).where(Users.uid == param("owner")).values(tokens_valid_from=param("valid_from")),
)
