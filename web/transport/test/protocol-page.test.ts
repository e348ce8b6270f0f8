import { readFileSync } from "node:fs";
import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  EndSchema,
  HeadersSchema,
  OpenSchema,
  ResetSchema,
  SettingsSchema,
} from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { expect, test } from "vitest";
import { decodeFrame, encodeFrame, encodeInline, Flag, FrameType } from "../src/frame.js";
import { metadataFromHeaders } from "../src/metadata.js";
import { verdictOnClose } from "../src/status.js";
import { harness } from "./harness.js";

// docs/protocol.md is normative; what it says in a form that can be read by a program is compared here.
const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

/** The frames of the section of examples, in order. */
function examples(): readonly { readonly from: string; readonly bytes: Uint8Array }[] {
  const section = page.slice(page.indexOf("## Examples of multiplexed mode"));
  const frames: { from: string; bytes: Uint8Array }[] = [];
  for (const line of section.split("\n")) {
    const [, from, hex] = /^ {4}([<> ]) ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: |$)/.exec(line) ?? [];
    if (from === undefined || hex === undefined) {
      continue;
    }
    const bytes = Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16));
    const last = frames.at(-1);
    if (from === " " && last) {
      last.bytes = Uint8Array.of(...last.bytes, ...bytes);
    } else {
      frames.push({ from, bytes });
    }
  }
  return frames;
}

const schemas = new Map<number, DescMessage>([
  [FrameType.Settings, SettingsSchema],
  [FrameType.Headers, HeadersSchema],
  [FrameType.End, EndSchema],
  [FrameType.Reset, ResetSchema],
]);

test("every frame of the examples is read, and written the same", () => {
  const types = new Set<number>();
  for (const { bytes } of examples()) {
    const { type, flags, stream, payload } = decodeFrame(bytes);
    types.add(type);
    expect(encodeFrame(type, flags, stream, payload)).toEqual(bytes);
    const schema = schemas.get(type);
    if (schema) {
      expect(toBinary(schema, fromBinary(schema, payload))).toEqual(payload);
    }
    if (type === FrameType.Open) {
      const inline = (flags & Flag.Inline) !== 0;
      const length = inline ? new DataView(payload.buffer, payload.byteOffset).getUint32(0) : payload.length;
      const start = inline ? 4 : 0;
      const open = toBinary(OpenSchema, fromBinary(OpenSchema, payload.subarray(start, start + length)));
      expect(inline ? encodeInline(open, payload.subarray(start + length)) : open).toEqual(payload);
    }
  }
  expect([...types].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
});

test("a server that answers as in the examples is understood", async () => {
  const settings = examples().find(({ from }) => from === "<")?.bytes ?? new Uint8Array();
  const { transport, dialled } = harness();
  const connected = transport.connect();
  const server = await dialled();
  server.accept();
  server.raw(new Uint8Array(settings).buffer);
  await connected;
});

test("the close codes to reconnect on are those of the table", () => {
  const rows = [...page.matchAll(/^\| (\d{4}) \|.*\| (yes|no) \|$/gm)];
  expect(rows.length).toBeGreaterThan(20);
  for (const [, code, reconnect] of rows) {
    expect([code, verdictOnClose(Number(code), "").retry]).toEqual([code, reconnect === "yes"]);
  }
});

test("the reserved names are those of the list, and never sent", () => {
  const [, list = ""] = /the server drops silently: names starting with ([^.]*)\./.exec(page) ?? [];
  const [prefixes = "", names = ""] = list.split(", and ");
  const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
  expect(quoted(prefixes)).toContain("grpc-");
  expect(quoted(names)).toContain("cookie");
  for (const name of [...quoted(prefixes).map((prefix) => `${prefix}x`), ...quoted(names)]) {
    // A Map, since Headers has no names with a colon.
    const headers = new Map([[name, "v"]]) as unknown as Headers;
    expect([name, metadataFromHeaders(headers)]).toEqual([name, []]);
  }
});
