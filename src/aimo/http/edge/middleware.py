"""The layers in the order of docs/contract/requests.md, outermost first.

request id → measures and log → security headers → CORS → errors → prefix → path → drain → foreign forms →
authentication → body → signed files → web client and 404 → HEAD → ETags → the API.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.http.edge.access_log import AccessLog
from aimo.http.edge.bodies import BodyParser
from aimo.http.edge.cors import Cors
from aimo.http.edge.drain_body import BodyDrain
from aimo.http.edge.error_handler import ErrorHandler
from aimo.http.edge.etag import JsonEtags
from aimo.http.edge.foreign_forms import ForeignForms
from aimo.http.edge.head import Head
from aimo.http.edge.not_found import NotFound, RouteMatcher
from aimo.http.edge.path_prefix import PathPrefix
from aimo.http.edge.paths import PathDecoder
from aimo.http.edge.request_id import RequestId
from aimo.http.edge.security import SecurityHeaders
from aimo.http.edge.signed_files import SignedFiles
from aimo.http.edge.web_client import WebClient
from aimo.http.input.client_address import Network
from aimo.http.input.senders import Senders
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner

UPLOAD_PATHS = ("/api/v1/attachments/upload", "/api/v1/attachments/ba/upload", "/api/v1/user/avatar")


class Edge:
    """The whole ASGI application: HTTP requests go through the layers, the rest straight to the API."""

    def __init__(self, api: App, layers: App) -> None:
        self._api = api
        self._layers = layers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or the life of the process."""
        await (self._layers if scope["type"] == "http" else self._api)(scope, receive, send)


def build_middleware(
    api: App,
    *,
    routes: RouteMatcher,
    authentication: Callable[[App], App],
    storage: Storage,
    signer: FileSigner,
    max_body_size: int,
    https: bool,
    senders: Senders,
    proxies: Sequence[Network] = (),
    web_folder: Path | None = None,
    web_any_styles: bool = False,
    prefix: str = "",
    upload_paths: Collection[str] = UPLOAD_PATHS,
) -> Edge:
    """Put the layers around the API.

    Args:
        api: the framework's application.
        routes: what it serves.
        authentication: makes the layer that refuses requests without a valid token, before anything of
            their bodies is read; it sees the path as it will be routed.
        storage: where stored files are.
        signer: made their addresses.
        max_body_size: most bytes of a body, uploads excluded.
        proxies: the proxies whose word about a client's address is believed.
        https: whether clients reach the server by https.
        senders: whose pages may use the cookie and send forms.
        web_folder: a built web client; a built-in page without one.
        web_any_styles: whether scripts of the client in that folder may add styles.
        prefix: the path below which clients reach the server; empty at the root of its host.
        upload_paths: where multipart bodies are streamed.
    """
    app: App = Head(JsonEtags(api))
    app = NotFound(app, routes=routes, web=WebClient(web_folder, prefix, any_styles=web_any_styles))
    app = SignedFiles(app, storage=storage, signer=signer)
    app = BodyParser(app, max_size=max_body_size, proxies=proxies, upload_paths=upload_paths)
    app = authentication(app)
    app = PathDecoder(BodyDrain(ForeignForms(app)))
    app = ErrorHandler(PathPrefix(app, prefix) if prefix else app)
    return Edge(api, RequestId(AccessLog(SecurityHeaders(Cors(app, senders), https=https))))
