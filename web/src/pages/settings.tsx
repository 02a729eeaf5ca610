// What one can change about the account, this device, and what the server does by itself.
import { call } from "../api/http";
import { t } from "../i18n/pages/settings";
import { address } from "../lib/base";
import { Panel } from "../ui/panel";
import { useFetched, useTitle } from "../ui/use";
import { Looks, LogOut } from "./more";
import { Password, Profile } from "./settings/account";
import { Models } from "./settings/models";
import { PushRules } from "./settings/push-rules";
import { Repetition } from "./settings/repetition";
import { Sessions } from "./settings/sessions";

export default function Settings() {
  useTitle(t("nav.settings"));
  return (
    <div class="page narrow">
      <h1>{t("nav.settings")}</h1>
      <Profile />
      <Panel title={t("settings.device")}>
        <Looks />
        <p class="hint">{t("settings.zone", { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p>
      </Panel>
      <Repetition />
      <PushRules />
      <Models />
      <Password />
      <Sessions />
      <About />
      <LogOut />
    </div>
  );
}

function About() {
  const version = useFetched((signal) => call("get", "/api/v1/system/version", { signal }), []);
  return (
    <Panel title={t("settings.about")} of={version}>
      <p>AIMO {version.value?.version}</p>
      <p>
        <a href={address("/api/v1/docs")} target="_blank" rel="noopener">
          {t("settings.docs")}
        </a>
      </p>
    </Panel>
  );
}
