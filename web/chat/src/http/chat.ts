import type { DescMessage, DescMethodStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ChatService } from "@rialto/gen/rialto/chat/v1/chat_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { HttpChat } from "../http-fallback.js";
import type { Request } from "../request-queue.js";
import { asLost } from "./calls.js";
import { HttpSession } from "./session.js";

/** How long the server may take to answer the question whether it is there, in ms. */
const reachTimeoutMs = 5_000;

/** Returns what carries a chat over HTTP to the server at this address. */
export function httpChat(baseUrl: string): HttpChat {
  return httpChatOver(createConnectTransport({ baseUrl, useBinaryFormat: true }));
}

/** Returns what carries a chat over any transport that knows unary and server-streaming calls. */
export function httpChatOver(http: Transport): HttpChat {
  return {
    async reach() {
      try {
        await http.unary(RoomService.method.listRooms, undefined, reachTimeoutMs, undefined, { pageSize: 1 });
        return true;
      } catch (reason) {
        // A refusal is an answer.
        return ConnectError.from(reason).isWireError;
      }
    },
    unary: (method, signal, timeoutMs, header, input) =>
      http.unary(method, signal, timeoutMs, header, input).catch((reason: unknown) => {
        const error = ConnectError.from(reason);
        throw error.code === Code.DeadlineExceeded ? error : asLost(error);
      }),
    stream: async <I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      input: AsyncIterable<MessageInitShape<I>>,
    ): Promise<StreamResponse<I, O>> => {
      if (method.name !== ChatService.method.connect.name) {
        return http.stream(method, signal, timeoutMs, header, input);
      }
      const session = new HttpSession(http, new Headers(header), signal);
      const message = session.run(input as AsyncIterable<Request>) as AsyncIterable<never>;
      const metadata = { header: new Headers(), trailer: new Headers() };
      return { stream: true, service: method.parent, method, ...metadata, message };
    },
  };
}
