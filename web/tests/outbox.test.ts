import type { Memo } from "@aimo/dto";
import { describe, expect, it } from "vitest";
import { backoff, type Change, type Entry, nextEntry, overlay, renamed, type Written } from "../src/store/outbox";

const written = (content: string): Written => ({ content, tags: ["a"], categoryId: null, isPublic: false, relationIds: [], files: [] });
const memo = (memoId: string, createdAt = 1): Memo => ({ memoId, uid: "u", content: memoId, type: "text", createdAt, updatedAt: createdAt, attachments: [] });
let seq = 0;
const entry = (memoId: string, change: Change, facts: Partial<Entry> = {}): Entry => {
  seq += 1;
  return { seq, key: `k${seq}`, memoId, change, state: "waiting", notBefore: 0, attempts: 0, ...facts };
};
const update = (content: string): Change => ({ kind: "update", written: written(content), at: 5, base: 1 });

describe("the order of sending", () => {
  it("sends the oldest entry first", () => {
    const entries = [entry("a", update("1")), entry("b", update("2"))];
    expect(nextEntry(entries, 10).entry).toBe(entries[0]);
  });

  it("lets an entry that cannot go hold up its own memo only", () => {
    const entries = [entry("a", update("1"), { state: "conflict" }), entry("a", update("2")), entry("b", update("3"))];
    expect(nextEntry(entries, 10).entry).toBe(entries[2]);
  });

  it("says when the next one is due", () => {
    const entries = [entry("a", { kind: "delete" }, { notBefore: 50 }), entry("b", update("1"), { notBefore: 30 })];
    expect(nextEntry(entries, 10)).toEqual({ entry: null, at: 30 });
  });

  it("waits longer after each failure, a minute at most", () => {
    expect([1, 2, 3, 20].map(backoff)).toEqual([1000, 2000, 4000, 60_000]);
  });

  it("gives later changes of a memo the name that the server gave it", () => {
    expect(renamed([entry("local-1", update("x")), entry("b", update("y"))], "local-1", "m1").map((one) => one.memoId)).toEqual(["m1"]);
  });
});

describe("what is shown while changes wait", () => {
  it("shows changed, new and no deleted memos", () => {
    const entries = [
      entry("a", update("changed")),
      entry("b", { kind: "delete" }),
      entry("local-1", { kind: "create", written: written("new"), at: 9 }),
      entry("local-1", update("new, changed")),
    ];
    const { memos, created } = overlay([memo("a"), memo("b"), memo("c")], entries);
    expect(memos.map((one) => one.content)).toEqual(["changed", "c"]);
    expect(memos[0]?.pending).toBe("waiting");
    expect(created.map((one) => [one.memoId, one.content, one.tags?.[0]?.name])).toEqual([["local-1", "new, changed", "a"]]);
  });

  it("shows no memo that was made and deleted before it was sent", () => {
    const entries = [entry("local-1", { kind: "create", written: written("x"), at: 9 }), entry("local-1", { kind: "delete" })];
    expect(overlay([], entries)).toEqual({ memos: [], created: [] });
  });
});
