import type { RoomSnapshot, User } from "@rialto/chat";

/** Returns up to two letters that stand for a name in its avatar. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(firstLetter).join("");
  return letters === "" ? "?" : letters.toLocaleUpperCase();
}

function firstLetter(word: string | undefined): string {
  return word?.match(/[\p{L}\p{N}]\p{M}*/u)?.[0] ?? "";
}

/** Returns the colour of a user, as a hue of 0 to 359 degrees: the same everywhere, from the id and not from the name. */
export function hue(userId: string): number {
  // FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) {
    hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  }
  // Ids of one kind differ little: MurmurHash3's last step makes every bit of the hash depend on every bit of them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 360;
}

/** Joins names for a sentence: "Ana", "Ana and Bo", "Ana, Bo and Cy"; above three "several people". */
export function nameList(names: readonly string[]): string {
  if (names.length > 3) {
    return "several people";
  }
  return new Intl.ListFormat("en", { type: "conjunction" }).format(names);
}

/** Who can be spoken to in a room: those who are here, then those who spoke last; each once. */
export function peopleOf({ online, messages }: Pick<RoomSnapshot, "online" | "messages">): User[] {
  const people = new Map(online.map((user) => [user.id, user]));
  for (const { sender } of messages.slice(-recentMessages).reverse()) {
    if (!people.has(sender.id)) {
      people.set(sender.id, sender);
    }
  }
  return [...people.values()];
}

/** In how many of the newest messages people are looked for. */
const recentMessages = 500;
