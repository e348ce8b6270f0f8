import { Code, ConnectError } from "@connectrpc/connect";
import type { Connection } from "./connection.js";
import { metadataBytes, metadataFromHeaders } from "./metadata.js";
import { startValues } from "./settings.js";
import { isNotProcessed } from "./status.js";
import type { Stream } from "./stream.js";

/** A call as the transport has it, after the interceptors. */
export interface Call {
  /** The full method, "/package.Service/Method". */
  readonly method: string;
  readonly header: Headers;
  readonly signal: AbortSignal;
  /** When its time is over, by `performance.now`; undefined: never. */
  readonly deadlineMs: number | undefined;
}

export interface CallOptions {
  readonly waitForReady: boolean;
  readonly readMaxBytes: number;
}

/** Opens a call whose messages follow. Resolves when it is opened. */
export function openCall(connection: Connection, call: Call, options: CallOptions): Promise<Stream> {
  return begin(connection, call, options, (stream) => {
    stream.start();
    return stream.opened;
  });
}

/** Opens a call with its only message. Resolves when the server has answered with headers or the end. */
export function openCallWith(
  connection: Connection,
  call: Call,
  options: CallOptions,
  message: Uint8Array,
): Promise<Stream> {
  return begin(connection, call, options, async (stream) => {
    await stream.startWith(message);
    await stream.header;
  });
}

/**
 * A call that the server surely has not begun, because the connection was going away or had too many calls, is repeated once:
 * https://github.com/grpc/proposal/blob/master/A6-client-retries.md#transparent-retries
 */
async function begin(
  connection: Connection,
  call: Call,
  { waitForReady, readMaxBytes }: CallOptions,
  start: (stream: Stream) => Promise<void>,
): Promise<Stream> {
  const { method, signal, deadlineMs } = call;
  const metadata = metadataFromHeaders(call.header);
  // More metadata than every server takes: only its settings say whether this one does.
  const whileConnecting = !waitForReady && metadataBytes(metadata) <= startValues.maxMetadataBytes;
  for (let isRepeat = false; ; isRepeat = true) {
    const session = await connection.session(signal, { forReady: waitForReady, whileConnecting });
    const stream = session.call({ method, metadata, deadlineMs, readMaxBytes });
    resetOnAbort(stream, signal);
    try {
      await start(stream);
      return stream;
    } catch (reason) {
      if (isRepeat || !isNotProcessed(reason)) {
        throw reason;
      }
    }
  }
}

// Connect aborts its signal after a success too; by then the call has ended and `reset` does nothing.
function resetOnAbort(stream: Stream, signal: AbortSignal): void {
  const reset = () => stream.reset(ConnectError.from(signal.reason, Code.Canceled));
  signal.addEventListener("abort", reset, { once: true });
  if (signal.aborted) {
    reset();
  }
}
