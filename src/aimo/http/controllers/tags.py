"""Tags (docs/contract/tags.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.tags import TagBody, TagList, TagResult
from aimo.http.dependencies import PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post, put


class TagController(Controller):
    """A user's tags."""

    path = "/api/v1/tags"
    tags = ("Tags",)

    @get("/", summary="List tags")
    async def fetch_all(self, services: Services, user: User) -> Envelope[TagList]:
        """Return all tags, oldest first."""
        return ok(TagList(message="Tags fetched successfully", tags=await services.tags.all(user.uid)))

    @get("/{tag_id:str}", summary="Read a tag")
    async def fetch(self, tag_id: PathText, services: Services, user: User) -> Envelope[TagResult]:
        """Return one tag."""
        return ok(TagResult(message="Tag fetched successfully", tag=await services.tags.get(user.uid, tag_id)))

    @post("/", summary="Make a tag")
    async def create(self, data: JSONBody[TagBody], services: Services, user: User) -> Envelope[TagResult]:
        """Make a tag, or get the one that has the name already."""
        tag = await services.tags.create(user.uid, data)
        return ok(TagResult(message="Tag created successfully", tag=tag))

    @put("/{tag_id:str}", summary="Change a tag")
    async def update(
        self, tag_id: PathText, data: JSONBody[TagBody], services: Services, user: User
    ) -> Envelope[TagResult]:
        """Change name or colour; memos keep the tag."""
        tag = await services.tags.update(user.uid, tag_id, data)
        return ok(TagResult(message="Tag updated successfully", tag=tag))

    @delete("/{tag_id:str}", summary="Remove a tag")
    async def remove(self, tag_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a tag, also from the memos that carry it."""
        await services.tags.delete(user.uid, tag_id)
        return ok(Done(message="Tag deleted successfully"))
