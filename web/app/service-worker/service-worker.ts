// The shell of the application, kept by the browser: it opens without a network, with what was there at the last visit. Pages
// come from the server whenever it answers, so nobody stays with an old version; only files that carry their hash in their
// name are taken from what is kept. What is said in rooms is not kept here.

export {};

declare const self: ServiceWorkerGlobalScope;

const cacheName = "rialto-shell";
const page = "/index.html";
const hashed = "/assets/";

/** How long the server may take to answer for a page, in ms, before the kept one is shown. */
const patience = 4000;

/** How many hashed files are kept: those of the present version and of the one before, which open pages may still ask for. */
const mostFiles = 80;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/r/"))) {
    event.respondWith(answerPage(request));
  } else if (url.pathname.startsWith(hashed)) {
    event.respondWith(answerFile(request));
  }
});

// Where pages cannot show notifications themselves: see src/notify.ts.
self.addEventListener("notificationclick", (event) => {
  const { notification } = event;
  notification.close();
  if (typeof notification.data === "string") {
    event.waitUntil(goTo(notification.data));
  }
});

async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const response = await fetch(page, { cache: "no-cache" });
  if (!response.ok) {
    throw new Error(`${page}: ${response.status}`);
  }
  const html = await response.clone().text();
  await cache.addAll([...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? ""));
  await cache.put(page, response);
  await self.skipWaiting();
}

/** Leads to a path of the application: in a page that is open, or in a new one. */
async function goTo(path: string): Promise<void> {
  const [page] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (page === undefined) {
    await self.clients.openWindow(path);
    return;
  }
  page.postMessage({ goTo: path });
  await page.focus();
}

/** A page is the server's; the kept one where the server does not answer. */
async function answerPage(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  const signal = AbortSignal.timeout(patience);
  try {
    const response = await fetch(request.url, { signal, cache: "no-cache" });
    if (response.ok) {
      await cache.put(page, response.clone());
    }
    return response;
  } catch (error) {
    const kept = await cache.match(page);
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}

/** A file with its hash in its name never changes. */
async function answerFile(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(request);
  if (kept !== undefined) {
    return kept;
  }
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request, response.clone());
    await prune(cache);
  }
  return response;
}

/** Lets the oldest files go. */
async function prune(cache: Cache): Promise<void> {
  const files = (await cache.keys()).filter((kept) => new URL(kept.url).pathname.startsWith(hashed));
  await Promise.all(files.slice(0, Math.max(0, files.length - mostFiles)).map((kept) => cache.delete(kept)));
}
