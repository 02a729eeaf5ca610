// Earlier rounds of questions.
import type { ReviewSummary } from "@aimo/dto";
import { call } from "../../api/http";
import { formatMoment, formatNumber } from "../../i18n";
import { t, tn } from "../../i18n/pages/review";
import { address } from "../../lib/base";
import { Panel } from "../../ui/panel";
import { useFetched } from "../../ui/use";

export function History() {
  const fetched = useFetched((signal) => call("get", "/api/v1/review/history", { signal }), []);
  if (!fetched.error && !fetched.value?.items.length) return null;
  return (
    <Panel title={t("review.history")} of={fetched}>
      <ul class="rows">
        {fetched.value?.items.map((one) => (
          <li key={one.sessionId}>
            <a class="grow label-name" href={address(`/review/${one.sessionId}`)}>
              {formatMoment(Date.parse(one.createdAt))}
            </a>
            <span class="faint">{outcome(one)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const outcome = ({ itemCount, score }: ReviewSummary): string =>
  `${tn("review.questions", itemCount)} · ${score === undefined ? t("review.unfinished") : t("review.score", { score: formatNumber(score) })}`;
