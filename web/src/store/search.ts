// Searching what this device knows.
import type { Memo, Snippet } from "@aimo/dto";
import { fold, terms } from "../lib/text";

export interface Found {
  memo: Memo;
  snippet: Snippet;
  why: readonly ("semantic" | "text")[];
}

const LENGTH = 160;

/** Where terms are in a text: start and end as offsets, without overlaps. Only texts whose folding keeps their length are marked exactly. */
export function marksOf(text: string, wanted: readonly string[]): [number, number][] {
  const lower = text.toLowerCase();
  const plain = lower.length === text.length ? lower : text;
  const marks: [number, number][] = [];
  for (const term of wanted) {
    for (let at = plain.indexOf(term); at >= 0 && marks.length < 50; at = plain.indexOf(term, at + term.length)) marks.push([at, at + term.length]);
  }
  marks.sort((one, other) => one[0] - other[0] || other[1] - one[1]);
  return marks.filter(([start], index) => index === 0 || start >= (marks[index - 1]?.[1] ?? 0));
}

/** Part of a text around the first term. */
export function snippetOf(content: string, wanted: readonly string[]): Snippet {
  const first = marksOf(content, wanted)[0]?.[0] ?? 0;
  let start = first > 60 ? first - 40 : 0;
  // Never begin or end within a surrogate pair.
  if (/[\uDC00-\uDFFF]/.test(content[start] ?? "")) start += 1;
  let end = Math.min(content.length, start + LENGTH);
  if (/[\uD800-\uDBFF]/.test(content[end - 1] ?? "")) end -= 1;
  const text = content.slice(start, end);
  return { text, marks: marksOf(text, wanted) };
}

/** Memos that contain all terms, newest first. */
export function findHere(memos: readonly Memo[], query: string, most = 30): Found[] {
  const wanted = terms(query);
  if (!wanted.length) return [];
  return memos
    .filter((memo) => {
      const text = fold(`${memo.content} ${(memo.tags ?? []).map((tag) => tag.name).join(" ")}`);
      return wanted.every((term) => text.includes(term));
    })
    .sort((one, other) => other.createdAt - one.createdAt)
    .slice(0, most)
    .map((memo) => ({ memo, snippet: snippetOf(memo.content, wanted), why: ["text"] as const }));
}

/** A snippet as parts, marked or not. Marks that make no sense are ignored. */
export function splitMarks({ text, marks }: Snippet): { text: string; marked: boolean }[] {
  const parts: { text: string; marked: boolean }[] = [];
  let at = 0;
  for (const [start, end] of marks) {
    if (start < at || end <= start || end > text.length) continue;
    if (start > at) parts.push({ text: text.slice(at, start), marked: false });
    parts.push({ text: text.slice(start, end), marked: true });
    at = end;
  }
  if (at < text.length) parts.push({ text: text.slice(at), marked: false });
  return parts;
}
