"""What is asked of the servers, as method, path and body."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from bench.http.data import COMMON, Data
from bench.http.load import message

# (method, path, body)
Ask = tuple[str, str, bytes | None]


@dataclass(frozen=True)
class Operation:
    """A kind of request; ``floor`` says whether the floor can answer it, ``reads`` whether it changes nothing."""

    name: str
    asks: list[Ask]
    floor: bool = True
    reads: bool = True

    def requests(self, port: int, token: str) -> list[bytes]:
        """The requests as bytes for one server."""
        return [message(port, token, *ask) for ask in self.asks]


def operations(data: Data) -> list[Operation]:
    """Those that are compared with the floor, then those that only have to be quick enough; writing comes last."""
    queries = [query for query in data.queries if query != COMMON]
    spread = data.memo_ids[:: max(1, len(data.memo_ids) // 200)]
    return [
        Operation("list", [_get(f"?page={page}&limit=20") for page in range(1, 6)]),
        Operation("get", [_get(f"/{memo_id}") for memo_id in spread]),
        Operation("vector search", [_search("/search/vector", query) for query in queries]),
        Operation("hybrid search", [_search("/search", query) for query in queries]),
        Operation("list, one common character", [_get("?search=%E7%9A%84&limit=20")], floor=False),
        Operation("hybrid, one common character", [_search("/search", COMMON)], floor=False),
        Operation("list of a tag", [_get(f"?tags=tag%20{place}&limit=20") for place in range(5)], floor=False),
        Operation("create", [_create(data, place, text) for place, text in enumerate(data.created)], reads=False),
    ]


def _get(rest: str) -> Ask:
    return "GET", f"/api/v1/memos{rest}", None


def _search(path: str, query: str) -> Ask:
    return "POST", f"/api/v1/memos{path}", msgspec.json.encode({"query": query, "page": 1, "limit": 20})


def _create(data: Data, place: int, text: str) -> Ask:
    tags = [data.tag_ids[place % len(data.tag_ids)], data.tag_ids[(place + 7) % len(data.tag_ids)]]
    return "POST", "/api/v1/memos", msgspec.json.encode({"content": text, "tagIds": tags})
