// Spaced repetition: whether to be reminded, how much a day, and which memos take part.
import { useSignal } from "@preact/signals";
import type { RepetitionRule } from "@aimo/dto";
import { call } from "../../api/http";
import { t, tn } from "../../i18n/pages/repetition";
import { report } from "../../ui/errors";
import { Form, text } from "../../ui/form";
import { Icon } from "../../ui/icons";
import { type LabelRule, RuleFields, ruleText } from "../../ui/label-rules";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";

const ROUTE = "/api/v1/spaced-repetition/settings";
const RULES = "/api/v1/spaced-repetition/rules";

const textOf = ({ mode, filterType, filterValue }: RepetitionRule): string =>
  ruleText({ excludes: mode === "exclude", type: filterType, value: filterValue });

export function Repetition() {
  const settings = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const rules = useFetched((signal) => call("get", RULES, { signal }), []);
  const save = async (form: FormData): Promise<void> => {
    await call("put", ROUTE, { body: { srEnabled: form.has("enabled"), srDailyLimit: Number(text(form, "limit")) } });
    toast(t("memo.saved"));
  };
  const remove = async ({ ruleId }: RepetitionRule): Promise<void> => {
    await call("delete", `${RULES}/{repetitionRuleId}`, { path: { repetitionRuleId: ruleId } });
    rules.again();
  };
  return (
    <Panel title={t("repetition.title")} of={settings.error ? settings : rules}>
      <p class="hint">{t("repetition.text")}</p>
      {settings.value && (
        <Form onSend={save}>
          <label class="check">
            <input type="checkbox" name="enabled" defaultChecked={settings.value.srEnabled} />
            {t("repetition.remind")}
          </label>
          <label>
            {t("repetition.limit")}
            <input type="number" name="limit" min={1} max={100} required defaultValue={String(settings.value.srDailyLimit)} />
          </label>
        </Form>
      )}
      <h3>{t("repetition.which")}</h3>
      {rules.value?.rules.length === 0 && <p class="hint">{t("repetition.all")}</p>}
      <ul class="rows">
        {rules.value?.rules.map((rule) => (
          <li key={rule.ruleId}>
            <span class="grow">{textOf(rule)}</span>
            <button type="button" class="icon-button" aria-label={t("repetition.remove", { rule: textOf(rule) })} onClick={() => void remove(rule).catch(report)}>
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <AddRule onDone={rules.again} />
      <div class="row end">
        <ImportCards onDone={() => undefined} />
      </div>
    </Panel>
  );
}

/** A button that makes cards for memos that take part and have none. */
export function ImportCards({ onDone }: { onDone: () => void }) {
  const pending = useSignal(false);
  const run = async (): Promise<void> => {
    pending.value = true;
    try {
      const { imported } = await call("post", "/api/v1/spaced-repetition/import-existing", { timeout: 120_000 });
      toast(tn("repetition.imported", imported));
      onDone();
    } finally {
      pending.value = false;
    }
  };
  return (
    <button type="button" class="button quiet" disabled={pending.value} onClick={() => void run().catch(report)}>
      {t("repetition.import")}
    </button>
  );
}

const NEW: LabelRule = { excludes: false, type: "tag", value: "" };

function AddRule({ onDone }: { onDone: () => void }) {
  const rule = useSignal(NEW);
  const add = async (): Promise<void> => {
    const { excludes, type, value } = rule.value;
    await call("post", RULES, { body: { mode: excludes ? "exclude" : "include", filterType: type, filterValue: value } });
    rule.value = NEW;
    onDone();
  };
  return (
    <Form action={t("repetition.add")} onSend={add}>
      <RuleFields rule={rule.value} kinds={["tag", "category"]} onChange={(next) => (rule.value = next)} />
    </Form>
  );
}
