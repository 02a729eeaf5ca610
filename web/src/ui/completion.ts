// Completion while writing: `#` offers tags, `[[` offers memos to link to.
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { formatDate } from "../i18n";
import { firstLine, fold } from "../lib/text";
import { tags } from "../store/labels";
import { everyMemo } from "../store/memos";

interface Option {
  key: string;
  label: string;
  note: string;
  text: string;
}

interface Completion {
  options: Option[];
  active: number;
  choose: (index: number) => void;
}

/** What is being completed before the caret: where it begins, what for, and what was typed. */
export function trigger(text: string, caret: number): { from: number; kind: "tag" | "memo"; typed: string } | null {
  const before = text.slice(0, caret);
  const memo = /\[\[([^[\]\n]{0,60})$/.exec(before);
  if (memo) return { from: memo.index, kind: "memo", typed: memo[1] ?? "" };
  const tag = /(?:^|[\s(（，。、])#([\p{L}\p{N}_\-/]{0,60})$/u.exec(before);
  if (tag) return { from: caret - (tag[1] ?? "").length - 1, kind: "tag", typed: tag[1] ?? "" };
  return null;
}

const MOST = 8;

function tagOptions(typed: string): Option[] {
  const wanted = fold(typed);
  return tags.value
    .filter((tag) => fold(tag.name).includes(wanted) && !/[\s#]/.test(tag.name))
    .sort((one, other) => Number(fold(other.name).startsWith(wanted)) - Number(fold(one.name).startsWith(wanted)) || other.usageCount - one.usageCount)
    .slice(0, MOST)
    .map((tag) => ({ key: tag.tagId, label: `#${tag.name}`, note: tag.usageCount ? String(tag.usageCount) : "", text: `#${tag.name} ` }));
}

function memoOptions(typed: string): Option[] {
  const wanted = fold(typed.trim());
  const found: Option[] = [];
  for (const memo of everyMemo()) {
    if (wanted && !fold(memo.content).includes(wanted)) continue;
    const label = firstLine(memo.content, 40) || memo.memoId;
    const title = label.replace(/[[\]\\]/g, " ").trim();
    found.push({ key: memo.memoId, label, note: formatDate(memo.createdAt), text: `[${title}](/m/${memo.memoId}) ` });
    if (found.length === MOST) break;
  }
  return found;
}

export function useCompletion(
  field: RefObject<HTMLTextAreaElement | null>,
  write: (content: string) => void,
): { completion: Signal<Completion | null>; onInput: (area: HTMLTextAreaElement) => void; onKey: (event: KeyboardEvent) => boolean; close: () => void } {
  const completion = useSignal<Completion | null>(null);
  const close = (): void => {
    completion.value = null;
  };

  const onInput = (area: HTMLTextAreaElement): void => {
    const caret = area.selectionStart;
    const found = caret === area.selectionEnd ? trigger(area.value, caret) : null;
    const options = found ? (found.kind === "tag" ? tagOptions(found.typed) : memoOptions(found.typed)) : [];
    if (!found || !options.length) {
      close();
      return;
    }
    const choose = (index: number): void => {
      const option = options[index];
      const now = field.current;
      if (!option || !now) return;
      now.focus();
      now.setSelectionRange(found.from, now.selectionStart);
      // Typing keeps the browser's own undo, which setting the value would empty.
      if (!document.execCommand("insertText", false, option.text)) now.setRangeText(option.text, found.from, now.selectionEnd, "end");
      write(now.value);
      close();
    };
    completion.value = { options, active: 0, choose };
  };

  const onKey = (event: KeyboardEvent): boolean => {
    const open = completion.value;
    if (!open || event.ctrlKey || event.metaKey) return false;
    const count = open.options.length;
    if (event.key === "ArrowDown") completion.value = { ...open, active: (open.active + 1) % count };
    else if (event.key === "ArrowUp") completion.value = { ...open, active: (open.active + count - 1) % count };
    else if (event.key === "Enter" || event.key === "Tab") open.choose(open.active);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    return true;
  };
  return { completion, onInput, onKey, close };
}
