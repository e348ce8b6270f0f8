import type { TokenStore } from "./types.js";

/** Keeps the token as long as the object lives: for programs without a browser, and for tests. */
export function memoryTokens(token?: string): TokenStore {
  let current = token;
  return {
    get: () => current,
    set: (value) => {
      current = value;
    },
    clear: () => {
      current = undefined;
    },
  };
}

/**
 * Keeps the token in the browser's local storage under `key`, so that it outlives the page. Where there is no local
 * storage or the browser forbids it, it is kept in memory.
 */
export function localStorageTokens(key = "rialto.token"): TokenStore {
  const fallback = memoryTokens();
  const attempt = <T>(use: (storage: Storage) => T, otherwise: () => T): T => {
    try {
      return use(globalThis.localStorage);
    } catch {
      // Absent, blocked by a setting (SecurityError) or full (QuotaExceededError).
      return otherwise();
    }
  };
  return {
    get: () => attempt((storage) => storage.getItem(key) ?? fallback.get(), fallback.get),
    set: (token) => {
      fallback.set(token);
      attempt(
        (storage) => storage.setItem(key, token),
        () => undefined,
      );
    },
    clear: () => {
      fallback.clear();
      attempt(
        (storage) => storage.removeItem(key),
        () => undefined,
      );
    },
  };
}
