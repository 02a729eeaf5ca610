"""The web client: its files, and its page for every other address (docs/contract/files.md#web-client)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from aimo.http.asgi_types import Headers, Receive, Scope, Send, list_header
from aimo.http.edge.etag import is_known, weak_etag
from aimo.http.edge.head import Head
from aimo.http.output.content_policy import inline_scripts, inline_styles, policy
from aimo.http.output.plain_responses import HTML, send_bytes, send_error
from aimo.http.output.send_content import send_content
from aimo.storage.local import LocalFile, in_thread
from aimo.storage.protocol import ObjectMissingError, StorageError

BUILT_IN = Path(__file__).parent.parent / "web"
"""The client that is served unless another one is chosen; built from `web/` (docs/web-client.md)."""

_INDEX = "index.html"
_MISSING = b"Not Found: index.html not found. Make sure web application is built."
_NO_CACHE: Headers = [(b"cache-control", b"no-cache")]
_DAY: Headers = [(b"cache-control", b"public, max-age=86400")]
_FOR_EVER: Headers = [(b"cache-control", b"public, max-age=31536000, immutable")]

# Below it lie files whose names change with their content.
_ASSETS = "/assets/"
# Browsers look for a new one whenever they are opened, and must not find the old one in a cache.
_WORKERS = ("/sw.js", "/service-worker.js")
# The best first.
_ENCODINGS = {b"br": ".br", b"gzip": ".gz"}
_REFUSED = re.compile(rb"^\s*q\s*=\s*0(\.0*)?\s*$")

_HEAD = re.compile(rb"<head\b[^>]*>", re.IGNORECASE)
_BASE = re.compile(rb"<base\b", re.IGNORECASE)

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "map": "application/json; charset=utf-8",
    "webmanifest": "application/manifest+json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "wasm": "application/wasm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "pdf": "application/pdf",
}


class _Packed(NamedTuple):
    """A file that is stored compressed."""

    file: LocalFile
    encoding: bytes


class WebClient:
    """Answers GET and HEAD of everything that is no route.

    A file below the folder is served as it is; anything else gets ``index.html`` with 200,
    because the client routes pages itself. Hidden files and whatever lies outside the
    folder (links followed) do not exist.
    """

    def __init__(self, folder: Path | None = None, prefix: str = "", *, any_styles: bool = False) -> None:
        """Serve the client in a folder, or the built-in one.

        Args:
            folder: of another client.
            prefix: the path below which clients reach the server, percent-encoded.
            any_styles: whether the other client's scripts may add styles.
        """
        self._any_styles = any_styles
        self._folder = (folder or BUILT_IN).resolve()
        self._is_own = folder is None
        self._scope = f"{prefix}/".encode()
        self._below = _Below(prefix) if prefix else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        path: str = scope["path"]
        try:
            found = await in_thread(self._find, path, _accepted(scope))
        except (ObjectMissingError, StorageError, RuntimeError):  # RuntimeError: a circle of links
            found = None
        if isinstance(found, LocalFile):
            async with found:
                await send_content(found, self._headers(path), scope, receive, send)
        elif isinstance(found, _Packed):
            async with found.file:
                packed: Headers = [(b"content-encoding", found.encoding), (b"vary", b"Accept-Encoding")]
                await send_content(found.file, [*self._headers(path), *packed], scope, receive, send)
        elif found is not None:
            await send_bytes(send, 301, HTML, b"", [(b"location", found.encode())])
        elif path.startswith(_ASSETS):
            # A page with 200 would be kept as the script that it was asked for.
            await Head(_no_asset)(scope, receive, send)
        else:
            await self._send_page(scope, send)

    def _find(self, path: str, accepted: Collection[bytes]) -> LocalFile | _Packed | str | None:
        """Return an open file, or the packed one beside it, the address to go to instead, or None."""
        parts = path.strip("/").split("/") if path.strip("/") else []
        if "\x00" in path or "//" in path or any(part.startswith(".") for part in parts):
            return None
        target = self._folder.joinpath(*parts).resolve()
        if not target.is_relative_to(self._folder):
            return None
        if target.is_dir():
            if not parts:
                return None
            if not path.endswith("/"):
                return "/" + quote("/".join(parts)) + "/"
            target /= _INDEX
        elif path.endswith("/"):
            return None
        if self._below and target == self._folder / _INDEX:
            return None
        for encoding, ending in _ENCODINGS.items():
            beside = target.with_name(target.name + ending)
            if encoding in accepted and beside.is_file():
                return _Packed(LocalFile.open_now(beside), encoding)
        return LocalFile.open_now(target)

    def _headers(self, path: str) -> Headers:
        fields = _headers(path)
        return [*fields, (b"service-worker-allowed", self._scope)] if path in _WORKERS else fields

    async def _send_page(self, scope: Scope, send: Send) -> None:
        try:
            page = await in_thread((self._folder / _INDEX).read_bytes)
            page = self._below.page(page) if self._below else page
        except StorageError:
            await send_bytes(send, 404, HTML, _MISSING if scope["method"] != "HEAD" else b"")
            return
        etag = weak_etag(page)
        fields = [*_NO_CACHE, (b"etag", etag)]
        if is_known(etag, list_header(scope, b"if-none-match")):
            await send({"type": "http.response.start", "status": 304, "headers": fields})
            await send({"type": "http.response.body", "body": b""})
            return
        fields += [(b"content-type", HTML), (b"content-length", b"%d" % len(page))]
        if not self._is_own:
            fields.append((b"content-security-policy", _policy_of(page, any_styles=self._any_styles)))
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else page})


async def _no_asset(scope: Scope, receive: Receive, send: Send) -> None:
    await send_error(send, 404, f"There is no {scope['path']}; reload the page, which may be outdated")


def _accepted(scope: Scope) -> set[bytes]:
    """Return the encodings that a client accepts at all."""
    listed = (list_header(scope, b"accept-encoding") or b"").lower().split(b",")
    return {
        name.strip() for name, _, quality in (each.partition(b";") for each in listed) if not _REFUSED.search(quality)
    }


def _policy_of(page: bytes, *, any_styles: bool) -> bytes:
    """Return the policy of another client's page: the scripts and styles in it are named by their bytes."""
    # Browsers ignore 'unsafe-inline' beside a hash.
    styles = ["'unsafe-inline'"] if any_styles else inline_styles(page)
    return policy(scripts=inline_scripts(page), styles=styles).encode()


class _Below:
    """Has the addresses of a page lead below a path: relative ones by ``<base>``, those from the root changed."""

    def __init__(self, prefix: str) -> None:
        self._prefix = path = prefix.encode()
        # `//host/` names another host, and a client may be built for the path already.
        elsewhere = rb"""(?!//|%s[/"'\s>])""" % re.escape(path)
        attribute = rb"""(<[^<>]*?\s(?:href|src|action)\s*=\s*["']?)(?=/)"""
        self._from_root = re.compile(attribute + elsewhere, re.IGNORECASE)

    def page(self, page: bytes) -> bytes:
        page = self._from_root.sub(lambda match: match[1] + self._prefix, page)
        if _BASE.search(page):
            return page
        return _HEAD.sub(lambda match: match[0] + b'<base href="' + self._prefix + b'/">', page, count=1)


def _headers(path: str) -> Headers:
    name = path.rpartition("/")[2] or _INDEX
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    content_type = (b"content-type", _TYPES.get(suffix, "application/octet-stream").encode())
    if name == _INDEX or path in _WORKERS:
        return [content_type, *_NO_CACHE]
    return [content_type, *(_FOR_EVER if suffix in ("js", "css") else _DAY)]
