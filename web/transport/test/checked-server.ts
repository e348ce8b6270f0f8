import { fromBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { Flag, type Frame, FrameType } from "../src/frame.js";
import { bytesValue, type Opened, type ScriptedServer } from "./scripted-server.js";

const streamWindowBytes = 65_536;
const connectionWindowBytes = 1_048_576;
const chunkBytes = 16_384;
const maxStreams = 100;

/** A call as the server sees it. */
interface ServerStream {
  readonly id: number;
  /** What the metadata x-index says. */
  readonly index: number;
  credit: number;
  /** Chunks of the message that is not whole yet. */
  chunks: Uint8Array[];
  /** Values of the whole messages. */
  readonly received: Uint8Array[];
  halfClosed: boolean;
  ended: boolean;
  /** What this server may still send. */
  sendCredit: number;
}

/** A server that holds every frame of the client against docs/protocol.md, and gives credit only when told to. */
export class CheckedServer {
  readonly streams = new Map<number, ServerStream>();
  private readonly server: ScriptedServer;
  private lastId = -1;
  private credit = connectionWindowBytes;
  private sendCredit = connectionWindowBytes;

  constructor(server: ScriptedServer) {
    this.server = server;
  }

  /** The calls that have not ended. */
  get open(): ServerStream[] {
    return [...this.streams.values()].filter(({ ended }) => !ended);
  }

  /** Takes and checks all that the client has sent. */
  read(): void {
    while (this.server.received.length > 0) {
      const frame = this.server.received[0] as Frame;
      if (frame.type === FrameType.Open) {
        this.readOpen(this.server.takeOpen());
      } else {
        this.server.received.shift();
        this.readFrame(frame);
      }
    }
  }

  /** Gives back all credit of a stream. */
  replenish(stream: ServerStream): void {
    const bytes = streamWindowBytes - stream.credit;
    if (bytes > 0 && !stream.ended) {
      stream.credit += bytes;
      this.server.window(stream.id, bytes);
    }
  }

  /** Gives back all credit of the connection. */
  replenishConnection(): void {
    const bytes = connectionWindowBytes - this.credit;
    if (bytes > 0) {
      this.credit += bytes;
      this.server.window(0, bytes);
    }
  }

  /** Sends one message in one chunk, if there is credit for it. */
  send(stream: ServerStream, value: Uint8Array): boolean {
    const message = bytesValue(value);
    const cost = Math.max(1, message.length);
    if (stream.sendCredit < cost || this.sendCredit < cost) {
      return false;
    }
    stream.sendCredit -= cost;
    this.sendCredit -= cost;
    this.server.data(stream.id, message);
    return true;
  }

  end(stream: ServerStream, code = 0): void {
    stream.ended = true;
    this.server.end(stream.id, code === 0 ? {} : { status: { code, message: "" } });
  }

  private readOpen({ id, open, message, flags }: Opened): void {
    expect(id % 2).toBe(1);
    expect(id).toBeGreaterThan(this.lastId);
    this.lastId = id;
    const stream: ServerStream = {
      id,
      index: Number(open.metadata.find(({ key }) => key === "x-index")?.value.value),
      credit: streamWindowBytes,
      chunks: [],
      received: [],
      halfClosed: false,
      ended: false,
      sendCredit: streamWindowBytes,
    };
    this.streams.set(id, stream);
    expect(this.open.length).toBeLessThanOrEqual(maxStreams);
    if (message) {
      this.readData(stream, message, 0);
    }
    stream.halfClosed = (flags & Flag.EndSend) !== 0;
  }

  private readFrame({ type, stream: id, flags, payload }: Frame): void {
    if (id === 0) {
      if (type === FrameType.Window) {
        this.sendCredit += incrementOf(payload);
      }
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) {
      throw new Error(`frame of type ${type} for stream ${id}, which was not opened`);
    }
    switch (type) {
      case FrameType.Data:
        expect(stream.halfClosed).toBe(false);
        this.readData(stream, payload, flags);
        stream.halfClosed = (flags & Flag.EndSend) !== 0;
        break;
      case FrameType.EndSend:
        expect(stream.halfClosed).toBe(false);
        expect(stream.chunks).toEqual([]);
        stream.halfClosed = true;
        break;
      case FrameType.Window:
        stream.sendCredit += incrementOf(payload);
        break;
      case FrameType.Reset:
        expect(stream.halfClosed && stream.ended).toBe(false);
        stream.ended = true;
        break;
      default:
        throw new Error(`frame of type ${type}`);
    }
  }

  private readData(stream: ServerStream, payload: Uint8Array, flags: number): void {
    const cost = Math.max(1, payload.length);
    expect(payload.length).toBeLessThanOrEqual(chunkBytes);
    expect(cost).toBeLessThanOrEqual(stream.credit);
    expect(cost).toBeLessThanOrEqual(this.credit);
    stream.credit -= cost;
    this.credit -= cost;
    stream.chunks.push(payload);
    if ((flags & Flag.More) === 0) {
      stream.received.push(fromBinary(BytesValueSchema, Buffer.concat(stream.chunks)).value);
      stream.chunks = [];
    }
  }
}

function incrementOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}
