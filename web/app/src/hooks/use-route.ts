import { useCallback, useMemo, useSyncExternalStore } from "react";
import { parseRoute, type Route, routePath } from "../model/route.js";

/** Told of every change that this application makes; the history API tells only of the others. */
const navigated = "rialto:navigated";

/** Goes to a route. `replace` leaves no step to come back to. */
export function navigate(route: Route, replace = false): void {
  const path = routePath(route);
  if (path !== location.pathname) {
    history[replace ? "replaceState" : "pushState"](null, "", path);
    dispatchEvent(new Event(navigated));
  }
}

/** Returns the route that the address bar shows. */
export function useRoute(): Route {
  const subscribe = useCallback((listener: () => void) => {
    addEventListener("popstate", listener);
    addEventListener(navigated, listener);
    return () => {
      removeEventListener("popstate", listener);
      removeEventListener(navigated, listener);
    };
  }, []);
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  return useMemo(() => parseRoute(path), [path]);
}
