import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type CallOptions, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  type ClientCompatRequest,
  type ClientResponseResult,
  type CompatError,
  type CompatHeader,
  type CompatProtos,
  fullDuplex,
} from "./compat.js";

/** Makes the call that a request describes, as the comments of client_compat.proto say, and tells what came of it. */
export async function invoke(
  protos: CompatProtos,
  transport: Transport,
  request: ClientCompatRequest,
): Promise<ClientResponseResult> {
  const messages = request.requestMessages.map((any) => protos.unpack(any));
  const call = new Call(request, messages);
  await call.run(protos.method(request), transport);
  return call.result;
}

/** A method of a client whose service is only known when the test runs. */
type ClientMethod = (input: unknown, options: CallOptions) => Promise<Message> & AsyncIterable<Message>;

class Call {
  readonly result: ClientResponseResult = { responseHeaders: [], payloads: [], responseTrailers: [] };
  private readonly request: ClientCompatRequest;
  private readonly messages: readonly Message[];
  private readonly abort = new AbortController();
  private readonly header = new Headers();
  /** Resolves `answered` of a full-duplex call. */
  private answer: () => void = () => undefined;

  constructor(request: ClientCompatRequest, messages: readonly Message[]) {
    this.request = request;
    this.messages = messages;
    for (const { name, value } of request.requestHeaders) {
      for (const one of value) {
        this.header.append(name, one);
      }
    }
  }

  /** Makes the call; afterwards there is a result. */
  async run(method: DescMethod, transport: Transport): Promise<void> {
    const client = createClient(method.parent, transport) as unknown as Record<string, ClientMethod>;
    const invoke = client[method.localName] as ClientMethod;
    try {
      switch (method.methodKind) {
        case "unary":
          this.cancelAfterSending();
          this.receive(await invoke(this.onlyMessage(), this.options));
          break;
        case "client_streaming":
          this.receive(await invoke(this.send(), this.options));
          break;
        case "server_streaming":
          this.cancelAfterSending();
          await this.receiveAll(invoke(this.onlyMessage(), this.options));
          break;
        case "bidi_streaming":
          await this.receiveAll(invoke(this.send(), this.options));
      }
    } catch (reason) {
      this.fail(reason);
    } finally {
      this.answer();
    }
  }

  private get options(): CallOptions {
    const { timeoutMs } = this.request;
    return {
      ...(timeoutMs !== undefined && { timeoutMs }),
      signal: this.abort.signal,
      headers: this.header,
      onHeader: (header) => {
        this.result.responseHeaders = listOf(header);
      },
      onTrailer: (trailer) => {
        this.result.responseTrailers = listOf(trailer);
      },
    };
  }

  private onlyMessage(): Message {
    const [message] = this.messages;
    if (!message || this.messages.length > 1) {
      throw new Error("a call of this kind has one request message");
    }
    return message;
  }

  private async receiveAll(messages: AsyncIterable<Message>): Promise<void> {
    for await (const message of messages) {
      this.receive(message);
    }
  }

  private async *send(): AsyncGenerator<Message> {
    for (const message of this.messages) {
      await delay(this.request.requestDelayMs);
      const answered = new Promise<void>((resolve) => {
        this.answer = resolve;
      });
      yield message;
      if (this.request.streamType === fullDuplex) {
        await answered;
      }
    }
    if (this.request.cancel?.cancelTiming.case === "beforeCloseSend") {
      this.abort.abort();
    }
    this.cancelAfterSending();
  }

  private cancelAfterSending(): void {
    const timing = this.request.cancel?.cancelTiming;
    if (timing?.case === "afterCloseSendMs") {
      void delay(timing.value).then(() => this.abort.abort());
    } else if (timing && timing.case === undefined) {
      this.abort.abort();
    }
  }

  private receive(message: Message): void {
    const { payload } = message as Message & { payload?: Message };
    this.result.payloads.push(payload ?? {});
    const timing = this.request.cancel?.cancelTiming;
    if (timing?.case === "afterNumResponses" && timing.value === this.result.payloads.length) {
      this.abort.abort();
    }
    this.answer();
  }

  // An error does not say which of its metadata were headers and which trailers.
  private fail(reason: unknown): void {
    const error = ConnectError.from(reason);
    this.result.error = errorOf(error);
    this.result.responseTrailers = listOf(error.metadata);
    if (this.result.responseHeaders.length === 0) {
      this.result.responseHeaders = this.result.responseTrailers;
    }
  }
}

function errorOf({ code, rawMessage, details }: ConnectError): CompatError {
  return {
    code,
    message: rawMessage,
    details: details.map((detail) => {
      if ("desc" in detail) {
        throw new Error("a detail that did not come from the server");
      }
      return { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value };
    }),
  };
}

function listOf(headers: Headers): CompatHeader[] {
  return [...headers].map(([name, value]) => ({ name, value: value.split(",").map((one) => one.trim()) }));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
