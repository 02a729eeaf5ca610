// Reviewing: memos that come back when they are about to be forgotten, and questions on them.
import { t } from "../i18n/pages/review";
import { useTitle } from "../ui/use";
import { DueCards } from "./review/cards";
import { History } from "./review/history";
import { Profiles } from "./review/profiles";

export default function Review() {
  useTitle(t("nav.review"));
  return (
    <div class="page narrow">
      <h1>{t("nav.review")}</h1>
      <DueCards />
      <Profiles />
      <History />
    </div>
  );
}
