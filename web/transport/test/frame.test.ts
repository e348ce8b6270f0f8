import { describe, expect, test } from "vitest";
import {
  decodeFrame,
  decodeIncrement,
  encodeFrame,
  encodeInline,
  Flag,
  FrameType,
  ProtocolError,
} from "../src/frame.js";
import { randomFrom } from "./random.js";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const hex = (data: Uint8Array) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("frames on the wire", () => {
  test.each([
    ["SETTINGS, all defaults", "000000000000", FrameType.Settings, 0, 0, ""],
    ["an empty message that ends the sending", "030400000003", FrameType.Data, Flag.EndSend, 3, ""],
    [
      "the first chunk of a compressed message",
      "03030000000168690a",
      FrameType.Data,
      Flag.More | Flag.Compressed,
      1,
      "68690a",
    ],
    ["END_SEND", "040000000005", FrameType.EndSend, 0, 5, ""],
    ["WINDOW of 32768 on the connection", "07000000000000008000", FrameType.Window, 0, 0, "00008000"],
    ["PING", "0800000000000102030405060708", FrameType.Ping, 0, 0, "0102030405060708"],
    ["an ignorable type with flags and a stream of its own", "80ff7fffffff", 128, 255, 0x7fff_ffff, ""],
  ])("%s", (_name, wire, type, flags, stream, payload) => {
    expect(hex(encodeFrame(type, flags, stream, bytes(payload)))).toBe(wire);
    expect(decodeFrame(bytes(wire))).toEqual({ type, flags, stream, payload: bytes(payload) });
  });

  test("an inline message follows the length of Open and Open", () => {
    expect(hex(encodeInline(bytes("0a022f61"), bytes("ff")))).toBe("000000040a022f61ff");
  });

  test("random frames survive the way there and back", () => {
    const random = randomFrom(1);
    const flagsOf = new Map<number, readonly number[]>([
      [FrameType.Data, [0, 1, 2, 3, 4, 6]],
      [FrameType.Open, [0, 4, 8, 10, 12, 14]],
    ]);
    for (let i = 0; i < 2000; i++) {
      const type = [FrameType.Open, FrameType.Headers, FrameType.Data, FrameType.End, FrameType.Reset][
        random(5)
      ] as number;
      const choices = flagsOf.get(type) ?? [0];
      const frame = {
        type,
        flags: choices[random(choices.length)] as number,
        stream: random(0x3fff_ffff) * 2 + 1,
        payload: Uint8Array.from({ length: random(300) }, () => random(256)),
      };
      expect(decodeFrame(encodeFrame(frame.type, frame.flags, frame.stream, frame.payload))).toEqual(frame);
    }
  });

  test("random bytes decode to themselves or are refused", () => {
    const random = randomFrom(2);
    let decoded = 0;
    for (let i = 0; i < 20_000; i++) {
      const message = Uint8Array.from({ length: random(20) }, (_, at) => (at < 5 ? random(14) : random(256)));
      try {
        const { type, flags, stream, payload } = decodeFrame(message);
        expect(encodeFrame(type, flags, stream, payload)).toEqual(message);
        decoded++;
      } catch (reason) {
        expect(reason).toBeInstanceOf(ProtocolError);
        expect((reason as ProtocolError).closeCode).toBe(4400);
      }
    }
    expect(decoded).toBeGreaterThan(20);
  });

  test.each([
    ["shorter than a header", "0300000001"],
    ["an unknown type", "0c0000000001"],
    ["an unknown flag", "031000000001"],
    ["a flag of another type", "020100000001"],
    ["MORE with END_SEND", "030500000001"],
    ["OPEN compressed without a message", "010200000001"],
    ["DATA on the connection", "030000000000"],
    ["SETTINGS on a stream", "000000000001"],
    ["an even stream", "030000000002"],
    ["PING of 7 bytes", "08000000000001020304050607"],
    ["END_SEND with a payload", "04000000000100"],
    ["WINDOW of 3 bytes", "070000000000000001"],
  ])("%s is refused", (_name, wire) => {
    expect(() => decodeFrame(bytes(wire))).toThrow(ProtocolError);
  });

  test.each(["00000000", "80000000", "ffffffff"])("an increment of %s is refused", (increment) => {
    expect(() => decodeIncrement(bytes(increment))).toThrow(ProtocolError);
  });
});
