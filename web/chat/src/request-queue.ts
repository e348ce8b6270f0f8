import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRequestSchema } from "@rialto/gen/rialto/chat/v1/chat_pb";

export type Request = MessageInitShape<typeof ConnectRequestSchema>;

/** The requests of one Connect call: pushed by the session, pulled by the transport as fast as the server takes them. */
export class RequestQueue implements AsyncIterable<Request> {
  private readonly waiting: Request[] = [];
  private wake: (() => void) | undefined;
  private ended = false;

  /** How many requests the transport did not take yet. */
  get length(): number {
    return this.waiting.length;
  }

  push(request: Request): void {
    this.waiting.push(request);
    this.wake?.();
  }

  /** No request follows, and what waits is dropped. */
  end(): void {
    this.ended = true;
    this.waiting.length = 0;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Request> {
    while (!this.ended) {
      const request = this.waiting.shift();
      if (request) {
        yield request;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}
