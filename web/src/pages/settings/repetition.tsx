// Spaced repetition: whether to be reminded, how much a day, and which memos take part.
import { useSignal } from "@preact/signals";
import type { RepetitionRule } from "@aimo/dto";
import { call } from "../../api/http";
import { t, tn } from "../../i18n/pages/repetition";
import { categories, categoryOf, tags } from "../../store/labels";
import { report } from "../../ui/errors";
import { Form, text } from "../../ui/form";
import { Icon } from "../../ui/icons";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";

const ROUTE = "/api/v1/spaced-repetition/settings";
const RULES = "/api/v1/spaced-repetition/rules";

function ruleText({ mode, filterType, filterValue }: RepetitionRule): string {
  const name = filterType === "category" ? (categoryOf(filterValue)?.name ?? filterValue) : filterType === "tag" ? `#${filterValue}` : `${filterType} ${filterValue}`;
  return t(mode === "exclude" ? "repetition.excludes" : "repetition.includes", { name });
}

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
  const fill = async (): Promise<void> => {
    const { imported } = await call("post", "/api/v1/spaced-repetition/import-existing", { timeout: 120_000 });
    toast(tn("repetition.imported", imported));
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
            <span class="grow">{ruleText(rule)}</span>
            <button type="button" class="icon-button" aria-label={t("repetition.remove", { rule: ruleText(rule) })} onClick={() => void remove(rule).catch(report)}>
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <AddRule onDone={rules.again} />
      <div class="row end">
        <button type="button" class="button quiet" onClick={() => void fill().catch(report)}>
          {t("repetition.import")}
        </button>
      </div>
    </Panel>
  );
}

function AddRule({ onDone }: { onDone: () => void }) {
  const kind = useSignal<"category" | "tag">("tag");
  const add = async (form: FormData): Promise<void> => {
    const body = { mode: text(form, "mode"), filterType: kind.value, filterValue: text(form, "value") };
    await call("post", RULES, { body });
    onDone();
  };
  return (
    <Form action={t("repetition.add")} onSend={add}>
      <div class="pair">
        <label>
          {t("repetition.mode")}
          <select name="mode">
            <option value="include">{t("repetition.include")}</option>
            <option value="exclude">{t("repetition.exclude")}</option>
          </select>
        </label>
        <label>
          {t("repetition.kind")}
          <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as "category" | "tag")}>
            <option value="tag">{t("repetition.tag")}</option>
            <option value="category">{t("category")}</option>
          </select>
        </label>
      </div>
      <label>
        {kind.value === "tag" ? t("repetition.tag") : t("category")}
        <select key={kind.value} name="value" required>
          <option value="">–</option>
          {kind.value === "tag"
            ? tags.value.map((tag) => (
                <option key={tag.tagId} value={tag.tagId}>
                  {tag.name}
                </option>
              ))
            : categories.value.map((one) => (
                <option key={one.categoryId} value={one.categoryId}>
                  {one.name}
                </option>
              ))}
        </select>
      </label>
    </Form>
  );
}
