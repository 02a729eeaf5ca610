import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { dayKey, formatDay, t } from "../i18n";
import { go, returned, savedPosition } from "../router";
import { remove, setPublic } from "../store/actions";
import { tagNamed } from "../store/labels";
import { isGone, memo, revision } from "../store/memos";
import { overlay, type Shown } from "../store/outbox";
import { entries, names } from "../store/sender";
import { inOrder, isFiltered, meets, type Stream } from "../store/stream";
import { report } from "./errors";
import { Heights } from "./heights";
import { MemoCard } from "./memo-card";
import { Problem } from "./problem";
import { Skeleton } from "./skeleton";
import { useKeys, useSlow } from "./use";
import { VirtualList } from "./virtual-list";

type Row = { key: string; day: string; time: number } | { key: string; memo: Shown };

const heights = new Heights();

/** A first guess of a card's height in pixels. */
function guess(row: Row): number {
  if (!("memo" in row)) return 48;
  const { content, attachments } = row.memo;
  const lines = Math.min(14, content.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 70), 0));
  return 84 + lines * 26 + (attachments.length ? 180 : 0);
}

export function StreamList({ stream }: { stream: Stream }) {
  const { filter } = stream;
  const chosen = useSignal<string | null>(null);
  // A memo keeps its place in the document when the server names it: what is open in it stays open.
  const firstNames = useComputed(() => new Map([...names.value].map(([from, to]) => [to, from])));
  const keyFor = (memoId: string): string => firstNames.value.get(memoId) ?? memoId;
  const rows = useComputed<Row[]>(() => {
    void revision.value;
    const known = stream.ids.value.flatMap((id) => (isGone(id) ? [] : (memo(id) ?? [])));
    const { memos, created } = overlay(known, entries.value, tagNamed);
    const listed = new Set(memos.map((one) => one.memoId));
    // Memos that were made here and are on the server by now are shown until the next refresh brings them.
    const sent = [...names.value.values()].flatMap((id) => (listed.has(id) || isGone(id) ? [] : (memo(id) ?? [])));
    const fresh = overlay(sent, entries.value, tagNamed).memos;
    const fitting = [...created, ...fresh].filter((one) => !isFiltered(filter) || meets(one, filter));
    const all = fitting.length ? [...memos, ...fitting].sort(inOrder(filter.sort)) : memos;
    const found: Row[] = [];
    let day = "";
    for (const one of all) {
      const time = filter.sort === "changed" ? one.updatedAt : one.createdAt;
      const its = dayKey(time);
      if (its !== day) found.push({ key: `day ${its}`, day: its, time });
      day = its;
      found.push({ key: keyFor(one.memoId), memo: one });
    }
    return found;
  });
  const shown = rows.value;
  const memos = shown.flatMap((row) => ("memo" in row ? row.memo : []));
  const slow = useSlow(stream.pending.value && !shown.length);

  const restored = useRef(false);
  useLayoutEffect(() => {
    if (restored.current || !shown.length) return;
    restored.current = true;
    if (returned.value && savedPosition() > 0) scrollTo(0, savedPosition());
  }, [shown.length]);

  const move = (step: number): void => {
    const at = memos.findIndex((one) => one.memoId === chosen.value);
    chosen.value = memos[Math.min(memos.length - 1, Math.max(0, at < 0 ? 0 : at + step))]?.memoId ?? null;
  };
  const withChosen = (run: (one: Shown) => void) => (): void => {
    const one = memos.find((each) => each.memoId === chosen.value);
    if (one) run(one);
  };
  const open = withChosen((one) => go(`/m/${one.memoId}`));
  const trash = withChosen((one) => {
    move(memos.at(-1) === one ? -1 : 1);
    void remove(one.memoId).catch(report);
  });
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    o: open,
    ...(chosen.value && !document.activeElement?.closest("a, button") && { Enter: open }),
    e: withChosen((one) => go(`/m/${one.memoId}?edit=1`)),
    p: withChosen((one) => void setPublic(one, !one.isPublic).catch(report)),
    Delete: trash,
    "#": trash,
  });
  useEffect(() => {
    if (!chosen.value) return;
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".card.selected")?.focus({ preventScroll: true }));
  }, [chosen.value]);

  if (!shown.length) {
    if (stream.pending.value) return slow ? <Skeleton /> : <div class="reserve" />;
    if (stream.error.value && !stream.local.value) return <Problem error={stream.error.value} onRetry={() => void stream.refresh()} />;
    return <Empty filtered={isFiltered(filter)} />;
  }
  return (
    <>
      <section aria-busy={stream.pending.value} aria-label={t("stream.label")}>
        <VirtualList
          rows={shown}
          keyOf={(row) => row.key}
          guess={guess}
          heights={heights}
          reveal={chosen.value && keyFor(chosen.value)}
          onNearEnd={() => void (stream.error.value ? undefined : stream.more())}
          draw={(row) =>
            "memo" in row ? (
              <MemoCard memo={row.memo} selected={row.memo.memoId === chosen.value} />
            ) : (
              <h2 class="day">{formatDay(row.time)}</h2>
            )
          }
        />
      </section>
      {stream.error.value !== null && !stream.local.value && (
        <div class="row center">
          <button type="button" class="button" onClick={() => void stream.more()}>
            {t("stream.more")}
          </button>
        </div>
      )}
      {stream.local.value && <p class="end">{t("stream.local")}</p>}
      {stream.done.value && memos.length > 20 && <p class="end">{t("stream.end")}</p>}
    </>
  );
}

function Empty({ filtered }: { filtered: boolean }) {
  return (
    <section class="empty">
      <h2>{t(filtered ? "stream.nothing" : "stream.first")}</h2>
      <p>{t(filtered ? "stream.nothingText" : "stream.firstText")}</p>
    </section>
  );
}
