"""A client of the HTTP interface, as thin as a test can read it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx


@dataclass(frozen=True)
class Answer:
    """What the server answered. `envelope` is the parsed body, or None when it is not JSON."""

    status: int
    headers: httpx.Headers
    content: bytes

    @cached_property
    def envelope(self) -> Any:
        """The parsed body."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def code(self) -> int | None:
        """The result code; None without an envelope."""
        return self.envelope.get("code") if isinstance(self.envelope, dict) else None

    @property
    def message(self) -> str | None:
        """The text of the result; also of the bodies that are no envelope."""
        return self.envelope.get("msg", self.envelope.get("message")) if isinstance(self.envelope, dict) else None

    @property
    def data(self) -> Any:
        """What a successful answer carries.

        Raises:
            AssertionError: the answer is a failure; the text shows it.
        """
        assert self.code == 0, f"{self.status} {self.content[:2000].decode('utf-8', 'replace')}"
        return self.envelope["data"]


def plain_http(url: str, *, timeout: float = 60) -> httpx.Client:
    """A plain client rooted at an address. Reading the certificates of the world, for https, would take 20 ms each."""
    return httpx.Client(base_url=url, timeout=timeout, trust_env=False, verify=False)


class Client:
    """Talks to a server under `/api/v1`; with a token once `login` or `register` was called.

    `http` is the plain client below it, rooted at the server, for everything else.
    """

    def __init__(self, url: str, *, timeout: float = 60) -> None:
        self.url = url
        self.http = plain_http(url, timeout=timeout)
        self.token: str | None = None
        self.user: dict[str, Any] = {}
        self.email = ""
        self.password = ""

    @property
    def uid(self) -> str:
        """Id of the user who is logged in."""
        return str(self.user["uid"])

    def register(self, email: str = "", password: str = "Passw0rd-test", **more: Any) -> Client:
        """Make an account, with a fresh address unless one is given, and log in."""
        email = email or f"user.{secrets.token_hex(6)}@example.test"
        self.post("/auth/register", {"email": email, "password": password, **more}).data  # noqa: B018 (must succeed)
        return self.login(email, password)

    def login(self, email: str, password: str = "Passw0rd-test") -> Client:
        """Log in; later requests carry the token, in the header and not as a cookie."""
        data = self.post("/auth/login", {"email": email, "password": password}).data
        self.http.cookies.clear()
        self.token, self.user, self.email, self.password = data["token"], data["user"], email, password
        return self

    def get(self, path: str, **params: Any) -> Answer:
        """GET; keyword arguments are the query, a list repeats its name."""
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """POST a JSON body; `files=`, `data=`, `params=`, `headers=` as in httpx."""
        return self.request("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        """PUT, like `post`."""
        return self.request("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """DELETE."""
        return self.request("DELETE", path, **options)

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Any request; `path` is relative to `/api/v1`."""
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        reply = self.http.request(method, f"/api/v1{path}", headers=headers, **options)
        return Answer(reply.status_code, reply.headers, reply.content)

    def close(self) -> None:
        """Hang up."""
        self.http.close()
