import { describe, expect, it } from "vitest";
import { firstLine, fold, formatSize, hashtags, linkedMemos } from "../src/lib/text";

describe("text", () => {
  it("folds case, width and accents", () => {
    expect(fold("Ｃafé\u200b ÄB")).toBe("cafe ab");
  });

  it("finds tags at the beginning of words, outside of code, and no headings", () => {
    expect(hashtags("#读书 and #work/plan, x#no `#code`\n# heading\n```\n#fenced\n```\n（#中文）")).toEqual(["读书", "work/plan", "中文"]);
  });

  it("finds memos that a text links to", () => {
    expect(linkedMemos("[a](/m/m123) [b](https://x/m/m9) [a](/m/m123)")).toEqual(["m123"]);
  });

  it("names a memo by its first line without Markdown", () => {
    expect(firstLine("\n## **Bold** [link](https://x)\nnext")).toBe("Bold link");
    expect(firstLine("- [x] done")).toBe("done");
    expect(firstLine("👍".repeat(70), 3)).toBe("👍👍👍…");
  });

  it("shows sizes for people", () => {
    expect(formatSize(1536, "en")).toBe("1.5 kB");
    expect(formatSize(12, "en")).toBe("12 byte");
  });
});
