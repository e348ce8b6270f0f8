import type { User } from "@rialto/chat";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import type { Completion } from "../components/Completions/Completions.js";
import { findPeople, type Query, queryAt } from "../model/completion.js";
import { isComposing } from "../model/composing.js";
import type { Emoji } from "../model/emoji.js";

const most = 8;

interface Options {
  readonly text: string;
  /** Where the caret is. */
  readonly caret: number;
  readonly people: readonly User[];
  /** Takes the text with the completion in it, and where the caret is to be. */
  readonly onComplete: (text: string, caret: number, completion: Completion) => void;
}

export interface CompletionState {
  readonly completions: readonly Completion[];
  readonly selected: number;
  readonly choose: (completion: Completion) => void;
  /** Takes a key that was pressed in the field; returns whether it was one of these. */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** Proposes how to go on with a name behind an @ or an emoji behind a colon. Escape takes the proposal back. */
export function useCompletion({ text, caret, people, onComplete }: Options): CompletionState {
  const query = useMemo(() => queryAt(text, caret), [text, caret]);
  const [refused, setRefused] = useState<number>();
  const [index, setIndex] = useState(0);
  const emojis = useEmojis(query);
  const completions = useMemo<readonly Completion[]>(() => {
    if (query === undefined || query.from === refused) {
      return [];
    }
    return query.kind === "emoji"
      ? emojis.map(({ emoji, words }) => ({ key: emoji, shown: words, insert: emoji, emoji }))
      : findPeople(people, query.text, most).map((user) => ({
          key: user.id,
          shown: user.name,
          insert: `@${user.name}`,
          user,
        }));
  }, [query, refused, emojis, people]);
  const selected = Math.min(index, completions.length - 1);

  const choose = (completion: Completion) => {
    if (query !== undefined) {
      const before = `${text.slice(0, query.from)}${completion.insert} `;
      setIndex(0);
      onComplete(before + text.slice(caret).replace(/^ /, ""), before.length, completion);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const chosen = completions[selected];
    if (chosen === undefined || isComposing(event.nativeEvent)) {
      return false;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      setIndex((selected + step + completions.length) % completions.length);
    } else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
      choose(chosen);
    } else if (event.key === "Escape") {
      setRefused(query?.from);
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  };
  return { completions, selected, choose, onKey };
}

type FindEmojis = typeof import("../model/emoji.js").findEmojis;

const none: readonly Emoji[] = [];

/** Finds emojis for a query, never those of an earlier one; their list comes when it is first needed. */
function useEmojis(query: Query | undefined): readonly Emoji[] {
  const [find, setFind] = useState<FindEmojis>();
  const wanted = query?.kind === "emoji" ? query.text : undefined;
  const missing = wanted !== undefined && find === undefined;
  useEffect(() => {
    if (!missing) {
      return;
    }
    let current = true;
    import("../model/emoji.js").then(
      ({ findEmojis }) => current && setFind(() => findEmojis),
      () => undefined, // Without the list there are no proposals; typing goes on.
    );
    return () => {
      current = false;
    };
  }, [missing]);
  return useMemo(() => (wanted === undefined || find === undefined ? none : find(wanted, most)), [wanted, find]);
}
