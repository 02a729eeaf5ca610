"""Review profiles of users (docs/contract/reviews.md#profiles)."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import reviews as review_queries
from aimo.db.queries.reviews import ReviewProfileRow
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.reviews import ReviewProfile, ReviewProfileBody, ReviewProfileList
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.js_coercion import as_js_number, clamp, to_number
from aimo.services.memos.name_keys import require_length
from aimo.services.memos.possible_ids import require_possible_id
from aimo.services.models.chat_models import ChatModels
from aimo.services.reviews.rules import rules_to_store, stored_rules

FEWEST_QUESTIONS: Final = 5
MOST_QUESTIONS: Final = 20
_DEFAULT_QUESTIONS: Final = 10


class ReviewProfileService:
    """Lists, makes, changes and removes review profiles."""

    def __init__(self, database: Database, models: ChatModels) -> None:
        self._database = database
        self._models = models

    async def all(self, uid: str) -> ReviewProfileList:
        """Return the user's profiles, newest first, and whether a model asks where a profile has none of its own."""
        async with self._database.reads() as connection:
            profiles = [_present(row) for row in await review_queries.profiles(connection, owner=uid)]
        return ReviewProfileList(profiles=profiles, generated=UNSET if self._models.has_server_model else False)

    async def create(self, uid: str, body: ReviewProfileBody) -> ReviewProfile:
        """Make a profile; PARAMS_ERROR for what cannot be one, NOT_FOUND for a model that the user does not have."""
        now = clock.now_ms()
        row = ReviewProfileRow(
            profile_id=ids.review_profile_id(),
            uid=uid,
            name=_name(body.name),
            filter_rules=rules_to_store(body.filter_rules),
            question_count=question_count(body.question_count, _DEFAULT_QUESTIONS),
            user_model_id=await self._model(uid, body.user_model_id),
            created_at=now,
            updated_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            await review_queries.create_profile(connection, row, seq=clock.next_sequence())

        await atomically(self._database, "reviews.create_profile", work, user=uid)
        return _present(row)

    async def update(self, uid: str, profile_id: str, body: ReviewProfileBody) -> ReviewProfile:
        """Change what the body names, by the rules of :meth:`create`; the rest stays."""
        require_possible_id(profile_id)
        changed: dict[str, object] = {"updated_at": clock.now_ms()}
        if body.name is not UNSET:
            changed["name"] = _name(body.name)
        if body.filter_rules is not UNSET:
            changed["filter_rules"] = rules_to_store(body.filter_rules)
        if body.question_count is not UNSET and body.question_count is not None:
            changed["question_count"] = question_count(body.question_count, _DEFAULT_QUESTIONS)
        if body.user_model_id is not UNSET:
            changed["user_model_id"] = await self._model(uid, body.user_model_id)

        async def work(connection: AsyncConnection) -> ReviewProfileRow:
            before = await review_queries.profile_for_update(connection, owner=uid, profile_id=profile_id)
            if before is None:
                raise AimoError(Code.NOT_FOUND)
            row = ReviewProfileRow(**before._asdict() | changed)
            await review_queries.update_profile(connection, row)
            return row

        return _present(await atomically(self._database, "reviews.update_profile", work, user=uid, entity=profile_id))

    async def delete(self, uid: str, profile_id: str) -> None:
        """Remove a profile, whose sessions stay; NOT_FOUND when the user has none of that id."""
        require_possible_id(profile_id)

        async def work(connection: AsyncConnection) -> bool:
            return await review_queries.delete_profile(connection, owner=uid, profile_id=profile_id)

        if not await atomically(self._database, "reviews.delete_profile", work, user=uid, entity=profile_id):
            raise AimoError(Code.NOT_FOUND)

    async def _model(self, uid: str, model_id: str | UnsetType | None) -> str | None:
        """Return the id of a model that the user has; None for the server's."""
        if not isinstance(model_id, str) or is_blank(model_id):
            return None
        await self._models.chat_for(uid, model_id)
        return model_id


def question_count(value: float | str | UnsetType | None, default: int) -> int:
    """Return how many questions a client means, brought into 5 to 20; the default for none.

    Raises:
        AimoError: ``PARAMS_ERROR`` for what is no whole number.
    """
    if value is None or isinstance(value, UnsetType):
        return default
    number = to_number(value) if isinstance(value, str) else as_js_number(value)
    if number is None or not float(number).is_integer():
        raise AimoError(Code.PARAMS_ERROR, "Question count must be a whole number")
    return clamp(number, FEWEST_QUESTIONS, MOST_QUESTIONS)


def _name(value: str | UnsetType | None) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if is_blank(name):
        raise AimoError(Code.PARAMS_ERROR, "Profile name is required")
    return require_length(name, "Profile name")


def _present(row: ReviewProfileRow) -> ReviewProfile:
    return ReviewProfile(
        profile_id=row.profile_id,
        user_id=row.uid,
        name=row.name,
        filter_rules=stored_rules(row.filter_rules),
        question_count=row.question_count,
        user_model_id=row.user_model_id,
        created_at=clock.to_iso(row.created_at),
        updated_at=clock.to_iso(row.updated_at),
    )
