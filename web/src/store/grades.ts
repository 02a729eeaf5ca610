// Grades of cards. The server cannot take one back, so each waits here for a while before it is sent.
import { call } from "../api/http";
import type { Grade } from "../lib/schedule";
import { UNDO_TIME } from "../ui/toasts";

interface Waiting {
  cardId: string;
  quality: Grade;
  timer: ReturnType<typeof setTimeout>;
  onFailure: (error: unknown) => void;
}

let waiting: Waiting | null = null;
let sending: Promise<void> = Promise.resolve();

/** Send the grade that waits, and wait until it and those before are there. A failure goes to who gave the grade. */
export function sendGrade(keepalive = false): Promise<void> {
  if (!waiting) return sending;
  const { cardId, quality, timer, onFailure } = waiting;
  waiting = null;
  clearTimeout(timer);
  const sent = call("post", "/api/v1/spaced-repetition/cards/{cardId}/review", { path: { cardId }, body: { quality }, keepalive }).then(() => undefined, onFailure);
  sending = Promise.all([sending, sent]).then(() => undefined);
  return sending;
}

/** Give a card a grade; the one before is sent now. */
export function giveGrade(cardId: string, quality: Grade, onFailure: (error: unknown) => void): void {
  void sendGrade();
  waiting = { cardId, quality, onFailure, timer: setTimeout(() => void sendGrade(), UNDO_TIME) };
}

/** Take the grade of a card back; false when it is sent already. */
export function takeGradeBack(cardId: string): boolean {
  if (waiting?.cardId !== cardId) return false;
  clearTimeout(waiting.timer);
  waiting = null;
  return true;
}

addEventListener("pagehide", () => void sendGrade(true));
