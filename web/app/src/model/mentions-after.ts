import { mentionsIn, mostMentions, type Named, namesIn } from "./mentions.js";

/** Somebody whom a message was about, and their name, if that is known. */
export interface OldMention {
  readonly userId: string;
  readonly name: string | undefined;
}

/**
 * Finds whom a message is about once its text has changed: those whom it was about, unless their names are gone from it; and those
 * whom the change named. A name that was there before and meant nobody does not come to mean somebody.
 */
export function mentionsAfter(
  change: { readonly from: string; readonly to: string },
  people: readonly Named[],
  old: readonly OldMention[],
): string[] {
  const { from, to } = change;
  const isNamed = (text: string, name: string) => namesIn(text, [name]).length > 0;
  const isGone = ({ name }: OldMention) =>
    // Whoever has another name by now, or none that is known here, is named behind some @.
    name !== undefined && isNamed(from, name) ? !isNamed(to, name) : from.includes("@") && !to.includes("@");
  const kept = old.filter((mention) => !isGone(mention)).map(({ userId }) => userId);
  const meant = new Map(old.flatMap(({ userId, name }) => (name === undefined ? [] : [[name, userId] as const])));
  const before = new Set(mentionsIn(from, people, meant));
  const added = mentionsIn(to, people, meant).filter((id) => !before.has(id));
  return [...new Set([...kept, ...added])].slice(0, mostMentions);
}
