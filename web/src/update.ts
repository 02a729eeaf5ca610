// The worker that keeps the client for offline use, and the quiet note that a new version is there.
import { signal } from "@preact/signals";
import { address } from "./lib/base";

export const updateReady = signal(false);

let waiting: ServiceWorker | null = null;

function note(worker: ServiceWorker | null): void {
  // Without a controller this is the first visit: what is installed is what is shown.
  if (!worker || !navigator.serviceWorker.controller) return;
  waiting = worker;
  updateReady.value = true;
}

/** Register the worker. Browsers have none on plain-HTTP addresses other than this machine's. */
export async function registerWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register(address("/sw.js"), { scope: address("/") });
  note(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => coming.state === "installed" && note(coming));
  });
  setInterval(() => void registration.update().catch(() => undefined), 60 * 60_000);
}

/** Use the new version now. */
export function useUpdate(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  waiting?.postMessage("use");
}
