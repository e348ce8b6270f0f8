/** The most people whom one message may be about; the server refuses more. */
export const mostMentions = 50;

/** A name in a text, and where the @ before it stands. */
export interface NameInText {
  readonly name: string;
  readonly at: number;
}

/**
 * Finds names in a text, each behind an @ and a word of its own: neither "@Anna" nor "x@ana.com" names Ana. Of two names that
 * begin at the same place the longer one counts.
 */
export function namesIn(text: string, names: Iterable<string>): NameInText[] {
  const longestFirst = [...names].filter((name) => name !== "").sort((a, b) => b.length - a.length);
  const found: NameInText[] = [];
  let end = 0;
  for (const { index: at } of text.matchAll(startOfName)) {
    const stands = (name: string) => text.startsWith(name, at + 1) && !goesOn(text, at + 1 + name.length);
    const name = at < end ? undefined : longestFirst.find(stands);
    if (name !== undefined) {
      found.push({ name, at });
      end = at + 1 + name.length;
    }
  }
  return found;
}

/** A letter or digit of a script that sets its words apart. In the others a word may follow a name at once, in Korean a particle. */
const inWord = String.raw`(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}])[\p{L}\p{M}\p{N}]`;
const startOfName = new RegExp(`(?<!${inWord})@`, "gu");
const wordGoesOn = new RegExp(inWord, "uy");

function goesOn(text: string, at: number): boolean {
  wordGoesOn.lastIndex = at;
  return wordGoesOn.test(text);
}

/** Somebody who can be named. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

/** Finds whom a text is about: those who are named in it. `chosen` says who is meant where several have one name. */
export function mentionsIn(text: string, people: readonly Named[], chosen: ReadonlyMap<string, string>): string[] {
  const ids = new Map([...people.map(({ name, id }) => [name, id] as const), ...chosen]);
  const found = namesIn(text, ids.keys()).map(({ name }) => ids.get(name) ?? "");
  return [...new Set(found)].slice(0, mostMentions);
}
