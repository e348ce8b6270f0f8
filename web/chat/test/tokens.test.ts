import { ChatClient, type ChatTransportOptions, localStorageTokens } from "@rialto/chat";
import { describe, expect, test, vi } from "vitest";
import { FakeTransport } from "./fake-transport.js";
import { ana, respond, welcome } from "./wire.js";

/** A browser's local storage, as far as it is used. */
function storage(fail?: () => never) {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key: string) => fail?.() ?? items.get(key) ?? null,
    setItem: (key: string, value: string) => fail?.() ?? items.set(key, value),
    removeItem: (key: string) => fail?.() ?? items.delete(key),
  };
}

const forbidden = (): never => {
  throw new DOMException("denied", "SecurityError");
};

describe.each([
  ["local storage", storage()],
  ["forbidden local storage", storage(forbidden)],
  ["no local storage", undefined],
])("tokens with %s", (_, localStorage) => {
  test("are kept until they are cleared", () => {
    vi.stubGlobal("localStorage", localStorage);
    const tokens = localStorageTokens();
    expect(tokens.get()).toBeUndefined();
    tokens.set("one");
    tokens.set("two");
    expect(tokens.get()).toBe("two");
    tokens.clear();
    expect(tokens.get()).toBeUndefined();
  });
});

test("a client keeps the token of each server for itself", async () => {
  const shared = storage();
  vi.stubGlobal("localStorage", shared);
  vi.stubGlobal("location", { origin: "https://chat.example" });
  for (const options of [{}, { baseUrl: "https://other.example/" }]) {
    const fake = new FakeTransport();
    let baseUrl = "";
    const transport = (made: ChatTransportOptions) => {
      baseUrl = made.baseUrl;
      return fake;
    };
    const client = new ChatClient({ ...options, transport });
    client.connect();
    fake.connected();
    for (const call of fake.calls) {
      await respond(call, { events: [welcome(ana, `for ${baseUrl}`)] });
    }
    client.close();
  }
  expect(Object.fromEntries(shared.items)).toEqual({
    "rialto.token": "for wss://chat.example",
    "rialto.token wss://other.example": "for wss://other.example",
  });
});

test("tokens in local storage outlive the page, under their key", () => {
  const shared = storage();
  vi.stubGlobal("localStorage", shared);
  localStorageTokens("mine").set("one");
  expect(localStorageTokens("mine").get()).toBe("one");
  expect(localStorageTokens().get()).toBeUndefined();
  expect([...shared.items.keys()]).toEqual(["mine"]);
});
