// What people do with memos: each is shown at once and sent through the outbox.
import type { Memo } from "@aimo/dto";
import { t } from "../i18n";
import { localId } from "../lib/ids";
import { hashtags, linkedMemos } from "../lib/text";
import { toast, UNDO_TIME } from "../ui/toasts";
import { withTask } from "../ui/markdown";
import type { Draft } from "./drafts";
import { memo } from "./memos";
import type { Written } from "./outbox";
import { entries, names, put, takeBack } from "./sender";

/** The texts of a draft as a memo: tags written in the text count as well. */
export function writtenFrom(draft: Draft): Written {
  return {
    content: draft.content.trim() || draft.files.map((file) => file.name).join(", "),
    tags: [...new Set([...draft.tags, ...hashtags(draft.content)])],
    categoryId: draft.categoryId,
    isPublic: draft.isPublic,
    relationIds: [...new Set([...draft.relationIds, ...linkedMemos(draft.content)])],
    files: draft.files,
  };
}

/** A memo as it is, to be changed in part. */
export function writtenOf(one: Memo): Written {
  return {
    content: one.content,
    tags: (one.tags ?? []).map((tag) => tag.name),
    categoryId: one.categoryId ?? null,
    isPublic: one.isPublic ?? false,
    relationIds: (one.relations ?? []).map((relation) => relation.memoId),
    files: one.attachments.map((attachment) => ({
      fileId: attachment.attachmentId,
      name: attachment.filename,
      type: attachment.type,
      size: attachment.size,
      attachment,
    })),
  };
}

export async function create(draft: Draft): Promise<void> {
  await put(localId(), { kind: "create", written: writtenFrom(draft), at: Date.now() });
}

/** Change a memo; `base` is what the change began from, so that another device's change is noticed. */
export async function update(memoId: string, written: Written, base?: number): Promise<void> {
  await put(memoId, { kind: "update", written, at: Date.now(), base: base ?? memo(memoId)?.updatedAt ?? 0 });
}

/** Trash a memo; the message that says so offers to undo it. */
export async function remove(memoId: string): Promise<void> {
  const seq = await put(memoId, { kind: "delete" }, UNDO_TIME);
  toast(t("memo.deleted"), {
    action: {
      label: t("undo"),
      run: () => {
        void takeBack(seq).then(async (unsent) => {
          if (!unsent) await put(names.value.get(memoId) ?? memoId, { kind: "restore" });
        });
      },
    },
  });
}

/** A memo with what waits for it, as text to change. */
export function latestWritten(one: Memo): Written {
  const waiting = entries.value.findLast((entry) => entry.memoId === one.memoId && "written" in entry.change)?.change;
  return waiting && "written" in waiting ? waiting.written : writtenOf(one);
}

/** Check or uncheck a task of a memo. */
export async function checkTask(one: Memo, index: number, done: boolean): Promise<void> {
  const written = latestWritten(one);
  await update(one.memoId, { ...written, content: withTask(written.content, index, done) });
}

export async function setPublic(one: Memo, isPublic: boolean): Promise<void> {
  await update(one.memoId, { ...latestWritten(one), isPublic });
  toast(t(isPublic ? "memo.nowPublic" : "memo.nowPrivate"));
}
