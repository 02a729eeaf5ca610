// Logging in, and making an account: on a server where nobody has one, it leads to the first.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../api/http";
import { chooseLanguage, language } from "../i18n";
import { t } from "../i18n/pages/login";
import { address } from "../lib/base";
import { go, path, place } from "../router";
import { logIn, person, register, startOver } from "../store/session";
import { readDevice, refreshRest } from "../store/sync";
import { explain } from "../ui/errors";
import { Logo } from "../ui/shell";
import { useFetched, useFocus, useTitle } from "../ui/use";

/** Where to go after logging in: only addresses of this client. */
export function destination(query: URLSearchParams): string {
  const to = query.get("to") ?? "/";
  return /^\/(?![/\\])/.test(to) && !/^\/(?:login|register)\b/.test(to) ? to : "/";
}

export default function Login() {
  const isNew = path.value === "/register";
  const failure = useSignal("");
  const pending = useSignal(false);
  const { value: config, error } = useFetched((signal) => call("get", "/api/v1/system/open/config", { signal, anonymous: true }), []);
  const field = useFocus<HTMLInputElement>();
  const closed = config?.allowRegistration === false;
  const isFirst = config?.needsFirstAccount === true;
  const title = isFirst ? "register.first" : isNew ? "register.title" : "login.title";
  const introduction = isFirst ? "register.firstText" : isNew ? "register.text" : "login.text";
  useTitle(t(title));
  useEffect(() => {
    if (person.value) go(destination(place.value.query), true);
  }, []);
  useEffect(() => {
    if (isFirst && !isNew) go(`/register${location.search}`, true);
  }, [isFirst, isNew]);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "");
    pending.value = true;
    failure.value = "";
    try {
      const changed = isNew
        ? await register(text("email").trim(), text("password"), text("nickname").trim())
        : await logIn(text("email").trim(), text("password"));
      if (changed) return startOver(destination(place.value.query));
      await readDevice();
      go(destination(place.value.query), true);
      void refreshRest();
    } catch (problem) {
      failure.value = explain(problem);
    } finally {
      pending.value = false;
    }
  };

  return (
    <div class="welcome">
      <section class="welcome-card">
        <header>
          <Logo />
          <h1>{t(title)}</h1>
          {!(isFirst && closed) && <p>{t(introduction)}</p>}
        </header>
        {isNew && closed ? (
          <p class="form-error" role="alert">
            {t(isFirst ? "register.firstClosed" : "register.closed")}
          </p>
        ) : (
          <form class="form" key={path.value} onSubmit={(event) => void submit(event)}>
            <label>
              {t("login.email")}
              <input type="email" name="email" autocomplete="username" required inputMode="email" ref={field} />
            </label>
            {isNew && (
              <label>
                {t("register.name")}
                <input type="text" name="nickname" autocomplete="nickname" maxLength={100} />
              </label>
            )}
            <label>
              {t("login.password")}
              <input type="password" name="password" autocomplete={isNew ? "new-password" : "current-password"} required {...(isNew && { minLength: 8 })} />
            </label>
            {isNew && <p class="hint">{t("register.rules")}</p>}
            {(failure.value || Boolean(error)) && (
              <p class="form-error" role="alert">
                {failure.value || explain(error)}
              </p>
            )}
            <button type="submit" class="button primary wide" disabled={pending.value}>
              {t(isNew ? "register.submit" : "login.submit")}
            </button>
          </form>
        )}
        <footer>
          {isFirst ? (
            <span />
          ) : isNew ? (
            <a href={address(`/login${location.search}`)}>{t("register.have")}</a>
          ) : closed ? (
            <span>{t("register.closed")}</span>
          ) : (
            <a href={address(`/register${location.search}`)}>{t("login.none")}</a>
          )}
          <button type="button" class="link" onClick={() => void chooseLanguage(language.value === "zh" ? "en" : "zh")}>
            {language.value === "zh" ? "English" : "中文"}
          </button>
        </footer>
      </section>
    </div>
  );
}
