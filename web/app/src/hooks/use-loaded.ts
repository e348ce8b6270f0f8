import { useCallback, useEffect, useState } from "react";
import { problem } from "../model/problem.js";

/** What was asked for: it is on its way, it is here, or it did not come. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly failure: string | undefined;
  /** Asks again. What is here stays until the answer comes. */
  readonly reload: () => void;
}

/** Asks for something when it is first drawn, and on demand. `load` must stay the same for the same. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ readonly value?: T; readonly failure?: string }>({});
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round asks again.
  useEffect(() => {
    let left = false;
    load().then(
      (value) => !left && setState({ value }),
      (error: unknown) => !left && setState((before) => ({ ...before, failure: problem(error) })),
    );
    return () => {
      left = true;
    };
  }, [load, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { value: state.value, failure: state.failure, reload };
}
