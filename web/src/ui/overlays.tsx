// What can lie over any page: search, the sheet of keys, the question for the password.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { isCommand, isComposing } from "../lib/keys";
import { go, path } from "../router";
import { ROUTES } from "../routes";
import { passwordAsked, person } from "../store/session";
import { Help } from "./help";
import { PasswordDialog } from "./password-dialog";
import { SearchDialog } from "./search-dialog";
import { runAction } from "./toasts";
import { useKeys } from "./use";

const open = signal<"search" | "help" | null>(null);

export const openSearch = (): void => {
  if (path.value === "/search") document.querySelector<HTMLInputElement>(".search input")?.focus();
  else open.value = "search";
};

const PLACES: Record<string, string> = { h: "/", s: "/search", r: "/review", a: "/ask", f: "/gallery", t: "/trash", n: "/notifications", ",": "/settings" };
let prefix = 0;

/** Put the caret where a new memo is written. */
export function compose(): void {
  const focus = (): void => document.querySelector<HTMLTextAreaElement>("#composer")?.focus();
  if (path.value === "/") focus();
  else go("/?compose=1");
}

export function Overlays() {
  useKeys({
    "/": openSearch,
    "?": () => (open.value = "help"),
    c: compose,
    n: compose,
    z: () => void runAction(),
    g: () => (prefix = Date.now()),
    ...Object.fromEntries(
      Object.entries(PLACES).filter(([, target]) => ROUTES.some((route) => route.pattern === target)).map(([key, target]) => [
        key,
        () => {
          if (Date.now() - prefix > 1500) {
            if (key === "n") compose();
            return;
          }
          prefix = 0;
          go(target);
        },
      ]),
    ),
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (isComposing(event) || !isCommand(event) || event.key.toLowerCase() !== "k" || !person.value) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) openSearch();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
  const close = (): void => {
    open.value = null;
  };
  return (
    <>
      {open.value === "search" && <SearchDialog title={t("search.title")} onClose={close} />}
      {open.value === "help" && <Help onClose={close} />}
      {passwordAsked.value && <PasswordDialog settle={passwordAsked.value.settle} />}
    </>
  );
}
