// The stream of memos: filters in the address, pages from the server, or from this device while it is away.
import { signal } from "@preact/signals";
import type { Memo } from "@aimo/dto";
import { ApiError, call } from "../api/http";
import { dayBounds, dayKey } from "../i18n";
import { fold } from "../lib/text";
import { everyMemo, take } from "./memos";
import { loadMarkdownFor } from "../ui/markdown";

export interface Filter {
  search: string;
  tags: string[];
  /** An id, `__uncategorized__`, or empty for all. */
  category: string;
  /** Days `YYYY-MM-DD` in the user's zone, or empty. */
  from: string;
  to: string;
  hasFiles: boolean;
  sort: "newest" | "oldest" | "changed";
}

/** Read filters from the query of an address. */
export function filterFrom(query: URLSearchParams): Filter {
  const sort = query.get("sort");
  const day = (name: string): string => (dayBounds(query.get(name) ?? "") ? (query.get(name) ?? "") : "");
  return {
    search: query.get("q") ?? "",
    tags: query.getAll("tag").filter(Boolean),
    category: query.get("category") ?? "",
    from: day("from"),
    to: day("to"),
    hasFiles: query.has("files"),
    sort: sort === "oldest" || sort === "changed" ? sort : "newest",
  };
}

/** The address of the stream with filters: defaults are left out. */
export function streamAddress(filter: Partial<Filter>): string {
  const query = new URLSearchParams();
  if (filter.search) query.set("q", filter.search);
  for (const tag of filter.tags ?? []) query.append("tag", tag);
  if (filter.category) query.set("category", filter.category);
  if (filter.from) query.set("from", filter.from);
  if (filter.to) query.set("to", filter.to);
  if (filter.hasFiles) query.set("files", "1");
  if (filter.sort && filter.sort !== "newest") query.set("sort", filter.sort);
  return query.size ? `/?${query}` : "/";
}

export const isFiltered = (filter: Filter): boolean => streamAddress({ ...filter, sort: "newest" }) !== "/";

export const UNCATEGORIZED = "__uncategorized__";

/** Whether a memo meets the filters; the same rules as the server's. */
export function meets(memo: Memo, filter: Filter): boolean {
  if (filter.search && !fold(memo.content).includes(fold(filter.search))) return false;
  if (filter.category && (memo.categoryId ?? UNCATEGORIZED) !== filter.category) return false;
  if (filter.hasFiles && !memo.attachments.length) return false;
  const names = new Set((memo.tags ?? []).map((tag) => fold(tag.name)));
  if (!filter.tags.every((tag) => names.has(fold(tag)))) return false;
  const day = dayKey(memo.createdAt);
  return !(filter.from && day < filter.from) && !(filter.to && day > filter.to);
}

const time = (memo: Memo, sort: Filter["sort"]): number => (sort === "changed" ? memo.updatedAt : memo.createdAt);

/** Compare two memos for the order of the stream. */
export const inOrder =
  (sort: Filter["sort"]) =>
  (one: Memo, other: Memo): number =>
    (sort === "oldest" ? 1 : -1) * (time(one, sort) - time(other, sort));

const PAGE = 50;

/** One view of the stream, filled as one scrolls. */
export class Stream {
  readonly ids = signal<readonly string[]>([]);
  readonly total = signal<number | null>(null);
  readonly pending = signal(false);
  readonly done = signal(false);
  readonly error = signal<unknown>(null);
  /** Whether it shows what this device keeps, because the server is away. */
  readonly local = signal(false);
  private page = 1;
  private stop = new AbortController();

  constructor(readonly filter: Filter) {}

  /** Show what this device has, until the server answers. */
  async showKept(): Promise<void> {
    const kept = everyMemo().filter((memo) => meets(memo, this.filter)).sort(inOrder(this.filter.sort)).slice(0, PAGE);
    await loadMarkdownFor(kept.map((memo) => memo.content));
    if (!this.ids.value.length) this.ids.value = kept.map((memo) => memo.memoId);
  }

  /** Fetch the next page. */
  async more(): Promise<void> {
    if (this.pending.value || this.done.value) return;
    this.pending.value = true;
    this.error.value = null;
    const first = this.page === 1;
    try {
      const { items, pagination } = await call("get", "/api/v1/memos", { query: this.query(), signal: this.stop.signal });
      await take(items, !isFiltered(this.filter) && this.filter.sort === "newest" && this.page * PAGE <= 2000);
      await loadMarkdownFor(items.map((memo) => memo.content));
      const before = first ? [] : this.ids.value;
      const seen = new Set(before);
      this.ids.value = [...before, ...items.map((memo) => memo.memoId).filter((id) => !seen.has(id))];
      this.total.value = pagination.total;
      this.done.value = this.page * PAGE >= pagination.total;
      this.page += 1;
      this.local.value = false;
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.error.value = error;
      if (first && error instanceof ApiError && error.isTransient) this.showAllKept();
    } finally {
      this.pending.value = false;
    }
  }

  private showAllKept(): void {
    const kept = everyMemo().filter((memo) => meets(memo, this.filter));
    this.ids.value = kept.sort(inOrder(this.filter.sort)).map((memo) => memo.memoId);
    this.total.value = kept.length;
    this.local.value = true;
  }

  /** Fetch the first page again and keep what is shown until it is there. */
  async refresh(): Promise<void> {
    if (this.pending.value) return;
    this.page = 1;
    this.done.value = false;
    await this.more();
  }

  close(): void {
    this.stop.abort();
  }

  private query() {
    const { search, tags, category, from, to, hasFiles, sort } = this.filter;
    return {
      page: this.page,
      limit: PAGE,
      sortBy: sort === "changed" ? "updatedAt" : "createdAt",
      sortOrder: sort === "oldest" ? ("asc" as const) : ("desc" as const),
      ...(search && { search }),
      ...(tags.length && { tags }),
      ...(category && { categoryId: category }),
      ...(from && { startDate: String(dayBounds(from)?.from) }),
      ...(hasFiles && { hasAttachments: "true" }),
      ...(to && { endDate: String(dayBounds(to)?.to) }),
    };
  }
}
