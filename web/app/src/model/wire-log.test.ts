import type { WireFrame } from "@rialto/transport";
import { beforeEach, expect, test, vi } from "vitest";
import { WireLog } from "./wire-log.js";

let draw: () => void = () => undefined;

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => {
    draw = callback;
    return 1;
  });
});

function frame(change: Partial<WireFrame>): WireFrame {
  const windows = { connection: { send: 1, receive: 1 } };
  return {
    type: 4,
    flags: 0,
    stream: 1,
    payload: new Uint8Array(10),
    direction: "sent",
    timeMs: 0,
    connection: 1,
    name: "DATA",
    method: "/a.B/C",
    windows,
    bufferedBytes: 0,
    ...change,
  };
}

test("takes no notes before it is on, and forgets when it is off", () => {
  const log = new WireLog();
  log.onFrame(frame({}));
  log.enable(true);
  log.onFrame(frame({}));
  draw();
  expect(log.getSnapshot().frames).toHaveLength(1);
  log.enable(false);
  draw();
  expect(log.getSnapshot().frames).toHaveLength(0);
});

test("sums up calls, and tells once a frame of the screen", () => {
  const log = new WireLog();
  const heard = vi.fn();
  log.enable(true);
  log.subscribe(heard);
  log.onFrame(frame({ name: "OPEN", timeMs: 5 }));
  log.onFrame(frame({ direction: "received", timeMs: 7, payload: new Uint8Array(100) }));
  log.onFrame(frame({ name: "END", direction: "received", timeMs: 9, payload: new Uint8Array(0) }));
  log.onFrame(frame({ name: "PING", method: undefined, stream: 0 }));
  draw();
  expect(heard).toHaveBeenCalledTimes(1);
  expect(log.getSnapshot().calls).toEqual([
    {
      id: "1.1",
      connection: 1,
      stream: 1,
      method: "/a.B/C",
      startMs: 5,
      lastMs: 9,
      open: false,
      sentBytes: 16,
      receivedBytes: 112,
      frames: 3,
    },
  ]);
});

test("holds the newest frames only, by number and by size", () => {
  const log = new WireLog();
  log.enable(true);
  for (let i = 0; i < 1500; i++) {
    log.onFrame(frame({ stream: i * 2 + 1 }));
  }
  draw();
  expect(log.getSnapshot().frames).toHaveLength(1000);
  expect(log.getSnapshot().frames.at(-1)?.id).toBe(1500);
  expect(log.getSnapshot().calls).toHaveLength(1000);
  log.onFrame(frame({ payload: new Uint8Array(4 << 20) }));
  draw();
  expect(log.getSnapshot().frames).toHaveLength(1);
});
