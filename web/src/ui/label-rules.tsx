// Rules that say which memos are meant: what they read as, and the fields to make one.
import { t } from "../i18n/pages/label-rules";
import { categories, categoryOf, tags } from "../store/labels";

export interface LabelRule {
  excludes: boolean;
  /** `tag`, `category`, `recent_days` or `date_range`; installations may have other ones. */
  type: string;
  /** An id or a name, a number of days, or `START,END`. */
  value: string;
}

const KINDS = { tag: "rules.tag", category: "category", recent_days: "rules.recentDays", date_range: "rules.dateRange" } as const;

export type Kind = keyof typeof KINDS;

const tagName = (value: string): string => tags.value.find((tag) => tag.tagId === value)?.name ?? value;

function subject({ type, value }: LabelRule): string {
  if (type === "category") return categoryOf(value)?.name ?? value;
  if (type === "tag") return `#${tagName(value)}`;
  if (type === "recent_days") return t("rules.lastDays", { days: value });
  if (type === "date_range") {
    const [from, to] = value.split(",").map((part) => part.trim());
    return `${from || "…"} – ${to || "…"}`;
  }
  return `${type} ${value}`;
}

/** What a rule says. */
export const ruleText = (rule: LabelRule): string => t(rule.excludes ? "rules.excludes" : "rules.includes", { name: subject(rule) });

type Choice = readonly [value: string, label: string];

/** The ids and names that a value may be chosen from; one that is not known here stays among them. */
function choices(type: string, value: string): readonly Choice[] {
  const known: Choice[] = type === "tag" ? tags.value.map((tag) => [tag.tagId, tag.name]) : categories.value.map((one) => [one.categoryId, one.name]);
  return !value || known.some(([id]) => id === value) ? known : [[value, value], ...known];
}

interface Props {
  rule: LabelRule;
  /** The kinds that may be chosen. */
  kinds: readonly Kind[];
  onChange: (rule: LabelRule) => void;
}

/** The fields of a rule. */
export function RuleFields({ rule, kinds, onChange }: Props) {
  const known = kinds.some((kind) => kind === rule.type);
  return (
    <>
      <div class="pair">
        <label>
          {t("rules.mode")}
          <select value={rule.excludes ? "exclude" : "include"} onChange={(event) => onChange({ ...rule, excludes: event.currentTarget.value === "exclude" })}>
            <option value="include">{t("rules.include")}</option>
            <option value="exclude">{t("rules.exclude")}</option>
          </select>
        </label>
        <label>
          {t("rules.kind")}
          <select value={rule.type} onChange={(event) => onChange({ ...rule, type: event.currentTarget.value, value: event.currentTarget.value === "recent_days" ? "7" : "" })}>
            {!known && <option value={rule.type}>{rule.type}</option>}
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {t(KINDS[kind])}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ValueField rule={rule} onChange={(value) => onChange({ ...rule, value })} />
    </>
  );
}

function ValueField({ rule: { type, value }, onChange }: { rule: LabelRule; onChange: (value: string) => void }) {
  if (type === "recent_days") {
    return (
      <label>
        {t("rules.days")}
        <input type="number" min={1} max={100_000} required value={value} onInput={(event) => onChange(event.currentTarget.value)} />
      </label>
    );
  }
  if (type === "date_range") {
    const [from = "", to = ""] = value.split(",").map((part) => part.trim());
    return (
      <div class="pair">
        <label>
          {t("filter.from")}
          <input type="date" required={!to} value={from.slice(0, 10)} onInput={(event) => onChange(`${event.currentTarget.value},${to}`)} />
        </label>
        <label>
          {t("filter.to")}
          <input type="date" required={!from} value={to.slice(0, 10)} onInput={(event) => onChange(`${from},${event.currentTarget.value}`)} />
        </label>
      </div>
    );
  }
  if (type !== "tag" && type !== "category") return <p class="hint">{value}</p>;
  const chosen = (type === "tag" && tags.value.find((tag) => tag.name === value)?.tagId) || value;
  return (
    <label>
      {t(KINDS[type])}
      <select key={type} name="value" required value={chosen} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">–</option>
        {choices(type, chosen).map(([id, label]) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
