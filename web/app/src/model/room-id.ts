import { roomIdPattern } from "@rialto/chat";

/** The most characters an id may have. */
export const maxRoomIdLength = 64;

/** Makes an id of a title: "Café – Après Ski!" becomes "cafe-apres-ski". Empty if nothing of it can stand in an id. */
export function slug(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, maxRoomIdLength)
    .replace(/[^a-z0-9]+$/, "");
}

/** Says what is wrong with an id, in words for the person who typed it; undefined if nothing is. */
export function roomIdProblem(id: string): string | undefined {
  if (roomIdPattern.test(id)) {
    return undefined;
  }
  if (id === "") {
    return "A room needs an id.";
  }
  if (id.length > maxRoomIdLength) {
    return `An id has at most ${maxRoomIdLength} characters; this one has ${id.length}.`;
  }
  if (/[A-Z]/.test(id)) {
    return "Lower case only, please.";
  }
  const wrong = id.match(/[^a-z0-9._-]/u)?.[0];
  if (wrong !== undefined) {
    return wrong.trim() === "" ? "An id has no spaces." : `An id cannot contain “${wrong}”.`;
  }
  return "An id starts with a letter or a digit.";
}
