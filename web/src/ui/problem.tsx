// What is shown instead of a page that cannot be: it says why and what to do.
import { ApiError } from "../api/http";
import { type Key, t } from "../i18n";
import { address } from "../lib/base";
import { explain } from "./errors";
import { Icon, type IconName } from "./icons";

interface Props {
  kind?: "missing" | "code";
  error?: unknown;
  onRetry?: () => void;
}

function facts({ kind, error }: Props): { icon: IconName; title: Key; text: string } {
  if (kind === "code") return { icon: "cloud", title: "problem.code", text: t("problem.codeText") };
  if (kind === "missing" || (error instanceof ApiError && error.kind === "missing")) {
    return { icon: "search", title: "problem.missing", text: t("problem.missingText") };
  }
  if (error instanceof ApiError && error.kind === "outdated") return { icon: "warn", title: "problem.outdated", text: t("problem.outdatedText") };
  if (error instanceof ApiError && (error.kind === "offline" || error.kind === "timeout")) {
    return { icon: "cloud", title: "problem.offline", text: explain(error) };
  }
  return { icon: "warn", title: "problem.failed", text: explain(error) };
}

export function Problem(props: Props) {
  const { icon, title, text } = facts(props);
  return (
    <section class="problem">
      <Icon name={icon} size={36} />
      <h1>{t(title)}</h1>
      <p>{text}</p>
      <div class="row center">
        {props.onRetry && title !== "problem.missing" && (
          <button type="button" class="button primary" onClick={props.onRetry}>
            {t("retry")}
          </button>
        )}
        <a class="button" href={address("/")}>
          {t("problem.home")}
        </a>
      </div>
    </section>
  );
}
