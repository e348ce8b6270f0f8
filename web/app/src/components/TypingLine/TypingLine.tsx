import type { User } from "@rialto/chat";
import "./typing-line.css";

/** Who is typing; up to three by name. It always takes its line, so that nothing moves. */
export function TypingLine({ users }: { readonly users: readonly User[] }) {
  return (
    <p className="typing-line" data-typing={users.length > 0 || undefined}>
      {users.length > 3 ? "Several people are typing…" : <Names users={users} />}
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
