import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  AuthSchema,
  EndSchema,
  type GoAway,
  GoAwaySchema,
  HeadersSchema,
  type Metadatum,
  ResetSchema,
  SettingsSchema,
} from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { AuthExchange } from "./auth.js";
import {
  closeWrongFrameType,
  decodeFrame,
  decodeIncrement,
  encodeFrame,
  encodeIncrement,
  Flag,
  type Frame,
  FrameType,
  frameName,
  ProtocolError,
} from "./frame.js";
import { gzipEncoding } from "./gzip.js";
import { Heartbeat } from "./heartbeat.js";
import { metadataBytes } from "./metadata.js";
import { SendQueue } from "./send-queue.js";
import { type LocalSettings, peerAtStart, peerFrom, settingsFrom, startValues } from "./settings.js";
import { subprotocol, type WebSocketConstructor, type WebSocketLike } from "./socket.js";
import { StallWatch } from "./stall-watch.js";
import { notify } from "./state.js";
import { notProcessed, type Verdict, verdictOnClose } from "./status.js";
import { resetCode, Stream, type StreamRequest, type StreamSession } from "./stream.js";
import { dataCost, ReceiveWindow } from "./window.js";
import type { FrameListener, WireFrame } from "./wire-tap.js";

export interface SessionOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly local: LocalSettings;
  /** How long the handshake and the server's SETTINGS may take. */
  readonly connectTimeoutMs: number;
  /** Messages of at least so many bytes are compressed, if the server can undo it; undefined: none. */
  readonly compressMinBytes: number | undefined;
  /** A call whose received messages nobody took for `stalledAfterMs`. */
  onStalled(stream: Stream): void;
  readonly stalledAfterMs: number;
  readonly onFrame: FrameListener | undefined;
  /** The number of this session, for `onFrame`. */
  readonly connection: number;
}

/** What the owner of a session hears. */
export interface SessionEvents {
  /** The server's SETTINGS came. */
  ready(): void;
  /** No new calls here; those that run go on. */
  goAway(goAway: GoAway): void;
  /** The end; nothing comes after it. */
  closed(verdict: Verdict): void;
}

// The `ws` package throws an "error" event that nobody listens to, also after `close`; so this one stays.
const ignore = () => undefined;

/** What a dead or unreachable server looks like to a browser (RFC 6455, section 7.1.5). */
const closeLost = 1006;

/**
 * One socket in multiplexed mode and the calls on it; docs/protocol.md is the specification. Calls may be opened at once:
 * they are written behind this side's SETTINGS as soon as the socket is open. After GOAWAY it takes none, and closes
 * when the last one has ended.
 */
export class Session implements StreamSession {
  private readonly options: SessionOptions;
  private readonly events: SessionEvents;
  private readonly socket: WebSocketLike;
  private readonly queue: SendQueue;
  private readonly heartbeat: Heartbeat;
  private readonly stallWatch: StallWatch;
  private readonly connectTimer: ReturnType<typeof setTimeout>;
  private readonly credit: ReceiveWindow;
  /** Opened calls that have not ended, by id. */
  private readonly streams = new Map<number, Stream>();
  private readonly auth = new AuthExchange((payload) => this.write(FrameType.Auth, 0, 0, payload));
  private peer = peerAtStart;
  private isReady = false;
  private isDraining = false;
  private isClosed = false;
  private sentBytes = 0;

