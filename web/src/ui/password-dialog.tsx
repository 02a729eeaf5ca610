// The session has ended while somebody worked: ask for the password here, and go on where they were.
import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { go } from "../router";
import { logIn, person } from "../store/session";
import { Dialog } from "./dialog";
import { explain } from "./errors";
import { useFocus } from "./use";

export function PasswordDialog({ settle }: { settle: (again: boolean) => void }) {
  const failure = useSignal("");
  const pending = useSignal(false);
  const field = useFocus<HTMLInputElement>();
  const email = person.value?.email ?? "";
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    pending.value = true;
    try {
      await logIn(String(form.get("email")), String(form.get("password")));
      settle(true);
    } catch (error) {
      failure.value = explain(error);
    } finally {
      pending.value = false;
    }
  };
  return (
    <Dialog title={t("login.again")} onClose={() => settle(false)}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <p>{t("login.againText")}</p>
        <input type="email" name="email" autocomplete="username" value={email} readOnly={email !== ""} aria-label={t("login.email")} />
        <label>
          {t("login.password")}
          <input type="password" name="password" autocomplete="current-password" required ref={field} />
        </label>
        {failure.value && (
          <p class="form-error" role="alert">
            {failure.value}
          </p>
        )}
        <div class="row end">
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              settle(false);
              go("/login");
            }}
          >
            {t("login.other")}
          </button>
          <button type="submit" class="button primary" disabled={pending.value}>
            {t("login.submit")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
