"""Pages of the web client that are looked at in both themes, sizes and languages."""

from __future__ import annotations

PAGES = {
    "today": "/",
    "memo": "/m/{memo}",
    "search": "/search?q=rain",
    "trash": "/trash",
    "ask": "/ask",
    "gallery": "/gallery",
    "review": "/review",
    "session": "/review/{review}",
    "notifications": "/notifications",
    "tags": "/tags",
    "settings": "/settings",
    "more": "/more",
    "outbox": "/outbox",
    "public": "/share/{public}",
    "missing": "/no-such-page",
}
"""Pages and their addresses: `{memo}` is the id of a memo with everything in it, `{public}` of a public
one, `{review}` of a round of questions."""
