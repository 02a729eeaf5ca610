"""Requests that somebody made to be expensive, each at the largest size that is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

KIB, MIB = 1024, 1024 * 1024
RELATED = 30
"""How many memos of the largest size refer to each other before the inputs are sent; ``{memo}`` in a path is one."""
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Input:
    """One request, or several at once."""

    name: str
    method: str
    path: str
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1

    def about(self, memo_id: str) -> Input:
        """Return this input for a memo."""
        return replace(self, path=self.path.replace("{memo}", memo_id))


def fill(piece: str, size: int) -> str:
    """Return a text of at most ``size`` bytes of UTF-8 that repeats a piece."""
    return piece * (size // len(piece.encode("utf-8", "surrogatepass")))


WORST_TEXTS = {
    "combining marks": "\u0315\u0300",
    "marks that are two": "\u0344",
    "becomes eighteen": "\ufdfa",
    "six letters in one": "\u3316",
    "vowels of Hangul": "\u1161",
    "no word boundary": "x",
    "brackets": "[[{(<",
    "tags of HTML": "<a href='javascript:x'><img src=x onerror=y>",
    "Han": "\u4e00\u4e8c",
}


def all_inputs(scale: float = 1.0) -> Iterator[Input]:
    """Yield every input; ``scale`` makes the large ones smaller for a quick run."""
    yield from _memos(int(MIB * scale))
    yield from _bodies(int(19 * MIB * scale))
    yield from _names_and_queries()
    yield from _answers()
    yield from _crowds(scale)


def _post(name: str, path: str, value: Any, **options: Any) -> Input:
    return Input(name, "POST", path, json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), **options)


def _memos(size: int) -> Iterator[Input]:
    for name, piece in WORST_TEXTS.items():
        yield _post(f"memo: {name}", "/memos", {"content": "a" + fill(piece, size - 1)})
    yield _post(
        "memo: 1,000 tags", "/memos", {"content": "x", "tags": [f"{n}" + "\u0315\u0300" * 100 for n in range(1000)]}
    )
    notes = "U" * 127 + "\U0001d15e"
    yield _post("memo: 1,000 tags of notes", "/memos", {"content": "x", "tags": [f"{n}{notes}" for n in range(1000)]})
    ids = [f"m{n:023d}" for n in range(1000)]
    yield _post(
        "memo: 1,000 relations and attachments", "/memos", {"content": "x", "relationIds": ids, "attachments": ids}
    )
    yield _post("tag suggestions: combining marks", "/ai/generate-tags", {"content": fill("\u0315\u0300", size)})


def _bodies(size: int) -> Iterator[Input]:
    def nested(piece: bytes, last: bytes) -> bytes:
        return b'{"content":"","a":[' + piece * (size // len(piece)) + last + b"]}"

    shapes: dict[str, Callable[[], bytes]] = {
        "lists": lambda: nested(b"[],", b"[]"),
        "lists in lists": lambda: nested(b"[" * 190 + b"]" * 190 + b",", b"[]"),
        "objects": lambda: nested(b'{"a":1},', b"{}"),
        "numbers": lambda: nested(b"1,", b"1"),
        "strings": lambda: nested(b'"a",', b'"a"'),
        "escapes": lambda: b'{"content":"","a":"' + b"\\u4e00" * (size // 6) + b'"}',
        "escapes that cannot be stored": lambda: b'{"content":"","a":"' + b"\\ud800" * (size // 6) + b'"}',
        "keys": lambda: b'{"content":""' + b"".join(b',"k%07d":1' % n for n in range(size // 14)) + b"}",
        "depth": lambda: b"[" * size,
    }
    for name, make in shapes.items():
        yield Input(f"JSON: {name}", "POST", "/memos", make())
    pairs = "&".join(f"a[k{n}][]={'x' * 900}" for n in range(999))
    yield Input("form: nested keys", "POST", "/memos", pairs.encode(), FORM)
    pieces = {
        "no boundary": b"\r\n--edgy",
        "line ends": b"\r\n",
        "dashes": b"\r\n--",
    }
    for name, piece in pieces.items():
        yield _upload(f"upload: {name}", piece, 2 * size)
    yield _upload("refused upload: longer boundary", b"\r\n--edges", 2 * size)


def _upload(name: str, piece: bytes, size: int) -> Input:
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    body = head + piece * (size // len(piece)) + b"\r\n--edge--\r\n"
    return Input(name, "POST", "/attachments/upload", body, "multipart/form-data; boundary=edge")


def _names_and_queries() -> Iterator[Input]:
    marks = "\u0315\u0300" * 127
    yield _post("tag name", "/tags", {"name": "a" + marks})
    yield _post("category name", "/categories", {"name": "a" + marks})
    for name, piece in WORST_TEXTS.items():
        yield _post(f"search: {name}", "/memos/search", {"query": (piece * 10_000)[:10_000], "limit": 20})
    yield _post("search: the memos above", "/memos/search", {"query": "a", "limit": 20})
    yield Input("list: the memos above", "GET", "/memos?limit=100")
    yield Input("list: parameters", "GET", "/memos?" + "&".join(f"tags[{n}]=x" for n in range(900)))
    yield Input("list: cookies", "GET", "/memos", headers={"cookie": "; ".join(f"c{n}=x" for n in range(4000))})


def _answers() -> Iterator[Input]:
    """Yield requests for much of what `RELATED` memos make."""
    oldest = "sortBy=createdAt&sortOrder=asc"
    yield Input("list: memos that refer to each other", "GET", f"/memos?limit={RELATED}&{oldest}")
    yield Input("list: a full page", "GET", f"/memos?limit=10000&{oldest}")
    yield Input("one memo that refers to others", "GET", "/memos/{memo}")
    yield Input("backlinks", "GET", "/memos/{memo}/backlinks?limit=100")
    yield Input("similar memos", "GET", "/memos/{memo}/related?limit=100")
    yield Input("graph", "GET", "/explore/relations/{memo}")


def _crowds(scale: float) -> Iterator[Input]:
    login = {"email": "nobody@example.test", "password": "wrong password"}
    yield _post("logins at once", "/auth/login", login, times=int(60 * scale) or 3)
    change = {"oldPassword": "not the old one", "newPassword": "another long password"}
    yield _post("password changes at once", "/user/password", change, times=int(60 * scale) or 3)
