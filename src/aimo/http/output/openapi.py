"""The OpenAPI document: Litestar's, made from routes and DTOs, completed with what surrounds them."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler, Dependencies

from aimo.dto.base import Dto, Envelope
from aimo.dto.explore import EVENTS
from aimo.http.output.openapi_parameters import Parameter
from aimo.threads import TEXTS

_DESCRIPTION = (
    "Business results, good or bad, are HTTP 200 with an envelope: `code` 0 is success, anything else a failure "
    "whose text is in `msg`. Times are epoch milliseconds."
)
_REJECTION = {"$ref": "#/components/schemas/Rejection"}
_MALFORMED = {"$ref": "#/components/schemas/Malformed"}
_RETRY_AFTER: dict[str, object] = {
    "headers": {"Retry-After": {"description": "Seconds until it may be tried again.", "schema": {"type": "integer"}}}
}
_ENVELOPE = re.compile(r"Envelope_(?:\w+\.)*(\w+?)_\b")
_BYTES = {"type": "string", "format": "binary"}
_CAMEL = re.compile(r"_(\w)")
_EVENTS = "Events; their data is JSON: " + ", ".join(f"`{name}` ({struct.__name__})" for name, struct in EVENTS.items())
_PUBLIC_PREFIXES = (
    "/api/v1/auth/",
    "/api/v1/memos/public",
    "/api/v1/system/open/",
    "/api/v1/health",
    "/healthz",
    "/readyz",
)


def document(
    handlers: Sequence[ControllerRouterHandler], dependencies: Dependencies, *, prefix: str = ""
) -> dict[str, object]:
    """Return the complete document as JSON-ready objects: the same ones for the same code, whatever the process.

    ``prefix`` is the path below which clients reach the server.
    """
    config = OpenAPIConfig(title="AIMO", version=version("aimo"), description=_DESCRIPTION, use_handler_docstrings=True)
    app = Litestar(route_handlers=handlers, dependencies=dependencies, openapi_config=config, logging_config=None)
    schema: dict[str, Any] = _with_plain_names(app.openapi_schema.to_schema())
    schemas = _event_schemas() | schema["components"].get("schemas", {}) | _SHARED_SCHEMAS
    schema["components"]["schemas"] = _described(schemas)
    schema["components"]["securitySchemes"] = {
        "session": {"type": "http", "scheme": "bearer", "description": "The token of a login."},
        "machine": {"type": "http", "scheme": "bearer", "description": "The configured machine token."},
    }
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if not handler.resolve_include_in_schema():
                continue
            for method in handler.http_methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
                _complete(schema["paths"][_plain(route.path)][method.lower()], route.path, method, handler)
    schema["servers"] = [{"url": prefix or "/"}]
    schema["paths"] = {_CAMEL.sub(_camel, path): schema["paths"][path] for path in sorted(schema["paths"])}
    return schema


class DocumentOnDemand:
    """The document of a server, made once somebody asks: a third of a second that starting need not take."""

    def __init__(self, make: Callable[[], dict[str, object]]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._made: dict[str, object] | None = None

    async def get(self) -> dict[str, object]:
        """Return the document; it is computed in a thread, and once however many ask."""
        async with self._making:
            if self._made is None:
                self._made = await TEXTS.run(self._make)
            return self._made


def _with_plain_names(schema: Any) -> Any:
    """Return the document with plain names for envelopes and media types.

    ``oneOf`` becomes ``anyOf``: a whole number is an integer and a number.
    """
    if isinstance(schema, list):
        return [_with_plain_names(item) for item in schema]
    if isinstance(schema, str):
        return _ENVELOPE.sub(r"\1Envelope", schema).removesuffix("; charset=utf-8")
    if not isinstance(schema, dict):
        return schema
    return {
        "anyOf" if key == "oneOf" else _with_plain_names(key): _with_plain_names(value) for key, value in schema.items()
    }


def _described(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas in order, each with what its struct says of itself.

    The framework takes the description of whichever field comes first to refer to one, which differs from
    process to process, and a title that repeats the name.
    """
    said = {struct.__name__: _description_of(struct) for struct in _subclasses(Dto)}
    described = {}
    for name, schema in sorted(schemas.items()):
        rest = {key: value for key, value in schema.items() if key not in ("title", "description")}
        says = said.get(name) or schema.get("description") or _description_of(Envelope)
        described[name] = {"description": says, **rest}
    return described


def _event_schemas() -> dict[str, object]:
    """Return what the data of events is made of; no answer refers to it, for OpenAPI knows no events."""
    return msgspec.json.schema_components(EVENTS.values(), ref_template="#/components/schemas/{name}")[1]


def _subclasses(struct: type[object]) -> Iterator[type[object]]:
    for child in struct.__subclasses__():
        yield child
        yield from _subclasses(child)


def _description_of(struct: type[object]) -> str:
    return inspect.cleandoc(struct.__doc__ or "")


