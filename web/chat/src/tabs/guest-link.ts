import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectionState } from "@rialto/transport";
import { Credit } from "./credit.js";
import { Inbox } from "./inbox.js";
import {
  fromPlainError,
  fromPlainState,
  type GuestMessage,
  type HostMessage,
  hostLost,
  hostTimeoutMs,
  methodName,
} from "./messages.js";

export interface GuestLinkEvents {
  /** The connection's state, as the host tells it; the first one is its welcome. */
  told(state: ConnectionState): void;
  /** The host does not answer. */
  silent(): void;
}

interface Call {
  readonly responses: Inbox;
  readonly credit: Credit;
  /** Lets go of the caller's signal. */
  readonly unwatch: () => void;
}

/** What a call is made with; as in `Transport`. */
interface CallOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: HeadersInit | undefined;
}

/** A guest's side of its channel to the host: makes calls through it. */
export class GuestLink {
  readonly host: string;
  private readonly channel: BroadcastChannel;
  private readonly events: GuestLinkEvents;
  private readonly calls = new Map<number, Call>();
  private callCount = 0;
  private isClosed = false;
  /** Runs while an answer of the host is due. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** The host's welcome is due at once. */
  constructor(host: string, channel: BroadcastChannel, events: GuestLinkEvents) {
    this.host = host;
    this.channel = channel;
    this.events = events;
    channel.onmessage = ({ data }: MessageEvent<HostMessage>) => this.receive(data);
    this.expectAnswer();
  }

  /** The connection is wanted now. */
  connect(): void {
    this.send({ kind: "connect" });
  }

  /** Finds out whether the host is still there. */
  ping(): void {
    this.send({ kind: "ping" });
    this.expectAnswer();
  }

  /** Ends the link and, with an error, its calls. */
  close(error: ConnectError = hostLost()): void {
    clearTimeout(this.timer);
    this.send({ kind: "bye" });
    this.isClosed = true;
    this.channel.close();
    for (const id of [...this.calls.keys()]) {
      this.finish(id, error);
    }
  }

  /** Makes a unary call and returns its response. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions,
  ): Promise<MessageShape<O>> {
    const { responses } = this.open(method, options, toBinary(method.input, create(method.input, input)));
    let response: MessageShape<O> | undefined;
    for await (const bytes of responses) {
      response = fromBinary(method.output, bytes);
    }
    if (!response) {
      throw new ConnectError("the call ended without a response", Code.Internal);
    }
    return response;
  }

  /** Makes a streaming call and returns its responses. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterable<MessageInitShape<I>>,
    options: CallOptions,
  ): AsyncGenerator<MessageShape<O>> {
    const { id, responses, credit } = this.open(method, options);
    void this.sendAll(id, method.input, input, credit);
    for await (const bytes of responses) {
      yield fromBinary(method.output, bytes);
    }
  }

  private open(method: DescMethod, { signal, timeoutMs, header }: CallOptions, message?: Uint8Array) {
    if (this.isClosed) {
      throw hostLost();
    }
    const id = ++this.callCount;
    const responses = new Inbox(() => this.send({ kind: "taken", call: id }));
    const abort = () => {
      this.tell({ kind: "abort", call: id });
      this.finish(id, ConnectError.from(signal?.reason, Code.Canceled));
    };
    signal?.addEventListener("abort", abort);
    const unwatch = () => signal?.removeEventListener("abort", abort);
    const call: Call = { responses, credit: new Credit(), unwatch };
    this.calls.set(id, call);
    this.send({
      kind: "open",
      call: id,
      method: methodName(method),
      header: [...new Headers(header)],
      timeoutMs,
      ...(message && { message }),
    });
    return { id, ...call };
  }

  private async sendAll<I extends DescMessage>(
    call: number,
    schema: I,
    input: AsyncIterable<MessageInitShape<I>>,
    credit: Credit,
  ): Promise<void> {
    try {
      for await (const message of input) {
        if (!(await credit.take())) {
          return;
        }
        this.send({ kind: "message", call, bytes: toBinary(schema, create(schema, message)) });
      }
      this.tell({ kind: "half-close", call });
    } catch (reason) {
      // What cannot be encoded ends the call, as in the transport.
      this.tell({ kind: "abort", call });
      this.finish(call, ConnectError.from(reason));
    }
  }

  private receive(message: HostMessage): void {
    clearTimeout(this.timer);
    switch (message.kind) {
      case "state":
        this.events.told(fromPlainState(message.state));
        break;
      case "message":
        this.calls.get(message.call)?.responses.push(message.bytes);
        break;
      case "taken":
        this.calls.get(message.call)?.credit.give();
        break;
      case "end":
        this.finish(message.call, message.error && fromPlainError(message.error));
        break;
    }
  }

  private finish(id: number, error: ConnectError | undefined): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    call?.unwatch();
    call?.credit.end();
    call?.responses.finish(error);
  }

  private expectAnswer(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.events.silent(), hostTimeoutMs);
  }

  /** Sends what is about a call, unless that has ended. */
  private tell(message: GuestMessage & { readonly call: number }): void {
    if (this.calls.has(message.call)) {
      this.send(message);
    }
  }

  /** Does nothing once this is closed: what had come by then can still be taken. */
  private send(message: GuestMessage): void {
    if (!this.isClosed) {
      this.channel.postMessage(message);
    }
  }
}
