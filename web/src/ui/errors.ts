import { ApiError } from "../api/http";
import { t } from "../i18n";
import { toast } from "./toasts";

/** What went wrong, for people. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t("error.unexpected", { reason: error instanceof Error ? error.message : String(error) });
  switch (error.kind) {
    case "offline":
      return t("error.offline");
    case "timeout":
      return t("error.timeout");
    case "unauthorized":
      return t("error.unauthorized");
    case "conflict":
      return t("error.conflict");
    case "missing":
      return t("error.missing");
    case "busy":
      return error.retryAfter ? t("error.busyFor", { seconds: error.retryAfter }) : t("error.busy");
    case "outdated":
      return t("error.outdated");
    case "refused":
      if (error.code === 1000 || error.code === 1002) return t("error.login");
      if (error.code === 1001) return t("error.taken");
      return t("error.refused", { reason: error.message });
    case "server":
      return t("error.server", { reason: error.message });
  }
}

/** Show a failure as a message; one that was aborted on purpose is none. */
export function report(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  toast(explain(error), { bad: true });
}
