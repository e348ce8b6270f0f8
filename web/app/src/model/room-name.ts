import type { Member, RoomSnapshot } from "@rialto/chat";

type Named = Pick<RoomSnapshot, "id" | "title" | "kind" | "people" | "online" | "messages">;

/** What to call a room: its title, or its id; a direct room is called after those who are in it, but for this user. */
export function roomName(room: Named, members: readonly Member[], myId: string | undefined): string {
  if (room.kind !== "direct" || room.title !== "") {
    return room.title === "" ? room.id : room.title;
  }
  const names = room.people.filter((id) => id !== myId).map((id) => personName(id, room, members));
  return names.every((name) => name !== "") && names.length > 0 ? names.join(", ") : "Direct messages";
}

/** Whether a room's id says what its title does not, as the id "attic" does of "Under the roof". */
export function idSaysMore({ id, title, kind }: Pick<RoomSnapshot, "id" | "title" | "kind">): boolean {
  return kind !== "direct" && title !== "" && title.toLowerCase().replace(/[^a-z0-9]+/g, "-") !== id;
}

/** The name that somebody has now, or had when they spoke last, or when they became a member. */
function personName(id: string, { online, messages }: Named, members: readonly Member[]): string {
  return (
    online.find((user) => user.id === id)?.name ??
    messages.findLast(({ sender }) => sender.id === id)?.sender.name ??
    members.find(({ user }) => user.id === id)?.user.name ??
    ""
  );
}
