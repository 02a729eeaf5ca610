"""One browser and one server for all tests of the web client; each test registers its own people."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.browser import Browser, Person
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

from .screen import ROOT, Screen

Open = Callable[..., Screen]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # axe, which judges the pages, is one of the packages of the client's build.
    command = [str(ROOT / "scripts" / "web"), "install"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    with Browser() as running:
        yield running


@pytest.fixture(scope="package")
def client_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("web-client"), {}).start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def model() -> Iterator[StreamingStub]:
    """A chat model that says what a test sets as its `say`."""
    stub = StreamingStub(lambda system, user: "Fine.").start()
    yield stub
    stub.stop()


@pytest.fixture(scope="package")
def model_server(model: StreamingStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with that chat model."""
    running = Server(tmp_path_factory.mktemp("web-client-model"), model.settings()).start()
    yield running
    running.close()


@pytest.fixture
def person(browser: Browser) -> Iterator[Person]:
    somebody = browser.person()
    yield somebody
    somebody.close()


@pytest.fixture
def screen(browser: Browser, client_server: Server, person: Person) -> Open:
    """A function that opens a tab: `screen(size="telephone", language="zh")`; tabs of a test share their profile."""
    return lambda size="desktop", language="en", url=client_server.url: Screen(browser, person, url, size, language)


_NUMBERS = itertools.count(1)


@pytest.fixture
def email(tmp_path: Path) -> str:
    """An address that nobody has yet."""
    return f"reader-{next(_NUMBERS)}-{tmp_path.name.lower()[:20]}@example.org"
