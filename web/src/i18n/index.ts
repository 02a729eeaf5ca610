// Words in the user's language: those that many places need are in `en.ts` and `zh.ts`, those of a page or a part of one in
// `pages`, with its code. A catalogue that lacks a key does not compile.
import { signal } from "@preact/signals";
import type { en } from "./en";

export type Catalogue = Record<keyof typeof en, string>;
export type Key = keyof Catalogue;
export type Language = "en" | "zh";

type Values = Record<string, string | number>;

/** Keys that have a form for one and a form for others. */
type Counted<K extends string> = K extends `${infer Stem}_other` ? Stem : never;

const CHOSEN = "aimo.language";
const words = signal<Catalogue | null>(null);

/** The language in use. */
export const language = signal<Language>("en");

/** The tag for `Intl` and the `lang` attribute: the browser's own where it fits, since it knows the region. */
export const locale = (): string => {
  const fitting = navigator.languages.find((one) => one.toLowerCase().startsWith(language.value));
  return fitting ?? (language.value === "zh" ? "zh-CN" : "en");
};

/** The language that was chosen; null: the browser's. */
export const chosenLanguage = (): Language | null => {
  const chosen = localStorage.getItem(CHOSEN);
  return chosen === "en" || chosen === "zh" ? chosen : null;
};

function preferred(): Language {
  for (const one of navigator.languages) {
    if (one.toLowerCase().startsWith("zh")) return "zh";
    if (one.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

/** Load the catalogue of the chosen language, or of the browser's. */
export async function loadLanguage(): Promise<void> {
  const wanted = chosenLanguage() ?? preferred();
  words.value = wanted === "zh" ? (await import("./zh")).zh : (await import("./en")).en;
  language.value = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
}

/** Use a language from now on; null: the browser's. */
export async function chooseLanguage(wanted: Language | null): Promise<void> {
  if (wanted) localStorage.setItem(CHOSEN, wanted);
  else localStorage.removeItem(CHOSEN);
  await loadLanguage();
}

const fill = (text: string, values: Values): string => text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));

// Making one of these takes longer than using it a hundred times, and a page uses some for every day of half a year.
const made = new Map<string, unknown>();

/** What `make` makes for the present locale, made once. */
function once<T>(name: string, make: (locale: string) => T): T {
  const key = `${locale()} ${name}`;
  if (!made.has(key)) made.set(key, make(locale()));
  return made.get(key) as T;
}

const form = (count: number): string => (once("plural", (where) => new Intl.PluralRules(where)).select(count) === "one" ? "one" : "other");

/** A text, with `{name}` replaced. */
export function t(key: Key, values: Values = {}): string {
  return fill(words.value?.[key] ?? key, values);
}

/** A text that depends on a number, which stands in it as `{count}`. */
export function tn(stem: Counted<Key>, count: number, values: Values = {}): string {
  return t(`${stem}_${form(count)}` as Key, { ...values, count: formatNumber(count) });
}

/** The texts of a page in both languages, as {@link t} and {@link tn} that know the common ones, too. */
export function texts<Own extends Record<string, string>>(en: Own, zh: Record<keyof NoInfer<Own>, string>) {
  type Known = (keyof Own & string) | Key;
  const pageT = (key: Known, values: Values = {}): string => {
    const own = (language.value === "zh" ? zh : en) as Record<string, string>;
    return key in own ? fill(own[key] ?? key, values) : t(key as Key, values);
  };
  const pageTn = (stem: Counted<Known>, count: number, values: Values = {}): string =>
    pageT(`${stem}_${form(count)}` as Known, { ...values, count: formatNumber(count) });
  return { en, zh, t: pageT, tn: pageTn };
}

const format = (name: string, options: Intl.DateTimeFormatOptions, time: number | Date): string =>
  once(name, (where) => new Intl.DateTimeFormat(where, options)).format(time);

export const formatNumber = (value: number): string => once("number", (where) => new Intl.NumberFormat(where)).format(value);
export const formatTime = (time: number): string => format("time", { hour: "2-digit", minute: "2-digit" }, time);
export const formatDate = (time: number): string => format("date", { dateStyle: "medium" }, time);
export const formatMoment = (time: number): string => format("moment", { dateStyle: "medium", timeStyle: "short" }, time);

export const formatMonth = (time: number): string => format("month", { year: "numeric", month: "long" }, time);

/** A day as a heading: today, yesterday, or its date, with the year where it is another. */
export function formatDay(time: number, now = Date.now()): string {
  const day = new Date(time);
  const days = Math.round((startOfDay(now) - startOfDay(time)) / 86_400_000);
  if (days === 0) return t("day.today");
  if (days === 1) return t("day.yesterday");
  const sameYear = day.getFullYear() === new Date(now).getFullYear();
  const parts = { month: "long", day: "numeric", weekday: "long" } as const;
  return sameYear ? format("day", parts, time) : format("dayYear", { ...parts, year: "numeric", weekday: "short" }, time);
}

/** The beginning of a day in the user's zone, epoch milliseconds. */
export function startOfDay(time: number): number {
  const day = new Date(time);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}

/** `YYYY-MM-DD` of a moment in the user's zone. */
export function dayKey(time: number): string {
  const day = new Date(time);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}`;
}

/** The first and the last millisecond of a day `YYYY-MM-DD` in the user's zone; null when it is none. */
export function dayBounds(key: string): { from: number; to: number } | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(key)?.slice(1).map(Number);
  if (!parts) return null;
  const [year = 0, month = 1, day = 1] = parts;
  const from = new Date(year, month - 1, day).getTime();
  return { from, to: new Date(year, month - 1, day + 1).getTime() - 1 };
}
