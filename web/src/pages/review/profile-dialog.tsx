import { useSignal } from "@preact/signals";
import type { FilterRule, ReviewProfile } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/review";
import { firstLine } from "../../lib/text";
import { Dialog } from "../../ui/dialog";
import { Form, text } from "../../ui/form";
import { Icon } from "../../ui/icons";
import { type LabelRule, RuleFields } from "../../ui/label-rules";
import { useFetched } from "../../ui/use";

const ROUTE = "/api/v1/review/profiles";
const KINDS = ["tag", "category", "recent_days", "date_range"] as const;

/** The most rules that a profile may have. */
const MOST = 32;

export const ruleOf = ({ type, operator, value }: FilterRule): LabelRule => ({ type, excludes: operator === "exclude", value });

interface Props {
  profile: ReviewProfile | null;
  onClose: () => void;
  onDone: () => void;
}

/** Make a profile, or change one. */
export function ProfileDialog({ profile, onClose, onDone }: Props) {
  const rules = useSignal<readonly LabelRule[]>(profile?.filterRules.map(ruleOf) ?? []);
  const model = useSignal(profile?.userModelId ?? "");
  const models = useFetched((signal) => call("get", "/api/v1/user-models", { signal }), []);
  const known = models.value?.models ?? [];
  const save = async (form: FormData): Promise<void> => {
    const body = {
      name: text(form, "name"),
      questionCount: Number(text(form, "count")),
      userModelId: model.value || null,
      filterRules: rules.value.map(({ type, excludes, value }) => ({ type, operator: excludes ? "exclude" : "include", value })),
    };
    if (profile) await call("put", `${ROUTE}/{profileId}`, { path: { profileId: profile.profileId }, body });
    else await call("post", ROUTE, { body });
    onDone();
  };
  return (
    <Dialog title={t(profile ? "profile.edit" : "profile.add")} onClose={onClose}>
      <Form onSend={save}>
        <label>
          {t("profile.name")}
          <input type="text" name="name" required maxLength={255} dir="auto" defaultValue={profile?.name ?? ""} />
        </label>
        <label>
          {t("profile.count")}
          <input type="number" name="count" min={5} max={20} required defaultValue={String(profile?.questionCount ?? 10)} />
        </label>
        {(known.length > 0 || model.value) && (
          <label>
            {t("profile.model")}
            <select value={model.value} onChange={(event) => (model.value = event.currentTarget.value)}>
              <option value="">{t("profile.serverModel")}</option>
              {model.value && !known.some((one) => one.id === model.value) && <option value={model.value}>{t("profile.goneModel")}</option>}
              {known.map((one) => (
                <option key={one.id} value={one.id}>
                  {firstLine(one.name, 40)}
                </option>
              ))}
            </select>
          </label>
        )}
        {rules.value.map((rule, index) => (
          <fieldset key={index}>
            <legend>{t("profile.rule", { number: index + 1 })}</legend>
            <RuleFields rule={rule} kinds={KINDS} onChange={(next) => (rules.value = rules.value.map((one, at) => (at === index ? next : one)))} />
            <button type="button" class="button quiet danger" onClick={() => (rules.value = rules.value.filter((_, at) => at !== index))}>
              {t("profile.removeRule")}
            </button>
          </fieldset>
        ))}
        {rules.value.length < MOST && (
          <div class="row">
            <button type="button" class="button quiet" onClick={() => (rules.value = [...rules.value, { excludes: false, type: "tag", value: "" }])}>
              <Icon name="plus" size={18} /> {t("profile.addRule")}
            </button>
          </div>
        )}
      </Form>
    </Dialog>
  );
}
