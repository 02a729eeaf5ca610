// One question on a memo. What is typed stays on this device until it was graded.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ReviewItem } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/review";
import { address } from "../../lib/base";
import { isComposing } from "../../lib/keys";
import { dropFact, fact, setFact } from "../../store/db";
import { explain } from "../../ui/errors";
import { Icon } from "../../ui/icons";
import { Markdown } from "../../ui/markdown";

/** The longest answer that the server takes, in UTF-16 units. */
const LONGEST = 10_000;

interface Props {
  item: ReviewItem;
  /** Which of how many it is. */
  place: string;
  onChange: (changed: Partial<ReviewItem>) => void;
  onNext: () => void;
}

export function Question({ item, place, onChange, onNext }: Props) {
  const typed = `answer:${item.itemId}`;
  const written = useSignal(item.userAnswer ?? "");
  const pending = useSignal(false);
  const failure = useSignal("");
  const next = useRef<HTMLButtonElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const graded = item.mastery !== undefined;
  useEffect(() => {
    field.current?.focus();
    void fact<string>(typed).then((kept) => {
      if (kept && !written.value) written.value = kept;
    });
  }, []);
  useEffect(() => next.current?.focus(), [graded]);

  const answer = async (text: string): Promise<void> => {
    if (pending.value) return;
    pending.value = true;
    failure.value = "";
    try {
      const body = { itemId: item.itemId, answer: text };
      const { mastery, aiFeedback } = await call("post", "/api/v1/review/sessions/{reviewId}/answer", { path: { reviewId: item.sessionId }, body, timeout: 60_000 });
      await dropFact(typed);
      onChange({ userAnswer: text, mastery, aiFeedback });
    } catch (error) {
      failure.value = explain(error);
    } finally {
      pending.value = false;
    }
  };
  const send = (): void => {
    if (written.value.trim()) void answer(written.value);
  };
  return (
    <section class="card ask-me">
      <p class="faint">{place}</p>
      <div class="asked">
        <Markdown text={item.question} />
      </div>
      {graded ? (
        <Graded item={item} />
      ) : item.memoContent === undefined ? (
        <p class="hint">{t("review.memoGone")}</p>
      ) : (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <textarea
            ref={field}
            rows={3}
            dir="auto"
            autocomplete="off"
            maxLength={LONGEST}
            aria-label={t("review.answer")}
            placeholder={t("review.placeholder")}
            value={written.value}
            onInput={(event) => {
              written.value = event.currentTarget.value;
              void setFact(typed, written.value);
            }}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
              event.preventDefault();
              send();
            }}
          />
          {failure.value && (
            <p class="form-error" role="alert">
              {failure.value}
            </p>
          )}
          <div class="row">
            <button type="button" class="button quiet" disabled={pending.value} onClick={() => void answer("")}>
              {t("review.giveUp")}
            </button>
            <span class="grow" />
            {failure.value && (
              <button type="button" class="button" onClick={onNext}>
                {t("review.next")}
              </button>
            )}
            <button type="submit" class="button primary" disabled={!written.value.trim() || pending.value}>
              <Icon name="send" size={18} /> {t(pending.value ? "review.grading" : failure.value ? "retry" : "review.send")}
            </button>
          </div>
        </form>
      )}
      {(graded || item.memoContent === undefined) && (
        <div class="row">
          {item.memoContent !== undefined && <a href={address(`/m/${item.memoId}`)}>{t("memo.open")}</a>}
          <span class="grow" />
          <button ref={next} type="button" class="button primary" onClick={onNext}>
            {t("review.next")}
          </button>
        </div>
      )}
    </section>
  );
}

function Graded({ item }: { item: ReviewItem }) {
  const { mastery } = item;
  return (
    <>
      {item.userAnswer && (
        <p class="question" dir="auto">
          {item.userAnswer}
        </p>
      )}
      <div role="status">
        {(mastery === "remembered" || mastery === "fuzzy" || mastery === "forgot") && <span class={`chip mastery ${mastery}`}>{t(`grade.${mastery}`)}</span>}
        <Markdown text={item.aiFeedback ?? ""} />
      </div>
      {item.memoContent !== undefined && (
        <details open class="source-memo">
          <summary>{t("review.memo")}</summary>
          <Markdown text={item.memoContent} />
        </details>
      )}
    </>
  );
}
