/** What the address bar says: a room, the list of rooms, or nothing that exists. */
export type Route =
  | { readonly page: "room"; readonly room: string }
  | { readonly page: "rooms" }
  | { readonly page: "unknown" };

/** Reads a path. The room's id is as typed and may be invalid. */
export function parseRoute(path: string): Route {
  if (path === "/" || path === "") {
    return { page: "rooms" };
  }
  const room = path.match(/^\/r\/([^/]+)\/?$/)?.[1];
  if (room === undefined) {
    return { page: "unknown" };
  }
  try {
    return { page: "room", room: decodeURIComponent(room) };
  } catch {
    return { page: "unknown" };
  }
}

/** Writes a path. */
export function routePath(route: Route): string {
  return route.page === "room" ? `/r/${encodeURIComponent(route.room)}` : "/";
}
