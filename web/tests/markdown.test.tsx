import { render } from "preact";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMarkdownFor, Markdown, safeAddress, withTask } from "../src/ui/markdown";

beforeAll(() => loadMarkdownFor(["**"]));

function drawn(text: string): HTMLElement {
  const root = document.createElement("div");
  render(<Markdown text={text} />, root);
  return root;
}

const PAYLOADS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<iframe src=javascript:alert(1)></iframe>",
  "text <b onclick=alert(1)>bold</b>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](//evil.example/x)",
  "[x](/api/v1/auth/logout)",
  "<javascript:alert(1)>",
  "![x](https://evil.example/pixel.png)",
  "![x](javascript:alert(1))",
  "![x](/api/v1/user/info)",
  "[![x](https://evil.example/a.png)](javascript:alert(1))",
  '[x](https://a.example "onmouseover=alert(1)")',
  "[x]: javascript:alert(1)\n[x]",
  "| <img src=x onerror=alert(1)> |\n|---|\n| [y](javascript:1) |",
  "- [ ] <img src=x onerror=alert(1)>",
  "> <style>*{display:none}</style>",
  "```html\n<script>alert(1)</script>\n```",
  "`<script>`",
  "<!-- --><form action=https://evil.example><input name=q></form>",
  "<a href='javascript:alert(1)'>x</a>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "\\<script>alert(1)\\</script>",
  "#<img/src=x/onerror=alert(1)>",
];

describe("text of memos", () => {
  it.each(PAYLOADS)("never becomes markup: %s", (payload) => {
    const root = drawn(payload);
    expect(root.querySelectorAll("script, img, svg, iframe, style, form, object, embed, math, base, link").length).toBe(0);
    for (const element of root.querySelectorAll("*")) {
      for (const { name } of element.attributes) expect(name.startsWith("on") || name === "style").toBe(false);
    }
    for (const link of root.querySelectorAll("a")) expect(link.getAttribute("href")).toMatch(/^(https?:|mailto:|\/\?tag=|\/m\/)/);
  });

  it("opens links elsewhere without telling where from", () => {
    const link = drawn("see https://example.org/x").querySelector("a");
    expect([link?.href, link?.rel, link?.target]).toEqual(["https://example.org/x", "noopener noreferrer nofollow", "_blank"]);
  });

  it("leads to other memos and to tags", () => {
    expect(Array.from(drawn("[that](/m/m1) #读书").querySelectorAll("a"), (link) => link.getAttribute("href"))).toEqual(["/m/m1", "/?tag=%E8%AF%BB%E4%B9%A6"]);
  });

  it("shows HTML as it was written", () => {
    expect(drawn("a <b>c</b>").textContent).toBe("a <b>c</b>");
    expect(drawn("1 < 2 & \"3\" &amp; ok").textContent).toBe('1 < 2 & "3" & ok');
  });

  it("keeps single line breaks", () => {
    expect(drawn("one *1*\ntwo").querySelectorAll("br").length).toBe(1);
  });

  it("survives deep nesting", () => {
    expect(drawn(`${">".repeat(300)} x`)).toBeTruthy();
  });
});

describe("addresses of links", () => {
  it("lets only web and mail pass", () => {
    expect(["https://a.b/c", "mailto:a@b.c", "ftp://x", " javascript:x", "java\nscript:x", "/x", "https://"].map(safeAddress)).toEqual([
      "https://a.b/c", "mailto:a@b.c", null, null, null, null, null,
    ]);
  });
});

describe("tasks", () => {
  it("checks the one that was meant and leaves code alone", () => {
    const text = "- [ ] a\n```\n- [ ] code\n```\n* [x] b\n1. [ ] c";
    expect(withTask(text, 1, false)).toBe("- [ ] a\n```\n- [ ] code\n```\n* [ ] b\n1. [ ] c");
    expect(withTask(text, 2, true)).toContain("1. [x] c");
  });
});
