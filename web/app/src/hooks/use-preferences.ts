import { useCallback, useEffect, useState } from "react";
import { loadPreferences, type Preferences, savePreferences } from "../model/preferences.js";

/** Returns what this browser remembers, and a function that changes some of it. The theme is applied to the page. */
export function usePreferences(): readonly [Preferences, (change: Preferences) => void] {
  const [preferences, setPreferences] = useState(() => loadPreferences(localStorage));
  const change = useCallback((part: Preferences) => setPreferences((before) => ({ ...before, ...part })), []);
  useEffect(() => savePreferences(localStorage, preferences), [preferences]);
  useEffect(() => {
    document.documentElement.setAttribute("data-theme", preferences.theme ?? "system");
  }, [preferences.theme]);
  return [preferences, change];
}
