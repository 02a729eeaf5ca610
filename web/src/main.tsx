import { render } from "preact";
import { App } from "./app";
import { loadLanguage } from "./i18n";
import { MemoPage } from "./routes";
import { keepGoing, readDevice, refreshRest } from "./store/sync";
import { registerWorker } from "./update";

// Reading takes milliseconds, but another tab or a private window may keep the device's store from us.
const DEVICE_MS = 3000;

/** Show what this device has, then what is new. */
async function start(root: Element): Promise<void> {
  const read = readDevice().catch(() => undefined);
  await Promise.all([loadLanguage(), Promise.race([read, new Promise((done) => setTimeout(done, DEVICE_MS))])]);
  render(<App />, root);
  keepGoing();
  await refreshRest();
  void MemoPage.fetch().catch(() => undefined);
  // The first view comes first; keeping the client for offline use can wait.
  setTimeout(() => void registerWorker(), 1500);
}

/** Say, before there are any texts, that a part could not be loaded: a new version is there, or the network is gone. */
function sayStopped(root: Element): void {
  const button = document.createElement("button");
  button.className = "button primary";
  button.textContent = "Reload · 重新加载";
  button.addEventListener("click", () => location.reload());
  const text = document.createElement("p");
  text.setAttribute("role", "alert");
  text.textContent = "AIMO could not load. Nothing you wrote is lost. · AIMO 未能加载，你写的内容没有丢失。";
  const page = document.createElement("main");
  page.className = "problem";
  page.append(text, button);
  root.replaceChildren(page);
}

const root = document.querySelector("#app");
if (root) {
  start(root).catch((error: unknown) => {
    if (!root.hasChildNodes()) sayStopped(root);
    throw error;
  });
}
