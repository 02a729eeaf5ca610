import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const CHOSEN = "aimo.theme";
const chosen = localStorage.getItem(CHOSEN);

export const theme = signal<Theme>(chosen === "light" || chosen === "dark" ? chosen : "system");

export function chooseTheme(one: Theme): void {
  theme.value = one;
  if (one === "system") {
    localStorage.removeItem(CHOSEN);
    delete document.documentElement.dataset["theme"];
  } else {
    localStorage.setItem(CHOSEN, one);
    document.documentElement.dataset["theme"] = one;
  }
}
