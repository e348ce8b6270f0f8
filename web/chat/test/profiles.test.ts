import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { UserService } from "@rialto/gen/rialto/chat/v1/user_pb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { lastCall } from "./calls.js";
import { wireError } from "./fake-transport.js";
import { Harness } from "./harness.js";
import { code, message, status } from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const { getProfiles, updateProfile } = UserService.method;

async function live(): Promise<Harness> {
  const h = new Harness();
  await h.joinLobby([message(1)]);
  return h;
}

test("one's own profile is asked for without naming oneself", async () => {
  const h = await live();
  const own = h.client.getProfiles();
  const call = await lastCall(h, getProfiles);
  expect(call.request.userIds).toEqual([]);
  await call.answer({ profiles: [{ userId: "guest-ana", about: "of the bridge", updateTime: timestampFromMs(5) }] });
  expect(await own).toEqual([
    { userId: "guest-ana", displayName: "", about: "of the bridge", emoji: "", updateTime: new Date(5) },
  ]);
});

test("only what is given of a profile is changed, and what is empty is taken back", async () => {
  const h = await live();
  const changed = h.client.updateProfile({ about: "", emoji: "🌉" });
  const call = await lastCall(h, updateProfile);
  expect(call.request).toMatchObject({ about: "", emoji: "🌉" });
  expect(call.request.displayName).toBeUndefined();
  await call.answer({ profile: { userId: "guest-ana", displayName: "Ana", emoji: "🌉" } });
  expect(await changed).toMatchObject({ displayName: "Ana", about: "", emoji: "🌉" });
});

test("a change that the server refuses says why", async () => {
  const h = await live();
  const refused = expect(h.client.updateProfile({ displayName: " " })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    violations: [{ field: "display_name" }],
  });
  await (await lastCall(h, updateProfile)).fail(
    wireError(status(code.invalidArgument, "blank", { field: "display_name" })),
  );
  await refused;
});
