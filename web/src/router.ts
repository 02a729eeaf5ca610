// Addresses of pages. Links are real ones, so that they open in new tabs and can be copied.
import { computed, signal } from "@preact/signals";
import { address, BASE } from "./lib/base";

interface Place {
  /** Path without the base, beginning with a slash. */
  path: string;
  query: URLSearchParams;
}

const here = (): Place => ({
  path: `/${location.pathname.slice(BASE.length)}`.replace(/(.)\/$/, "$1"),
  query: new URLSearchParams(location.search),
});

export const place = signal<Place>(here());
export const path = computed(() => place.value.path);

/** Whether the page came by "back" or "forward": then its scroll position is restored instead of reset. */
export const returned = signal(false);

const positions = new Map<string, number>();
let key = (history.state as { key?: string } | null)?.key ?? "first";
history.scrollRestoration = "manual";

/** The scroll position that the present history entry was left at. */
export const savedPosition = (): number => positions.get(key) ?? 0;

/** Go to a path with a query, `/m/x` or `/?tag=a`; `replace` changes the present entry of the history instead. */
export function go(target: string, replace = false): void {
  positions.set(key, scrollY);
  if (!replace) key = Math.random().toString(36).slice(2);
  const state = { key };
  if (replace) history.replaceState(state, "", address(target));
  else history.pushState(state, "", address(target));
  returned.value = false;
  place.value = here();
  if (!replace) scrollTo(0, 0);
}

addEventListener("popstate", (event) => {
  positions.set(key, scrollY);
  key = (event.state as { key?: string } | null)?.key ?? "first";
  returned.value = true;
  place.value = here();
});

/** Follow clicks on links to pages here without loading; others are left to the browser. */
addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  const inside = link.pathname.slice(BASE.length);
  if (!link.pathname.startsWith(BASE) || /^(?:api|files|assets)\//.test(inside)) return;
  event.preventDefault();
  go(`/${inside}${link.search}`);
});

/** Match a path against `/m/:id`; null when it is another one. */
export function match(pattern: string, actual: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = actual.split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part.startsWith(":") && value) {
      try {
        found[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return found;
}
