import { navigate } from "./hooks/use-route.js";
import { parseRoute } from "./model/route.js";

const address = "/service-worker.js";

interface Policy {
  createScriptURL(address: string): string;
}

interface PolicyFactory {
  createPolicy(name: string, rules: Policy): Policy;
}

/** Lets the browser keep the application's shell, where it can. See service-worker/service-worker.ts. */
export function keepShell(): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) {
    return;
  }
  // A notification was clicked.
  navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<{ readonly goTo?: unknown }>) => {
    if (typeof data.goTo === "string") {
      navigate(parseRoute(data.goTo));
    }
  });
  // The Content-Security-Policy allows one policy of this name (web/policy.go); it knows this one address.
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  const policy = trustedTypes?.createPolicy("service-worker", { createScriptURL: () => address });
  navigator.serviceWorker
    .register(policy?.createScriptURL(address) ?? address, { updateViaCache: "none" })
    .catch(() => {
      // Without it the application needs the network to open; a private window may say no.
    });
}
