/** What the address bar says: a room and perhaps a message in it, the list of rooms, an invitation, or nothing that exists. */
export type Route =
  | { readonly page: "room"; readonly room: string; readonly seq?: number }
  | { readonly page: "rooms" }
  | { readonly page: "join" }
  | { readonly page: "unknown" };

/** Reads a path. The room's id is as typed and may be invalid. */
export function parseRoute(path: string): Route {
  if (path === "/" || path === "") {
    return { page: "rooms" };
  }
  if (path === "/join") {
    return { page: "join" };
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

/** The address of an invitation. Its token stands behind the #, so that no server and no log gets to know it. */
export function joinAddress(token: string): string {
  return `${location.origin}/join#${token}`;
}

/** Writes a path. */
export function routePath(route: Route): string {
  if (route.page !== "room") {
    return "/";
  }
  return `/r/${encodeURIComponent(route.room)}${route.seq === undefined ? "" : `/${route.seq}`}`;
}
