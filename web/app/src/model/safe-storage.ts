/** What is used of a browser's storage. */
export type SafeStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Returns what this browser keeps; where site data is blocked, so that even reading `localStorage` throws, what the page keeps. */
export function safeStorage(): SafeStorage {
  try {
    return localStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}
