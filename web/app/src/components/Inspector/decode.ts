import { type DescMethod, fromBinary, type Message, toJson } from "@bufbuild/protobuf";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { MessageService } from "@rialto/gen/rialto/chat/v1/message_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { UserService } from "@rialto/gen/rialto/chat/v1/user_pb";
import { Flag, FrameType, readFrame } from "@rialto/transport/wire";
import { headerBytes, type LoggedCall, type LoggedFrame } from "../../model/wire-log.js";

const methods = new Map<string, DescMethod>(
  [ChatService, MemberService, MessageService, RoomService, UserService].flatMap((service) =>
    service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
  ),
);

/** The longest text that is shown of a frame or a call, in characters. */
const most = 20_000;

/** The gRPC codes by number: https://grpc.io/docs/guides/status-codes/ */
const codes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** "ChatService/Connect" of "/rialto.chat.v1.ChatService/Connect". */
export function shortMethod(method: string | undefined): string {
  return method?.replace(/^\/(?:.*\.)?/, "") ?? "";
}

/** Says what a frame is and what is in it. `all`: the frames in which the rest of its message may be. */
export function describeFrame(frame: LoggedFrame, all: readonly LoggedFrame[]): string {
  return `${heading(frame)}\n\n${content(frame, all)}`.slice(0, most);
}

/** Says how a call went: what was sent and what came, in order, each with how long after the one before. */
export function describeCall(call: LoggedCall, all: readonly LoggedFrame[]): string {
  const frames = all.filter((frame) => belongs(frame, call));
  const parts = frames.map((frame, i) => {
    const after = frame.timeMs - (frames[i - 1]?.timeMs ?? call.startMs);
    return `+${after.toFixed(1)} ms  ${heading(frame)}\n${content(frame, all)}`;
  });
  const missing = call.frames - frames.length;
  const note = missing > 0 ? `${missing.toLocaleString()} earlier frames are no longer kept.\n\n` : "";
  return `${call.method}  ${callStatus(call, all)}\n\n${note}${parts.join("\n\n")}`.slice(0, most);
}

/** How a call ended, as its gRPC status; "open" while it goes on. */
export function callStatus(call: LoggedCall, all: readonly LoggedFrame[]): string {
  if (call.open) {
    return "open";
  }
  const last = all.findLast((frame) => belongs(frame, call));
  try {
    const control = last === undefined ? undefined : readFrame(last).control;
    const code = control?.$typeName === "rialto.bridge.v1.End" ? (control.status?.code ?? 0) : undefined;
    const reset = control?.$typeName === "rialto.bridge.v1.Reset" ? control.code : undefined;
    const number = code ?? reset;
    return number === undefined ? "ended" : (codes[number] ?? `code ${number}`);
  } catch {
    return "ended";
  }
}

function belongs(frame: LoggedFrame, call: LoggedCall): boolean {
  return frame.stream === call.stream && frame.connection === call.connection;
}

function heading(frame: LoggedFrame): string {
  const { direction, name, stream, flags, payload, bufferedBytes } = frame;
  const names = Object.entries({ END_SEND: Flag.EndSend, MORE: Flag.More, COMPRESSED: Flag.Compressed })
    .filter(([, flag]) => (flags & flag) !== 0 && frame.type === FrameType.Data)
    .map(([name]) => name);
  return [
    `${direction === "sent" ? "↑" : "↓"} ${name}`,
    ...(stream === 0 ? [] : [`stream ${stream}`]),
    `${(payload.length + headerBytes).toLocaleString()} bytes`,
    ...names,
    ...(direction === "sent" && bufferedBytes > payload.length + headerBytes
      ? [`${bufferedBytes.toLocaleString()} wait in the socket`]
      : []),
  ].join(", ");
}

/** What is in a frame: control payloads and the chat's messages as JSON, anything else by its size. */
function content(frame: LoggedFrame, all: readonly LoggedFrame[]): string {
  try {
    const { control, increment, data } = readFrame(frame);
    const parts = [
      control === undefined ? undefined : plainJson(control),
      increment === undefined ? undefined : `grants ${increment.toLocaleString()} bytes`,
      data === undefined ? undefined : describeData(frame, data, all),
    ];
    return parts.filter((part) => part !== undefined).join("\n\n") || "no payload";
  } catch (error) {
    return `This payload cannot be decoded: ${error instanceof Error ? error.message : error}`;
  }
}

function describeData(frame: LoggedFrame, data: Uint8Array, all: readonly LoggedFrame[]): string {
  const method = methods.get(frame.method ?? "");
  if ((frame.flags & Flag.Compressed) !== 0) {
    return `${data.length.toLocaleString()} bytes, compressed`;
  }
  if (method === undefined || (frame.flags & Flag.More) !== 0) {
    return `${data.length.toLocaleString()} bytes of a message`;
  }
  const schema = frame.direction === "sent" ? method.input : method.output;
  const before = chunksBefore(frame, all);
  if (before.some(({ flags }) => (flags & Flag.Compressed) !== 0)) {
    return `the end of a message, compressed in ${(before.length + 1).toLocaleString()} frames`;
  }
  const whole = joined([...before.map(({ payload }) => payload), data]);
  return `${schema.typeName}\n${JSON.stringify(toJson(schema, fromBinary(schema, whole)), null, 2)}`;
}

/** The chunks of a message that came before its last one. */
function chunksBefore(last: LoggedFrame, all: readonly LoggedFrame[]): LoggedFrame[] {
  const chunks: LoggedFrame[] = [];
  for (let i = all.findIndex(({ id }) => id === last.id) - 1; i >= 0; i--) {
    const frame = all[i];
    const same =
      frame?.stream === last.stream && frame.connection === last.connection && frame.direction === last.direction;
    if (frame === undefined || !same || frame.type !== FrameType.Data) {
      continue;
    }
    if ((frame.flags & Flag.More) === 0) {
      break;
    }
    chunks.unshift(frame);
  }
  return chunks;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Control payloads hold numbers of 64 bits and bytes, which JSON has no word for. */
function plainJson(control: Message): string {
  return JSON.stringify(
    control,
    (key, value: unknown) => {
      if (key.startsWith("$")) {
        return undefined;
      }
      return typeof value === "bigint"
        ? value.toString()
        : value instanceof Uint8Array
          ? `${value.length} bytes`
          : value;
    },
    2,
  );
}