  /** Starts to connect. Throws what the WebSocket constructor throws: a bad address, or one that the page may not use. */
  constructor(options: SessionOptions, events: SessionEvents) {
    this.options = options;
    this.events = events;
    this.socket = new options.WebSocket(options.url, [subprotocol]);
    this.socket.binaryType = "arraybuffer";
    this.queue = new SendQueue(
      this,
      startValues.connectionWindowBytes,
      { maxStreams: startValues.maxConcurrentStreams, maxChunkBytes: startValues.maxChunkBytes },
      (stream) => this.streams.set(stream.id, stream),
    );
    this.credit = new ReceiveWindow(options.local.connectionWindowBytes, (bytes) =>
      this.write(FrameType.Window, 0, 0, encodeIncrement(bytes)),
    );
    this.heartbeat = new Heartbeat({
      intervalMs: options.local.pingIntervalMs,
      sentBytes: () => this.sentBytes,
      bufferedBytes: () => this.bufferedAmount,
      probe: () => this.write(FrameType.Ping, 0, 0, new Uint8Array(8)),
      dead: () => this.end({ ...verdictOnClose(closeLost, "the server is silent"), reason: "silent" }),
    });
    this.stallWatch = new StallWatch(options.stalledAfterMs, () => this.streams.values(), options.onStalled);
    this.connectTimer = setTimeout(
      () => this.end(verdictOnClose(closeLost, "the server did not answer in time")),
      options.connectTimeoutMs,
    );
    this.socket.addEventListener("open", this.handleOpen);
    this.socket.addEventListener("message", this.handleMessage);
    this.socket.addEventListener("close", this.handleClose);
    this.socket.addEventListener("error", ignore);
  }

  /** Whether the server's SETTINGS came. */
  get ready(): boolean {
    return this.isReady && !this.isClosed;
  }

  /** Whether new calls may be opened. */
  get accepting(): boolean {
    return !this.isClosed && !this.isDraining && !this.queue.exhausted;
  }

  /** Makes a call that is not opened yet. Throws RESOURCE_EXHAUSTED when its metadata is more than the server takes. */
  call(request: StreamRequest): Stream {
    if (metadataBytes(request.metadata) > this.peer.maxMetadataBytes) {
      throw new ConnectError(
        `metadata is larger than the server's limit of ${this.peer.maxMetadataBytes} bytes`,
        Code.ResourceExhausted,
      );
    }
    const compresses = this.peer.encodings.includes(gzipEncoding);
    return new Stream(this, request, {
      sendWindowBytes: this.peer.streamWindowBytes,
      receiveWindowBytes: this.options.local.streamWindowBytes,
      compressMinBytes: compresses ? this.options.compressMinBytes : undefined,
    });
  }

  /** Replaces the connection's metadata for later calls; rejects with the server's refusal. Only when ready. */
  authenticate(metadata: readonly Metadatum[]): Promise<void> {
    return this.auth.ask(metadata);
  }

  /** The network may have changed: finds out soon whether the server is still there. */
  wake(): void {
    this.heartbeat.wake();
  }

  /** There is a network again: a try that began without one may hang until its time is over, and is given up. */
  networkCame(): void {
    if (!this.isReady) {
      this.end(verdictOnClose(closeLost, "the network changed"));
    }
  }

  /** Ends the connection and fails its calls with CANCELLED. */
  close(): void {
    const error = new ConnectError("the transport was closed", Code.Canceled);
    this.end({ error, retry: false, reason: "refused" }, 1000);
  }

  begin(stream: Stream): void {
    if (stream.ended) {
      return;
    }
    if (this.accepting) {
      this.queue.open(stream);
    } else {
      stream.fail(notProcessed("the connection is going away"));
    }
  }

  schedule(stream: Stream): void {
    this.queue.schedule(stream);
  }

  grant(stream: Stream, bytes: number): void {
    if (!stream.ended) {
      this.write(FrameType.Window, 0, stream.id, encodeIncrement(bytes));
    }
  }

