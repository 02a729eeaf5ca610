"""Chat models of users (docs/contract/user-models.md)."""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import reviews as review_queries
from aimo.db.queries import user_models as model_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.user_models import FeatureConfigRow, UserModelRow
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET
from aimo.dto.user_models import ModelTest, UserModel, UserModelBody
from aimo.errors import AimoError, Code, ProviderError
from aimo.outbound import OutboundClient
from aimo.services.accounts.provider_allowances import Allowance
from aimo.services.models import model_fields as fields
from aimo.services.models.addresses import Addresses, address_of
from aimo.services.models.chat_models import NOT_FOUND, TAG_GENERATION, own_chat
from aimo.services.models.key_cipher import KeyCipher, UnreadableKeyError
from aimo.services.models.model_test import FAILED_CODE, TEST, failure_text, shown_reply

log = structlog.get_logger(__name__)

MOST_MODELS: Final = 100
_TEST_SECONDS = 15.0
_WHICH_KEY = "This key is a mask of none of your models with this provider and address: enter the API key again"


class UserModelService:
    """Lists, adds, changes, removes and tries models, and keeps which of them is chosen for what."""

    def __init__(self, database: Database, outbound: OutboundClient, keys: KeyCipher, tests: Allowance) -> None:
        """Build it; ``tests`` is how often a user may try models."""
        self._database = database
        self._outbound = outbound
        self._addresses = Addresses(outbound)
        self._keys = keys
        self._tests = tests

    async def all(self, uid: str) -> list[UserModel]:
        """Return the user's models, oldest first."""
        async with self._database.reads() as connection:
            rows = await model_queries.of_user(connection, owner=uid)
        return [self._present(row) for row in rows]

    async def get(self, uid: str, model_id: str) -> UserModel:
        """Return one model; NOT_FOUND when the user has none of that id."""
        if not ids.is_possible(model_id):
            raise _not_found()
        async with self._database.reads() as connection:
            return self._present(await _get(connection, uid, model_id))

    async def create(self, uid: str, body: UserModelBody) -> UserModel:
        """Add a model.

        Raises:
            AimoError: PARAMS_ERROR for what cannot be one, FORBIDDEN for an address that must not be called.
        """
        name = fields.name_of(body)
        fields.require_provider(body)
        key, model_name = fields.key_of(body), fields.model_name_of(body)
        provider, address = fields.provider_of(body), fields.address_in(body)
        if fields.is_mask(key):
            raise AimoError(Code.PARAMS_ERROR, "Enter the API key itself: a mask stands for the key of another model")
        is_default = fields.is_default_in(body)
        await self._require_callable(provider, address)
        model_id, now = ids.user_model_id(), clock.now_ms()
        row = UserModelRow(
            id=model_id,
            uid=uid,
            name=name,
            provider=provider,
            api_base_url=address,
            api_key=self._keys.encrypt(key, model_id=model_id),
            model_name=model_name,
            is_default=is_default,
            created_at=now,
            updated_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            await _lock(connection, uid)
            if await model_queries.count(connection, owner=uid) >= MOST_MODELS:
                raise AimoError(Code.PARAMS_ERROR, f"At most {MOST_MODELS} models are possible")
            await model_queries.create(connection, row, seq=clock.next_sequence())
            if is_default:
                await model_queries.unset_other_defaults(connection, owner=uid, model_id=model_id)

        await atomically(self._database, "user_models.create", work, user=uid)
        return self._present(row)

    async def update(self, uid: str, model_id: str, body: UserModelBody) -> UserModel:
        """Change what the body names, by the rules of `create`; the rest stays."""
        await self.get(uid, model_id)
        given: dict[str, object] = {}
        if body.name is not UNSET:
            given["name"] = fields.name_of(body)
        if body.model_name is not UNSET:
            given["model_name"] = fields.model_name_of(body)
        if body.is_default is not UNSET:
            given["is_default"] = fields.is_default_in(body)
        if body.provider is not UNSET:
            given["provider"] = fields.provider_of(body)
        if body.api_base_url is not UNSET:
            given["api_base_url"] = fields.address_in(body)
        key = fields.key_of(body) if body.api_key is not UNSET else ""
        if "provider" in given or "api_base_url" in given:
            await self._require_changed_callable(uid, model_id, given)
        if not given and not key:
            return await self.get(uid, model_id)

        async def work(connection: AsyncConnection) -> UserModelRow:
            await _lock(connection, uid)
            before = await _get(connection, uid, model_id)
            changed = {**given, **self._changed_key(before, key)}
            row = UserModelRow(**{**before._asdict(), **changed, "updated_at": clock.now_ms()})
            await model_queries.update_model(connection, row)
            if given.get("is_default"):
                await model_queries.unset_other_defaults(connection, owner=uid, model_id=model_id)
            return row

        return self._present(await atomically(self._database, "user_models.update", work, user=uid, entity=model_id))

    async def set_default(self, uid: str, model_id: str) -> UserModel:
        """Let the user prefer this model, and no other; NOT_FOUND when the user has none of that id."""
        return await self.update(uid, model_id, UserModelBody(is_default=True))

    async def delete(self, uid: str, model_id: str) -> None:
        """Remove a model and what refers to it; NOT_FOUND when the user has none of that id.

        Where it was the default, the oldest one that is left becomes it.
        """
        if not ids.is_possible(model_id):
            raise _not_found()

        async def work(connection: AsyncConnection) -> None:
            await _lock(connection, uid)
            row = await _get(connection, uid, model_id)
            await review_queries.forget_model(connection, owner=uid, model_id=model_id)
            await model_queries.delete_model(connection, owner=uid, model_id=model_id)
            if row.is_default and (oldest := await model_queries.oldest(connection, owner=uid)):
                await model_queries.set_default(connection, owner=uid, model_id=oldest)

        await atomically(self._database, "user_models.delete", work, user=uid, entity=model_id)

    async def test(self, uid: str, body: UserModelBody) -> ModelTest:
        """Ask a model for an answer; it need not be stored. A mask stands for the key of the model that it belongs to.

        Raises:
            AimoError: PARAMS_ERROR, FORBIDDEN for an address that must not be called, EXTERNAL_SERVICE_ERROR with the
                provider's reason.
            RateLimitExceeded: the user has tried models too often.
        """
        fields.require_provider(body)
        key, model_name = fields.key_of(body), fields.model_name_of(body)
        provider = fields.provider_of(body)
        address = fields.require_address(provider, fields.address_in(body))
        if fields.is_mask(key):
            key = await self._stored_key(uid, provider, address, model_name, key)
        await self._tests.spend(uid)
        await self._addresses.require_allowed(provider, address, resolvable=True)
        chat = await own_chat(self._outbound, address, key, model_name, waits=())
        try:
            reply = await chat.complete(TEST, seconds=_TEST_SECONDS)
        except ProviderError as error:
            log.info("a model of a user does not answer", user=uid, reason=str(error))
            raise AimoError(FAILED_CODE, failure_text(error)) from error
        finally:
            await chat.close()
        return ModelTest(success=True, message="Model connection test successful", response=shown_reply(reply))

    async def tag_model(self, uid: str) -> str | None:
        """Return the id of the model that suggests tags; None for the server's."""
        async with self._database.reads() as connection:
            return await model_queries.chosen(connection, owner=uid, feature=TAG_GENERATION)

    async def choose_tag_model(self, uid: str, model_id: object) -> str | None:
        """Let one of the user's models suggest tags, or for None the server's.

        Raises:
            AimoError: PARAMS_ERROR for what is neither text nor None, NOT_FOUND when the user has none of that id.
        """
        if model_id is not None and not isinstance(model_id, str):
            raise AimoError(Code.PARAMS_ERROR, "userModelId must be a string or null")
        if model_id is not None and not ids.is_possible(model_id):
            raise _not_found()
        chosen = model_id
        now = clock.now_ms()
        choice = FeatureConfigRow(ids.feature_config_id(), uid, TAG_GENERATION, chosen, now, now)

        async def work(connection: AsyncConnection) -> None:
            await _lock(connection, uid)
            if chosen is not None:
                await _get(connection, uid, chosen)
            await model_queries.choose(connection, choice)

        await atomically(self._database, "user_models.choose_tag_model", work, user=uid)
        return chosen

    async def _require_callable(self, provider: str, address: str | None) -> None:
        """See that a new address may be called; a provider's own needs no look."""
        wanted = fields.require_address(provider, address)
        if wanted != address_of(provider, None):
            await self._addresses.require_allowed(provider, wanted, resolvable=False)

    async def _require_changed_callable(self, uid: str, model_id: str, given: dict[str, object]) -> None:
        async with self._database.reads() as connection:
            row = (await _get(connection, uid, model_id))._asdict() | given
        await self._require_callable(row["provider"], row["api_base_url"])

    def _changed_key(self, row: UserModelRow, key: str) -> dict[str, str]:
        """Return what to store of a key; nothing for the mask of the stored one.

        Raises:
            AimoError: PARAMS_ERROR for the mask of another key.
        """
        if not key or key == self._keys.masked(row.api_key, model_id=row.id):
            return {}
        if fields.is_mask(key):
            raise AimoError(Code.PARAMS_ERROR, "This key is the mask of another one: enter the API key itself")
        return {"api_key": self._keys.encrypt(key, model_id=row.id)}

    async def _stored_key(self, uid: str, provider: str, address: str, model_name: str, mask: str) -> str:
        """Return the key of the user's model that has this mask, this provider and this address.

        Raises:
            AimoError: PARAMS_ERROR where there is none, or its key cannot be read.
        """
        async with self._database.reads() as connection:
            rows = await model_queries.of_user(connection, owner=uid)
        found = [
            row
            for row in rows
            if row.provider == provider
            and address_of(row.provider, row.api_base_url) == address
            and self._keys.masked(row.api_key, model_id=row.id) == mask
        ]
        # Of several with one mask, the one of this name; else the latest.
        found.sort(key=lambda row: row.model_name == model_name)
        if not found:
            raise AimoError(Code.PARAMS_ERROR, _WHICH_KEY)
        try:
            return self._keys.decrypt(found[-1].api_key, model_id=found[-1].id)
        except UnreadableKeyError:
            raise AimoError(Code.PARAMS_ERROR, _WHICH_KEY) from None

    def _present(self, row: UserModelRow) -> UserModel:
        return UserModel(
            id=row.id,
            user_id=row.uid,
            name=row.name,
            provider=row.provider,
            api_base_url=UNSET if row.api_base_url is None else row.api_base_url,
            api_key=self._keys.masked(row.api_key, model_id=row.id),
            model_name=row.model_name,
            is_default=bool(row.is_default),
            created_at=clock.to_iso(row.created_at),
            updated_at=clock.to_iso(row.updated_at),
        )


async def _lock(connection: AsyncConnection, uid: str) -> None:
    """Let one change of a user's models wait for the other, so that there is one default at most."""
    await user_queries.lock(connection, owner=uid)


async def _get(connection: AsyncConnection, uid: str, model_id: str) -> UserModelRow:
    row = await model_queries.get(connection, owner=uid, model_id=model_id)
    if row is None:
        raise _not_found()
    return row


def _not_found() -> AimoError:
    return AimoError(Code.NOT_FOUND, NOT_FOUND)
