// Where one is logged in.
import { useSignal } from "@preact/signals";
import type { Session } from "@aimo/dto";
import { call } from "../../api/http";
import { formatMoment } from "../../i18n";
import { t, tn } from "../../i18n/pages/sessions";
import { deviceOf } from "../../lib/devices";
import { entries } from "../../store/sender";
import { forget, startOver } from "../../store/session";
import { Confirm } from "../../ui/dialog";
import { report } from "../../ui/errors";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";

export function Sessions() {
  const fetched = useFetched((signal) => call("get", "/api/v1/user/sessions", { signal }), []);
  const asking = useSignal(false);
  const end = async ({ id }: Session): Promise<void> => {
    await call("delete", "/api/v1/user/sessions/{sessionId}", { path: { sessionId: id } });
    fetched.again();
  };
  const endOthers = async (): Promise<void> => {
    const { ended } = await call("delete", "/api/v1/user/sessions", { query: { keepCurrent: true } });
    toast(tn("settings.sessionsEnded", ended));
    fetched.again();
  };
  const endAll = async (): Promise<void> => {
    await call("delete", "/api/v1/user/sessions");
    await forget();
    startOver("/login");
  };
  const sessions = fetched.value?.sessions ?? [];
  const unsent = entries.value.length;
  return (
    <Panel title={t("settings.sessions")} of={fetched}>
      <ul class="rows">
        {sessions.map((one) => (
          <li key={one.id}>
            <div class="grow">
              <p title={one.userAgent}>{deviceOf(one.userAgent) || t("settings.deviceUnknown")}</p>
              <p class="faint">{t("settings.sessionFacts", { address: one.address, used: formatMoment(one.lastUsedAt) })}</p>
            </div>
            {one.current ? (
              <span class="chip on">{t("settings.sessionThis")}</span>
            ) : (
              <button type="button" class="button" onClick={() => void end(one).catch(report)}>
                {t("settings.sessionEnd")}
              </button>
            )}
          </li>
        ))}
      </ul>
      <div class="row end">
        {sessions.length > 1 && (
          <button type="button" class="button" onClick={() => void endOthers().catch(report)}>
            {t("settings.sessionsEndOthers")}
          </button>
        )}
        <button type="button" class="button danger" onClick={() => (asking.value = true)}>
          {t("settings.sessionsEndAll")}
        </button>
      </div>
      {asking.value && (
        <Confirm
          title={t("settings.sessionsEndAll")}
          text={unsent ? tn("logout.unsent", unsent) : t("settings.sessionsEndAllText")}
          action={t("settings.sessionsEndAll")}
          onClose={() => (asking.value = false)}
          onYes={() => void endAll().catch(report)}
        />
      )}
    </Panel>
  );
}
