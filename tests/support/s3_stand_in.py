"""An S3 server as a process of its own, which can be slow, fail or hang: `python -m tests.support.s3_stand_in PORT`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from .ports import free_port
from .processes import Process
from .waiting import eventually

_CONTROL = "/-/behave/"
_HANGS_SECONDS = 600.0


class _Behaviour:
    """The WSGI application of moto, with answers as slow or as bad as asked for.

    Moto looks whether an object is there and then stores it, in two steps, while S3 does so in one: hence the lock.
    """

    def __init__(self) -> None:
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._change = threading.Condition()
        self._how = ("well", 0.0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(_CONTROL):
            how, _, milliseconds = path.removeprefix(_CONTROL).partition("/")
            with self._change:
                self._how = (how, float(milliseconds or 0) / 1000)
                self._change.notify_all()
            start_response("204 No Content", [])
            return []
        how, seconds = self._how
        time.sleep(seconds)
        if how == "hang":
            with self._change:
                self._change.wait_for(lambda: self._how[0] != "hang", timeout=_HANGS_SECONDS)
        if how == "fail":
            start_response("503 Slow Down", [("Content-Length", "0")])
            return []
        if environ["REQUEST_METHOD"] in ("PUT", "POST"):
            with self._lock:
                return list(self._moto(environ, start_response))
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


class S3StandIn:
    """The process, with an empty bucket ``vectors``."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = Process([sys.executable, "-m", "tests.support.s3_stand_in", str(port)], log=log)
        eventually(self._answers, "the S3 stand-in answers", timeout=60)
        httpx.put(f"{self.url}/vectors", timeout=10).raise_for_status()

    def behave(self, how: str = "well", milliseconds: float = 0) -> None:
        """Answer ``well``, ``fail`` with 503, or ``hang``, each request after so many milliseconds."""
        httpx.get(f"{self.url}{_CONTROL}{how}/{milliseconds}", timeout=10).raise_for_status()

    def settings(self) -> dict[str, str]:
        """The settings of a server that keeps LanceDB here."""
        return {
            "LANCEDB_STORAGE_TYPE": "s3",
            "LANCEDB_S3_BUCKET": "vectors",
            "LANCEDB_S3_ENDPOINT": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def close(self) -> None:
        """Stop it."""
        self._process.kill()

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=2).status_code < 500
        except httpx.TransportError:
            return False


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), _Behaviour(), threaded=True).serve_forever()
