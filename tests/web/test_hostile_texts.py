"""Text of memos, tags, categories, files and people is text wherever it is shown, never markup."""

from __future__ import annotations

import pytest
from tests.support.server import Server

from .conftest import Open
from .furniture import make_due, notify

PASSWORD = "a quiet harbour"
_RUN = "document.title='pwned',window.pwned=1"
_ELEMENTS = (
    "img src=x onerror",
    "svg onload",
    "body onload",
    "video src=x onerror",
    "details open ontoggle",
    "input autofocus onfocus",
)
_QUOTES = ("", '">', "'>", "</textarea>", "</title>", "</script>", "-->", "]]>", "`", "\u2028")
_LINKS = (
    f"[x](javascript:{_RUN})",
    f"[x](JAVASCRIPT:{_RUN})",
    f"[x](java&#10;script:{_RUN})",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    f"<javascript:{_RUN}>",
    f"![x](javascript:{_RUN})",
    "![x](https://evil.example/pixel.png)",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example><button id=composer>",
    "<style>*{display:none}</style>",
    f"<a href=javascript:{_RUN}>x</a>",
    "\u202e<script>pwned=1</script>",
    "__proto__",
    "constructor",
    "{{constructor.constructor('pwned=1')()}}",
    "${pwned=1}",
    "%3Cscript%3Epwned=1%3C/script%3E",
)
PAYLOADS = [f"{quote}<{element}={_RUN}>" for element in _ELEMENTS for quote in _QUOTES] + list(_LINKS)

HARMLESS = """
(() => {
  if (window.pwned || document.title === 'pwned') return 'a script ran';
  const names = 'script, iframe, object, embed, base, meta, link, style, svg:not(.icon, .logo, .graph)';
  const bad = [...document.querySelector('#app').querySelectorAll(names)];
  if (bad.length) return bad[0].outerHTML.slice(0, 200);
  for (const one of document.querySelectorAll('#app *')) {
    for (const {name, value} of one.attributes) {
      if (name.startsWith('on')) return one.outerHTML.slice(0, 200);
      if (['href', 'src', 'action'].includes(name) && !/^(\\/|#|https?:|mailto:|blob:)/.test(value)) return value;
      if (name === 'src' && /evil/.test(value)) return value;
    }
  }
  return '';
})()
"""


@pytest.fixture(scope="module")
def email(client_server: Server) -> str:
    """Somebody all of whose texts are hostile: three memos hold every payload, and names do as far as they may."""
    assert len(PAYLOADS) >= 60
    address = "hostile@example.org"
    person = client_server.client().register(address, PASSWORD, nickname=PAYLOADS[0]).login(address, PASSWORD)
    short = [payload for payload in PAYLOADS if len(payload) <= 80]
    category = person.post("/categories", {"name": short[1]}).data["category"]["categoryId"]
    for part in range(4):
        some = PAYLOADS[part::4]
        files = {"file": ("<img src=x onerror=pwned=1>.txt", b"x", "text/plain")}
        attachment = person.post("/attachments/upload", files=files).data["attachment"]
        body = {
            "content": "needle\n\n" + "\n\n".join(some),
            "tags": short[part::4][:12],
            "categoryId": category,
            "attachments": [attachment["attachmentId"]],
            "isPublic": True,
        }
        memo = person.post("/memos", body).data["memo"]
    person.post("/memos", {"content": PAYLOADS[3], "relationIds": [memo["memoId"]], "tags": short[:1]})
    talk = person.post("/explore/conversations", {"title": PAYLOADS[5]}).data["conversation"]["conversationId"]
    for role, part in (("user", 0), ("assistant", 1)):
        content = "[1] needle\n\n" + "\n\n".join(PAYLOADS[part::2])
        sources = [{"memoId": memo["memoId"], "content": PAYLOADS[8]}, {"memoId": PAYLOADS[60], "content": "x"}]
        person.post(f"/explore/conversations/{talk}/messages", {"role": role, "content": content, "sources": sources})
    rule = {"name": PAYLOADS[9], "pushTime": 7, "contentType": "daily_pick", "channels": [{"type": PAYLOADS[10]}]}
    person.post("/push-rules", rule)
    model = {"name": PAYLOADS[11], "provider": "openai", "modelName": short[2], "apiKey": "key-of-nobody-1234"}
    person.post("/user-models", model)
    rules = [{"type": "tag", "operator": "include", "value": short[0]}]
    person.post("/review/profiles", {"name": PAYLOADS[14], "filterRules": rules})
    review = person.post("/review/sessions", {"scope": "all"}).data
    for item in review["items"]:
        answer = {"itemId": item["itemId"], "answer": "\n\n".join(PAYLOADS)}
        person.post(f"/review/sessions/{review['sessionId']}/answer", answer)
    person.post("/review/sessions", {"scope": "all"})
    make_due(client_server, person)
    for number, payload in enumerate(PAYLOADS[:40]):
        notify(client_server, person, f"hostile-{number}", payload, PAYLOADS[-number], memo["memoId"])
    person.post("/spaced-repetition/rules", {"mode": "exclude", "filterType": "tag", "filterValue": PAYLOADS[12]})
    return address


def test_hostile_texts_are_shown_as_they_are_everywhere(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.log_in(email)
    memos = client_server.client().login(email, PASSWORD).get("/memos", limit=50).data["items"]
    places = [
        "/",
        "/search?q=needle",
        "/?q=%3Cimg%20src%3Dx%20onerror%3Dpwned%3D1%3E&tag=%22%3E%3Csvg%20onload%3Dpwned%3D1%3E",
        "/gallery?kind=documents",
        "/more",
        "/settings",
        "/tags",
        "/ask",
        "/review",
        "/notifications",
    ]
    api = client_server.client().login(email, PASSWORD)
    places += [f"/ask/{one['conversationId']}" for one in api.get("/explore/conversations").data["items"]]
    places += [f"/review/{one['sessionId']}" for one in api.get("/review/history").data["items"]]
    places += [f"/m/{memo['memoId']}" for memo in memos] + [
        f"/share/{memos[-1]['memoId']}",
        "/m/%3Cimg%20src=x%20onerror=pwned=1%3E",
    ]
    for place in places:
        page.go(place)
        page.wait("document.querySelector('main h1, .search') !== null && !document.querySelector('.skeleton')")
        page.wait("new Promise((done) => setTimeout(() => done(true), 250))")
        assert page.run(HARMLESS) == "", place
    page.go("/review")
    page.wait("document.querySelector('.flash') !== null")
    page.key(" ")
    page.wait("document.querySelector('.grades') !== null")
    assert page.run(HARMLESS) == ""
    page.go("/")
    page.press_button("Filter")
    page.wait("document.querySelector('dialog option') !== null")
    assert page.run(HARMLESS) == ""
    assert [one for one in page.complaints() if "404" not in one] == []
