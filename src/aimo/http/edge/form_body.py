"""A form body as the JSON object it stands for (docs/contract/bodies.md#forms)."""

from __future__ import annotations

import msgspec

from aimo.http.edge.json_body import EMPTY, BadBodyError, Body
from aimo.http.input import query_string as qs

MAX_DEPTH = 32
MAX_PAIRS = 1000


def normalise(raw: bytes) -> Body:
    """``a=1&b[]=2&c[d]=3`` as ``{"a":"1","b":["2"],"c":{"d":"3"}}``; every leaf is text.

    Raises:
        BadBodyError: bytes that are no UTF-8, or more than ``MAX_PAIRS`` pairs (413).
    """
    if not raw:
        return Body(EMPTY)
    try:
        text = raw.decode()
        values = qs.parse(text, depth=MAX_DEPTH, list_limit=MAX_PAIRS, parameters=MAX_PAIRS)
    except UnicodeDecodeError:
        raise BadBodyError("The request body is not valid UTF-8") from None
    except qs.TooManyParametersError:
        raise BadBodyError("Too many parameters in the request body", 413) from None
    return Body(msgspec.json.encode(values), unusable="%00" in text or "\x00" in text)
