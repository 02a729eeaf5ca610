"""Accounts: registering, logging in, profiles, passwords and pictures."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import audit, clock, ids
from aimo.audit import Attempt, Event, Outcome
from aimo.db.connection import Database
from aimo.db.queries import categories as category_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.users import NewUser
from aimo.db.transaction import atomically
from aimo.db.types import unique_key
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.users import LoggedIn, LoggedInUser, RegisterBody, RegisteredUser, UserInfo, UserInfoBody
from aimo.errors import AimoError, Code
from aimo.services.accounts.password_rules import find_violation
from aimo.services.accounts.passwords import NOBODYS_HASH, hash_password, is_correct
from aimo.services.accounts.rate_limits import RateLimiter
from aimo.services.accounts.sessions import AuthenticatedUser, Device, EndedSessions, SessionService
from aimo.services.attachments.file_urls import FileUrls, accept_avatar, is_own_avatar
from aimo.services.memos import categories
from aimo.services.memos.name_keys import require_length
from aimo.storage.keys import avatar_key
from aimo.storage.protocol import ObjectMissingError, Storage, StorageError, StoredObject

log = structlog.get_logger(__name__)

# In UTF-16 units; below it, clients get the text that they know.
_SHORTEST_PASSWORD = 6
# What counts as no password at all: what JavaScript takes for false.
_MISSING = (None, "", 0, False)
_NOWHERE = Device()


class AccountService:
    """What belongs to a user's own account (docs/contract/accounts.md#register, docs/contract/accounts.md)."""

    def __init__(
        self,
        database: Database,
        sessions: SessionService,
        storage: Storage,
        urls: FileUrls,
        *,
        limits: RateLimiter,
        zone: ZoneInfo,
        allow_registration: bool,
        password_rules: bool,
    ) -> None:
        self._database = database
        self._limits = limits
        self._sessions = sessions
        self._storage = storage
        self._urls = urls
        self._zone = zone
        self._allow_registration = allow_registration
        self._password_rules = password_rules
        self._has_any = False

    async def has_any(self) -> bool:
        """Return whether anybody has an account; once somebody has, the database is not asked again."""
        if not self._has_any:
            async with self._database.reads() as connection:
                self._has_any = await user_queries.has_any(connection)
        return self._has_any

    async def register(self, body: RegisterBody, *, address: str = "") -> RegisteredUser:
        """Make an account with its default category; USER_ALREADY_EXISTS when the e-mail is taken.

        PARAMS_ERROR without e-mail or password, and for a password that breaks a rule.
        LimitReached when too many were tried from this ``address``; without one nobody counts.
        """
        with audit.attempt(Event.REGISTRATION, address=address) as trying:
            if not self._allow_registration:
                raise AimoError(Code.OPERATION_NOT_ALLOWED, "Registration is currently disabled")
            if not body.email or not body.password:
                raise AimoError(Code.PARAMS_ERROR, "Email and password are required")
            if self._password_rules and (broken := await find_violation(body.password)):
                raise AimoError(Code.PARAMS_ERROR, broken.english)
            async with self._limits.registration(address):
                user = await self._register(body, body.email, body.password)
            trying.user = user.uid
            return user

    async def _register(self, body: RegisterBody, email: str, secret: str) -> RegisteredUser:
        nickname = require_length((body.nickname or "").strip(), "Nickname")
        if nickname == email:
            nickname = ""
        password, salt = await hash_password(secret)
        uid = ids.user_id()
        now = clock.now_ms()
        new = NewUser(
            uid=uid,
            email=email,
            email_key=unique_key(email),
            phone=body.phone or None,
            password=password,
            salt=salt,
            nickname=nickname or None,
            status=1,
            created_at=now,
            updated_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            await user_queries.create(connection, new)
            await category_queries.create(connection, categories.new_category(uid, categories.DEFAULT_CATEGORY))

        try:
            await atomically(self._database, "accounts.register", work, user=uid)
        except IntegrityError as error:
            raise AimoError(Code.USER_ALREADY_EXISTS) from error
        return RegisteredUser(uid=uid, email=email, nickname=nickname or UNSET)

    async def log_in(self, email: str | None, password: object, *, device: Device = _NOWHERE) -> LoggedIn:
        """Return a session for the right password; USER_NOT_FOUND or PASSWORD_ERROR otherwise.

        LimitReached when too many attempts failed, for this account or from this address; without an
        address nobody counts.
        """
        if not email or password in _MISSING:
            raise AimoError(Code.PARAMS_ERROR, "Email and password are required")
        with audit.attempt(Event.LOGIN, address=device.address) as trying:
            return await self._log_in(email, password, device, trying)

    async def _log_in(self, email: str, password: object, device: Device, trying: Attempt) -> LoggedIn:
        async with self._database.reads() as connection:
            row = await user_queries.by_email(connection, email_key=unique_key(email))
        if row is not None and row.email != email:
            row = None
        trying.user = row.uid if row else None
        async with self._limits.login(email, trying.user, device.address):
            # Without an account it takes as long as with one.
            correct = isinstance(password, str) and await is_correct(password, row.password if row else NOBODYS_HASH)
            if row is None:
                raise AimoError(Code.USER_NOT_FOUND)
            if not correct:
                raise AimoError(Code.PASSWORD_ERROR)
        user = LoggedInUser(uid=row.uid, email=row.email, nickname=row.nickname)
        return LoggedIn(token=await self._sessions.open(row.uid, device, password=row.password), user=user)

    async def exists(self, uid: str) -> bool:
        """Return whether there is a user of this id who may log in."""
        if not ids.is_possible(uid):
            return False
        async with self._database.driver_connection() as connection:
            return await user_queries.exists(connection, owner=uid)

    async def profile(self, uid: str) -> UserInfo:
        """Return a user's profile; USER_NOT_FOUND when the account is gone."""
        async with self._database.reads() as connection:
            return await self._profile(connection, uid)

    async def update_profile(self, uid: str, body: UserInfoBody) -> UserInfo:
        """Change nickname and picture as far as the body names them."""
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> UserInfo:
            if not isinstance(body.nickname, UnsetType):
                nickname = require_length(body.nickname or "", "Nickname") if body.nickname else body.nickname
                await user_queries.set_nickname(connection, owner=uid, nickname=nickname, now=now)
            if not isinstance(body.avatar, UnsetType):
                avatar = accept_avatar(uid, body.avatar) if body.avatar else body.avatar
                await user_queries.set_avatar(connection, owner=uid, avatar=avatar, now=now)
            return await self._profile(connection, uid)

        return await atomically(self._database, "accounts.profile", work, user=uid)

    async def change_password(
        self,
        user: AuthenticatedUser,
        old: object,
        new: object,
        *,
        log_out_others: bool = False,
        keep_tokens: bool = False,
        device: Device = _NOWHERE,
    ) -> EndedSessions | None:
        """Set a new password once the old one is proven; sessions stay open unless the others shall end.

        Access tokens end with the others, unless they are kept, and only then.

        PARAMS_ERROR for a missing one and a new one that breaks a rule, PASSWORD_ERROR for a wrong one and for what
        is no text; LimitReached when too many were wrong, for this account or from this address.
        """
        with audit.attempt(Event.PASSWORD_CHANGE, user=user.uid, address=device.address):
            proven, (password, salt) = await self._new_password(user.uid, old, new, device.address)
            now = clock.now_ms()

            async def work(connection: AsyncConnection) -> EndedSessions | None:
                row = await user_queries.login_for_update(connection, owner=user.uid)
                # Another change may have come first; what was proven to be the password is not any more.
                if row is None or row.password != proven:
                    raise AimoError(Code.PASSWORD_ERROR, "当前密码错误")
                await user_queries.set_password(connection, owner=user.uid, password=password, salt=salt, now=now)
                if not log_out_others:
                    return None
                return await self._sessions.end_within(
                    connection, user, keep_current=True, keep_tokens=keep_tokens, device=device
                )

            ended = await atomically(self._database, "accounts.password", work, user=user.uid)
        if log_out_others:
            audit.record(Event.LOGOUT_EVERYWHERE, Outcome.OK, user=user.uid, address=device.address)
        return ended

    async def _new_password(self, uid: str, old: object, new: object, address: str) -> tuple[str, tuple[str, str]]:
        """Return the stored hash that the old password fits, and hash and salt of the new one."""
        if old in _MISSING or new in _MISSING:
            raise AimoError(Code.PARAMS_ERROR, "请填写完整信息")
        if isinstance(new, str) and len(new.encode("utf-16-le", "surrogatepass")) // 2 < _SHORTEST_PASSWORD:
            raise AimoError(Code.PARAMS_ERROR, "新密码长度至少6位")
        if isinstance(new, str) and self._password_rules and (broken := await find_violation(new)):
            raise AimoError(Code.PARAMS_ERROR, broken.chinese)
        async with self._database.reads() as connection:
            stored = await user_queries.password(connection, owner=uid)
        if stored is None:
            raise AimoError(Code.PASSWORD_ERROR, "用户不存在")
        async with self._limits.password_change(uid, address):
            if not isinstance(old, str) or not await is_correct(old, stored):
                raise AimoError(Code.PASSWORD_ERROR, "当前密码错误")
        if not isinstance(new, str):
            raise AimoError(Code.PASSWORD_ERROR, "密码修改失败")
        return stored, await hash_password(new)

    async def set_avatar(self, uid: str, filename: str, content_type: str, path: Path) -> str:
        """Store a picture, make it the user's and remove the one before; its address is returned.

        UNSUPPORTED_FILE_TYPE for what is no image, STORAGE_ERROR when it cannot be kept.
        """
        require_image(content_type)
        key = avatar_key(uid, clock.local_day(self._zone), filename)

        async def work(connection: AsyncConnection) -> str | None:
            before = await user_queries.avatar_for_update(connection, owner=uid)
            await user_queries.set_avatar(connection, owner=uid, avatar=key, now=clock.now_ms())
            return before

        try:
            await self._storage.put(key, path, content_type)
            before = await atomically(self._database, "accounts.avatar", work, user=uid)
        except Exception as error:
            # A commit may have happened although its answer was lost, so the picture stays.
            log.exception("avatar could not be stored", user=uid)
            raise AimoError(Code.STORAGE_ERROR) from error
        if before and is_own_avatar(uid, before):
            await self._forget(before)
        return self._urls.avatar(uid, key)

    async def open_avatar(self, uid: str) -> StoredObject | None:
        """Open the picture that a user has uploaded; None without one."""
        async with self._database.reads() as connection:
            row = await user_queries.profile(connection, owner=uid)
        if row is None or not row.avatar or not is_own_avatar(uid, row.avatar):
            return None
        try:
            return await self._storage.open(row.avatar)
        except ObjectMissingError:
            return None

    async def _profile(self, connection: AsyncConnection, uid: str) -> UserInfo:
        row = await user_queries.profile(connection, owner=uid)
        if row is None:
            raise AimoError(Code.USER_NOT_FOUND)
        avatar = self._urls.avatar(uid, row.avatar)
        return UserInfo(uid=row.uid, email=row.email, nickname=row.nickname, avatar=avatar)

    async def _forget(self, key: str) -> None:
        try:
            await self._storage.delete(key)
        except StorageError:
            log.exception("old avatar delete failed", key=key)


def require_image(content_type: str) -> None:
    """UNSUPPORTED_FILE_TYPE for a media type that is no image, and for SVG, which is never shown in place."""
    if not content_type.startswith("image/") or content_type.endswith("xml"):
        raise AimoError(Code.UNSUPPORTED_FILE_TYPE)
