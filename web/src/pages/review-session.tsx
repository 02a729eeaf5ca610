// A round of questions: answer, hear what the answer was worth, go on; then what came out.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ReviewItem, ReviewSession } from "@aimo/dto";
import { call } from "../api/http";
import { formatNumber } from "../i18n";
import { t } from "../i18n/pages/review";
import { address } from "../lib/base";
import type { PageProps } from "../routes";
import { Markdown } from "../ui/markdown";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { useFetched, useSlow, useTitle } from "../ui/use";
import { Question } from "./review/question";

const ROUTE = "/api/v1/review/sessions/{reviewId}";

export default function Session({ id }: PageProps) {
  const fetched = useFetched((signal) => call("get", ROUTE, { path: { reviewId: id }, signal }), [id]);
  const slow = useSlow(fetched.pending && !fetched.value);
  useTitle(t("review.session"));
  if (fetched.error && !fetched.value) return <Problem error={fetched.error} onRetry={fetched.again} />;
  return (
    <div class="page narrow">
      <p>
        <a href={address("/review")}>{t("review.back")}</a>
      </p>
      <h1>{t("review.session")}</h1>
      {slow && <Skeleton rows={1} />}
      {fetched.value && <Round session={fetched.value} />}
    </div>
  );
}

function Round({ session }: { session: ReviewSession }) {
  const items = useSignal<readonly ReviewItem[]>(session.items);
  const begun = session.items.findIndex((one) => one.mastery === undefined && one.memoContent !== undefined);
  const isOver = session.status === "completed" || begun < 0;
  const at = useSignal(isOver ? session.items.length : begun);
  const item = items.value[at.value];
  const change = (changed: Partial<ReviewItem>): void => {
    items.value = items.value.map((one, index) => (index === at.value ? { ...one, ...changed } : one));
  };
  if (!item) return <Result sessionId={session.sessionId} items={items.value} known={session.score} />;
  return (
    <Question
      key={item.itemId}
      item={item}
      place={t("review.place", { at: formatNumber(at.value + 1), of: formatNumber(items.value.length) })}
      onChange={change}
      onNext={() => (at.value += 1)}
    />
  );
}

/** What came out; it is stored whenever the last question was answered. */
function Result({ sessionId, items, known }: { sessionId: string; items: readonly ReviewItem[]; known: number | undefined }) {
  const fetched = useFetched((signal) => call("post", `${ROUTE}/complete`, { path: { reviewId: sessionId }, signal }), [sessionId]);
  const score = fetched.value?.score ?? known;
  useEffect(() => document.querySelector<HTMLElement>(".result")?.focus(), []);
  return (
    <>
      <section class="card result" tabIndex={-1} role="status">
        {score !== undefined && <p class="score">{t("review.score", { score: formatNumber(score) })}</p>}
        {fetched.error ? <Problem error={fetched.error} onRetry={fetched.again} /> : null}
      </section>
      <ol class="answers">
        {items.map((one) => (
          <li key={one.itemId} class="card">
            <Mastery item={one} />
            <Markdown text={one.question} />
            {one.userAnswer && <p class="question" dir="auto">{one.userAnswer}</p>}
            {one.aiFeedback && <Markdown text={one.aiFeedback} />}
            {one.memoContent === undefined ? <p class="faint">{t("review.memoGone")}</p> : <a href={address(`/m/${one.memoId}`)}>{t("memo.open")}</a>}
          </li>
        ))}
      </ol>
    </>
  );
}

function Mastery({ item: { mastery, userAnswer } }: { item: ReviewItem }) {
  const known = mastery === "remembered" || mastery === "fuzzy" || mastery === "forgot" ? mastery : null;
  return (
    <p>
      <span class={`chip mastery ${known ?? ""}`}>{t(known ? `grade.${known}` : userAnswer === undefined ? "review.unanswered" : "review.ungraded")}</span>
    </p>
  );
}