  abandon(stream: Stream, code: Code): void {
    if (stream.id !== 0) {
      this.write(FrameType.Reset, 0, stream.id, toBinary(ResetSchema, create(ResetSchema, { code: resetCode(code) })));
    }
    this.forget(stream);
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  /** Sends one frame. Control frames come here directly, and so overtake what waits in the queue. */
  write(type: number, flags: number, stream: number, payload: Uint8Array): void {
    if (!this.isClosed) {
      const frame = encodeFrame(type, flags, stream, payload);
      this.sentBytes += frame.length;
      this.socket.send(frame);
      if (this.options.onFrame) {
        this.observe(this.options.onFrame, "sent", { type, flags, stream, payload });
      }
    }
  }

  private readonly handleOpen = () => {
    if (this.socket.protocol !== undefined && this.socket.protocol !== subprotocol) {
      this.fail(new ProtocolError(`the server does not speak ${subprotocol}`));
      return;
    }
    this.write(FrameType.Settings, 0, 0, toBinary(SettingsSchema, settingsFrom(this.options.local)));
    this.heartbeat.start();
    this.queue.enable();
  };

  private readonly handleMessage = ({ data }: { readonly data: unknown }) => {
    this.heartbeat.heard();
    try {
      const frame = decodeFrame(bytesOf(data));
      if (this.options.onFrame) {
        this.observe(this.options.onFrame, "received", frame);
      }
      this.dispatch(frame);
    } catch (reason) {
      this.fail(reason);
    }
  };

  private readonly handleClose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
    this.end(verdictOnClose(code, reason));
  };

  private observe(listener: FrameListener, direction: WireFrame["direction"], frame: Frame): void {
    const stream = this.streams.get(frame.stream);
    const connection = { send: this.queue.window.available, receive: this.credit.available };
    notify(() =>
      listener({
        ...frame,
        direction,
        timeMs: performance.now(),
        connection: this.options.connection,
        name: frameName(frame.type),
        method: stream?.request.method,
        windows: stream ? { connection, stream: stream.windows } : { connection },
        bufferedBytes: this.bufferedAmount,
      }),
    );
  }

  private dispatch(frame: Frame): void {
    if (!this.isReady && frame.type !== FrameType.Settings) {
      throw new ProtocolError(`${frameName(frame.type)} before SETTINGS`);
    }
    switch (frame.type) {
      case FrameType.Settings:
        this.handleSettings(frame.payload);
        break;
      case FrameType.Headers:
      case FrameType.Data:
      case FrameType.End:
      case FrameType.Reset:
        this.handleStreamFrame(frame);
        break;
      case FrameType.Window:
        this.handleWindow(frame.stream, decodeIncrement(frame.payload));
        break;
      case FrameType.Ping:
        this.write(FrameType.Pong, 0, 0, frame.payload);
        break;
      case FrameType.GoAway:
        this.handleGoAway(decodePayload(GoAwaySchema, frame.payload));
        break;
      case FrameType.Auth:
        this.auth.handleAnswer(decodePayload(AuthSchema, frame.payload));
        break;
      case FrameType.Open:
      case FrameType.EndSend:
        throw new ProtocolError(`${frameName(frame.type)} from a server`);
      default: // PONG, and types that may be ignored
    }
  }

  private handleSettings(payload: Uint8Array): void {
    if (this.isReady) {
      throw new ProtocolError("SETTINGS a second time");
    }
    const before = this.peer;
    this.peer = peerFrom(decodePayload(SettingsSchema, payload));
    this.isReady = true;
    clearTimeout(this.connectTimer);
    this.queue.window.grow(this.peer.connectionWindowBytes - before.connectionWindowBytes);
    this.queue.setLimits({ maxStreams: this.peer.maxConcurrentStreams, maxChunkBytes: this.peer.maxChunkBytes });
    for (const stream of [...this.streams.values(), ...this.queue.waiting]) {
      stream.outgoing.window.grow(this.peer.streamWindowBytes - before.streamWindowBytes);
      this.queue.schedule(stream);
    }
    this.queue.replenish();
    this.events.ready();
  }

