import type { LoggedCall, LoggedFrame } from "../../model/wire-log.js";
import { describeFrame } from "./decode.js";

/** What each frame can be found by. A frame never changes. */
const texts = new WeakMap<LoggedFrame, string>();

function textOf(frame: LoggedFrame): string {
  let text = texts.get(frame);
  if (text === undefined) {
    const { direction, name, stream, method = "" } = frame;
    text = `${direction} ${name} ${stream} ${method} ${describeFrame(frame, [])}`.toLowerCase();
    texts.set(frame, text);
  }
  return text;
}

/** The frames that say all of some words, in what they are or in what is in them. */
export function framesWith(frames: readonly LoggedFrame[], words: string): readonly LoggedFrame[] {
  const wanted = split(words);
  return wanted.length === 0 ? frames : frames.filter((frame) => wanted.every((word) => textOf(frame).includes(word)));
}

/** The calls of which a frame says all of some words. */
export function callsWith(
  calls: readonly LoggedCall[],
  frames: readonly LoggedFrame[],
  words: string,
): readonly LoggedCall[] {
  if (split(words).length === 0) {
    return calls;
  }
  const found = new Set(framesWith(frames, words).map(({ connection, stream }) => `${connection}.${stream}`));
  return calls.filter(({ id }) => found.has(id));
}

function split(words: string): string[] {
  return words.toLowerCase().split(/\s+/).filter(Boolean);
}
