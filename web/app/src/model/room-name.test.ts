import type { ChatMessage, Member, RoomSnapshot } from "@rialto/chat";
import { expect, test } from "vitest";
import { idSaysMore, roomName } from "./room-name.js";

type Named = Pick<RoomSnapshot, "id" | "title" | "kind" | "people" | "online" | "messages">;

const room: Named = { id: "attic", title: "", kind: "public", people: [], online: [], messages: [] };
const user = (id: string, name: string) => ({ id, name, guest: true });
const member = (id: string, name: string): Member => ({ user: user(id, name), role: "member", muted: false });

test("a room is called by its title, or by its id", () => {
  expect(roomName(room, [], "a")).toBe("attic");
  expect(roomName({ ...room, title: "Under the roof" }, [], "a")).toBe("Under the roof");
});

test("a direct room is called after the others in it, under the names they have now", () => {
  const direct: Named = { ...room, id: "direct.xyz", kind: "direct", people: ["a", "b", "c"] };
  const members = [member("a", "Ana"), member("b", "Bo"), member("c", "")];
  expect(roomName(direct, members, "a")).toBe("Direct messages");
  const spoken = { seq: 1, sender: user("c", "Cy") } as ChatMessage;
  expect(roomName({ ...direct, messages: [spoken] }, members, "a")).toBe("Bo, Cy");
  expect(roomName({ ...direct, messages: [spoken], online: [user("b", "Bob")] }, members, "a")).toBe("Bob, Cy");
});

test("an id is shown beside a title that it does not repeat", () => {
  expect(idSaysMore({ id: "release-42", title: "Release 42", kind: "public" })).toBe(false);
  expect(idSaysMore({ id: "attic", title: "Under the roof", kind: "public" })).toBe(true);
  expect(idSaysMore(room)).toBe(false);
  expect(idSaysMore({ id: "direct.xyz", title: "Us", kind: "direct" })).toBe(false);
});
