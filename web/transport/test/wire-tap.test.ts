import { create, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { SettingsSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { expect, test, vi } from "vitest";
import { FrameType, readFrame, type WireFrame } from "../src/wire.js";
import { fakeTime, harness } from "./harness.js";
import { bytesValue, settle } from "./scripted-server.js";

const value = Uint8Array.of(1, 2, 3);

/** Makes one unary call with the tap on, and returns what it heard. */
async function tapped(): Promise<WireFrame[]> {
  const frames: WireFrame[] = [];
  const { client, transport, dialled } = harness({
    connectionHeaders: () => ({ authorization: "Bearer secret", "x-trace": "t" }),
    onFrame: (frame) => frames.push(frame),
  });
  const answer = client.unary({ value });
  const server = await dialled();
  server.acceptWithSettings({ streamWindowBytes: 100_000 });
  await settle();
  server.message(1, value);
  server.end(1);
  await answer;
  transport.close();
  return frames;
}

test("every frame is told in its order, with its call, its windows and its time", async () => {
  fakeTime();
  const frames = await tapped();
  const cost = bytesValue(value).length;
  expect(frames.map(({ direction, name, stream }) => `${direction} ${name} ${stream}`)).toEqual([
    "sent SETTINGS 0",
    "sent OPEN 1",
    "received SETTINGS 0",
    "received DATA 1",
    "received END 1",
  ]);
  expect(frames[1]).toMatchObject({
    connection: 1,
    timeMs: performance.now(),
    method: expect.stringMatching(/^\/.*\/Unary$/),
    windows: { connection: { send: 1_048_576 - cost, receive: 1_048_576 }, stream: { send: 65_536 - cost } },
  });
  expect(frames[3]?.method).toBe(frames[1]?.method);
  // The server's settings came in between.
  expect(frames[3]?.windows.stream).toEqual({ send: 100_000 - cost, receive: 65_536 });
  expect(frames[4]?.windows.stream).toEqual({ send: 100_000 - cost, receive: 65_536 - cost });
  expect(frames[0]).toMatchObject({ method: undefined, windows: { connection: { send: 1_048_576 } } });
});

test("a frame can be taken apart, and shows no credentials", async () => {
  const [settings, open, , data, end] = (await tapped()).map(readFrame);
  expect(settings?.control).toMatchObject({
    metadata: [
      { key: "authorization", value: { case: "text", value: "•••" } },
      { key: "x-trace", value: { case: "text", value: "t" } },
    ],
  });
  expect(open?.control).toMatchObject({ $typeName: "rialto.bridge.v1.Open", method: expect.stringMatching(/Unary$/) });
  const message = toBinary(BytesValueSchema, create(BytesValueSchema, { value }));
  expect(open?.data).toEqual(message);
  expect(data?.data).toEqual(message);
  expect(end?.control).toMatchObject({ $typeName: "rialto.bridge.v1.End" });
  const frame = (type: number, payload: Uint8Array) => ({ type, flags: 0, stream: 0, payload });
  expect(readFrame(frame(FrameType.Window, Uint8Array.of(0, 0, 1, 0)))).toEqual({ increment: 256 });
  expect(readFrame(frame(FrameType.Ping, new Uint8Array(8)))).toEqual({});
  expect(() => readFrame(frame(FrameType.Settings, Uint8Array.of(255)))).toThrow();
  expect(() => readFrame({ ...frame(FrameType.Open, Uint8Array.of(0, 0, 0, 9)), flags: 8 })).toThrow();
  const own = toBinary(SettingsSchema, create(SettingsSchema, { maxChunkBytes: 16_384 }));
  expect(readFrame(frame(FrameType.Settings, own)).control).toMatchObject({ maxChunkBytes: 16_384 });
});

test("a tap that throws does not disturb the call", async () => {
  const thrown: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (task: () => void) => {
    try {
      task();
    } catch (reason) {
      thrown.push(reason);
    }
  });
  const fault = new Error("from the page");
  const { client, dialled } = harness({
    onFrame: () => {
      throw fault;
    },
  });
  const answer = client.unary({ value });
  const server = await dialled();
  server.acceptWithSettings();
  server.message(1, value);
  server.end(1);
  expect((await answer).value).toEqual(value);
  expect(thrown).toContain(fault);
});
