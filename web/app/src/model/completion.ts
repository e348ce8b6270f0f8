import type { User } from "@rialto/chat";

/** What is being typed just before the caret: the beginning of somebody's name, or of an emoji's. */
export interface Query {
  readonly kind: "mention" | "emoji";
  readonly text: string;
  /** Where it begins in the whole text, with its @ or colon. */
  readonly from: number;
}

/** Finds what is being typed; undefined if it is neither. */
export function queryAt(text: string, caret: number): Query | undefined {
  const before = text.slice(Math.max(0, caret - 70), caret);
  const mention = /(?:^|[\s([{"'])@([^\s@]{0,40}(?: [^\s@]{0,24})?)$/u.exec(before)?.[1];
  if (mention !== undefined) {
    return { kind: "mention", text: mention, from: caret - mention.length - 1 };
  }
  const emoji = /(?:^|\s):([a-z]{2,16})$/i.exec(before)?.[1];
  return emoji === undefined ? undefined : { kind: "emoji", text: emoji, from: caret - emoji.length - 1 };
}

/** Finds people whose name, or a word of it, begins with a text; the former first. */
export function findPeople(people: readonly User[], text: string, most: number): User[] {
  const wanted = fold(text);
  const place = ({ name }: User) => {
    const folded = fold(name);
    return folded.startsWith(wanted) ? 0 : folded.includes(` ${wanted}`) ? 1 : 2;
  };
  const found = people.filter((user) => place(user) < 2);
  return found.sort((a, b) => place(a) - place(b)).slice(0, most);
}

function fold(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** The id of one of the options, for aria-activedescendant. */
export function optionId(id: string, index: number): string {
  return `${id}-${index}`;
}
