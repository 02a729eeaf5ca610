"""Chromium, driven over its debugging pipe: no package besides the browser is needed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .ports import free_port

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=HttpsUpgrades",
    "--remote-debugging-pipe",
)


# How the browser answers when the page that was to evaluate something is replaced by another.
_NAVIGATED = "Inspected target navigated or closed"
_MOST_NAVIGATIONS = 5


class _Navigated(AssertionError):
    """The page went elsewhere while it was asked something."""


class Browser:
    """One running browser. Every name that ends in ``.test`` leads to this machine.

    Use it as a context manager; `person` gives a fresh profile, in which pages share their cookies.
    """

    def __init__(self) -> None:
        self._number = 0
        self._buffer = b""
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        program = next(found for name in PROGRAMS if (found := shutil.which(name)))
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        flags = [*_FLAGS, "--host-resolver-rules=MAP *.test 127.0.0.1", f"--user-data-dir={self._folder.name}"]
        # The browser reads commands from its file 3 and writes answers to its file 4.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", program, *flags],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.command("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._folder.cleanup()

    def person(self) -> Person:
        """A profile of its own, without cookies."""
        return Person(self, self.command("Target.createBrowserContext")["browserContextId"])

    def command(self, method: str, session: str = "", **parameters: Any) -> Any:
        """Send a command and give its result.

        Raises:
            AssertionError: the browser refuses it, or does not answer in time.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 20
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                if error := answer.get("error"):
                    raise (_Navigated if error["message"] == _NAVIGATED else AssertionError)(f"{method}: {error}")
                return answer["result"]
            self._events.append(answer)

    def forget_events(self) -> None:
        """Forget what has happened so far."""
        self._events.clear()

    def taken_events(self, page: Page) -> list[dict[str, Any]]:
        """What has happened in a page since it was asked last; forgotten by that."""
        taken = [event for event in self._events if event.get("sessionId") == page.session]
        self._events = [event for event in self._events if event.get("sessionId") != page.session]
        return taken

    def wait_for(self, method: str, session: str) -> None:
        """Wait for an event of a page that was not waited for yet."""
        deadline = time.monotonic() + 20
        while True:
            for place, event in enumerate(self._events):
                if (event.get("method"), event.get("sessionId")) == (method, session):
                    del self._events[: place + 1]
                    return
            self._events.append(self._read(deadline))

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed


class Person:
    """Somebody who uses the browser: pages of one person share cookies."""

    def __init__(self, browser: Browser, context: str) -> None:
        self._browser = browser
        self._context = context

    def open(self, url: str) -> Page:
        """A new page, loaded."""
        browser = self._browser
        target = browser.command("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        session = browser.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(browser, session)
        page.command("Page.enable")
        page.go(url)
        return page

    def close(self) -> None:
        """Close all pages and forget the cookies."""
        self._browser.command("Target.disposeBrowserContext", browserContextId=self._context)


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    @property
    def session(self) -> str:
        """What events of this page are marked with."""
        return self._session

    def command(self, method: str, **parameters: Any) -> Any:
        """Send a command that concerns this page."""
        return self._browser.command(method, self._session, **parameters)

    def go(self, url: str) -> None:
        """Go to an address as if somebody had typed it, and wait until it is loaded."""
        self._browser.forget_events()
        result = self.command("Page.navigate", url=url)
        assert "errorText" not in result, f"{url}: {result['errorText']}"
        self._browser.wait_for("Page.loadEventFired", self._session)

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it leads to.

        A page that goes elsewhere meanwhile is asked again, where it has gone: the expression should only read.

        Raises:
            AssertionError: it threw.
        """
        for _ in range(_MOST_NAVIGATIONS):
            with contextlib.suppress(_Navigated):
                return self._evaluate(script)
        return self._evaluate(script)

    def act(self, script: str) -> None:
        """Run something once, such as a click, which may lead to another page.

        Raises:
            AssertionError: it threw.
        """
        with contextlib.suppress(_Navigated):
            self._evaluate(f"{script}; undefined")

    def follow(self, script: str) -> str:
        """Run what leads to another page, such as sending a form, wait for that page, and give its text."""
        self._browser.forget_events()
        self.act(script)
        self._browser.wait_for("Page.loadEventFired", self._session)
        return str(self.run("document.documentElement.innerText"))

    def _evaluate(self, script: str) -> Any:
        options = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.command("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")


class Pages:
    """A server of other people's pages: `pages[path] = html`. All its names are other origins than AIMO's."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {"/": "<!doctype html><title>elsewhere</title>"}
        html = self.html

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = html.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Tell nobody."""

        self.port = free_port()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
