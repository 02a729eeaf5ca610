// The cards that are due, one after the other: recall, look, say how well it went.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { DueCard } from "@aimo/dto";
import { call } from "../../api/http";
import { formatNumber } from "../../i18n";
import { t, tn } from "../../i18n/pages/review";
import { address } from "../../lib/base";
import { daysAfter, type Grade, GRADES } from "../../lib/schedule";
import { giveGrade, sendGrade, takeGradeBack } from "../../store/grades";
import { memo as knownMemo } from "../../store/memos";
import { Attachments } from "../../ui/attachments";
import { explain, report } from "../../ui/errors";
import { Markdown } from "../../ui/markdown";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { dismiss, toast } from "../../ui/toasts";
import { useFetched, useKeys, useSlow } from "../../ui/use";
import { fetchMemo } from "../memo";
import { ImportCards } from "../settings/repetition";

const ROUTE = "/api/v1/spaced-repetition";

/** Whether the title says all that there is. */
const isShort = ({ memo }: DueCard): boolean => memo.content.trim() === memo.title.trim();

function whenAfter(card: DueCard, grade: Grade): string {
  const days = daysAfter(card, grade);
  return days === 1 ? t("review.tomorrow") : t("review.inDays", { count: formatNumber(days) });
}

interface Due {
  cards: readonly DueCard[];
  totalDue: number;
  totalCards: number;
  /** When it was asked for, epoch milliseconds. */
  at: number;
}

async function fetchDue(signal: AbortSignal): Promise<Due> {
  await sendGrade();
  const [due, stats] = await Promise.all([call("get", `${ROUTE}/due`, { signal }), call("get", `${ROUTE}/stats`, { signal })]);
  return { ...due, ...stats, at: Date.now() };
}

export function DueCards() {
  const fetched = useFetched(fetchDue, []);
  const slow = useSlow(fetched.pending && !fetched.value);
  return (
    <Panel title={t("review.repeat")} of={fetched}>
      {slow && <Skeleton rows={1} />}
      {fetched.value && <Deck key={fetched.value.at} fetched={fetched.value} onMore={fetched.again} />}
    </Panel>
  );
}

function Deck({ fetched, onMore }: { fetched: Due; onMore: () => void }) {
  const queue = useSignal(fetched.cards);
  const done = useSignal(0);
  const shown = useSignal("");
  const undoable = useRef(0);
  const card = queue.value[0];
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    // The next card takes the focus of the one that went.
    if (done.value > 0) box.current?.focus({ preventScroll: true });
  }, [card?.cardId]);
  const open = card !== undefined && (shown.value === card.cardId || isShort(card));
  const reveal = (): void => {
    if (card) shown.value = card.cardId;
  };
  const back = (one: DueCard): void => {
    queue.value = [one, ...queue.value.filter(({ cardId }) => cardId !== one.cardId)];
    done.value -= 1;
    shown.value = one.cardId;
  };
  const grade = (quality: Grade): void => {
    if (!card || !open) return;
    dismiss(undoable.current);
    giveGrade(card.cardId, quality, (error) => {
      back(card);
      report(error);
    });
    queue.value = queue.value.slice(1);
    done.value += 1;
    undoable.current = toast(t("review.comesBack", { when: whenAfter(card, quality) }), {
      action: { label: t("undo"), run: () => takeGradeBack(card.cardId) && back(card) },
    });
  };
  const later = (): void => {
    queue.value = [...queue.value.slice(1), ...queue.value.slice(0, 1)];
    shown.value = "";
  };
  useKeys({
    " ": reveal,
    s: later,
    ...Object.fromEntries(GRADES.map((quality, index) => [String(index + 1), () => grade(quality)])),
  });

  const due = Math.max(0, fetched.totalDue - done.value);
  return (
    <>
      <p class="faint">{t("review.figures", { due: t("review.due", { count: formatNumber(due) }), cards: tn("review.cards", fetched.totalCards) })}</p>
      {card && (
        <article ref={box} class="flash" key={card.cardId} tabIndex={-1} aria-label={t("review.card")}>
          {open ? <Whole card={card} /> : <p class="front" dir="auto">{card.memo.title}</p>}
          {open ? (
            <div class="grades">
              {GRADES.map((quality, index) => (
                <button key={quality} type="button" class={`button grade ${quality}`} aria-keyshortcuts={String(index + 1)} onClick={() => grade(quality)}>
                  <span>
                    <kbd aria-hidden="true">{index + 1}</kbd> {t(`grade.${quality}`)}
                  </span>
                  <small>{whenAfter(card, quality)}</small>
                </button>
              ))}
            </div>
          ) : (
            <button type="button" class="button primary wide" aria-keyshortcuts="Space" onClick={reveal}>
              {t("review.show")}
            </button>
          )}
          <div class="row">
            <a href={address(`/m/${card.memoId}`)}>{t("memo.open")}</a>
            <span class="grow" />
            {queue.value.length > 1 && (
              <button type="button" class="link" aria-keyshortcuts="s" onClick={later}>
                {t("review.later")}
              </button>
            )}
          </div>
        </article>
      )}
      {!card && <Finished due={due} cards={fetched.totalCards} onMore={onMore} />}
      <div class="row">
        <a href={address("/settings")}>{t("review.which")}</a>
        <span class="grow" />
        {!card && <ImportCards onDone={onMore} />}
      </div>
    </>
  );
}

function Finished({ due, cards, onMore }: { due: number; cards: number; onMore: () => void }) {
  if (due > 0) {
    return (
      <button type="button" class="button primary wide" onClick={onMore}>
        {tn("review.more", due)}
      </button>
    );
  }
  return <p role="status">{t(cards ? "review.done" : "review.none")}</p>;
}

/** The whole memo: what this device has of it, or the server. */
function Whole({ card }: { card: DueCard }) {
  const kept = knownMemo(card.memoId);
  const fetched = useFetched(async (signal) => kept ?? fetchMemo(card.memoId, signal), [card.memoId]);
  const memo = fetched.value ?? kept;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <div ref={box} tabIndex={-1} class="whole">
      <Markdown text={memo?.content ?? card.memo.content} files={memo?.attachments} />
      {memo && <Attachments files={memo.attachments} />}
      {fetched.error && !memo ? (
        <p class="form-error" role="alert">
          {explain(fetched.error)}
        </p>
      ) : null}
    </div>
  );
}
