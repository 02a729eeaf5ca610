"""Pages of the web client that are looked at in both themes, sizes and languages."""

from __future__ import annotations

PAGES = {
    "today": "/",
    "memo": "/m/{memo}",
    "search": "/search?q=rain",
    "more": "/more",
    "outbox": "/outbox",
    "missing": "/no-such-page",
}
"""Names of pages, and their addresses; `{memo}` stands for the id of a memo with everything in it."""
