"""The stand-in for every AI provider and push channel, in a thread of the tests."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from . import fake_openai
from .ports import free_port

DIMENSIONS = 384


class _Server(fake_openai.Server):
    """Remembers its connections, so that stopping it also ends those that are kept alive."""

    def __init__(self, *arguments: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is nothing to report."""

    def drop_connections(self) -> None:
        """Hang up on everybody."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Stub:
    """A provider that answers alike to the same question, and can be made slow, failing or unreachable."""

    def __init__(self) -> None:
        self.port = free_port()
        options = fake_openai.parser().parse_args(["--port", str(self.port), "--dimensions", str(DIMENSIONS)])
        self.state = fake_openai.State(options)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """The settings of a server that uses the stub for everything but text and speech recognition keys."""
        return {
            "OPENAI_API_KEY": "stub",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_MODEL": "stub-chat",
            "OPENAI_EMBEDDING_MODEL": "text-embedding-3-small",
            "OPENAI_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
            "DASHSCOPE_BASE_URL": f"{self.url}/api/v1",
            "FUN_ASR_BASE_URL": f"{self.url}/api/v1",
            "ZHIPU_OCR_BASE_URL": f"{self.url}/api",
            "MEOW_BASE_URL": f"{self.url}/sink/meow",
            "GITHUB_API_URL": f"{self.url}/sink/status/404/github",
            "OUTBOUND_ALLOW": "127.0.0.1,localhost",
        }

    def start(self) -> Stub:
        """Listen; after `stop`, again on the same port."""
        handler = type("Handler", (fake_openai.Handler,), {"state": self.state})
        self._server = _Server(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="stub").start()
        return self

    def stop(self) -> None:
        """Refuse new connections and end the open ones, as a provider that is down."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.drop_connections()
            self._server = None

    def stats(self) -> dict[str, Any]:
        """Counters: `requests` by route, `embedding_inputs`, `max_in_flight`, `failed_on_purpose`, `last` …"""
        return self.state.snapshot()

    def reset(self) -> None:
        """Forget the counters and what was sunk, and answer at once and well again."""
        self.state.reset()
        self.configure(latency_ms=0.0, fail_rate=0.0, fail_next=0)

    def configure(self, **values: float) -> None:
        """Set `latency_ms`, `fail_rate` (0 to 1), `fail_next` (how many requests) or `dimensions`."""
        with self.state.lock:
            for name, value in values.items():
                assert name in ("latency_ms", "fail_rate", "fail_next", "dimensions"), name
                setattr(self.state, name, value)

    def sink(self, contains: str = "") -> list[dict[str, Any]]:
        """What was pushed to `/sink/…`, oldest first: `method`, `path`, `query`, `json`, `text` of each."""
        with self.state.lock:
            return [item for item in self.state.sink if contains in item["path"]]
