// Memos that were deleted: to restore, or to delete for good.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { TrashedMemo as Trashed } from "@aimo/dto";
import { call } from "../api/http";
import { formatMoment } from "../i18n";
import { t, tn } from "../i18n/pages/trash";
import { revive } from "../store/memos";
import { Attachments } from "../ui/attachments";
import { Confirm } from "../ui/dialog";
import { report } from "../ui/errors";
import { Markdown } from "../ui/markdown";
import { beginning } from "../ui/memo-card";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { toast } from "../ui/toasts";
import { useFetched, useSlow, useTitle } from "../ui/use";
import { fetchMemo } from "./memo";


export default function Trash() {
  useTitle(t("nav.trash"));
  const keyword = useSignal("");
  const page = useSignal(1);
  const emptying = useSignal(false);
  const asked = useSignal<Trashed | null>(null);
  const gone = useSignal<ReadonlySet<string>>(new Set());
  const shown = useSignal<readonly Trashed[]>([]);
  const fetched = useFetched(
    (signal) => call("get", "/api/v1/trash", { query: { page: page.value, pageSize: 20, keyword: keyword.value.trim() }, signal }),
    [page.value, keyword.value],
  );
  const slow = useSlow(fetched.pending && !shown.value.length);
  useEffect(() => {
    if (!fetched.value) return;
    shown.value = page.value === 1 ? fetched.value.list : [...shown.value, ...fetched.value.list];
  }, [fetched.value]);

  const without = (one: Trashed): void => {
    gone.value = new Set([...gone.value, one.memoId]);
  };
  const restore = async (one: Trashed): Promise<void> => {
    await call("post", "/api/v1/trash/{memoId}/restore", { path: { memoId: one.memoId } });
    without(one);
    revive(one.memoId);
    await fetchMemo(one.memoId);
    toast(t("trash.restored"));
  };
  const purge = async (one: Trashed): Promise<void> => {
    await call("delete", "/api/v1/trash/{memoId}", { path: { memoId: one.memoId } });
    without(one);
    toast(t("trash.purged"));
  };

  const empty = async (): Promise<void> => {
    await call("delete", "/api/v1/trash", { timeout: 120_000 });
    shown.value = [];
    page.value = 1;
    fetched.again();
    toast(t("trash.purged"));
  };

  if (fetched.error) return <Problem error={fetched.error} onRetry={fetched.again} />;
  const list = shown.value.filter((one) => !gone.value.has(one.memoId));
  const total = Math.max(0, (fetched.value?.total ?? 0) - gone.value.size);
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t("nav.trash")}</h1>
        <span class="grow" />
        <input
          type="search"
          class="small-search"
          aria-label={t("trash.search")}
          placeholder={t("trash.search")}
          onChange={(event) => {
            page.value = 1;
            keyword.value = event.currentTarget.value;
          }}
        />
      </div>
      <div class="page-head">
        <p class="faint">{t("trash.text")}</p>
        <span class="grow" />
        {list.length > 0 && (
          <button type="button" class="button quiet danger" onClick={() => (emptying.value = true)}>
            {t("trash.emptyAll")}
          </button>
        )}
      </div>
      {slow && <Skeleton rows={3} />}
      {!fetched.pending && !list.length && (
        <section class="empty">
          <h2>{t("trash.empty")}</h2>
        </section>
      )}
      {list.map((one) => (
        <article key={one.memoId} class="card">
          <p class="faint">{t("trash.deleted", { time: formatMoment(one.deletedAt) })}</p>
          <Markdown text={beginning(one.content) ?? one.content} files={one.attachments} />
          <Attachments files={one.attachments} />
          <div class="row">
            <button type="button" class="button" onClick={() => void restore(one).catch(report)}>
              {t("trash.restore")}
            </button>
            <button type="button" class="button quiet danger" onClick={() => (asked.value = one)}>
              {t("trash.purge")}
            </button>
          </div>
        </article>
      ))}
      {page.value < (fetched.value?.totalPages ?? 0) && (
        <div class="row center">
          <button type="button" class="button" disabled={fetched.pending} onClick={() => (page.value += 1)}>
            {t("stream.more")}
          </button>
        </div>
      )}
      {total > 0 && <p class="end">{tn("stream.count", total)}</p>}
      {emptying.value && (
        <Confirm
          title={t("trash.emptyAll")}
          text={t("trash.emptyText")}
          action={t("trash.purge")}
          onClose={() => (emptying.value = false)}
          onYes={() => void empty().catch(report)}
        />
      )}
      {asked.value && (
        <Confirm
          title={t("trash.purgeTitle")}
          text={t("trash.purgeText")}
          action={t("trash.purge")}
          onClose={() => (asked.value = null)}
          onYes={() => asked.value && void purge(asked.value).catch(report)}
        />
      )}
    </div>
  );
}
