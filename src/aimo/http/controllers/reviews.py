"""Reviews of one's memos (docs/contract/reviews.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Envelope
from aimo.dto.reviews import (
    Removed,
    ReviewAnswerBody,
    ReviewGrade,
    ReviewHistory,
    ReviewProfile,
    ReviewProfileBody,
    ReviewProfileList,
    ReviewResult,
    ReviewSession,
    ReviewSessionBody,
)
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, PathText, Services, User
from aimo.http.large import ok_in_parts
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post, put


class ReviewController(Controller):
    """A user's reviews and their profiles."""

    path = "/api/v1/review"
    tags = ("Review",)

    @get("/profiles", summary="List review profiles")
    async def profiles(self, services: Services, user: User) -> Envelope[ReviewProfileList]:
        """Return all profiles, newest first."""
        return ok(await services.review_profiles.all(user.uid))

    @post("/profiles", summary="Make a review profile")
    async def create_profile(
        self, data: JSONBody[ReviewProfileBody], services: Services, user: User
    ) -> Envelope[ReviewProfile]:
        """Make a profile."""
        return ok(await services.review_profiles.create(user.uid, data))

    @put("/profiles/{profile_id:str}", summary="Change a review profile")
    async def update_profile(
        self, profile_id: PathText, data: JSONBody[ReviewProfileBody], services: Services, user: User
    ) -> Envelope[ReviewProfile]:
        """Change what the body names."""
        return ok(await services.review_profiles.update(user.uid, profile_id, data))

    @delete("/profiles/{profile_id:str}", summary="Remove a review profile")
    async def remove_profile(self, profile_id: PathText, services: Services, user: User) -> Envelope[Removed]:
        """Remove a profile; sessions made from it stay."""
        await services.review_profiles.delete(user.uid, profile_id)
        return ok(Removed())

    @post("/sessions", summary="Begin a review", opt={"limited": True})
    async def create(
        self, data: JSONBody[ReviewSessionBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[ReviewSession]:
        """Draw memos and ask a question on each; hanging up ends it, and nothing is stored."""
        session = await run_until_disconnect(request, services.reviews.create(user.uid, data))
        return await ok_in_parts(session, "items")

    @get("/sessions/{review_id:str}", summary="Read a review")
    async def fetch(self, review_id: PathText, services: Services, user: User) -> Envelope[ReviewSession]:
        """Return a session with its questions in order."""
        return await ok_in_parts(await services.reviews.get(user.uid, review_id), "items")

    @post("/sessions/{review_id:str}/answer", summary="Answer a question of a review", opt={"limited": True})
    async def answer(
        self,
        review_id: PathText,
        data: JSONBody[ReviewAnswerBody],
        request: AnyRequest,
        services: Services,
        user: User,
    ) -> Envelope[ReviewGrade]:
        """Store an answer and grade it; when the grading fails, the answer stays."""
        return ok(await run_until_disconnect(request, services.reviews.answer(user.uid, review_id, data)))

    @post("/sessions/{review_id:str}/complete", summary="Complete a review")
    async def complete(self, review_id: PathText, services: Services, user: User) -> Envelope[ReviewResult]:
        """Store the score of the answers so far; may be repeated."""
        return await ok_in_parts(await services.reviews.complete(user.uid, review_id), "items")

    @get("/history", summary="List reviews")
    async def history(self, services: Services, user: User) -> Envelope[ReviewHistory]:
        """Return the latest 50 sessions, newest first."""
        return ok(await services.reviews.history(user.uid))
