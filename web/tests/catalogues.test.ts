import { expect, test } from "vitest";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";

type Texts = Record<string, string>;

declare global {
  interface ImportMeta {
    /** Vite's: modules by their path. */
    glob<T>(pattern: string, options: { eager: true; query?: string; import?: string }): Record<string, T>;
  }
}

const pages = import.meta.glob<{ en: Texts; zh: Texts }>("../src/i18n/pages/*.ts", { eager: true });
const catalogues: [string, { en: Texts; zh: Texts }][] = [["the common texts", { en, zh }], ...Object.entries(pages)];
const sources = Object.entries(import.meta.glob<string>("../src/**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" }))
  .filter(([path]) => !/\/i18n\/(?:pages\/|en|zh)/.test(path))
  .map(([, source]) => source)
  .join("\n");

const names = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

test.each(catalogues)("%s say the same in both languages, with the same values in them", (_name, { en, zh }) => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  for (const [key, text] of Object.entries(en)) {
    expect(zh[key]?.trim(), key).toBeTruthy();
    // English may leave the number out where it is one.
    const free = key.endsWith("_one") ? "{count}" : "";
    const besides = (value: string): string[] => names(value).filter((name) => name !== free);
    expect(besides(zh[key] ?? ""), key).toEqual(besides(text));
  }
});

test("no text is in two catalogues, and none is left over", () => {
  const keys = catalogues.flatMap(([, one]) => Object.keys(one.en));
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  const stems = new Set([...sources.matchAll(/`([\w.]+\.)\$\{/g)].map(([, stem]) => stem));
  const used = (key: string): boolean => {
    const name = key.replace(/_(?:one|other)$/, "");
    return sources.includes(`"${name}"`) || stems.has(key.slice(0, key.lastIndexOf(".") + 1));
  };
  expect(keys.filter((key) => !used(key))).toEqual([]);
});

test.each(catalogues)("%s have a form for one and a form for others where they count", (_name, { en }) => {
  for (const key of Object.keys(en)) if (key.endsWith("_one")) expect(en).toHaveProperty([key.replace(/_one$/, "_other")]);
});
