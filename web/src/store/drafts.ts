// Text that is being written, kept at every keystroke.
import { database } from "./db";
import { randomId } from "../lib/ids";
import type { FileToSend } from "./outbox";

export interface Draft {
  /** `new:…` for a new memo, `edit:ID` for a change of one. */
  draftId: string;
  content: string;
  tags: string[];
  categoryId: string | null;
  isPublic: boolean;
  relationIds: string[];
  files: FileToSend[];
  /** Of a change: the version that it began from, as `updatedAt`. */
  base?: number;
  changedAt: number;
}

const MINE = "aimo.draft";

export const emptyDraft = (draftId: string): Draft => ({
  draftId,
  content: "",
  tags: [],
  categoryId: null,
  isPublic: false,
  relationIds: [],
  files: [],
  changedAt: 0,
});

export const isEmpty = (draft: Draft): boolean => !draft.content.trim() && !draft.files.length;

export async function draft(draftId: string): Promise<Draft | undefined> {
  return (await database()).get("drafts", draftId);
}

/** Keep a draft, or forget one in which nothing is left. */
export async function keep(one: Draft): Promise<void> {
  const store = await database();
  await (isEmpty(one) ? store.delete("drafts", one.draftId) : store.put("drafts", one));
}

export async function discard(draftId: string): Promise<void> {
  await (await database()).delete("drafts", draftId);
}

/** Hold a lock as long as this tab lives, so that other tabs know that its draft is being written. */
function hold(name: string): void {
  void navigator.locks?.request(name, () => new Promise(() => undefined));
}

/**
 * The draft of a new memo for this tab: the one that is asked for, its own from before a reload, else the latest that no open tab writes
 * (a tab that crashed, the previous visit, something shared to AIMO), else an empty one.
 */
export async function newDraft(wanted: string | null): Promise<Draft> {
  const mine = sessionStorage.getItem(MINE);
  const held = new Set((await navigator.locks?.query())?.held?.map((lock) => lock.name) ?? []);
  const all = (await (await database()).getAll("drafts")).filter((one) => one.draftId.startsWith("new:"));
  const free = all.filter((one) => !held.has(one.draftId)).sort((one, other) => other.changedAt - one.changedAt);
  const found = free.find((one) => one.draftId === wanted) ?? free.find((one) => one.draftId === mine) ?? free[0] ?? emptyDraft(`new:${randomId()}`);
  sessionStorage.setItem(MINE, found.draftId);
  hold(found.draftId);
  return found;
}
