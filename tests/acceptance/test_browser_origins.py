"""In a real browser: only AIMO's own pages ride on the login cookie, and a bearer token works from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.browser import Browser, Page, Pages, Person
from tests.support.client import Client
from tests.support.server import Server

SECRET = "what only the victim may read"
HOST = "a.site.test"
# Where foreign pages are: another port of the same host, a sibling of it, another site.
ELSEWHERE = ("a.site.test", "b.site.test", "evil.test")
MEMO = {"content": "theirs"}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


@dataclass
class House:
    """A server, a victim who is logged in to it in a browser, and the pages of others."""

    server: Server
    victim: Client
    memo_id: str
    file_id: str
    person: Person
    pages: Pages

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server.port}"

    def belongings(self) -> Any:
        return [self.victim.get(path).data for path in ("/memos", "/tags", "/categories", "/user/info")]

    def elsewhere(self, host: str) -> Page:
        return self.person.open(f"http://{host}:{self.pages.port}/")

    def logged_in_as(self) -> str | None:
        """Who the browser is for the server's own page."""
        page = self.person.open(f"{self.url}/")
        answer = page.run("fetch('/api/v1/user/info').then(r => r.json())")
        return answer["data"]["uid"] if answer.get("data") else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    with Pages() as running:
        yield running


@pytest.fixture(scope="module", params=["development", "production"])
def server(request: pytest.FixtureRequest, module_server: Callable[..., Server]) -> Server:
    return module_server(NODE_ENV=request.param, JWT_SECRET="a secret of the tests, long enough")


@pytest.fixture
def house(server: Server, browser: Browser, pages: Pages) -> Iterator[House]:
    victim = server.user()
    memo_id = victim.post("/memos", {"content": SECRET}).data["memo"]["memoId"]
    file = {"file": ("a.txt", SECRET.encode(), "text/plain")}
    file_id = victim.post("/attachments/upload", files=file).data["attachment"]["attachmentId"]
    person = browser.person()
    house = House(server, victim, memo_id, file_id, person, pages)
    page = person.open(f"{house.url}/")
    assert '"code":0' in page.follow(form("/api/v1/auth/login", email=victim.email, password=victim.password))
    assert house.logged_in_as() == victim.uid
    yield house
    person.close()


def form(action: str, kind: str = FORMS[0], **fields: str) -> str:
    """A script that makes a form and sends it."""
    return f"""(() => {{
        const form = document.createElement('form');
        Object.assign(form, {{action: {json.dumps(action)}, method: 'POST', enctype: {json.dumps(kind)}}});
        for (const [name, value] of Object.entries({json.dumps(fields)})) {{
            const field = document.createElement('input');
            Object.assign(field, {{type: 'hidden', name, value}});
            form.append(field);
        }}
        document.body.append(form);
        form.submit();
    }})()"""


def fetched(url: str, **options: Any) -> str:
    """A script for what a page learns of a request: status and text, or that it learns nothing."""
    return f"""fetch({json.dumps(url)}, {json.dumps(options)})
        .then(async r => r.type + ' ' + r.status + ' ' + await r.text())
        .catch(() => 'nothing')"""


