import { maxNameLength } from "@rialto/chat";

/** What this browser remembers of its user. */
export interface Preferences {
  /** The name they chose; undefined on a first visit. */
  readonly name?: string;
  /** Default: as the system prefers. */
  readonly theme?: Theme;
  /** Whether colours stand out more than they must. Default: as the system prefers. */
  readonly contrast?: Contrast;
  /** The room they were in last. */
  readonly room?: string;
  /** Whether the system shows what comes while the page is not looked at. Default: no. */
  readonly notify?: boolean;
  /** What they are told of, by room. Default: what mentions them. */
  readonly levels?: Readonly<Record<string, NotifyLevel>>;
  /** Whether the wire inspector can be opened. Default: no. */
  readonly inspector?: boolean;
}

export const themes = ["system", "light", "dark"] as const;

export type Theme = (typeof themes)[number];

export const contrasts = ["system", "more"] as const;

export type Contrast = (typeof contrasts)[number];

/** Of which messages of a room one is told. */
export const notifyLevels = ["all", "mentions", "none"] as const;

export type NotifyLevel = (typeof notifyLevels)[number];

/** Returns what somebody is told of in a room. */
export function notifyLevel({ levels }: Preferences, room: string): NotifyLevel {
  return (levels !== undefined && Object.hasOwn(levels, room) && levels[room]) || "mentions";
}

/** Under what it is kept. */
export const preferencesKey = "rialto.preferences";

/** Reads what is remembered; what is missing or damaged is simply not there. */
export function loadPreferences(storage: Pick<Storage, "getItem">): Preferences {
  let stored: unknown;
  try {
    stored = JSON.parse(storage.getItem(preferencesKey) ?? "{}");
  } catch {
    return {};
  }
  if (typeof stored !== "object" || stored === null) {
    return {};
  }
  const { name, theme, contrast, room, notify, levels, inspector } = stored as {
    [field in keyof Preferences]?: unknown;
  };
  return {
    ...(typeof name === "string" && nameProblem(name) === undefined ? { name } : {}),
    ...(isOne(themes, theme) ? { theme } : {}),
    ...(isOne(contrasts, contrast) ? { contrast } : {}),
    ...(typeof room === "string" ? { room } : {}),
    ...(notify === true ? { notify } : {}),
    ...(typeof levels === "object" && levels !== null ? { levels: validLevels(levels) } : {}),
    ...(inspector === true ? { inspector } : {}),
  };
}

function isOne<T>(values: readonly T[], value: unknown): value is T {
  return values.some((one) => one === value);
}

function validLevels(levels: object): Record<string, NotifyLevel> {
  const entries = Object.entries(levels) as [string, unknown][];
  return Object.fromEntries(entries.filter((entry): entry is [string, NotifyLevel] => isOne(notifyLevels, entry[1])));
}

/** Remembers. Storage that is full or forbidden only means that the next visit starts anew. */
export function savePreferences(storage: Pick<Storage, "setItem">, preferences: Preferences): void {
  try {
    storage.setItem(preferencesKey, JSON.stringify(preferences));
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
