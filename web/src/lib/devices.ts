const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];
// Browsers name those that they descend from, too: the more special comes first.
const BROWSERS: readonly [RegExp, string][] = [
  [/Edg(?:A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/MicroMessenger\//, "WeChat"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrom(?:e|ium)\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

const named = (agent: string, names: readonly [RegExp, string][]): string => names.find(([pattern]) => pattern.test(agent))?.[1] ?? "";

/** Browser and system of a `User-Agent`, "Firefox, Linux"; the name of another program; empty when it says nothing. */
export function deviceOf(agent: string): string {
  const known = [named(agent, BROWSERS), named(agent, SYSTEMS)].filter(Boolean).join(", ");
  return known || Array.from(agent.split(/[\s/(]/)[0] ?? "").slice(0, 40).join("");
}
