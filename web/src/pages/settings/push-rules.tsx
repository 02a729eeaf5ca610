// Messages at an hour of the day, through other services.
import type { PushRule } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/push";
import { EditableList } from "../../ui/editable-list";
import { report } from "../../ui/errors";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";
import { channelName, PushRuleDialog } from "./push-rule-dialog";

const ROUTE = "/api/v1/push-rules";
const hour = (rule: PushRule): string => `${String(Number(rule.pushTime)).padStart(2, "0")}:00`;

export function PushRules() {
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const enable = async ({ id }: PushRule, enabled: boolean): Promise<void> => {
    await call("put", `${ROUTE}/{ruleId}`, { path: { ruleId: id }, body: { enabled } });
    fetched.again();
  };
  const test = async ({ id }: PushRule): Promise<void> => {
    await call("post", `${ROUTE}/{ruleId}/test`, { path: { ruleId: id }, timeout: 240_000 });
    toast(t("push.tested"));
  };
  return (
    <EditableList
      title={t("push.title")}
      add={t("push.add")}
      of={fetched}
      entries={fetched.value?.pushRules ?? []}
      idOf={(rule) => rule.id}
      nameOf={(rule) => rule.name}
      above={<p class="hint">{t("push.text")}</p>}
      row={(rule) => (
        <>
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
        </>
      )}
      actions={(rule) => [{ label: t("push.test"), icon: "send", run: () => void test(rule).catch(report) }]}
      dialog={(rule, onClose, onDone) => <PushRuleDialog rule={rule} onClose={onClose} onDone={onDone} />}
      removal={{
        title: t("push.deleteTitle"),
        text: (name) => t("push.deleteText", { name }),
        run: ({ id }) => call("delete", `${ROUTE}/{ruleId}`, { path: { ruleId: id } }),
      }}
    />
  );
}
