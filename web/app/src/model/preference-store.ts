import { loadPreferences, type Preferences, preferencesKey, savePreferences } from "./preferences.js";
import type { SafeStorage } from "./safe-storage.js";

/**
 * What this browser remembers of its user, the same in all its tabs: a tab writes what was changed in it and nothing else, and hears
 * of what others write by `events`, the window. Shaped for useSyncExternalStore.
 */
export class PreferenceStore {
  private readonly storage: Pick<SafeStorage, "getItem" | "setItem">;
  private readonly listeners = new Set<() => void>();
  private preferences: Preferences;

  constructor(storage: Pick<SafeStorage, "getItem" | "setItem">, events: Pick<EventTarget, "addEventListener">) {
    this.storage = storage;
    this.preferences = loadPreferences(storage);
    events.addEventListener("storage", (event) => {
      const { key, newValue } = event as StorageEvent;
      // What was erased stays as it is as long as the page does.
      if (key === preferencesKey && newValue !== null) {
        this.set(loadPreferences(storage));
      }
    });
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getSnapshot(): Preferences {
    return this.preferences;
  }

  /** Changes what is given, and of `levels` the rooms that are given. */
  change(part: Preferences): void {
    savePreferences(this.storage, merged(loadPreferences(this.storage), part));
    this.set(merged(this.preferences, part));
  }

  private set(preferences: Preferences): void {
    this.preferences = preferences;
    for (const listener of this.listeners) {
      listener();
    }
  }
}

function merged(before: Preferences, part: Preferences): Preferences {
  const levels = part.levels && { levels: { ...before.levels, ...part.levels } };
  return { ...before, ...part, ...levels };
}
