import { useCallback, useEffect, useState } from "react";
import { loadPreferences, type Preferences, savePreferences } from "../model/preferences.js";
import { useMedia } from "./use-media.js";

/** Returns what this browser remembers, and a function that changes some of it. Theme and contrast are applied to the page. */
export function usePreferences(): readonly [Preferences, (change: Preferences) => void] {
  const [preferences, setPreferences] = useState(() => loadPreferences(localStorage));
  const change = useCallback((part: Preferences) => setPreferences((before) => ({ ...before, ...part })), []);
  useEffect(() => savePreferences(localStorage, preferences), [preferences]);
  useEffect(() => {
    document.documentElement.setAttribute("data-theme", preferences.theme ?? "system");
  }, [preferences.theme]);
  const moreAsked = useMedia("(prefers-contrast: more)");
  const more = moreAsked || preferences.contrast === "more";
  useEffect(() => {
    document.documentElement.setAttribute("data-contrast", more ? "more" : "usual");
  }, [more]);
  return [preferences, change];
}