def test_a_login_lasts_in_production_over_plain_http(house: House) -> None:
    page = house.person.open(f"{house.url}/")
    assert SECRET in page.run(fetched("/api/v1/memos"))
    page.follow("location.reload()")
    assert SECRET in page.run(fetched("/api/v1/memos"))
    page.go(f"{house.url}/api/v1/user/info")
    assert house.victim.uid in page.run("document.documentElement.innerText")
    page.go(f"{house.url}/")
    assert '"code":0' in page.run(fetched("/api/v1/auth/logout", method="POST"))
    assert house.logged_in_as() is None
    body = json.dumps({"email": house.victim.email, "password": house.victim.password})
    headers = {"Content-Type": "application/json"}
    assert '"code":0' in page.run(fetched("/api/v1/auth/login", method="POST", headers=headers, body=body))
    assert house.logged_in_as() == house.victim.uid
    page.go(f"{house.url}/")
    assert '"code":0' in page.follow(form("/api/v1/memos", content="by a form of our own"))
    assert "by a form of our own" in str(house.belongings())


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_foreign_page_reads_and_changes_nothing_by_the_cookie(house: House, host: str) -> None:
    before = house.belongings()
    page = house.elsewhere(host)
    requests: list[dict[str, Any]] = [{"method": "GET"}]
    content = {"application/json": '{"content": "theirs"}', FORMS[0]: "content=theirs", "text/plain": "content=theirs"}
    for kind, body in content.items():
        requests += [
            {"method": method, "headers": {"Content-Type": kind}, "body": body} for method in ("POST", "PUT", "DELETE")
        ]
    for path in ("memos", f"memos/{house.memo_id}", "user/sessions", "user/password", f"attachments/{house.file_id}"):
        for request in requests:
            for mode, credentials in (("cors", "include"), ("cors", "omit"), ("no-cors", "include")):
                if mode == "no-cors" and request["method"] in ("PUT", "DELETE"):
                    continue
                told = page.run(fetched(f"{house.url}/api/v1/{path}", mode=mode, credentials=credentials, **request))
                assert told == "nothing" or told.startswith(("cors 401", "cors 403", "opaque 0")), (path, request, told)
                assert SECRET not in told
    assert house.belongings() == before
    assert house.logged_in_as() == house.victim.uid


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_foreign_form_changes_nothing_and_logs_nobody_in(house: House, host: str) -> None:
    mallory = house.server.user()
    before, hers = house.belongings(), mallory.get("/memos").data
    page = house.elsewhere(host)
    login = {"email": mallory.email, "password": mallory.password}
    forms = [(kind, path, fields) for kind in FORMS for path, fields in (("/memos", MEMO), ("/auth/login", login))]
    forms.append((FORMS[0], "/auth/logout", {"a": "b"}))
    for kind, path, fields in forms:
        page.go(f"http://{host}:{house.pages.port}/")
        assert '"code":5' in page.follow(form(f"{house.url}/api/v1{path}", kind, **fields))
    # Nobody who is logged out is logged in, either.
    assert house.logged_in_as() == house.victim.uid
    assert (house.belongings(), mallory.get("/memos").data) == (before, hers)


def test_a_page_without_an_origin_is_foreign(house: House) -> None:
    before = house.belongings()
    sandboxed = json.dumps(f"<script>{form(house.url + '/api/v1/memos', content='theirs')}</script>")
    page = house.elsewhere("evil.test")
    page.run(
        f"""new Promise(done => {{
            const frame = document.createElement('iframe');
            Object.assign(frame, {{sandbox: 'allow-scripts allow-forms', srcdoc: '<body>' + {sandboxed}}});
            let loads = 0;
            frame.onload = () => ++loads === 2 && done();
            setTimeout(done, 1000);
            document.body.append(frame);
        }})"""
    )
    data = house.person.open("data:text/html,<body>elsewhere")
    assert data.run("origin") == "null"
    assert '"code":5' in data.follow(form(f"{house.url}/api/v1/memos", content="theirs"))
    data.go("data:text/html,<body>elsewhere")
    told = data.run(fetched(f"{house.url}/api/v1/memos", credentials="include"))
    assert told == "nothing" or told.startswith("cors 401")
    assert house.belongings() == before


@pytest.mark.parametrize("host", ELSEWHERE)
def test_nothing_can_be_embedded_and_read_by_a_foreign_page(house: House, host: str) -> None:
    before = house.belongings()
    page = house.elsewhere(host)
    for tag in ("img", "script"):
        for path in ("memos", f"attachments/{house.file_id}/download"):
            assert (
                page.run(
                    f"""new Promise(done => {{
                    const element = document.createElement({json.dumps(tag)});
                    element.onload = () => done('loaded');
                    element.onerror = () => done('refused');
                    element.src = {json.dumps(f"{house.url}/api/v1/{path}")};
                    document.body.append(element);
                }})"""
                )
                == "refused"
            ), (tag, path)
    readable = page.run(
        f"""new Promise(done => {{
            const frame = document.createElement('iframe');
            frame.onload = () => {{
                try {{ done(frame.contentWindow.document.body.innerText) }} catch (error) {{ done(error.name) }}
            }};
            frame.src = {json.dumps(f"{house.url}/api/v1/memos")};
            document.body.append(frame);
        }})"""
    )
    assert readable == "SecurityError"
    page.follow(f"location = {json.dumps(f'{house.url}/api/v1/memos')}")
    assert house.belongings() == before


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_bearer_token_works_from_any_page(house: House, host: str) -> None:
    page = house.elsewhere(host)
    headers = {"Authorization": f"Bearer {house.victim.token}"}
    assert SECRET in page.run(fetched(f"{house.url}/api/v1/memos", headers=headers))
    body = json.dumps({"content": f"from {host}"})
    more = {"method": "POST", "headers": headers | {"Content-Type": "application/json"}, "body": body}
    assert "cors 200" in page.run(fetched(f"{house.url}/api/v1/memos", **more))
    assert f"from {host}" in str(house.belongings())
