import type { BrowserContext } from "playwright-core";

/** A moment as the server's clock had it, and as pictures show it; both in ms since 1970. */
export interface Moment {
  readonly real: number;
  readonly shown: number;
}

/**
 * Makes the pages of a context show other times than the server gave: what happened since one moment and before the next is
 * shown as that moment. So pictures that are taken on two days are the same.
 */
export async function showMoments(context: BrowserContext, moments: readonly Moment[], now: number): Promise<void> {
  await context.addInitScript(replaceDate, { moments, now });
}

/** In the page, before its scripts. What is shown lies before all that is real, so nothing is translated twice. */
function replaceDate({ moments, now }: { readonly moments: readonly Moment[]; readonly now: number }): void {
  const RealDate = Date;
  const started = RealDate.now();
  const present = () => now + RealDate.now() - started;
  const shown = (time: number) =>
    time >= started ? now + time - started : (moments.findLast(({ real }) => real <= time)?.shown ?? time);
  globalThis.Date = class extends RealDate {
    constructor(...given: readonly unknown[]) {
      const [first] = given;
      if (given.length === 0) {
        super(present());
      } else if (given.length === 1 && typeof first === "number") {
        super(shown(first));
      } else {
        super(...(given as []));
      }
    }

    static override now(): number {
      return present();
    }
  } as DateConstructor;
}
