import { type ReactNode, useState } from "react";
import type { Loaded } from "../../hooks/use-loaded.js";
import { problem } from "../../model/problem.js";

interface Props<T> {
  readonly loaded: Loaded<readonly T[]>;
  /** What to say if there is nothing. */
  readonly empty: string;
  readonly keyOf: (item: T) => string;
  readonly children: (item: T, run: (work: Promise<unknown>) => void) => ReactNode;
}

/** A list that was asked for, with what can be done about each of its items; after that it is asked for again. */
export function Listing<T>({ loaded, empty, keyOf, children }: Props<T>) {
  const [failure, setFailure] = useState<string>();
  const run = (work: Promise<unknown>) => {
    setFailure(undefined);
    work.then(loaded.reload, (error: unknown) => setFailure(problem(error)));
  };
  const { value } = loaded;
  const wrong = failure ?? loaded.failure;
  return (
    <>
      {value === undefined && wrong === undefined && <p className="moderation-note">Loading…</p>}
      {value?.length === 0 && <p className="moderation-note">{empty}</p>}
      {value !== undefined && value.length > 0 && (
        <ul className="moderation-list">
          {value.map((item) => (
            <li key={keyOf(item)}>{children(item, run)}</li>
          ))}
        </ul>
      )}
      {wrong !== undefined && (
        <p className="field-error" role="alert">
          {wrong}{" "}
          {value === undefined && (
            <button type="button" className="text-button" onClick={loaded.reload}>
              Try again
            </button>
          )}
        </p>
      )}
    </>
  );
}
