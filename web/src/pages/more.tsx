// Where telephones find the places that do not fit into the bar.
import { useSignal } from "@preact/signals";
import { chooseLanguage, chosenLanguage, type Language } from "../i18n";
import { t, tn } from "../i18n/pages/more";
import { address } from "../lib/base";
import { logOut, person, startOver } from "../store/session";
import { entries } from "../store/sender";
import { chooseTheme, type Theme, theme } from "../store/theme";
import { Confirm } from "../ui/dialog";
import { report } from "../ui/errors";
import { Icon } from "../ui/icons";
import { OTHERS, places, Unread } from "../ui/shell";
import { useTitle } from "../ui/use";

export default function More() {
  useTitle(t("nav.more"));
  return (
    <div class="page narrow">
      <h1>{t("nav.more")}</h1>
      <ul class="places">
        {places(OTHERS).map((place) => (
          <li key={place.href}>
            <a href={address(place.href)}>
              <Icon name={place.icon} />
              {t(place.label)}
              <Unread of={place.href} />
            </a>
          </li>
        ))}
        <li>
          <a href={address("/outbox")}>
            <Icon name="wait" />
            {t("outbox.title")}
            {entries.value.length > 0 && <span class="badge">{entries.value.length}</span>}
          </a>
        </li>
      </ul>
      <Looks />
      <LogOut />
    </div>
  );
}

/** Theme and language. */
export function Looks() {
  return (
    <section class="form">
      <label>
        {t("theme")}
        <select value={theme.value} onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}>
          <option value="system">{t("theme.system")}</option>
          <option value="light">{t("theme.light")}</option>
          <option value="dark">{t("theme.dark")}</option>
        </select>
      </label>
      <label>
        {t("language")}
        <select value={chosenLanguage() ?? ""} onChange={(event) => void chooseLanguage((event.currentTarget.value || null) as Language | null)}>
          <option value="">{t("language.system")}</option>
          <option value="en">English</option>
          <option value="zh">中文</option>
        </select>
      </label>
    </section>
  );
}

/** Log out; unsent changes would be lost with what this device keeps, so they are named first. */
export function LogOut() {
  const asking = useSignal(false);
  const leave = async (): Promise<void> => {
    await logOut();
    startOver("/login");
  };
  const unsent = entries.value.length;
  return (
    <section class="row below">
      <button type="button" class="button" onClick={() => (unsent ? (asking.value = true) : void leave().catch(report))}>
        <Icon name="logout" size={18} /> {t("logout")}
      </button>
      <span class="faint">{person.value?.email}</span>
      {asking.value && (
        <Confirm title={t("logout")} text={tn("logout.unsent", unsent)} action={t("logout.anyway")} onClose={() => (asking.value = false)} onYes={() => void leave().catch(report)} />
      )}
    </section>
  );
}
