// Changes that wait to be sent: pure rules, without storage or network.
import type { Attachment, Memo, Tag } from "@aimo/dto";

/** A file of a memo: uploaded already, or still here. */
export interface FileToSend {
  fileId: string;
  name: string;
  type: string;
  size: number;
  attachment?: Attachment;
  blob?: Blob;
}

/** What a memo shall be. Times are epoch milliseconds of the moment of writing, not of sending. */
export interface Written {
  content: string;
  tags: string[];
  categoryId: string | null;
  isPublic: boolean;
  relationIds: string[];
  files: FileToSend[];
}

/** `base` is the `updatedAt` of the version that a change was made of: it tells versions apart. */
export type Change =
  | { kind: "create"; written: Written; at: number }
  | { kind: "update"; written: Written; at: number; base: number }
  | { kind: "delete" }
  | { kind: "restore" };

export type State = "waiting" | "failed" | "conflict";

export interface Entry {
  /** Place in the order of sending; given by the store. */
  seq: number;
  /** Sent as `Idempotency-Key`, so that a repeated request changes nothing twice. */
  key: string;
  memoId: string;
  change: Change;
  state: State;
  /** Not to be sent earlier: time to undo, or to wait after a failure. Epoch milliseconds. */
  notBefore: number;
  attempts: number;
  /** Why it failed, for people. */
  reason?: string;
  /** In a conflict: the memo as it is on the server. */
  theirs?: Memo;
}

/** The entry to send next, and when to look again: entries of one memo go in order, and one that cannot go holds up only its memo. */
export function nextEntry(entries: readonly Entry[], now: number): { entry: Entry | null; at: number } {
  const held = new Set<string>();
  let at = Infinity;
  for (const entry of entries) {
    if (held.has(entry.memoId)) continue;
    if (entry.state === "waiting" && entry.notBefore <= now) return { entry, at: now };
    if (entry.state === "waiting") at = Math.min(at, entry.notBefore);
    held.add(entry.memoId);
  }
  return { entry: null, at };
}

/** Milliseconds to wait after a number of failed attempts: from a second, doubling, to a minute. */
export const backoff = (attempts: number): number => Math.min(60_000, 1000 * 2 ** Math.min(attempts - 1, 6));

/** A memo, with what has been changed here and not been sent yet. */
export type Shown = Memo & { pending?: State };

const asTag = (name: string): Tag => ({ tagId: `name:${name}`, name, color: null, usageCount: 0, createdAt: 0, updatedAt: 0 });

function asAttachment(file: FileToSend): Attachment {
  return file.attachment ?? { attachmentId: `file:${file.fileId}`, filename: file.name, type: file.type, size: file.size, url: "", createdAt: 0 };
}

/** Apply an entry to a memo as people shall see it; null when it deletes. */
export function applied(memo: Memo | null, entry: Entry, known: (name: string) => Tag | undefined): Shown | null {
  const { change } = entry;
  if (change.kind === "delete") return null;
  if (change.kind === "restore") return memo;
  const { written } = change;
  const seen: Memo = {
    type: "text",
    uid: "",
    createdAt: change.at,
    ...memo,
    memoId: entry.memoId,
    updatedAt: change.at,
    content: written.content,
    categoryId: written.categoryId,
    isPublic: written.isPublic,
    tags: written.tags.map((name) => known(name) ?? asTag(name)),
    attachments: written.files.map(asAttachment),
  };
  return { ...seen, pending: entry.state };
}

/** Apply all entries to memos: changed ones change, deleted ones go, new ones are returned apart, newest first. */
export function overlay(
  memos: readonly Memo[],
  entries: readonly Entry[],
  known: (name: string) => Tag | undefined = () => undefined,
): { memos: Shown[]; created: Shown[] } {
  if (!entries.length) return { memos: [...memos], created: [] };
  const changed = new Map<string, Shown | null>();
  const created = new Set<string>();
  const before = new Map(memos.filter((memo) => entries.some((entry) => entry.memoId === memo.memoId)).map((memo) => [memo.memoId, memo]));
  for (const entry of entries) {
    if (entry.change.kind === "create") created.add(entry.memoId);
    const memo = changed.has(entry.memoId) ? (changed.get(entry.memoId) ?? null) : (before.get(entry.memoId) ?? null);
    if (memo || entry.change.kind === "create") changed.set(entry.memoId, applied(memo, entry, known));
  }
  const seen = memos.flatMap((memo) => (changed.has(memo.memoId) ? (changed.get(memo.memoId) ?? []) : memo));
  const fresh = [...created].filter((id) => !before.has(id)).flatMap((id) => changed.get(id) ?? []);
  return { memos: seen, created: fresh.sort((one, other) => other.createdAt - one.createdAt) };
}

/** The name a memo has on the server, in entries that were written when it had none. */
export const renamed = (entries: readonly Entry[], from: string, to: string): Entry[] =>
  entries.filter((entry) => entry.memoId === from).map((entry) => ({ ...entry, memoId: to }));
