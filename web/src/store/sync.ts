// Brings this device up to date: what is kept first, then what has changed on the server.
import { effect, signal } from "@preact/signals";
import { ApiError, call, reachable } from "../api/http";
import { hear } from "./channel";
import { fact } from "./db";
import { fetchLabels, readLabels, tags } from "./labels";
import { forgetMemos, KEPT, prune, readKept, takeChanges } from "./memos";
import { fetchUnread } from "./notifications";
import { readOutbox, wake } from "./sender";
import { person, refreshPerson } from "./session";

/** Rises when the stream shall look for what is new. */
export const streamRefresh = signal(0);

/** Read what is kept on this device. */
export async function readDevice(): Promise<void> {
  await Promise.all([readKept(), readLabels(), readOutbox()]);
}

let syncing: Promise<boolean> | null = null;

/** Fetch what has changed on the server since the last time; whether there was something. Raises ApiError. */
export function fetchChanges(): Promise<boolean> {
  syncing ??= followChanges().finally(() => {
    syncing = null;
  });
  return syncing;
}

async function followChanges(): Promise<boolean> {
  let cursor = await fact<string>("cursor");
  for (let found = false; ; ) {
    const query = cursor ? { cursor, limit: 500 } : { limit: KEPT };
    const data = await call("get", "/api/v1/memos/changes", { query, timeout: 60_000 });
    await takeChanges(data);
    found ||= data.items.length + data.deleted.length > 0;
    cursor = data.cursor;
    if (!data.hasMore) return found;
  }
}

/** Fetch what pages need besides their memos, and what has changed. Failures leave what is kept. */
export async function refreshRest(): Promise<void> {
  if (!person.value) return;
  const results: PromiseSettledResult<unknown>[] = await Promise.allSettled([fetchLabels(), refreshPerson()]);
  results.push(...(await Promise.allSettled([fetchChanges(), prune(), fetchUnread()])));
  for (const result of results) {
    if (result.status === "rejected" && !(result.reason instanceof ApiError)) throw result.reason;
  }
}

let last = Date.now();

/** Look for changes, at most once in 10 seconds; the stream fetches its beginning again when there are some. */
export async function refreshSoon(): Promise<void> {
  if (!person.value || Date.now() - last < 10_000) return;
  last = Date.now();
  try {
    if (await fetchChanges()) streamRefresh.value += 1;
    await Promise.all([fetchLabels(), fetchUnread()]);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Try to send whenever the server comes back or the page is looked at. */
export function keepGoing(): void {
  effect(() => {
    if (reachable.value) wake();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    wake();
    void refreshSoon();
  });
  setInterval(() => {
    // Without an answer, whether the server is back is found out here.
    if (document.visibilityState === "visible") void refreshSoon();
  }, 30_000);
  hear((news) => {
    if (news.about !== "session") return;
    forgetMemos();
    tags.value = [];
    void readDevice();
  });
}
