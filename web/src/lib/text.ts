/** Text as it is compared: compatible forms, lower case, without accents and invisible characters. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\p{Mn}\p{Cf}]/gu, "")
    .normalize("NFC")
    .toLowerCase();
}

/** The terms of a query, folded. */
export const terms = (query: string): string[] => fold(query).split(/\s+/u).filter(Boolean);

/** The first line with text in it, without Markdown's marks, cut to a length in characters. */
export function firstLine(content: string, length = 60): string {
  const line = content.split("\n").find((one) => one.trim()) ?? "";
  const plain = line
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+/, "")
    .replace(/^\[[ xX]\]\s+/, "")
    .replace(/[*_`~]{1,3}/g, "")
    .trim();
  const characters = Array.from(plain);
  return characters.length > length ? `${characters.slice(0, length).join("")}…` : plain;
}

/** Tags written in the text: `#word` at the start of a word, outside of code; nested ones have slashes. */
export function hashtags(content: string): string[] {
  const text = content.replace(/```[\s\S]*?(?:```|$)|`[^`\n]*`/g, " ");
  const found = text.matchAll(/(?<=^|[\s(（，。、])#([\p{L}\p{N}_][\p{L}\p{N}_\-/]{0,99})/gu);
  return [...new Set(Array.from(found, (match) => (match[1] ?? "").replace(/[-/]+$/, "")))];
}

/** Ids of memos that a text links to, as `[title](/m/ID)`. */
export function linkedMemos(content: string): string[] {
  return [...new Set(Array.from(content.matchAll(/\]\(\/m\/([A-Za-z0-9_-]{1,191})\)/g), (match) => match[1] ?? ""))];
}

/** A size in bytes for people. */
export function formatSize(bytes: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let amount = bytes;
  let step = 0;
  while (amount >= 1000 && step < units.length - 1) {
    amount /= 1000;
    step += 1;
  }
  const options = { style: "unit", unit: units[step] ?? "byte", unitDisplay: "short", maximumFractionDigits: amount < 10 && step > 0 ? 1 : 0 } as const;
  return new Intl.NumberFormat(language, options).format(amount);
}
