import type { Reaction } from "@rialto/chat";
import { nameList } from "../../model/person.js";
import "./reactions.css";

interface Props {
  readonly reactions: readonly Reaction[];
  readonly myId: string;
  /** The name of a user, if this page came across it. */
  readonly nameOf: (userId: string) => string | undefined;
  /** Whether the keyboard reaches them: of a list of messages only one's. */
  readonly reachable: boolean;
  readonly onToggle: (emoji: string, mine: boolean) => void;
}

/** The reactions to a message, each to be joined or taken back. */
export function Reactions({ reactions, myId, nameOf, reachable, onToggle }: Props) {
  return (
    <ul className="reactions" aria-label="Reactions">
      {reactions.map(({ emoji, userIds }) => {
        const mine = userIds.includes(myId);
        return (
          <li key={emoji}>
            <button
              type="button"
              className="reaction"
              tabIndex={reachable ? 0 : -1}
              aria-pressed={mine}
              title={who(userIds, myId, nameOf)}
              onClick={() => onToggle(emoji, mine)}
            >
              <bdi className="reaction-emoji">{emoji}</bdi>
              <span className="reaction-count">{userIds.length}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Who reacted, in words; those whom nobody can name are counted. */
function who(userIds: readonly string[], myId: string, nameOf: (userId: string) => string | undefined): string {
  const names = userIds.map((id) => (id === myId ? "you" : nameOf(id))).filter((name) => name !== undefined);
  const shown = names.slice(0, names.length === userIds.length && names.length <= 3 ? 3 : 2);
  const others = userIds.length - shown.length;
  const rest = others === 0 ? [] : [others === 1 ? "one other" : `${others} others`];
  return nameList([...shown, ...rest]);
}
