import { describe, expect, it } from "vitest";
import { readEvents } from "../src/api/events";
import { deviceOf } from "../src/lib/devices";
import { contextOf, withLinks } from "../src/store/ask";

describe("events of an answer", () => {
  it("are taken once they are complete, wherever the stream is cut", () => {
    const whole = 'event: token\ndata: {"text":"a"}\n\nevent: done\r\ndata: {"answer":"a"}\r\n\r\n';
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const first = readEvents(whole.slice(0, cut));
      const second = readEvents(first.rest + whole.slice(cut));
      expect([...first.events, ...second.events]).toEqual([
        { name: "token", data: { text: "a" } },
        { name: "done", data: { answer: "a" } },
      ]);
    }
  });
});

describe("citations", () => {
  it("lead to the source of that number, outside of code only", () => {
    expect(withLinks("Yes [1], no [3]. `x[1]`\n```\n[2]\n```\n[2](https://example.org)", ["aaa", "bbb"])).toBe(
      "Yes [\\[1\\]](/m/aaa), no [3]. `x[1]`\n```\n[2]\n```\n[2](https://example.org)",
    );
  });
  it("never lead to what is no id", () => {
    expect(withLinks("[1]", ["../evil) [x](javascript:alert(1)"])).toBe("[1]");
  });
});

describe("context", () => {
  it("is the end of what was said", () => {
    const long = contextOf([{ role: "user", content: "x".repeat(9000) }, { role: "assistant", content: "last" }]);
    expect(long.length).toBe(6000);
    expect(long.endsWith("assistant: last")).toBe(true);
  });
});

describe("devices", () => {
  it("are named by browser and system", () => {
    const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36";
    expect(deviceOf(chrome)).toBe("Chrome, Windows");
    expect(deviceOf(`${chrome} Edg/139.0`)).toBe("Edge, Windows");
    expect(deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1")).toBe("Safari, iOS");
    expect(deviceOf("curl/8.5.0")).toBe("curl");
    expect(deviceOf("")).toBe("");
  });
});
