// Name, picture and password.
import { useSignal } from "@preact/signals";
import type { AvatarUploaded } from "@aimo/dto";
import { ApiError, call, send } from "../../api/http";
import { t, tn } from "../../i18n/pages/account";
import { address } from "../../lib/base";
import { person, refreshPerson } from "../../store/session";
import { report } from "../../ui/errors";
import { Form, text } from "../../ui/form";
import { Icon } from "../../ui/icons";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";

export function Profile() {
  // Rises with every new picture: its address stays the same.
  const version = useSignal(0);
  const pending = useSignal(false);
  const change = async (file: File): Promise<void> => {
    pending.value = true;
    try {
      const body = new FormData();
      body.append("avatar", file, file.name);
      await send<AvatarUploaded>("post", "/api/v1/user/avatar", { body, timeout: 120_000 });
      await refreshPerson();
      version.value += 1;
    } finally {
      pending.value = false;
    }
  };
  const save = async (form: FormData): Promise<void> => {
    await call("put", "/api/v1/user/info", { body: { nickname: text(form, "nickname") || null } });
    await refreshPerson();
    toast(t("memo.saved"));
  };
  const remove = async (): Promise<void> => {
    await call("put", "/api/v1/user/info", { body: { avatar: "" } });
    await refreshPerson();
  };
  return (
    <Panel title={t("settings.profile")}>
      <div class="row">
        {person.value?.avatar ? (
          <img class="avatar" src={`${address("/api/v1/user/avatar")}?v=${version.value}`} alt={t("settings.avatar")} width={64} height={64} />
        ) : (
          <span class="avatar" aria-hidden="true">
            {Array.from(person.value?.nickname || person.value?.email || "?")[0]}
          </span>
        )}
        <label class="button">
          <Icon name="camera" size={18} /> {t("settings.avatarChange")}
          <input
            class="sr-only"
            type="file"
            accept="image/*"
            disabled={pending.value}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              event.currentTarget.value = "";
              if (file) void change(file).catch(report);
            }}
          />
        </label>
        {person.value?.avatar && (
          <button type="button" class="button quiet" onClick={() => void remove().catch(report)}>
            {t("settings.avatarRemove")}
          </button>
        )}
      </div>
      <Form onSend={save}>
        <label>
          {t("login.email")}
          <input type="email" value={person.value?.email ?? ""} readOnly />
        </label>
        <label>
          {t("settings.name")}
          <input type="text" name="nickname" autocomplete="nickname" maxLength={100} defaultValue={person.value?.nickname ?? ""} />
        </label>
      </Form>
    </Panel>
  );
}

export function Password() {
  const save = async (form: FormData, element: HTMLFormElement): Promise<void> => {
    const logoutOthers = form.has("others");
    const body = { oldPassword: String(form.get("old")), newPassword: String(form.get("new")), logoutOthers };
    const { ended } = await call("post", "/api/v1/user/password", { body });
    element.reset();
    toast(ended ? tn("settings.passwordEnded", ended) : t("settings.passwordChanged"));
  };
  return (
    <Panel title={t("login.password")}>
      <Form
        action={t("settings.passwordChange")}
        meaning={(error) => (error instanceof ApiError && error.code === 1002 ? t("settings.passwordWrong") : null)}
        onSend={save}
      >
        <div class="sr-only" aria-hidden="true">
          <input type="email" autocomplete="username" value={person.value?.email ?? ""} readOnly tabIndex={-1} />
        </div>
        <label>
          {t("settings.passwordOld")}
          <input type="password" name="old" autocomplete="current-password" required />
        </label>
        <label>
          {t("settings.passwordNew")}
          <input type="password" name="new" autocomplete="new-password" required minLength={8} aria-describedby="password-rules" />
        </label>
        <p class="hint" id="password-rules">
          {t("register.rules")}
        </p>
        <label class="check">
          <input type="checkbox" name="others" defaultChecked />
          {t("settings.passwordOthers")}
        </label>
      </Form>
    </Panel>
  );
}
