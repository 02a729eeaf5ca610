"""Query parameters by description: what the OpenAPI document says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Parameter:
    """One query parameter of a route; handlers read it through `aimo.http.input.query_parameters.Query`."""

    name: str
    kind: Literal["number", "boolean", "string", "array"]
    description: str
    default: object = None
    required: bool = False

    def document(self) -> dict[str, object]:
        """Return the parameter object of OpenAPI."""
        schema: dict[str, object] = {"type": self.kind}
        if self.kind == "array":
            schema["items"] = {"type": "string"}
        if self.default is not None:
            schema["default"] = self.default
        return {
            "name": self.name,
            "in": "query",
            "required": self.required,
            "description": self.description,
            "schema": schema,
        }


PAGE = Parameter("page", "number", "Page, from 1.", 1)
LIMIT_10 = Parameter("limit", "number", "Items a page.", 10)
LIMIT_20 = Parameter("limit", "number", "Items a page.", 20)
SORT_BY = Parameter("sortBy", "string", "`createdAt`; anything else means `updatedAt`.", "createdAt")
SORT_ORDER = Parameter("sortOrder", "string", "`asc`; anything else means descending.", "desc")
USER = Parameter("uid", "string", "Id of the user to act for.")


def documented(*parameters: Parameter) -> dict[str, object]:
    """Return the ``opt`` of a route with these query parameters."""
    return {"parameters": parameters}
