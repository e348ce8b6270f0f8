/** How many things a page of a list brings; the server's most. */
export const pageSize = 500;

/** A page of a list, and where the next one starts: empty on the last. */
interface Page<T> {
  readonly items: readonly T[];
  readonly next: string;
}

/** Returns what is on all pages of a list, one after the other. `ask` makes the call, with a page's token. */
export async function allPages<T>(ask: (pageToken: string) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let next = "";
  do {
    const page = await ask(next);
    items.push(...page.items);
    next = page.next;
  } while (next !== "");
  return items;
}
