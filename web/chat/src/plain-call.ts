import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ChatError, type StatusCode } from "./error.js";
import { PlainStream } from "./plain-stream.js";
import type { WebSocketConstructor } from "./types.js";

/** How long a unary call may take, connecting included, in ms. */
export const callTimeoutMs = 15_000;

export interface PlainCallOptions {
  readonly WebSocket: WebSocketConstructor;
  /** Where the server is, without a trailing slash. */
  readonly baseUrl: string;
  readonly token: string | undefined;
  /** Ends the call with CANCELLED. */
  readonly signal: AbortSignal;
}

/** The address of a method in the bridge's plain mode: its gRPC path. */
export function methodUrl(
  baseUrl: string,
  method: { readonly parent: { readonly typeName: string }; readonly name: string },
): string {
  return `${baseUrl}/${method.parent.typeName}/${method.name}`;
}

/**
 * Makes one unary call on a socket of its own and returns its response. Rejects with ChatError; DEADLINE_EXCEEDED after
 * `callTimeoutMs`. A call that failed with UNAVAILABLE may have had its effect.
 */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  { WebSocket, baseUrl, token, signal }: PlainCallOptions,
): Promise<MessageShape<O>> {
  return new Promise((resolve, reject) => {
    const fail = (code: StatusCode, text: string) => settle(() => reject(new ChatError(code, text)));
    const settle = (conclude: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      stream?.close();
      conclude();
    };
    const abort = () => fail("CANCELLED", "The client is closed.");
    const timer = setTimeout(() => fail("DEADLINE_EXCEEDED", "The server did not answer in time."), callTimeoutMs);
    signal.addEventListener("abort", abort);

    let stream: PlainStream | undefined;
    let response: MessageShape<O> | undefined;
    if (signal.aborted) {
      abort();
      return;
    }
    try {
      stream = new PlainStream({
        WebSocket,
        url: methodUrl(baseUrl, method),
        token,
        onOpen: () => stream?.send(toBinary(method.input, create(method.input, request))),
        onMessage: (message) => {
          response = decode(method.output, message);
        },
        onEnd: ({ error }) => {
          if (error) {
            settle(() => reject(error));
          } else if (response) {
            const value = response;
            settle(() => resolve(value));
          } else {
            fail("INTERNAL", "The server's answer cannot be read.");
          }
        },
      });
    } catch {
      fail("INVALID_ARGUMENT", "The server's address cannot be used from here.");
    }
  });
}

function decode<O extends DescMessage>(schema: O, message: Uint8Array): MessageShape<O> | undefined {
  try {
    return fromBinary(schema, message);
  } catch {
    return undefined;
  }
}
