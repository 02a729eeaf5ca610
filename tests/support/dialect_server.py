"""A provider that speaks any dialect: the first part of a path names it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .dialect_rules import Dialect, chat, embed


class DialectServer:
    """Answers ``/{dialect}/v1/…``; ``sent`` holds the bodies of all calls."""

    def __init__(self, dialects: Mapping[str, Dialect]) -> None:
        self.dialects = dict(dialects)
        self.sent: list[dict[str, Any]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body in one packet: else each answer waits for an acknowledgement.
            wbufsize = -1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.sent.append(body)
                name, _, path = self.path.removeprefix("/").partition("/")
                answer = (embed if path.endswith("embeddings") else chat)(provider.dialects[name], body)
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, name: str) -> str:
        """The base URL of a dialect."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}/v1"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
