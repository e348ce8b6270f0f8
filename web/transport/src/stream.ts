import { Code, ConnectError } from "@connectrpc/connect";
import type { End, Metadatum, Reset } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { ProtocolError } from "./frame.js";
import { gunzip, gzip } from "./gzip.js";
import { Incoming } from "./incoming.js";
import { appendMetadata } from "./metadata.js";
import { Outgoing } from "./outgoing.js";
import { errorFromReset, errorFromStatus } from "./status.js";
import { ReceiveWindow } from "./window.js";

/** What opens a call. */
export interface StreamRequest {
  /** The full method, "/package.Service/Method". */
  readonly method: string;
  readonly metadata: readonly Metadatum[];
  /** When the call's time is over, by `performance.now`; undefined: never. */
  readonly deadlineMs: number | undefined;
  /** The longest message to receive, uncompressed. */
  readonly readMaxBytes: number;
}

/** What a call has from its session, fixed when it is made. */
export interface StreamSettings {
  readonly sendWindowBytes: number;
  readonly receiveWindowBytes: number;
  /** Messages of at least so many bytes are sent compressed; undefined: none. */
  readonly compressMinBytes: number | undefined;
}

/** The session, as its calls see it. */
export interface StreamSession {
  /** The call wants to be opened, with what it has to send so far. */
  begin(stream: Stream): void;
  /** The call has something to send. */
  schedule(stream: Stream): void;
  /** The application took so many bytes. */
  grant(stream: Stream, bytes: number): void;
  /** The call ended on this side. */
  abandon(stream: Stream, code: Code): void;
}

/**
 * One call on a session. It ends once: by END or RESET from the server, by `reset`, or with its session; what came before an
 * END can still be received.
 */
export class Stream {
  readonly request: StreamRequest;
  readonly outgoing: Outgoing;
  /** The response headers; rejects when the call fails before they came. */
  readonly header: Promise<Headers>;
  /** Filled by the time `receive` says that the call has ended. */
  readonly trailer = new Headers();
  /** Assigned when OPEN is written, by the session; 0 before. */
  id = 0;
  /** Resolves when OPEN is written; rejects when the call fails before. */
  readonly opened: Promise<void>;

  private readonly session: StreamSession;
  private readonly settings: StreamSettings;
  private readonly incoming: Incoming;
  private headers: Headers | undefined;
  private resolveOpened: () => void = () => undefined;
  private rejectOpened: (error: ConnectError) => void = () => undefined;
  private resolveHeader: (headers: Headers) => void = () => undefined;
  private rejectHeader: (error: ConnectError) => void = () => undefined;
  private over = false;

  constructor(session: StreamSession, request: StreamRequest, settings: StreamSettings) {
    this.session = session;
    this.request = request;
    this.settings = settings;
    this.outgoing = new Outgoing(settings.sendWindowBytes);
    const window = new ReceiveWindow(settings.receiveWindowBytes, (bytes) => session.grant(this, bytes));
    this.incoming = new Incoming(window, request.readMaxBytes);
    this.header = new Promise((resolve, reject) => {
      this.resolveHeader = resolve;
      this.rejectHeader = reject;
    });
    this.opened = new Promise((resolve, reject) => {
      this.resolveOpened = resolve;
      this.rejectOpened = reject;
    });
    // Whoever only receives messages learns of the error there.
    this.header.catch(() => undefined);
    this.opened.catch(() => undefined);
  }

  /** True when nothing can be sent any more and nothing new will come. */
  get ended(): boolean {
    return this.over;
  }

  /** Whether messages of this call may be compressed, in both directions. */
  get compresses(): boolean {
    return this.settings.compressMinBytes !== undefined;
  }

  /** How long received bytes have been waiting for the application, in ms. */
  get unreadMs(): number {
    return this.incoming.unreadMs();
  }

  /** How many bytes may still be sent and may still come. */
  get windows(): { readonly send: number; readonly receive: number } {
    return { send: this.outgoing.window.available, receive: this.incoming.credit };
  }

  /** Opens the call. */
  start(): void {
    this.session.begin(this);
  }

