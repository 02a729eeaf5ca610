import { useSignal } from "@preact/signals";
import type { PushRule } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/push";
import { Dialog } from "../../ui/dialog";
import { Form, text } from "../../ui/form";
import { Icon } from "../../ui/icons";

type Channel = Record<string, unknown>;

const isChannel = (one: unknown): one is Channel => typeof one === "object" && one !== null && !Array.isArray(one);

/** What a channel is called; installations may have kinds that are not known here. */
export function channelName(one: unknown): string {
  const type = isChannel(one) ? String(one["type"] ?? "") : "";
  if (type === "feishu") return t("push.feishu");
  return type === "meow" ? "MeoW" : type || "?";
}

interface Props {
  rule: PushRule | null;
  onClose: () => void;
  onDone: () => void;
}

/** Make a rule, or change one. Fields of channels that are not known here stay as they are. */
export function PushRuleDialog({ rule, onClose, onDone }: Props) {
  const channels = useSignal<readonly unknown[]>(rule?.channels ?? [{ type: "feishu", webhookUrl: "" }]);
  const change = (index: number, values: Channel): void => {
    channels.value = channels.value.map((one, at) => (at === index && isChannel(one) ? { ...one, ...values } : one));
  };
  const save = async (form: FormData): Promise<void> => {
    const body = { name: text(form, "name"), pushTime: Number(text(form, "hour")), contentType: text(form, "content"), channels: [...channels.value] };
    if (rule) await call("put", "/api/v1/push-rules/{ruleId}", { path: { ruleId: rule.id }, body });
    else await call("post", "/api/v1/push-rules", { body });
    onDone();
  };
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  return (
    <Dialog title={t(rule ? "push.edit" : "push.add")} onClose={onClose}>
      <Form onSend={save}>
        <label>
          {t("push.name")}
          <input type="text" name="name" required maxLength={255} defaultValue={rule?.name ?? ""} />
        </label>
        <div class="pair">
          <label>
            {t("push.hour")}
            <select name="hour">
              {hours.map((hour) => (
                <option key={hour} value={hour} selected={hour === Number(rule?.pushTime ?? 8)}>
                  {String(hour).padStart(2, "0")}:00
                </option>
              ))}
            </select>
          </label>
          <label>
            {t("push.content")}
            <select name="content">
              <option value="daily_pick">{t("push.pick")}</option>
              <option value="daily_memos" selected={rule?.contentType === "daily_memos"}>
                {t("push.memos")}
              </option>
            </select>
          </label>
        </div>
        {channels.value.map((one, index) => (
          <fieldset key={index}>
            <legend>{channelName(one)}</legend>
            <Fields channel={one} onChange={(values) => change(index, values)} />
            {channels.value.length > 1 && (
              <button type="button" class="button quiet danger" onClick={() => (channels.value = channels.value.filter((_, at) => at !== index))}>
                {t("push.removeChannel")}
              </button>
            )}
          </fieldset>
        ))}
        {channels.value.length < 20 && (
          <div class="row">
            <button type="button" class="button quiet" onClick={() => (channels.value = [...channels.value, { type: "feishu", webhookUrl: "" }])}>
              <Icon name="plus" size={18} /> {t("push.feishu")}
            </button>
            <button type="button" class="button quiet" onClick={() => (channels.value = [...channels.value, { type: "meow", nickname: "" }])}>
              <Icon name="plus" size={18} /> MeoW
            </button>
          </div>
        )}
      </Form>
    </Dialog>
  );
}

function Fields({ channel, onChange }: { channel: unknown; onChange: (values: Channel) => void }) {
  if (!isChannel(channel)) return null;
  const value = (name: string): string => String(channel[name] ?? "");
  if (channel["type"] === "meow") {
    return (
      <label>
        {t("push.nickname")}
        <input type="text" required value={value("nickname")} onInput={(event) => onChange({ nickname: event.currentTarget.value })} />
      </label>
    );
  }
  if (channel["type"] !== "feishu") return <p class="hint">{t("push.unknown")}</p>;
  return (
    <>
      <label>
        {t("push.webhook")}
        <input type="url" required autocomplete="off" value={value("webhookUrl")} onInput={(event) => onChange({ webhookUrl: event.currentTarget.value })} />
      </label>
      <label>
        {t("push.secret")}
        <input type="password" autocomplete="off" value={value("secret")} onInput={(event) => onChange({ secret: event.currentTarget.value })} />
      </label>
    </>
  );
}
