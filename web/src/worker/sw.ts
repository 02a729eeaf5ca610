// Keeps the client itself, and files that were looked at, for offline use. Memos are kept by the pages, not here.
declare const self: ServiceWorkerGlobalScope;
declare const BUILD_FILES: string[];
declare const BUILD_VERSION: string;

import { keepShared } from "./share";

const SHELL = `shell-${BUILD_VERSION}`;
const FILES = "files";
const MOST_FILES = 200;
const LARGEST_FILE = 8_000_000;

const scope = new URL(self.registration.scope).pathname;

self.addEventListener("install", (event) => {
  const wanted = ["./", ...BUILD_FILES].map((name) => new Request(new URL(name, self.registration.scope), { cache: "no-cache" }));
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(wanted)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("shell-") && name !== SHELL) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "use") void self.skipWaiting();
  if (event.data === "forget") event.waitUntil(caches.delete(FILES));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin || !url.pathname.startsWith(scope)) return;
  const path = url.pathname.slice(scope.length);
  if (request.method === "POST" && path === "share-target") event.respondWith(keepShared(request, self.registration.scope));
  else if (request.method !== "GET") return;
  else if (/^api\/v1\/attachments\/[^/]+\/(?:thumbnail|download|file)$/.test(path)) event.respondWith(file(request, event));
  else if (/^(?:api|files|s|share)\/|^(?:healthz|readyz|metrics)$/.test(path)) return;
  else if (request.mode === "navigate") event.respondWith(page(request));
  else event.respondWith(asset(request));
});

/** The client's page, whatever the address: it routes by itself. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.match(self.registration.scope, { cacheName: SHELL });
  return kept ?? fetch(request);
}

async function asset(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: SHELL })) ?? fetch(request);
}

/** A file that was looked at before is shown from here; one that is streamed in parts is not kept. */
async function file(request: Request, event: FetchEvent): Promise<Response> {
  if (request.headers.has("Range")) return fetch(request);
  const cache = await caches.open(FILES);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  const size = Number(answer.headers.get("Content-Length") ?? Infinity);
  if (answer.status === 200 && size <= LARGEST_FILE && request.destination === "image") {
    const copy = answer.clone();
    event.waitUntil(keep(cache, request, copy));
  }
  return answer;
}

async function keep(cache: Cache, request: Request, answer: Response): Promise<void> {
  await cache.put(request, answer);
  const all = await cache.keys();
  for (const old of all.slice(0, Math.max(0, all.length - MOST_FILES))) await cache.delete(old);
}
