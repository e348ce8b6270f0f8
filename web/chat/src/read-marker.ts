/** The least time between two requests that move the marker, in ms; the server stores no more than one a second either. */
export const markIntervalMs = 1_000;

/** How far this user has read in a room: what the server says, and what was wished here and is not confirmed yet. */
export class ReadMarker {
  private readonly send: (seq: number) => boolean;
  private confirmed = 0;
  /** Whether the server said where it is since the present join was sent. */
  private isTold = false;
  /** Wished and not confirmed; `sent` while its answer is due. */
  private wished: { readonly seq: number; readonly sent: boolean } | undefined;
  private sentAt = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `send` asks the server to move the marker; false if it cannot be asked now. */
  constructor(send: (seq: number) => boolean) {
    this.send = send;
  }

  /** Where to show it. */
  get seq(): number {
    return this.wished?.seq ?? this.confirmed;
  }

  /** Where it is wished and the server did not say yet; undefined if nothing is. */
  get wish(): number | undefined {
    return this.wished?.seq;
  }

  /** Moves it in what is shown; `flush` then tells the server. Returns false if it is there already. */
  mark(seq: number): boolean {
    if (seq === this.seq) {
      return false;
    }
    this.wished = { seq, sent: false };
    return true;
  }

  /** Asks for what is wished and was not sent, now or as soon as the interval allows. Only while there is a session. */
  flush(): void {
    if (!this.wished || this.wished.sent || this.timer !== undefined) {
      return;
    }
    const waitMs = this.sentAt + markIntervalMs - performance.now();
    if (waitMs > 0) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.flush();
      }, waitMs);
    } else if (this.send(this.wished.seq)) {
      this.sentAt = performance.now();
      this.wished = { seq: this.wished.seq, sent: true };
    }
  }

  /** The request for `asked` was answered with where it is now, or refused. Returns true if what is shown changed. */
  answered(asked: number, now: number | undefined): boolean {
    const before = this.seq;
    if (now !== undefined) {
      this.told(now);
    }
    if (this.wished?.seq === asked) {
      this.wished = undefined;
    }
    return this.seq !== before;
  }

  /** The server says where it is, moved here or on another device. A wish of this client comes later and stays. */
  told(seq: number): void {
    this.confirmed = seq;
    this.isTold = true;
  }

  /** A join is about to be sent. */
  joining(): void {
    this.isTold = false;
  }

  /** A join was answered with where it was: what came behind the join knows better. */
  joined(seq: number): void {
    if (!this.isTold) {
      this.confirmed = seq;
    }
  }

  /** This user posted a message: that moves the marker, at the server too. */
  posted(seq: number): void {
    this.confirmed = Math.max(this.confirmed, seq);
    if (this.wished && this.wished.seq <= seq) {
      this.wished = undefined;
    }
  }

  /** The connection is gone: what was not answered is asked for again on the next. No timer runs until then. */
  lost(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.wished) {
      this.wished = { seq: this.wished.seq, sent: false };
    }
  }

  /** Seqs mean something else now: what was wished is void. Where the marker is the server says with the join. */
  reset(): void {
    this.wished = undefined;
  }
}
