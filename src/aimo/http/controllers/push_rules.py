"""Push rules (docs/contract/push-rules.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.push_rules import PushRuleBody, PushRuleList, PushRuleResult
from aimo.http.dependencies import PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post, put


class PushRuleController(Controller):
    """A user's push rules."""

    path = "/api/v1/push-rules"
    tags = ("Push rules",)

    @get("/", summary="List push rules")
    async def fetch_all(self, services: Services, user: User) -> Envelope[PushRuleList]:
        """Return all rules in the order in which they were made."""
        rules = await services.push_rules.all(user.uid)
        return ok(PushRuleList(message="Push rules fetched successfully", push_rules=rules))

    @get("/{rule_id:str}", summary="Read a push rule")
    async def fetch(self, rule_id: PathText, services: Services, user: User) -> Envelope[PushRuleResult]:
        """Return one rule."""
        rule = await services.push_rules.get(user.uid, rule_id)
        return ok(PushRuleResult(message="Push rule fetched successfully", push_rule=rule))

    @post("/", summary="Make a push rule")
    async def create(self, data: JSONBody[PushRuleBody], services: Services, user: User) -> Envelope[PushRuleResult]:
        """Make a rule; it pushes from now on."""
        rule = await services.push_rules.create(user.uid, data)
        return ok(PushRuleResult(message="Push rule created successfully", push_rule=rule))

    @put("/{rule_id:str}", summary="Change a push rule")
    async def update(
        self, rule_id: PathText, data: JSONBody[PushRuleBody], services: Services, user: User
    ) -> Envelope[PushRuleResult]:
        """Change what the body names."""
        rule = await services.push_rules.update(user.uid, rule_id, data)
        return ok(PushRuleResult(message="Push rule updated successfully", push_rule=rule))

    @delete("/{rule_id:str}", summary="Remove a push rule")
    async def remove(self, rule_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a rule."""
        await services.push_rules.delete(user.uid, rule_id)
        return ok(Done(message="Push rule deleted successfully"))

    @post("/{rule_id:str}/test", summary="Try a push rule")
    async def test(self, rule_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Push a test message through every channel, up to the first that fails."""
        await services.push_rules.test(user.uid, rule_id)
        return ok(Done(message="Test push sent successfully"))
