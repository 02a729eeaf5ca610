import { signal } from "@preact/signals";

/** Rises when the stream shall look for what is new. */
export const streamRefresh = signal(0);

let last = Date.now();

/** Look for what is new, at most once in 15 seconds. */
export function refreshSoon(): void {
  if (Date.now() - last < 15_000) return;
  last = Date.now();
  streamRefresh.value += 1;
}
