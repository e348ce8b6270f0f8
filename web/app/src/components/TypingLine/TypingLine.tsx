import type { User } from "@rialto/chat";
import "./typing-line.css";

interface Props {
  readonly users: readonly User[];
  /** What to say while nobody types. */
  readonly note: string | undefined;
}

/** Who is typing; up to three by name. It always takes its line, so that nothing moves. */
export function TypingLine({ users, note }: Props) {
  return (
    <p className="typing-line" data-typing={users.length > 0 || undefined}>
      {users.length === 0 ? note : users.length > 3 ? "Several people are typing…" : <Names users={users} />}
    </p>
  );
}

function Names({ users }: { readonly users: readonly User[] }) {
  if (users.length === 0) {
    return null;
  }
  return (
    <>
      {users.map((user, i) => (
        <span key={user.id}>
          {i > 0 && (i === users.length - 1 ? " and " : ", ")}
          <bdi className="typing-name">{user.name}</bdi>
        </span>
      ))}
      {users.length === 1 ? " is typing…" : " are typing…"}
    </>
  );
}
