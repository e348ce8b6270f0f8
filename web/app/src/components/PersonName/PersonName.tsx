import type { User } from "@rialto/chat";
import "./person-name.css";

interface Props {
  readonly user: User;
  /** Whether this is the reader. */
  readonly me?: boolean;
}

/**
 * A name as its owner typed it, isolated from the text around it, with what the reader should know about its owner: that
 * they proved nothing, or that it is the reader.
 */
export function PersonName({ user, me = false }: Props) {
  return (
    <span className="person-name">
      <bdi className="person-name-text">{user.name}</bdi>
      {me && <span className="mark">you</span>}
      {user.guest && !me && (
        <span className="mark" title="A guest: anybody may use this name">
          guest
        </span>
      )}
    </span>
  );
}
