// Keeps the page's own files, so that it opens without a network and after a restart. Conversations stay on the server:
// nothing under /api or /v1 is ever kept. The server writes VERSION above, a digest of all files.

const CACHE = `shell-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const page = request.mode === "navigate" && !pathname.startsWith("/api/");
  if (!page && !FILES.includes(pathname)) return;
  // The server first: it is the same machine, and what it has is never older.
  event.respondWith(fetch(request).catch(async () => {
    const kept = await caches.match(page ? "/index.html" : pathname);
    return kept ?? Response.error();
  }));
});
