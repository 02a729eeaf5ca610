"""A provider that gives the answers a test wrote down, for those the ordinary stand-in never gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any, dict[str, str]]


class ScriptedProvider:
    """Answers each request with ``script(body)``: status, body (JSON, or raw text) and headers."""

    def __init__(self, script: Callable[[dict[str, Any]], Answer]) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.bodies.append(body)
                provider.keys.append(self.headers.get("Authorization"))
                status, answer, headers = script(body)
                data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def vectors(*embeddings: list[Any]) -> Answer:
    """A well-formed answer with these embeddings."""
    data = [{"object": "embedding", "index": place, "embedding": e} for place, e in enumerate(embeddings)]
    return 200, {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}, {}


def refusal(status: int, message: str = "no", headers: dict[str, str] | None = None, code: str | None = None) -> Answer:
    """An error as OpenAI words it."""
    return status, {"error": {"message": message, "type": "t", "param": None, "code": code}}, headers or {}
