import type { Memo } from "@aimo/dto";
import { t } from "../i18n";
import { address } from "../lib/base";
import { toast } from "./toasts";

/** Copy a text and say so. Without the clipboard interface (plain HTTP) an element helps out. */
export async function copyText(text: string, message: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) {
      toast(t("copy.failed"), { bad: true });
      return;
    }
  }
  toast(message);
}

/** A memo as Markdown: its text, then the tags that are not in it. */
export function asMarkdown(memo: Memo): string {
  const tags = (memo.tags ?? []).map((tag) => `#${tag.name}`).filter((tag) => !memo.content.includes(tag));
  return tags.length ? `${memo.content}\n\n${tags.join(" ")}` : memo.content;
}

export const publicLink = (memoId: string): string => new URL(address(`/share/${memoId}`), location.href).href;
export const copyMarkdown = (memo: Memo): Promise<void> => copyText(asMarkdown(memo), t("copy.markdown"));
export const copyPublicLink = (memo: Memo): Promise<void> => copyText(publicLink(memo.memoId), t("copy.link"));
