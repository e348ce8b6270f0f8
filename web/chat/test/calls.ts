import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { vi } from "vitest";
import type { FakeSocket } from "./fake-socket.js";
import type { Harness } from "./harness.js";

/** Waits for a unary call of this method on a new socket, opens that, and returns it with the request. */
export async function lastCall<I extends DescMessage>(
  h: Harness,
  method: string,
  schema: I,
): Promise<{ readonly socket: FakeSocket; readonly request: MessageShape<I> }> {
  await vi.advanceTimersByTimeAsync(0);
  const { socket } = h;
  if (socket.url !== `wss://chat.example/${method}?encoding=proto`) {
    throw new Error(`expected a call of ${method}, have ${socket.url}`);
  }
  socket.open();
  const [frame, ...more] = socket.sent.splice(0);
  if (!(frame instanceof Uint8Array) || more.length > 0) {
    throw new Error("a unary call sends one message");
  }
  return { socket, request: fromBinary(schema, frame) };
}

/** Answers a unary call with a message and OK. */
export function answerCall(socket: FakeSocket, response: Uint8Array): void {
  socket.receive('{"@headers":{}}');
  socket.receive(response);
  socket.receive('{"@end":{"status":{"code":0,"message":""},"trailers":{}}}');
}
