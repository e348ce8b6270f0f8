import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Auth, AuthSchema, type Metadatum } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { ProtocolError } from "./frame.js";
import { errorFromStatus } from "./status.js";

interface Waiter {
  resolve(): void;
  reject(error: ConnectError): void;
}

/** The questions and answers of AUTH on one connection: a question waits for the answer to the last one. */
export class AuthExchange {
  private readonly write: (payload: Uint8Array) => void;
  private waiter: Waiter | undefined;
  private last: Promise<void> = Promise.resolve();
  private lost: ConnectError | undefined;

  /** `write` sends an AUTH frame. */
  constructor(write: (payload: Uint8Array) => void) {
    this.write = write;
  }

  /** Asks to replace the connection's metadata; rejects with the server's refusal, or when the connection is lost. */
  ask(metadata: readonly Metadatum[]): Promise<void> {
    const answered = this.last.then(() => this.send(metadata));
    this.last = answered.catch(() => undefined);
    return answered;
  }

  /** AUTH came. */
  handleAnswer({ status }: Auth): void {
    const waiter = this.waiter;
    if (!waiter) {
      throw new ProtocolError("AUTH without a question");
    }
    this.waiter = undefined;
    const refusal = errorFromStatus(status, new Headers());
    if (refusal) {
      waiter.reject(refusal);
    } else {
      waiter.resolve();
    }
  }

  /** The connection has ended: questions without an answer fail, and later ones too. */
  end(): void {
    this.lost = new ConnectError("the connection was lost", Code.Unavailable);
    this.waiter?.reject(this.lost);
  }

  private send(metadata: readonly Metadatum[]): Promise<void> {
    if (this.lost) {
      return Promise.reject(this.lost);
    }
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
      this.write(toBinary(AuthSchema, create(AuthSchema, { metadata: [...metadata] })));
    });
  }
}
