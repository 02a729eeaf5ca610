"""A model's text, made harmless to show.

Clients render answers as Markdown, where a picture makes the browser ask a foreign server for it. A hostile
model, or a hostile memo it obeys, could so carry notes away in an address. Links stay: nobody follows
them unasked. Tags of HTML stay as they are, for they are text in JSON and in Markdown renderers alike.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

_PICTURE = "!["
_LINK = "! ["


def inert(text: str) -> str:
    """The text with Markdown pictures turned into links."""
    return text.replace(_PICTURE, _LINK)


async def inert_pieces(pieces: AsyncGenerator[str, None], *, most: int) -> AsyncGenerator[str, None]:
    """The same for a text that comes in pieces; after ``most`` characters the rest is not asked for any more.

    A mark at the end of a piece is kept back until it is known what follows.
    """
    held = ""
    length = 0
    async with aclosing(pieces):
        async for piece in pieces:
            text = held + piece
            held = "!" if text.endswith("!") else ""
            if text := text.removesuffix(held):
                length += len(text)
                yield inert(text)
            if length > most:
                return
    if held:
        yield held
