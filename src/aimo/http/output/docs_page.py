"""The API's documentation as one page of plain HTML: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from aimo.http.output.content_policy import hash_source

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .5rem .8rem; }
summary { cursor: pointer; } summary code { font-weight: 600; } summary span { opacity: .75; margin-left: .6rem; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; font-size: .92rem; }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); }
code { font-family: ui-monospace, monospace; font-size: .9em; } .verb { display: inline-block; min-width: 4.5em; }
h3 { font-size: 1rem; margin: .8rem 0 0; }
"""

POLICY = (
    f"default-src 'none';style-src {hash_source(_STYLE.encode())};base-uri 'none';form-action 'none';"
    "frame-ancestors 'self'"
)
"""The policy of the page: its one style sheet, and nothing else."""


def render(document: dict[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    groups: dict[str, list[str]] = {}
    for path, operations in sorted(document["paths"].items()):
        for verb, operation in operations.items():
            group = (operation.get("tags") or ["Other"])[0]
            groups.setdefault(group, []).append(_operation(verb, path, operation, document))
    sections = "".join(f"<h2>{escape(name)}</h2>{''.join(items)}" for name, items in sorted(groups.items()))
    info = document["info"]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1><p>{_prose(info.get('description', ''))}</p>"
        f'<p>The same as a document for tools: <a href="{_base(document)}/api/v1/openapi.json">openapi.json</a>.</p>'
        f"{sections}</body></html>"
    )


def _base(document: dict[str, Any]) -> str:
    return escape(str(document["servers"][0]["url"]).rstrip("/"))


def _operation(verb: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    route = f'<code><span class="verb">{verb.upper()}</span> {escape(path)}</code>'
    head = f"{route}<span>{escape(operation['summary'])}</span>"
    parts = [f"<p>{_prose(operation.get('description', ''))}</p>"]
    access = [name for entry in operation.get("security", []) for name in entry]
    parts.append(f"<p>Token: {escape(', '.join(access)) or 'none needed'}.</p>")
    if parameters := operation.get("parameters"):
        rows = [(p["name"], _type(p["schema"]), p.get("description", "")) for p in parameters]
        parts.append("<h3>Parameters</h3>" + _table(rows))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body ({escape(media_type)})</h3>" + _fields(content["schema"], document))
    for status, answer in sorted(operation["responses"].items()):
        parts.append(f"<h3>Answer {escape(status)}</h3>")
        for content in answer.get("content", {}).values():
            parts.append(_fields(content["schema"], document))
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _fields(schema: dict[str, object], document: dict[str, object]) -> str:
    properties: dict[str, Any] = _resolved(schema, document).get("properties", {})
    if not properties:
        return f"<p><code>{escape(_type(schema))}</code></p>"
    rows = [(name, _type(field), field.get("description", "")) for name, field in properties.items()]
    tables = [_table(rows)]
    if "data" in properties:
        tables += [_fields(option, document) for option in properties["data"].get("anyOf", []) if "$ref" in option]
    return "".join(tables)


def _type(schema: dict[str, Any]) -> str:
    """Return a field's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if options := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_type(option) for option in options))
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " or ".join(str(value) for value in values)
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = (
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{_prose(text)}</td></tr>"
        for name, kind, text in rows
    )
    return f"<table>{''.join(cells)}</table>"


def _prose(text: str) -> str:
    """Return text with `code` marked up."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))
