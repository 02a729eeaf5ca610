// What waits to be sent, and what could not be: nothing that was typed is lost.
import { formatMoment } from "../i18n";
import { t } from "../i18n/pages/outbox";
import { address } from "../lib/base";
import { firstLine } from "../lib/text";
import { memo } from "../store/memos";
import type { Entry } from "../store/outbox";
import { entries, MISSING, settle, takeBack } from "../store/sender";
import { ConflictBox } from "../ui/conflict";
import { copyText } from "../ui/copy";
import { report } from "../ui/errors";
import { useTitle } from "../ui/use";

export default function Outbox() {
  useTitle(t("outbox.title"));
  return (
    <div class="page narrow">
      <h1>{t("outbox.title")}</h1>
      {entries.value.length === 0 && <p class="faint">{t("outbox.empty")}</p>}
      {entries.value.map((entry) => (entry.state === "conflict" ? <ConflictBox key={entry.seq} entry={entry} /> : <Item key={entry.seq} entry={entry} />))}
    </div>
  );
}

function Item({ entry }: { entry: Entry }) {
  const { change } = entry;
  const text = "written" in change ? change.written.content : (memo(entry.memoId)?.content ?? "");
  return (
    <article class="card">
      <p class="faint">
        {t(`outbox.${change.kind}`)} {"at" in change && `· ${formatMoment(change.at)}`}
      </p>
      <p>{firstLine(text, 160)}</p>
      {entry.state === "failed" && (
        <p class="form-error" role="alert">
          {entry.reason === MISSING ? t("outbox.gone") : t("outbox.failed", { reason: entry.reason ?? "" })}
        </p>
      )}
      <div class="row">
        {entry.reason === MISSING && change.kind === "update" && (
          <button
            type="button"
            class="button primary"
            onClick={() => void settle(entry.seq, { kind: "create", written: change.written, at: change.at }).catch(report)}
          >
            {t("outbox.keepAsNew")}
          </button>
        )}
        {entry.state === "failed" && entry.reason !== MISSING && (
          <button type="button" class="button primary" onClick={() => void settle(entry.seq, change).catch(report)}>
            {t("retry")}
          </button>
        )}
        {"written" in change && (
          <button type="button" class="button" onClick={() => void copyText(text, t("copy.markdown"))}>
            {t("memo.copy")}
          </button>
        )}
        {entry.state === "failed" && (
          <button type="button" class="button danger" onClick={() => void takeBack(entry.seq).catch(report)}>
            {t("outbox.discard")}
          </button>
        )}
        {memo(entry.memoId) && <a href={address(`/m/${entry.memoId}`)}>{t("memo.open")}</a>}
      </div>
    </article>
  );
}
