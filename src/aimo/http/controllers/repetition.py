"""Spaced repetition of one's memos (docs/contract/spaced-repetition.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.repetition import (
    DueCards,
    ImportedCards,
    RepetitionRuleBody,
    RepetitionRuleList,
    RepetitionRuleResult,
    RepetitionSettings,
    RepetitionSettingsBody,
    RepetitionStats,
    ReviewBody,
    ReviewedCardResult,
)
from aimo.http.dependencies import PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post, put


class RepetitionController(Controller):
    """Cards, rules and settings."""

    path = "/api/v1/spaced-repetition"
    tags = ("Spaced repetition",)

    @get("/settings", summary="Read one's settings")
    async def settings(self, services: Services, user: User) -> Envelope[RepetitionSettings]:
        """Return what the user has chosen."""
        return ok(await services.repetition.settings(user.uid))

    @put("/settings", summary="Change one's settings")
    async def change_settings(
        self, data: JSONBody[RepetitionSettingsBody], services: Services, user: User
    ) -> Envelope[RepetitionSettings]:
        """Change what the body names."""
        return ok(await services.repetition.change_settings(user.uid, data))

    @get("/rules", summary="List one's rules")
    async def rules(self, services: Services, user: User) -> Envelope[RepetitionRuleList]:
        """Return the rules, the oldest first."""
        return ok(RepetitionRuleList(rules=await services.repetition_rules.all(user.uid)))

    @post("/rules", summary="Make a rule")
    async def create_rule(
        self, data: JSONBody[RepetitionRuleBody], services: Services, user: User
    ) -> Envelope[RepetitionRuleResult]:
        """Make a rule, which holds at once."""
        return ok(RepetitionRuleResult(rule=await services.repetition_rules.create(user.uid, data)))

    @delete("/rules/{repetition_rule_id:str}", summary="Remove a rule")
    async def remove_rule(self, repetition_rule_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a rule; what it kept out takes part again with all that was learned."""
        await services.repetition_rules.delete(user.uid, repetition_rule_id)
        return ok(Done(message="Rule deleted successfully"))

    @get("/due", summary="List cards that are due")
    async def due(self, services: Services, user: User) -> Envelope[DueCards]:
        """Return the cards that have been due for longest."""
        return ok(await services.repetition.due(user.uid))

    @get("/stats", summary="Count cards")
    async def stats(self, services: Services, user: User) -> Envelope[RepetitionStats]:
        """Return how many cards take part."""
        return ok(await services.repetition.stats(user.uid))

    @post("/cards/{card_id:str}/review", summary="Review a card")
    async def review(
        self, card_id: PathText, data: JSONBody[ReviewBody], services: Services, user: User
    ) -> Envelope[ReviewedCardResult]:
        """Take how well a memo was remembered, and plan its next review."""
        return ok(ReviewedCardResult(card=await services.repetition.review(user.uid, card_id, data.quality)))

    @post("/import-existing", summary="Make cards for earlier memos")
    async def import_existing(self, services: Services, user: User) -> Envelope[ImportedCards]:
        """Make a card for every memo that takes part and has none."""
        return ok(await services.repetition.import_existing(user.uid))
