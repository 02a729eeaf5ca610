// Another device changed the memo meanwhile: both texts are shown, and nothing is overwritten without being asked.
import { formatMoment } from "../i18n";
import { t } from "../i18n/pages/conflict";
import { localId } from "../lib/ids";
import { take } from "../store/memos";
import type { Entry } from "../store/outbox";
import { put, settle, takeBack } from "../store/sender";
import { report } from "./errors";
import { Markdown } from "./markdown";

export function ConflictBox({ entry }: { entry: Entry }) {
  const { change, theirs } = entry;
  if (change.kind !== "update" || !theirs) return null;
  const keepMine = async (): Promise<void> => {
    await take([theirs], true);
    await settle(entry.seq, { ...change, base: theirs.updatedAt });
  };
  const keepTheirs = async (): Promise<void> => {
    await take([theirs], true);
    await takeBack(entry.seq);
  };
  const keepBoth = async (): Promise<void> => {
    await put(localId(), { kind: "create", written: change.written, at: change.at });
    await keepTheirs();
  };
  return (
    <section class="conflict" role="alert" aria-label={t("conflict.title")}>
      <h2>{t("conflict.title")}</h2>
      <p>{t("conflict.text")}</p>
      <div class="conflict-texts">
        <div>
          <h3>{t("conflict.mine", { time: formatMoment(change.at) })}</h3>
          <Markdown text={change.written.content} />
        </div>
        <div>
          <h3>{t("conflict.theirs", { time: formatMoment(theirs.updatedAt) })}</h3>
          <Markdown text={theirs.content} files={theirs.attachments} />
        </div>
      </div>
      <div class="row">
        <button type="button" class="button primary" onClick={() => void keepMine().catch(report)}>
          {t("conflict.keepMine")}
        </button>
        <button type="button" class="button" onClick={() => void keepTheirs().catch(report)}>
          {t("conflict.keepTheirs")}
        </button>
        <button type="button" class="button" onClick={() => void keepBoth().catch(report)}>
          {t("conflict.keepBoth")}
        </button>
      </div>
    </section>
  );
}
