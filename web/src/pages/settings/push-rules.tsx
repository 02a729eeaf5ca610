// Messages at an hour of the day, through other services.
import { useSignal } from "@preact/signals";
import type { PushRule } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/push";
import { Confirm } from "../../ui/dialog";
import { report } from "../../ui/errors";
import { Icon } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";
import { channelName, PushRuleDialog } from "./push-rule-dialog";

const ROUTE = "/api/v1/push-rules";
const hour = (rule: PushRule): string => `${String(Number(rule.pushTime)).padStart(2, "0")}:00`;

export function PushRules() {
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const edited = useSignal<PushRule | "new" | null>(null);
  const asked = useSignal<PushRule | null>(null);
  const enable = async ({ id }: PushRule, enabled: boolean): Promise<void> => {
    await call("put", `${ROUTE}/{ruleId}`, { path: { ruleId: id }, body: { enabled } });
    fetched.again();
  };
  const test = async ({ id }: PushRule): Promise<void> => {
    await call("post", `${ROUTE}/{ruleId}/test`, { path: { ruleId: id }, timeout: 240_000 });
    toast(t("push.tested"));
  };
  const remove = async ({ id }: PushRule): Promise<void> => {
    await call("delete", `${ROUTE}/{ruleId}`, { path: { ruleId: id } });
    fetched.again();
  };
  const add = (
    <button type="button" class="button" onClick={() => (edited.value = "new")}>
      <Icon name="plus" size={18} /> {t("push.add")}
    </button>
  );
  return (
    <Panel title={t("push.title")} of={fetched} actions={add}>
      <p class="hint">{t("push.text")}</p>
      <ul class="rows">
        {fetched.value?.pushRules.map((rule) => (
          <li key={rule.id}>
            <input
              type="checkbox"
              checked={rule.enabled}
              aria-label={t("push.enabled", { name: rule.name })}
              onChange={(event) => void enable(rule, event.currentTarget.checked).catch((error: unknown) => (report(error), fetched.again()))}
            />
            <div class="grow">
              <p>{rule.name}</p>
              <p class="faint">
                {[hour(rule), t(rule.contentType === "daily_memos" ? "push.memos" : "push.pick"), ...rule.channels.map(channelName)].join(" · ")}
              </p>
            </div>
            <Menu
              label={t("actions.of", { name: rule.name })}
              actions={[
                { label: t("push.test"), icon: "send", run: () => void test(rule).catch(report) },
                { label: t("memo.edit"), icon: "edit", run: () => (edited.value = rule) },
                { label: t("memo.delete"), icon: "trash", danger: true, run: () => (asked.value = rule) },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </li>
        ))}
      </ul>
      {edited.value && (
        <PushRuleDialog
          rule={edited.value === "new" ? null : edited.value}
          onClose={() => (edited.value = null)}
          onDone={() => {
            edited.value = null;
            fetched.again();
          }}
        />
      )}
      {asked.value && (
        <Confirm
          title={t("push.deleteTitle")}
          text={t("push.deleteText", { name: asked.value.name })}
          action={t("memo.delete")}
          onClose={() => (asked.value = null)}
          onYes={() => asked.value && void remove(asked.value).catch(report)}
        />
      )}
    </Panel>
  );
}