  /** Opens the call with its only message; a short one travels in the same frame. */
  async startWith(message: Uint8Array): Promise<void> {
    void this.outgoing.offer({ ...(await this.compress(message)), last: true });
    this.session.begin(this);
  }

  /**
   * Sends one message, after the one before was sent. Resolves with true when it is with the socket, and with false when the
   * call ended first; `receive` says how.
   */
  async send(message: Uint8Array): Promise<boolean> {
    const sent = this.outgoing.offer({ ...(await this.compress(message)), last: false });
    this.session.schedule(this);
    return await sent;
  }

  /** Says that no message follows. */
  halfClose(): void {
    this.outgoing.halfClose();
    this.session.schedule(this);
  }

  /** Resolves with the next message, or undefined when the call ended with OK; rejects with its error. One at a time. */
  async receive(): Promise<Uint8Array | undefined> {
    try {
      const message = await this.incoming.receive();
      return message?.compressed ? await this.decompress(message.bytes) : message?.bytes;
    } catch (reason) {
      const error = ConnectError.from(reason);
      this.reset(error);
      throw error;
    }
  }

  /** Ends the call from this side with an error, unless it has ended. The server is told. */
  reset(error: ConnectError): void {
    if (!this.over) {
      this.fail(error);
      this.session.abandon(this, error.code);
    }
  }

  /** Ends the call without telling the server, and drops what was not received yet. */
  fail(error: ConnectError): void {
    this.over = true;
    this.rejectOpened(error);
    this.rejectHeader(error);
    this.incoming.abort(error);
    this.outgoing.abort();
  }

  /** OPEN is being written. */
  handleOpened(id: number): void {
    this.id = id;
    this.resolveOpened();
  }

  /** HEADERS came. */
  handleHeaders(metadata: readonly Metadatum[]): void {
    if (this.headers) {
      throw new ProtocolError("HEADERS after HEADERS or DATA");
    }
    this.setHeaders(headersFrom(metadata));
  }

  /** DATA came. */
  handleData(payload: Uint8Array, flags: number): void {
    if (!this.headers) {
      this.setHeaders(new Headers());
    }
    this.incoming.push(payload, flags);
  }

  /** END came. */
  handleEnd(end: End): void {
    headersFrom(end.metadata).forEach((value, key) => {
      this.trailer.append(key, value);
    });
    const metadata = new Headers(this.headers);
    this.trailer.forEach((value, key) => {
      metadata.append(key, value);
    });
    this.over = true;
    this.outgoing.abort();
    const error = errorFromStatus(end.status, metadata);
    if (error) {
      this.rejectHeader(error);
    } else if (!this.headers) {
      this.setHeaders(new Headers());
    }
    this.incoming.finish(error);
  }

  /** RESET came. */
  handleReset(reset: Reset): void {
    this.fail(errorFromReset(reset));
  }

  private setHeaders(headers: Headers): void {
    this.headers = headers;
    this.resolveHeader(headers);
  }

  private decompress(message: Uint8Array): Promise<Uint8Array> {
    if (!this.compresses) {
      throw new ConnectError("compressed message in a call without an encoding", Code.Internal);
    }
    return gunzip(message, this.request.readMaxBytes);
  }

  // What would not become shorter is sent as it is.
  private async compress(message: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly compressed: boolean }> {
    if (message.length < (this.settings.compressMinBytes ?? Number.POSITIVE_INFINITY)) {
      return { bytes: message, compressed: false };
    }
    const bytes = await gzip(message);
    return bytes.length < message.length ? { bytes, compressed: true } : { bytes: message, compressed: false };
  }
}

function headersFrom(metadata: readonly Metadatum[]): Headers {
  const headers = new Headers();
  try {
    appendMetadata(headers, metadata);
  } catch {
    throw new ProtocolError("metadata that is no HTTP header");
  }
  return headers;
}

/** Returns the code that RESET carries for an error on this side. */
export function resetCode(code: Code): Code {
  return code === Code.DeadlineExceeded || code === Code.ResourceExhausted ? code : Code.Canceled;
}
