import { maxNameLength } from "@rialto/chat";

/** What this browser remembers of its user. */
export interface Preferences {
  /** The name they chose; undefined on a first visit. */
  readonly name?: string;
  /** Default: as the system prefers. */
  readonly theme?: Theme;
  /** The room they were in last. */
  readonly room?: string;
}

export const themes = ["system", "light", "dark"] as const;

export type Theme = (typeof themes)[number];

const key = "rialto.preferences";

/** Reads what is remembered; what is missing or damaged is simply not there. */
export function loadPreferences(storage: Pick<Storage, "getItem">): Preferences {
  let stored: unknown;
  try {
    stored = JSON.parse(storage.getItem(key) ?? "{}");
  } catch {
    return {};
  }
  if (typeof stored !== "object" || stored === null) {
    return {};
  }
  const { name, theme, room } = stored as { [field in keyof Preferences]?: unknown };
  return {
    ...(typeof name === "string" && nameProblem(name) === undefined ? { name } : {}),
    ...(isTheme(theme) ? { theme } : {}),
    ...(typeof room === "string" ? { room } : {}),
  };
}

function isTheme(value: unknown): value is Theme {
  return themes.some((theme) => theme === value);
}

/** Remembers. Storage that is full or forbidden only means that the next visit starts anew. */
export function savePreferences(storage: Pick<Storage, "setItem">, preferences: Preferences): void {
  try {
    storage.setItem(key, JSON.stringify(preferences));
  } catch {
    // As documented.
  }
}

/** Says what is wrong with a display name; undefined if nothing is. */
export function nameProblem(name: string): string | undefined {
  const length = [...name].length;
  if (name.trim() === "") {
    return "Please enter a name.";
  }
  if (length > maxNameLength) {
    return `A name has at most ${maxNameLength} characters; this one has ${length}.`;
  }
  if (/\p{Cc}/u.test(name)) {
    return "A name cannot contain control characters.";
  }
  return undefined;
}
