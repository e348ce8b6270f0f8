import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/** How long a unary call may take, in ms. */
const timeoutMs = 15_000;

/** The calls of one session over HTTP, which end with it. */
export class HttpCalls {
  /** Their metadata; the token comes into it with the identity. */
  readonly header: Headers;
  private readonly http: Transport;
  private readonly signal: AbortSignal;

  constructor(http: Transport, header: Headers, signal: AbortSignal) {
    this.http = http;
    this.header = header;
    this.signal = signal;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    try {
      return (await this.http.unary(method, this.signal, timeoutMs, this.header, request)).message;
    } catch (reason) {
      throw asLost(reason);
    }
  }

  /** Makes a server-streaming call, which also ends when `signal` is aborted or the caller reads no further. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<O>> {
    const unread = new AbortController();
    const any = AbortSignal.any([this.signal, signal, unread.signal]);
    try {
      const { message } = await this.http.stream(method, any, undefined, this.header, once(request));
      yield* message;
    } catch (reason) {
      throw asLost(reason);
    } finally {
      unread.abort();
    }
  }
}

/** Returns what a call failed with: what the server said, or that it was cancelled; whatever else it was, the connection is gone. */
export function asLost(reason: unknown): ConnectError {
  const error = ConnectError.from(reason);
  return error.isWireError || error.code === Code.Canceled
    ? error
    : new ConnectError("the connection was lost", Code.Unavailable, undefined, undefined, reason);
}

/** Returns an error that counts as an answer of the server's: the call was refused, the connection is good. */
export function asAnswer(message: string, code: Code): ConnectError {
  const error = new ConnectError(message, code);
  error.isWireError = true;
  return error;
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
