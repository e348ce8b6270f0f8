import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { ChatTransport } from "@rialto/chat";
import type { Status } from "@rialto/gen/google/rpc/status_pb";
import type { ConnectRequest } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { ConnectRequestSchema, type ConnectResponseSchema } from "@rialto/gen/rialto/chat/v1/chat_pb";
import type { ConnectionState, LossReason, StateListener } from "@rialto/transport";
// So that what is loaded later needs nothing but promises.
import "../src/later/index.js";
import "../src/tabs/guest-link.js";
import "../src/tabs/host-link.js";

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) {
    await Promise.resolve();
  }
}

/** Sends a message through the wire format and back, so that what cannot be encoded is found. */
function overTheWire<S extends DescMessage>(schema: S, message: MessageInitShape<S>): MessageShape<S> {
  return fromBinary(schema, toBinary(schema, create(schema, message)));
}

/** The error of a call that the server ended with this status. */
export function wireError({ code, message, details }: Pick<Status, "code" | "message" | "details">): ConnectError {
  const error = new ConnectError(message, code);
  error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
  error.isWireError = true;
  return error;
}

/** One Connect call, whose server is the test. */
export class FakeCall {
  readonly header: Headers;
  readonly signal: AbortSignal;
  /** Requests that the client sent and the test did not take yet. */
  readonly sent: ConnectRequest[] = [];
  private thawed = Promise.resolve();
  private thaw: () => void = () => undefined;
  private readonly responses: MessageShape<typeof ConnectResponseSchema>[] = [];
  private end: { readonly error: ConnectError | undefined } | undefined;
  private wake: () => void = () => undefined;

  constructor(
    header: Headers,
    signal: AbortSignal,
    requests: AsyncIterable<MessageInitShape<typeof ConnectRequestSchema>>,
  ) {
    this.header = header;
    this.signal = signal;
    signal.addEventListener("abort", () => this.finish(new ConnectError("aborted", Code.Canceled)));
    void this.take(requests);
  }

  /** Takes one more request at most, until `resume`. */
  congest(): void {
    this.thawed = new Promise((resolve) => {
      this.thaw = resolve;
    });
  }

  resume(): void {
    this.thaw();
  }

  /** How many responses the client did not take yet. */
  get untaken(): number {
    return this.responses.length;
  }

  /** Whether the client ended the call. */
  get aborted(): boolean {
    return this.signal.aborted;
  }

  respond(response: MessageShape<typeof ConnectResponseSchema>): void {
    this.responses.push(response);
    this.wake();
  }

  /** The end of the call; undefined: OK. */
  finish(error: ConnectError | undefined): void {
    this.end ??= { error };
    this.wake();
  }

  async *messages(): AsyncGenerator<MessageShape<typeof ConnectResponseSchema>> {
    for (;;) {
      const response = this.responses.shift();
      if (response) {
        yield response;
      } else if (this.end) {
        if (this.end.error) {
          throw this.end.error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  private async take(requests: AsyncIterable<MessageInitShape<typeof ConnectRequestSchema>>): Promise<void> {
    for await (const request of requests) {
      this.sent.push(overTheWire(ConnectRequestSchema, request));
      await this.thawed;
    }
  }
}

/** One unary call, whose server is the test. */
export interface FakeUnary {
  /** The full name, "package.Service/Method". */
  readonly method: string;
  readonly header: Headers;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly request: unknown;
  answer(response: unknown): void;
  fail(error: ConnectError): void;
}

/** A transport whose network and server are the test. Nothing happens by itself. */
export class FakeTransport implements ChatTransport {
  state: ConnectionState = { status: "idle" };
  readonly calls: FakeCall[] = [];
  readonly unaries: FakeUnary[] = [];
  private readonly listeners = new Set<StateListener>();

  subscribe(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.listeners.size;
  }

  connect(): Promise<void> {
    if (this.state.status === "idle" || this.state.status === "waiting") {
      this.set({ status: "connecting" });
    }
    return Promise.resolve();
  }

  close(): void {
    this.failAll(new ConnectError("closed", Code.Canceled));
    this.set({ status: "closed" });
  }

  /** The server has answered. */
  connected(): void {
    this.set({ status: "connected" });
  }

  /** The connection broke, or could not be made; the next try is in `retryMs`. */
  lose(reason: LossReason = "lost", retryMs = 250): void {
    const error = new ConnectError("the connection ended", Code.Unavailable);
    this.set(
      reason === "refused"
        ? { status: "idle", loss: { reason, error } }
        : { status: "waiting", retryAtMs: Date.now() + retryMs, loss: { reason, error } },
    );
    this.failAll(error);
  }

  /** The server lets calls finish here; the next connection is made beside it. */
  goAway(): void {
    const error = new ConnectError("the server is going away", Code.Unavailable);
    this.set({ status: "waiting", retryAtMs: Date.now() + 100, loss: { reason: "going-away", error } });
  }

  /** The next try begins. */
  retry(): void {
    this.set({ status: "connecting" });
  }

  /** The address is none, or may not be used from here. */
  cannotDial(): void {
    this.set({ status: "idle", loss: { reason: "refused", error: new ConnectError("bad address", Code.Internal) } });
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    _timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const call = new FakeCall(new Headers(header), signal ?? new AbortController().signal, input as never);
    this.calls.push(call);
    const message = call.messages() as never;
    const response = { service: method.parent, method, header: new Headers(), trailer: new Headers(), message };
    return Promise.resolve({ stream: true, ...response });
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new ConnectError("aborted", Code.Canceled)));
      this.unaries.push({
        method: `${method.parent.typeName}/${method.name}`,
        header: new Headers(header),
        signal,
        timeoutMs,
        request: overTheWire(method.input, input),
        fail: reject,
        answer: (response) =>
          resolve({
            stream: false,
            service: method.parent,
            method,
            header: new Headers(),
            trailer: new Headers(),
            message: overTheWire(method.output, response as MessageInitShape<O>),
          }),
      });
    });
  }

  private set(state: ConnectionState): void {
    this.state = state;
    for (const listener of [...this.listeners]) {
      listener(state);
    }
  }

  private failAll(error: ConnectError): void {
    for (const call of this.calls) {
      call.finish(error);
    }
    for (const unary of this.unaries) {
      unary.fail(error);
    }
  }
}
