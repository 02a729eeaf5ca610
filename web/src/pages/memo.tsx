// One memo: reading, changing, and what it is connected with.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Memo } from "@aimo/dto";
import { call } from "../api/http";
import { formatMoment, t } from "../i18n";
import { isLocal } from "../lib/ids";
import { firstLine } from "../lib/text";
import { go, place } from "../router";
import type { PageProps } from "../routes";
import { checkTask, latestWritten, remove, setPublic, update, writtenFrom } from "../store/actions";
import { draft as keptDraft, discard, type Draft } from "../store/drafts";
import { tagNamed } from "../store/labels";
import { isGone, memo as knownMemo, revision, take } from "../store/memos";
import { applied, type Shown } from "../store/outbox";
import { entries, names } from "../store/sender";
import { Attachments } from "../ui/attachments";
import { Composer } from "../ui/composer";
import { Connections } from "../ui/connections";
import { ConflictBox } from "../ui/conflict";
import { report } from "../ui/errors";
import { Icon } from "../ui/icons";
import { Markdown } from "../ui/markdown";
import { actionsOf, MemoMeta, TagLinks } from "../ui/memo-card";
import { Menu } from "../ui/menu";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { useFetched, useKeys, useSlow, useTitle } from "../ui/use";

/** A memo as the server has it now. */
export async function fetchMemo(memoId: string, signal?: AbortSignal): Promise<Memo> {
  const one = await call("get", "/api/v1/memos/{memoId}", { path: { memoId }, ...(signal && { signal }) });
  await take([one], true);
  return one;
}

/** A memo as it shall be shown: the server's, with what waits to be sent. */
function shown(memoId: string): Shown | null {
  void revision.value;
  let one: Shown | null = knownMemo(memoId) ?? null;
  for (const entry of entries.value) if (entry.memoId === memoId) one = applied(one, entry, tagNamed);
  return one;
}

export function draftOf(memo: Memo): Draft {
  const written = latestWritten(memo);
  return { draftId: `edit:${memo.memoId}`, ...written, base: (knownMemo(memo.memoId) ?? memo).updatedAt, changedAt: Date.now() };
}

export default function MemoPage({ id }: PageProps) {
  const fetched = useFetched(async (signal) => (isLocal(id) ? null : fetchMemo(id, signal)), [id]);
  const editing = useSignal<Draft | null>(null);
  const name = names.value.get(id);
  useEffect(() => {
    if (name) go(`/m/${name}${location.search}`, true);
  }, [name]);

  const memo = shown(id);
  const slow = useSlow(fetched.pending && !memo);
  useTitle(memo ? firstLine(memo.content, 40) : t("memo.title"));

  const edit = (): void => {
    const one = shown(id);
    if (!one) return;
    void keptDraft(`edit:${id}`).then((kept) => (editing.value = kept ?? draftOf(one)));
  };
  const wantsEdit = place.value.query.has("edit");
  useEffect(() => {
    if (!wantsEdit || !memo || fetched.pending) return;
    go(`/m/${id}`, true);
    edit();
  }, [wantsEdit, memo !== null, fetched.pending]);

  const leave = (): void => {
    const one = shown(id);
    if (one) void remove(one.memoId).then(() => go("/"), report);
  };
  useKeys({
    e: edit,
    p: () => memo && void setPublic(memo, !memo.isPublic).catch(report),
    Delete: leave,
    "#": leave,
    Escape: () => go("/"),
  });

  if (!memo) {
    if (isGone(id) || entries.value.some((entry) => entry.memoId === id && entry.change.kind === "delete")) return <Problem kind="missing" />;
    if (fetched.pending) return slow ? <div class="page narrow"><Skeleton rows={1} /></div> : null;
    return fetched.error ? <Problem error={fetched.error} onRetry={fetched.again} /> : <Problem kind="missing" />;
  }
  const conflict = entries.value.find((entry) => entry.memoId === id && entry.state === "conflict");
  return (
    <div class="page with-side">
      <div class="column">
        <div class="page-head">
          <button type="button" class="icon-button" aria-label={t("back")} onClick={() => (history.length > 1 ? history.back() : go("/"))}>
            <Icon name="back" />
          </button>
          <h1 class="sr-only">{firstLine(memo.content, 80) || t("memo.title")}</h1>
          <span class="grow" />
          {!editing.value && (
            <button type="button" class="icon-button" aria-label={t("memo.edit")} title={t("memo.edit")} onClick={edit}>
              <Icon name="edit" />
            </button>
          )}
          <Menu label={t("memo.actions")} actions={actionsOf(memo).filter((action) => action.icon !== "eye" && action.icon !== "edit")}>
            <Icon name="more" />
          </Menu>
        </div>
        {conflict && <ConflictBox entry={conflict} />}
        {editing.value ? (
          <Composer
            key={editing.value.draftId}
            id="edit"
            autoFocus
            draft={editing.value}
            onCancel={() => {
              void discard(`edit:${id}`);
              editing.value = null;
            }}
            onSave={async (draft) => {
              await update(id, writtenFrom(draft), draft.base);
              editing.value = null;
            }}
          />
        ) : (
          <article class="memo">
            <Markdown text={memo.content} files={memo.attachments} onTask={(index, done) => void checkTask(memo, index, done).catch(report)} />
            <Attachments files={memo.attachments} />
            <TagLinks memo={memo} />
            <footer>
              <MemoMeta memo={memo} withDate />
              {memo.updatedAt - memo.createdAt > 60_000 && <span class="faint">{t("memo.changed", { time: formatMoment(memo.updatedAt) })}</span>}
            </footer>
          </article>
        )}
      </div>
      {!isLocal(id) && <Connections memo={memo} />}
    </div>
  );
}
