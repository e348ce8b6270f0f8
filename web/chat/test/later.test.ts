import { ChatClient, memoryTokens } from "@rialto/chat";
import { expect, test, vi } from "vitest";

vi.mock("../src/later/members.js", () => {
  throw new Error("404");
});

test("a call whose part of the program cannot be loaded says so", async () => {
  const client = new ChatClient({
    baseUrl: "wss://chat.example",
    tokens: memoryTokens(),
    transport: () => {
      throw new Error("nothing is to be sent");
    },
  });
  const words = { code: "UNAVAILABLE", message: "A part of the program could not be loaded." };
  await expect(client.listRooms()).rejects.toMatchObject(words);
  await expect(client.room("lobby").members.ban("guest-bo")).rejects.toMatchObject(words);
});