_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of the client's choice; a request that is sent again with it has its effect once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 191},
}
_CONDITION = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the memo that is to be changed, or its `updatedAt` in double quotes.",
    "schema": {"type": "string"},
}


_SHARED_SCHEMAS: dict[str, object] = {
    "Failure": {
        "type": "object",
        "description": "The envelope of a failure.",
        "properties": {
            "code": {"type": "integer", "description": "A code of the contract's table."},
            "msg": {"type": "string", "description": "What went wrong."},
            "data": {"type": "null", "description": "Always null."},
        },
        "required": ["code", "msg", "data"],
    },
    "Rejection": {
        "type": "object",
        "description": "The token was missing or wrong.",
        "properties": {
            "success": {"type": "boolean", "const": False, "description": "Always false."},
            "message": {"type": "string", "description": "Why the request was rejected."},
        },
        "required": ["success", "message"],
    },
    "Malformed": {
        "type": "object",
        "description": "The request could not be read.",
        "properties": {
            "status": {"type": "string", "const": "error", "description": "Always `error`."},
            "message": {"type": "string", "description": "What was wrong."},
        },
        "required": ["status", "message"],
    },
}


def _camel(match: re.Match[str]) -> str:
    return match[1].upper()


def _plain(path: str) -> str:
    """Return a route's path with bare parameter names, as the document has them."""
    parts = [f"{{{part[1:-1].partition(':')[0]}}}" if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def _complete(operation: dict[str, Any], path: str, method: str, handler: HTTPRouteHandler) -> None:
    """Add what the framework cannot know: query parameters, uploads, and the answers of the edge."""
    parameters: tuple[Parameter, ...] = handler.opt.get("parameters", ())
    declared = [item for item in operation.get("parameters", []) if item["in"] == "path"]
    for item in declared:
        item["name"] = _CAMEL.sub(_camel, item["name"])
        item["schema"].setdefault("minLength", 1)
    operation["parameters"] = [*declared, *(parameter.document() for parameter in parameters)]
    if handler.opt.get("once"):
        operation["parameters"].append(_ONCE)
    if handler.opt.get("conditional"):
        operation["parameters"].append(_CONDITION)
    if field := handler.opt.get("upload"):
        operation["requestBody"] = _upload(field)
    operation["responses"] = {
        status: answer for status, answer in operation["responses"].items() if status in ("200", "202")
    }
    responses = operation["responses"]
    if handler.opt.get("download"):
        responses["200"] = _file() if handler.opt["download"] is True else _made(handler.opt["download"])
        responses["404"] = responses["500"] = _json("The file is not there.", {"$ref": "#/components/schemas/Failure"})
    if handler.opt.get("events"):
        responses["200"]["content"]["text/event-stream"] = {"schema": {"type": "string", "description": _EVENTS}}
    if handler.opt.get("unavailable"):
        responses["503"] = responses["200"] | {"description": "Not ready."}
    if handler.opt.get("limited"):
        responses["429"] = _json("It was tried too often.", {"$ref": "#/components/schemas/Failure"}) | _RETRY_AFTER
    if handler.opt.get("once"):
        responses["422"] = _json("The key was used for another request.", {"$ref": "#/components/schemas/Failure"})
    if handler.opt.get("conditional"):
        responses["412"] = _json("The memo was changed meanwhile.", {"$ref": "#/components/schemas/MemoEnvelope"})
    machine = path.startswith(("/api/v1/memos/ba", "/api/v1/attachments/ba", "/api/v1/debug/ba"))
    if machine or not path.startswith(_PUBLIC_PREFIXES):
        operation["security"] = [{"machine": []}] if machine else [{"session": []}]
        responses["401"] = _json("The token is missing or wrong.", _REJECTION)
    responses["400"] = _json("The request could not be read.", _MALFORMED)
    if method != "GET":
        foreign_form = "A form came from a page of another origin."
        responses["403"] = _json(foreign_form, {"$ref": "#/components/schemas/Failure"})
        responses["413"] = _json("The body is too large.", _MALFORMED)


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _made(media_type: str) -> dict[str, object]:
    """Describe a file that is made when it is asked for: what is wrong with the question is said in JSON."""
    refused = _json("The file, or why there is none.", {"$ref": "#/components/schemas/Failure"})
    return refused | {"content": {media_type: {"schema": _BYTES}, **refused["content"]}}


def _file() -> dict[str, object]:
    return {"description": "The bytes, with the file's own media type.", "content": {"*/*": {"schema": _BYTES}}}


def _upload(field: str) -> dict[str, object]:
    properties: dict[str, object] = {field: _BYTES | {"description": "The file."}}
    if field == "file":
        properties["createdAt"] = {"type": "string", "description": "Epoch milliseconds; now when absent."}
        properties["properties"] = {"type": "string", "description": "A JSON object of facts about the file."}
    schema = {"type": "object", "properties": properties, "required": [field]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
