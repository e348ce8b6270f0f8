/** What the address bar says: a room and perhaps a message in it, the list of rooms, or nothing that exists. */
export type Route =
  | { readonly page: "room"; readonly room: string; readonly seq?: number }
  | { readonly page: "rooms" }
  | { readonly page: "unknown" };

/** Reads a path. The room's id is as typed and may be invalid. */
export function parseRoute(path: string): Route {
  if (path === "/" || path === "") {
    return { page: "rooms" };
  }
  const [, room, seq] = path.match(/^\/r\/([^/]+)(?:\/([1-9][0-9]{0,15}))?\/?$/) ?? [];
  if (room === undefined) {
    return { page: "unknown" };
  }
  try {
    return { page: "room", room: decodeURIComponent(room), ...(seq === undefined ? {} : { seq: Number(seq) }) };
  } catch {
    return { page: "unknown" };
  }
}

/** Writes a path. */
export function routePath(route: Route): string {
  if (route.page !== "room") {
    return "/";
  }
  return `/r/${encodeURIComponent(route.room)}${route.seq === undefined ? "" : `/${route.seq}`}`;
}