  private handleStreamFrame({ type, flags, stream: id, payload }: Frame): void {
    if (type === FrameType.Data) {
      this.handleChunk(payload, flags);
    }
    const stream = this.find(id);
    if (!stream) {
      return;
    }
    if (type === FrameType.Headers) {
      stream.handleHeaders(decodePayload(HeadersSchema, payload).metadata);
    } else if (type === FrameType.Data) {
      stream.handleData(payload, flags);
    } else if (type === FrameType.End) {
      stream.handleEnd(decodePayload(EndSchema, payload));
      this.forget(stream);
    } else {
      stream.handleReset(decodePayload(ResetSchema, payload));
      this.forget(stream);
    }
  }

  // The connection's credit goes back at once, also for calls that have ended: calls that nobody reads never stop others.
  private handleChunk(payload: Uint8Array, flags: number): void {
    if (payload.length > startValues.maxChunkBytes || (flags & Flag.EndSend) !== 0) {
      throw new ProtocolError(`DATA of ${payload.length} bytes with flags 0x${flags.toString(16)} from a server`);
    }
    this.credit.receive(dataCost(payload));
    this.credit.release(dataCost(payload));
  }

  private handleWindow(id: number, bytes: number): void {
    if (id === 0) {
      this.queue.window.grow(bytes);
      this.queue.replenish();
      return;
    }
    const stream = this.find(id);
    if (stream) {
      stream.outgoing.window.grow(bytes);
      this.queue.schedule(stream);
    }
  }

  /** Returns an open call, or undefined for one that has ended. Throws for one that never was. */
  private find(id: number): Stream | undefined {
    if (id > this.queue.lastId) {
      throw new ProtocolError(`frame for stream ${id}, which was never opened`);
    }
    return this.streams.get(id);
  }

  private handleGoAway(goAway: GoAway): void {
    this.isDraining = true;
    this.events.goAway(goAway);
    const error = notProcessed(goAway.message || "the server is going away");
    for (const stream of this.queue.takeWaiting()) {
      stream.fail(error);
    }
    for (const stream of [...this.streams.values()]) {
      if (stream.id > goAway.lastStream) {
        stream.fail(error);
        this.forget(stream);
      }
    }
    this.closeIfDrained();
  }

  private forget(stream: Stream): void {
    this.queue.remove(stream);
    this.streams.delete(stream.id);
    this.closeIfDrained();
  }

  private closeIfDrained(): void {
    if ((this.isDraining || this.queue.exhausted) && this.streams.size === 0) {
      this.end({ error: notProcessed("the connection went away"), retry: true, reason: "going-away" }, 1000);
    }
  }

  // A fault of the server, or of this code: either way nothing more that comes can be trusted.
  private fail(reason: unknown): void {
    const fault = reason instanceof ProtocolError ? reason : new ProtocolError("a frame that cannot be read");
    this.end({ ...verdictOnClose(fault.closeCode, fault.message), retry: false }, fault.closeCode);
  }

  private end(verdict: Verdict, closeCode?: number): void {
    if (this.isClosed) {
      return;
    }
    this.isClosed = true;
    clearTimeout(this.connectTimer);
    this.heartbeat.stop();
    this.stallWatch.stop();
    this.queue.disable();
    this.socket.removeEventListener("open", this.handleOpen);
    this.socket.removeEventListener("message", this.handleMessage);
    this.socket.removeEventListener("close", this.handleClose);
    this.socket.close(closeCode);
    this.failCalls(verdict.error);
    this.auth.end();
    this.events.closed(verdict);
  }

  private failCalls(error: ConnectError): void {
    for (const stream of this.queue.takeWaiting()) {
      stream.fail(notProcessed(error.rawMessage, error.code));
    }
    for (const stream of this.streams.values()) {
      stream.fail(error);
    }
    this.streams.clear();
  }
}

function bytesOf(data: unknown): Uint8Array {
  if (typeof data === "string") {
    throw new ProtocolError("a text message", closeWrongFrameType);
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data as ArrayBuffer);
}

function decodePayload<Desc extends DescMessage>(schema: Desc, payload: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, payload);
  } catch {
    throw new ProtocolError(`${schema.name} cannot be decoded`);
  }
}
