import { computed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { language } from "./i18n";
import { go, match, path, returned } from "./router";
import { ROUTES } from "./routes";
import { person } from "./store/session";
import { Overlays } from "./ui/overlays";
import { Problem } from "./ui/problem";
import { Shell } from "./ui/shell";
import { Toasts } from "./ui/toasts";

const current = computed(() => {
  for (const route of ROUTES) {
    const found = match(route.pattern, path.value);
    if (found) return { route, id: found["id"] ?? "" };
  }
  return null;
});

export function App() {
  void language.value;
  const found = current.value;
  const needsLogin = !person.value && !found?.route.open;
  const where = path.value;
  useEffect(() => {
    if (needsLogin) go(where === "/" ? "/login" : `/login?to=${encodeURIComponent(where + location.search)}`, true);
  }, [needsLogin, where]);
  useEffect(() => {
    // A new page is announced by its focus, except where a field takes it.
    if (!returned.value && document.activeElement === document.body) document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
  }, [where]);
  if (needsLogin) return <Toasts />;
  const Page = found?.route.page;
  const content = Page ? <Page key={`${found.route.pattern} ${found.id}`} id={found.id} /> : <Problem kind="missing" />;
  return (
    <>
      {found?.route.alone ? <main id="main" class="alone">{content}</main> : <Shell>{content}</Shell>}
      {person.value && <Overlays />}
      <Toasts />
    </>
  );
}


