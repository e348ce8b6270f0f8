import { type KeyboardEvent, useState } from "react";
import { isComposing } from "../../model/composing.js";
import { type Emoji, emojiGroups, findEmojis } from "../../model/emoji.js";
import "./emoji-picker.css";

interface Props {
  readonly onChoose: (emoji: string) => void;
}

/** How many emojis a search shows. */
const most = 40;

/** Emojis by group, or by what is searched for. Arrows move among them. */
export function EmojiPicker({ onChoose }: Props) {
  const [query, setQuery] = useState("");
  const found = query.trim() === "" ? undefined : findEmojis(query, most);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the fields within.
    <div className="emoji-picker" onKeyDown={moveInGrid}>
      <input
        className="emoji-search"
        type="search"
        placeholder="Find an emoji"
        aria-label="Find an emoji"
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || isComposing(event.nativeEvent)) {
            return;
          }
          // It would send what the picker stands in.
          event.preventDefault();
          const first = found?.[0];
          if (first !== undefined) {
            onChoose(first.emoji);
          }
        }}
      />
      <div className="emoji-groups">
        {found === undefined ? (
          emojiGroups.map(({ name, emojis }) => (
            <section key={name} aria-label={name}>
              <h3>{name}</h3>
              <Grid emojis={emojis} onChoose={onChoose} />
            </section>
          ))
        ) : found.length === 0 ? (
          <p className="emoji-none" role="status">
            Nothing found.
          </p>
        ) : (
          <Grid emojis={found} onChoose={onChoose} />
        )}
      </div>
    </div>
  );
}

interface GridProps extends Props {
  readonly emojis: readonly Emoji[];
}

function Grid({ emojis, onChoose }: GridProps) {
  return (
    <div className="emoji-grid">
      {emojis.map(({ emoji, words }) => (
        <button key={emoji} type="button" title={words} aria-label={words} onClick={() => onChoose(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  );
}

/** Arrows go from emoji to emoji by where they stand; down from the field goes to the first. */
function moveInGrid(event: KeyboardEvent<HTMLElement>): void {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const perRow = buttons.filter((button) => button.offsetTop === buttons[0]?.offsetTop).length || 1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: at < 0 ? 1 : perRow, ArrowUp: -perRow }[event.key];
  if (step === undefined || (at < 0 && event.key !== "ArrowDown")) {
    return;
  }
  event.preventDefault();
  const next = at + step;
  const target = next < 0 ? event.currentTarget.querySelector("input") : buttons[Math.min(next, buttons.length - 1)];
  target?.focus();
}
