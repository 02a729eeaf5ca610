"""The real server as a process: what a user gets who runs `aimo serve`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import httpx

from .client import Client, plain_http
from .ports import free_port
from .processes import Process

AIMO = Path(sys.executable).with_name("aimo")

# Nothing else of the developer's environment reaches a server under test.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a process of AIMO with exactly these settings."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **settings}


class Server:
    """A server with its own folder, data and port; it keeps them over restarts.

    Args:
        folder: where its data folder `data` and its log `server.log` go; also its working folder.
        settings: variables of the environment; they win over the defaults here.
    """

    command: ClassVar[Sequence[str]] = (str(AIMO), "serve")

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self.settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "AIMO_DATA_DIR": str(folder / "data"),
            "RATE_LIMIT": "off",
            **settings,
        }
        self._process: Process | None = None
        self._clients: list[Client] = []

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        """Where it keeps everything."""
        return Path(self.settings["AIMO_DATA_DIR"])

    @property
    def process(self) -> Process:
        """The running process."""
        assert self._process, "not started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.running

    def start(self, timeout: float = 60) -> Server:
        """Start, and wait until `/healthz` answers 200.

        Raises:
            AssertionError: it ended, or was not ready in time; the text shows what it logged.
        """
        self._process = Process(self.command, log=self.log, env=environment(self.settings), cwd=self.folder)
        deadline = time.monotonic() + timeout
        with plain_http(self.url, timeout=5) as probe:
            while not _answers(probe):
                if not self._process.running or time.monotonic() > deadline:
                    why = f"ended with {self._process.exit_code}" if not self._process.running else "is not ready"
                    self.kill()
                    raise AssertionError(f"the server {why}; it wrote:\n{self.log_tail()}")
                time.sleep(0.05)
        return self

    def stop(self, timeout: float = 15) -> int:
        """Stop by SIGTERM and give the exit code.

        Raises:
            AssertionError: it did not end in time; it is killed then.
        """
        process, self._process = self.process, None
        return process.stop(timeout)

    def kill(self) -> None:
        """Kill all its processes at once, as a crash would."""
        if self._process:
            self._process.kill()
            self._process = None

    def restart(self, *, kill: bool = False) -> None:
        """Stop, or kill, and start again on the same data and port."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    def client(self) -> Client:
        """A client that is not logged in; closed together with the server."""
        self._clients.append(Client(self.url))
        return self._clients[-1]

    def user(self) -> Client:
        """A client logged in as a fresh user."""
        return self.client().register()

    def log_tail(self, lines: int = 60) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def close(self) -> None:
        """Kill it and hang up all its clients; the folder stays."""
        self.kill()
        for client in self._clients:
            client.close()


def _answers(probe: httpx.Client) -> bool:
    try:
        return probe.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
