// Sends what waits in the outbox: in order, one tab at a time, every change exactly once.
import { signal } from "@preact/signals";
import type { Memo } from "@aimo/dto";
import { ApiError, call, send } from "../api/http";
import { upload } from "../api/upload";
import { randomId } from "../lib/ids";
import { hear, tell } from "./channel";
import { database } from "./db";
import { learnTags } from "./labels";
import { drop, revive, take } from "./memos";
import { backoff, type Change, type Entry, type FileToSend, nextEntry, renamed, type Written } from "./outbox";

/** What waits, in the order of sending. */
export const entries = signal<readonly Entry[]>([]);

/** The name that the server gave to a memo made here: pages that show the old one follow. */
export const names = signal<ReadonlyMap<string, string>>(new Map());

export async function readOutbox(): Promise<void> {
  entries.value = await (await database()).getAll("outbox");
}

async function changed(): Promise<void> {
  await readOutbox();
  tell({ about: "outbox" });
}

/** Put a change in the outbox and begin to send. `delay` in milliseconds leaves time to take it back. */
export async function put(memoId: string, change: Change, delay = 0): Promise<number> {
  const entry = { key: randomId(), memoId, change, state: "waiting", notBefore: Date.now() + delay, attempts: 0 } as const;
  const seq = await (await database()).add("outbox", entry as unknown as Entry);
  await changed();
  wake();
  return seq;
}

/** Take a change back; false when it has been sent already. */
export async function takeBack(seq: number): Promise<boolean> {
  const store = (await database()).transaction("outbox", "readwrite");
  const there = (await store.store.get(seq)) !== undefined;
  await store.store.delete(seq);
  await store.done;
  await changed();
  return there;
}

/** Change an entry and try again: after a failure or a conflict was settled. The key is a new one, since the request is. */
export async function settle(seq: number, change: Change): Promise<void> {
  const store = (await database()).transaction("outbox", "readwrite");
  const entry = await store.store.get(seq);
  if (entry) {
    const { reason: _reason, theirs: _theirs, ...rest } = entry;
    await store.store.put({ ...rest, change, key: randomId(), state: "waiting", notBefore: 0, attempts: 0 });
  }
  await store.done;
  await changed();
  wake();
}

/** Why a change failed whose memo is gone. */
export const MISSING = "missing";

let timer: ReturnType<typeof setTimeout> | undefined;
let running = false;
let again = false;

/** Look for something to send: now, or when the next entry is due. */
export function wake(): void {
  if (running) {
    again = true;
    return;
  }
  running = true;
  clearTimeout(timer);
  void withLock(sendAll)
    .catch((error: unknown) => console.error("The outbox stopped:", error))
    .finally(() => {
      running = false;
      if (again) {
        again = false;
        wake();
      }
    });
}

/** Run while no other tab does. Where there are no locks (plain HTTP), the keys alone make a repeated request harmless. */
function withLock(work: () => Promise<void>): Promise<void> {
  if (!navigator.locks) return work();
  return navigator.locks.request("aimo-outbox", { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    else timer = setTimeout(wake, 2000);
  });
}

async function sendAll(): Promise<void> {
  for (;;) {
    await readOutbox();
    const { entry, at } = nextEntry(entries.value, Date.now());
    if (!entry) {
      if (at !== Infinity) timer = setTimeout(wake, Math.max(50, at - Date.now()));
      return;
    }
    if (!(await attempt(entry))) return;
  }
}

/** Send one entry; false when nothing else can be sent now either. */
async function attempt(entry: Entry): Promise<boolean> {
  try {
    await deliver(entry);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const attempts = entry.attempts + 1;
    if (error.kind === "unauthorized") return false;
    if (error.isTransient && (error.kind !== "server" || attempts < 8)) {
      const wait = error.retryAfter ? error.retryAfter * 1000 : backoff(attempts);
      await mark(entry, { attempts, notBefore: Date.now() + wait });
      timer = setTimeout(wake, wait);
      return false;
    }
    if (error.kind === "conflict") await mark(entry, { state: "conflict", theirs: error.data as Memo });
    else await mark(entry, { state: "failed", attempts, reason: error.kind === "missing" ? MISSING : error.message });
    return true;
  }
}

async function mark(entry: Entry, facts: Partial<Entry>): Promise<void> {
  const store = (await database()).transaction("outbox", "readwrite");
  const there = await store.store.get(entry.seq);
  if (there) await store.store.put({ ...there, ...facts });
  await store.done;
  await changed();
}

async function deliver(entry: Entry): Promise<void> {
  const { change, memoId, key } = entry;
  const one = { path: { memoId }, headers: { "Idempotency-Key": key } };
  if (change.kind === "create") {
    const body = { ...bodyOf(await filesSent(entry, change.written)), createdAt: change.at, updatedAt: change.at };
    const { data } = await send<{ memo: Memo }>("post", "/api/v1/memos", { ...one, body });
    await finish(entry, data.memo);
  } else if (change.kind === "update") {
    const body = bodyOf(await filesSent(entry, change.written));
    const headers = { ...one.headers, ...(change.base && { "If-Match": `"${change.base}"` }) };
    const { data } = await send<{ memo: Memo }>("put", "/api/v1/memos/{memoId}", { ...one, headers, body });
    await finish(entry, data.memo);
  } else if (change.kind === "delete") {
    try {
      await send("delete", "/api/v1/memos/{memoId}", one);
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== "missing") throw error;
    }
    await drop([memoId]);
    await finish(entry, null);
  } else {
    await send("post", "/api/v1/trash/{memoId}/restore", one);
    revive(memoId);
    const data = await call("get", "/api/v1/memos/{memoId}", { path: { memoId } });
    await finish(entry, data);
  }
}

const bodyOf = (written: Written): Record<string, unknown> => ({
  content: written.content,
  tags: written.tags,
  categoryId: written.categoryId,
  isPublic: written.isPublic,
  relationIds: written.relationIds,
  attachments: written.files.flatMap((file) => file.attachment?.attachmentId ?? []),
});

/** Upload the files that are still here, and note each in the entry, so that a crash in between uploads none twice. */
async function filesSent(entry: Entry, written: Written): Promise<Written> {
  const files: FileToSend[] = [];
  for (const [index, file] of written.files.entries()) {
    if (file.attachment || !file.blob) {
      files.push(file);
      continue;
    }
    const attachment = await upload(file.blob, file.name, file.fileId);
    const { blob: _blob, ...rest } = file;
    files.push({ ...rest, attachment });
    await mark(entry, { change: { ...entry.change, written: { ...written, files: [...files, ...written.files.slice(index + 1)] } } as Change });
  }
  return { ...written, files };
}

/** Take in the memo, remove the entry, and give entries that follow the memo's real name and new base: in this order, so that nothing flickers. */
async function finish(entry: Entry, memo: Memo | null): Promise<void> {
  if (memo) {
    learnTags(memo.tags ?? []);
    await take([memo], true);
  }
  const store = (await database()).transaction("outbox", "readwrite");
  await store.store.delete(entry.seq);
  if (memo) {
    for (const later of renamed(await store.store.getAll(), entry.memoId, memo.memoId)) {
      const { change } = later;
      const based = change.kind === "update" ? { ...change, base: memo.updatedAt } : change;
      await store.store.put({ ...later, change: based });
    }
  }
  await store.done;
  if (memo && memo.memoId !== entry.memoId) names.value = new Map(names.value).set(entry.memoId, memo.memoId);
  await changed();
}

hear((news) => {
  if (news.about === "outbox") void readOutbox();
});
addEventListener("online", wake);
