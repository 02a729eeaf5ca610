// Files of one's memos by kind, newest memo first, fetched as one scrolls.
import { signal } from "@preact/signals";
import type { Attachment, Memo } from "@aimo/dto";
import { ApiError, call } from "../api/http";
import { kindOf } from "../lib/files";
import { everyMemo, isGone } from "./memos";

export const SHELVES = ["pictures", "media", "documents"] as const;
export type Shelf = (typeof SHELVES)[number];

/** A file and the memo that shows it. */
export interface Shown {
  key: string;
  file: Attachment;
  memoId: string;
  /** When the memo was written, epoch milliseconds. */
  time: number;
}

/** Where a file of this media type belongs. */
export function shelfOf(type: string): Shelf {
  const kind = kindOf(type);
  if (kind === "image") return "pictures";
  return kind === "audio" || kind === "video" ? "media" : "documents";
}

const PAGE = 100;

const filesOf = (memos: readonly Memo[]): Shown[] =>
  memos.flatMap(({ memoId, createdAt, attachments }) =>
    isGone(memoId) ? [] : attachments.map((file) => ({ key: `${memoId} ${file.attachmentId}`, file, memoId, time: createdAt })),
  );

/** The files that were found so far. */
export class Gallery {
  readonly files = signal<readonly Shown[]>([]);
  readonly pending = signal(false);
  readonly done = signal(false);
  readonly error = signal<unknown>(null);
  private page = 1;

  /** Fetch until there are more files of a shelf, or none are left; shows what this device keeps while the server is away. */
  async more(shelf: Shelf): Promise<void> {
    if (this.pending.value || this.done.value) return;
    this.pending.value = true;
    this.error.value = null;
    try {
      for (let found = 0; found < PAGE / 2 && !this.done.value; ) found += await this.next(shelf);
    } catch (error) {
      this.error.value = error;
      if (this.page === 1 && error instanceof ApiError && error.isTransient) {
        this.files.value = filesOf(everyMemo().sort((one, other) => other.createdAt - one.createdAt));
      }
    } finally {
      this.pending.value = false;
    }
  }

  /** Fetch one page; how many files of the shelf it has. */
  private async next(shelf: Shelf): Promise<number> {
    const query = { page: this.page, limit: PAGE, sortBy: "createdAt", sortOrder: "desc" as const, hasAttachments: "true" };
    const { items, pagination } = await call("get", "/api/v1/memos", { query });
    const before = this.page === 1 ? [] : this.files.value;
    // A memo that was written meanwhile moves the pages: what is shown already is left out.
    const known = new Set(before.map((one) => one.key));
    const fresh = filesOf(items).filter((one) => !known.has(one.key));
    this.files.value = [...before, ...fresh];
    this.done.value = !items.length || this.page * PAGE >= pagination.total;
    this.page += 1;
    return fresh.filter((one) => shelfOf(one.file.type) === shelf).length;
  }
}
