import { render } from "preact";
import { App } from "./app";
import { loadLanguage } from "./i18n";
import { MemoPage } from "./routes";
import { keepGoing, readDevice, refreshRest } from "./store/sync";
import { registerWorker } from "./update";

/** Show what this device has, then what is new. */
async function start(): Promise<void> {
  await Promise.all([loadLanguage(), readDevice()]);
  const root = document.querySelector("#app");
  if (root) render(<App />, root);
  keepGoing();
  await refreshRest();
  void MemoPage.fetch().catch(() => undefined);
  // The first view comes first; keeping the client for offline use can wait.
  setTimeout(() => void registerWorker(), 1500);
}

void start();
