import type { Retention } from "@rialto/chat";

const dayMs = 86_400_000;

/** The choices of how long messages are kept, and how the select box calls them. "other": something set by a program. */
export const keepingNames = {
  server: "As this server does",
  all: "For good",
  day: "For a day",
  month: "For 30 days",
  year: "For a year",
  other: "As it is set now",
} as const;

export type Keeping = keyof typeof keepingNames;

const ages: Readonly<Partial<Record<Keeping, number>>> = { day: dayMs, month: 30 * dayMs, year: 365 * dayMs };

/** Returns which choice a room's retention is. */
export function keepingOf(retention: Retention | null): Keeping {
  if (retention === null) {
    return "server";
  }
  if (retention.maxMessages !== undefined) {
    return "other";
  }
  const { maxAgeMs } = retention;
  const keeping = (Object.keys(ages) as Keeping[]).find((one) => ages[one] === maxAgeMs);
  return maxAgeMs === undefined ? "all" : (keeping ?? "other");
}

/** Returns the retention of a choice; `now` is the one that "other" means. */
export function retentionOf(keeping: Keeping, now: Retention | null): Retention | null {
  const maxAgeMs = ages[keeping];
  if (maxAgeMs !== undefined) {
    return { maxAgeMs };
  }
  return keeping === "server" ? null : keeping === "all" ? {} : now;
}
