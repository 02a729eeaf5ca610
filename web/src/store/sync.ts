// Brings this device up to date: what is kept first, then what has changed on the server.
import { effect } from "@preact/signals";
import { ApiError, reachable } from "../api/http";
import { hear } from "./channel";
import { fetchLabels, readLabels, tags } from "./labels";
import { forgetMemos, prune, readKept } from "./memos";
import { readOutbox, wake } from "./sender";
import { person, refreshPerson } from "./session";

/** Read what is kept on this device. */
export async function readDevice(): Promise<void> {
  await Promise.all([readKept(), readLabels(), readOutbox()]);
}

/** Fetch what pages need besides memos, once they have theirs. Failures leave what is kept. */
export async function refreshRest(): Promise<void> {
  if (!person.value) return;
  const results = await Promise.allSettled([fetchLabels(), refreshPerson(), prune()]);
  for (const result of results) {
    if (result.status === "rejected" && !(result.reason instanceof ApiError)) throw result.reason;
  }
}

/** Try to send whenever the server comes back or the page is looked at. */
export function keepGoing(onFocus: () => void): void {
  effect(() => {
    if (reachable.value) wake();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    wake();
    onFocus();
  });
  hear((news) => {
    if (news.about !== "session") return;
    forgetMemos();
    tags.value = [];
    void readDevice();
  });
}
