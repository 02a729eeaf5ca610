// The memos that this device knows: those it keeps for reading offline, and those it has met since.
import { signal } from "@preact/signals";
import type { Memo, MemoChanges } from "@aimo/dto";
import { hear, tell } from "./channel";
import { database } from "./db";

/** How many memos are kept for reading offline: the newest ones. */
export const KEPT = 2000;

/** Every memo that was met; the server's state, without changes that wait. */
const known = new Map<string, Memo>();

/** Rises with every change of a known memo. */
export const revision = signal(0);

/** Memos that the server no longer shows: removed here or elsewhere. */
const gone = new Set<string>();

export const memo = (memoId: string): Memo | undefined => known.get(memoId);
export const isGone = (memoId: string): boolean => gone.has(memoId);
export const everyMemo = (): Memo[] => [...known.values()];

/** Whether an answer is older than what is known already: it was on its way while the memo changed. */
const isOutdated = (one: Memo): boolean => gone.has(one.memoId) || (known.get(one.memoId)?.updatedAt ?? 0) > one.updatedAt;

/** Take in memos from an answer; `keep` also stores them on this device. */
export async function take(memos: readonly Memo[], keep: boolean): Promise<void> {
  const news = memos.filter((one) => !isOutdated(one));
  if (!news.length) return;
  for (const one of news) known.set(one.memoId, one);
  revision.value += 1;
  if (!keep) return;
  const store = (await database()).transaction("memos", "readwrite");
  await Promise.all(news.map((one) => store.store.put(one)));
  await store.done;
  tell({ about: "memos" });
}

/** Say that a memo is back from the trash. */
export const revive = (memoId: string): void => void gone.delete(memoId);

/** Take in what has changed, together with the place in the changes that it leads to. */
export async function takeChanges({ items, deleted, cursor, reset }: MemoChanges): Promise<void> {
  for (const id of deleted) {
    known.delete(id);
    gone.add(id);
  }
  for (const one of items) {
    gone.delete(one.memoId);
    if (!isOutdated(one)) known.set(one.memoId, one);
  }
  if (items.length + deleted.length) revision.value += 1;
  const store = (await database()).transaction(["memos", "facts"], "readwrite");
  const memos = store.objectStore("memos");
  if (reset) await memos.clear();
  await Promise.all([...deleted.map((id) => memos.delete(id)), ...items.map((one) => memos.put(one))]);
  await store.objectStore("facts").put(cursor, "cursor");
  await store.done;
  if (items.length + deleted.length) tell({ about: "memos" });
}

/** Forget memos that are gone on the server. */
export async function drop(memoIds: readonly string[]): Promise<void> {
  for (const id of memoIds) {
    known.delete(id);
    gone.add(id);
  }
  if (!memoIds.length) return;
  revision.value += 1;
  const store = (await database()).transaction("memos", "readwrite");
  await Promise.all(memoIds.map((id) => store.store.delete(id)));
  await store.done;
  tell({ about: "memos" });
}

/** Read what is kept, newest first, and take it in. */
export async function readKept(): Promise<Memo[]> {
  const kept = await (await database()).getAllFromIndex("memos", "createdAt");
  for (const one of kept) known.set(one.memoId, one);
  revision.value += 1;
  return kept.reverse();
}

/** Keep the newest only. */
export async function prune(): Promise<void> {
  const store = (await database()).transaction("memos", "readwrite");
  let surplus = (await store.store.count()) - KEPT;
  for (let cursor = surplus > 0 ? await store.store.index("createdAt").openCursor() : null; cursor && surplus > 0; surplus -= 1) {
    await cursor.delete();
    cursor = await cursor.continue();
  }
  await store.done;
}

/** Forget everything in memory: somebody else logs in. */
export function forgetMemos(): void {
  known.clear();
  gone.clear();
  revision.value += 1;
}

hear((news) => {
  if (news.about === "memos") void readKept();
});
