// How many notifications are unread: for the bell.
import { effect, signal } from "@preact/signals";
import { call } from "../api/http";
import { person } from "./session";

export const unread = signal(0);

/** Ask the server how many are unread. Raises ApiError. */
export async function fetchUnread(): Promise<void> {
  unread.value = (await call("get", "/api/v1/notifications/unread-count")).count;
}

effect(() => {
  if (!person.value) unread.value = 0;
});
