"""Categories (docs/contract/categories.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.categories import CategoryBody, CategoryList, CategoryResult
from aimo.http.dependencies import PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post, put


class CategoryController(Controller):
    """A user's categories."""

    path = "/api/v1/categories"
    tags = ("Categories",)

    @get("/", summary="List categories")
    async def fetch_all(self, services: Services, user: User) -> Envelope[CategoryList]:
        """Return all categories by name."""
        categories = await services.categories.all(user.uid)
        return ok(CategoryList(message="Categories fetched successfully", categories=categories))

    @get("/{category_id:str}", summary="Read a category")
    async def fetch(self, category_id: PathText, services: Services, user: User) -> Envelope[CategoryResult]:
        """Return one category."""
        category = await services.categories.get(user.uid, category_id)
        return ok(CategoryResult(message="Category fetched successfully", category=category))

    @post("/", summary="Make a category")
    async def create(self, data: JSONBody[CategoryBody], services: Services, user: User) -> Envelope[CategoryResult]:
        """Make a category; names are unique."""
        category = await services.categories.create(user.uid, data)
        return ok(CategoryResult(message="Category created successfully", category=category))

    @put("/{category_id:str}", summary="Change a category")
    async def update(
        self, category_id: PathText, data: JSONBody[CategoryBody], services: Services, user: User
    ) -> Envelope[CategoryResult]:
        """Change name or colour."""
        category = await services.categories.update(user.uid, category_id, data)
        return ok(CategoryResult(message="Category updated successfully", category=category))

    @delete("/{category_id:str}", summary="Remove a category")
    async def remove(self, category_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a category; its memos stay."""
        await services.categories.delete(user.uid, category_id)
        return ok(Done(message="Category deleted successfully"))
