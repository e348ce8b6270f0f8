import {
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectionState } from "@rialto/transport";
import type { ChatTransport } from "../transport.js";
import { Credit } from "./credit.js";
import { Inbox } from "./inbox.js";
import { type GuestMessage, type HostMessage, type OpenMessage, toPlainError, toPlainState } from "./messages.js";
import { findMethod } from "./methods.js";

interface Call {
  readonly abort: AbortController;
  readonly requests: Inbox;
  readonly credit: Credit;
}

/** A host's side of its channel to one guest: makes the guest's calls on the one connection. */
export class HostLink {
  private readonly channel: BroadcastChannel;
  private readonly transport: ChatTransport;
  private readonly calls = new Map<number, Call>();
  private readonly onBye: () => void;
  private isClosed = false;

  /** `onBye` is called when the guest says that it goes. */
  constructor(channel: BroadcastChannel, transport: ChatTransport, onBye: () => void) {
    this.channel = channel;
    this.transport = transport;
    this.onBye = onBye;
    channel.onmessage = ({ data }: MessageEvent<GuestMessage>) => this.receive(data);
    this.tell(transport.state);
  }

  /** Tells the guest how the connection is. */
  tell(state: ConnectionState): void {
    this.send({ kind: "state", state: toPlainState(state) });
  }

  /** The guest is gone, or no guest of this tab any more: its calls end. */
  close(): void {
    for (const call of this.calls.values()) {
      end(call);
    }
    this.calls.clear();
    this.isClosed = true;
    this.channel.close();
  }

  private receive(message: GuestMessage): void {
    switch (message.kind) {
      case "connect":
        this.transport.connect().catch(() => undefined);
        break;
      case "ping":
        this.send({ kind: "pong" });
        break;
      case "bye":
        this.onBye();
        break;
      case "open":
        void this.open(message);
        break;
      case "message":
        this.calls.get(message.call)?.requests.push(message.bytes);
        break;
      case "half-close":
        this.calls.get(message.call)?.requests.finish();
        break;
      case "taken":
        this.calls.get(message.call)?.credit.give();
        break;
      case "abort":
        this.finish(message.call);
        break;
    }
  }

  private async open(open: OpenMessage): Promise<void> {
    const { call: id, method: name } = open;
    const requests = new Inbox(() => this.send({ kind: "taken", call: id }));
    const call: Call = { abort: new AbortController(), requests, credit: new Credit() };
    this.calls.set(id, call);
    try {
      const method = findMethod(name);
      if (!method) {
        // A tab with an older version of the page.
        throw new ConnectError(`unknown method ${name}`, Code.Unimplemented);
      }
      await (method.methodKind === "unary" ? this.unary(method, open, call) : this.stream(method, open, call));
      this.answer(id, { kind: "end", call: id });
    } catch (reason) {
      this.answer(id, { kind: "end", call: id, error: toPlainError(reason) });
    }
    this.finish(id);
  }

  private async unary(method: DescMethodUnary, open: OpenMessage, { abort }: Call): Promise<void> {
    const input = fromBinary(method.input, open.message ?? new Uint8Array());
    const { message } = await this.transport.unary(method, abort.signal, open.timeoutMs, headerOf(open), input);
    this.answer(open.call, { kind: "message", call: open.call, bytes: toBinary(method.output, message) });
  }

  private async stream(method: DescMethodStreaming, open: OpenMessage, call: Call): Promise<void> {
    const input = decoded(method.input, call.requests);
    const { message } = await this.transport.stream(method, call.abort.signal, open.timeoutMs, headerOf(open), input);
    for await (const response of message) {
      if (!(await call.credit.take())) {
        return;
      }
      this.answer(open.call, { kind: "message", call: open.call, bytes: toBinary(method.output, response) });
    }
  }

  private answer(id: number, message: HostMessage): void {
    if (this.calls.has(id)) {
      this.send(message);
    }
  }

  private finish(id: number): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (call) {
      end(call);
    }
  }

  /** Does nothing once this is closed: what had come by then is still taken. */
  private send(message: HostMessage): void {
    if (!this.isClosed) {
      this.channel.postMessage(message);
    }
  }
}

function end({ abort, requests, credit }: Call): void {
  requests.finish();
  credit.end();
  abort.abort();
}

function headerOf({ header }: OpenMessage): [string, string][] {
  return header.map(([key, value]) => [key, value]);
}

async function* decoded<Desc extends DescMessage>(
  schema: Desc,
  messages: AsyncIterable<Uint8Array>,
): AsyncGenerator<MessageShape<Desc>> {
  for await (const bytes of messages) {
    yield fromBinary(schema, bytes);
  }
}
