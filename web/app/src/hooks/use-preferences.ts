import { useSnapshot } from "@rialto/chat/react";
import { useCallback, useEffect } from "react";
import type { Preferences } from "../model/preferences.js";
import { useSession } from "../session.js";
import { useMedia } from "./use-media.js";

/** Returns what this browser remembers, and a function that changes some of it. Theme and contrast are applied to the page. */
export function usePreferences(): readonly [Preferences, (change: Preferences) => void] {
  const store = useSession().preferences;
  const preferences = useSnapshot(store);
  const change = useCallback((part: Preferences) => store.change(part), [store]);
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
