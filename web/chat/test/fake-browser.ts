import type { TabEnvironment } from "../src/tabs/shared-transport.js";

interface LockRequest {
  readonly tab: FakeTab;
  readonly start: () => void;
  readonly fail: (reason: unknown) => void;
}

interface Lock {
  holder: LockRequest | undefined;
  readonly queue: LockRequest[];
}

/** Locks and channels that the tabs of one browser share. Messages are copied, and arrive a little later. */
export class FakeBrowser {
  readonly locks = new Map<string, Lock>();
  readonly channels = new Set<FakeChannel>();
  /** What it lets no page use, as where site data is blocked. */
  forbids: "locks" | "channels" | undefined;

  openTab(): FakeTab {
    return new FakeTab(this);
  }

  lock(name: string): Lock {
    const lock = this.locks.get(name) ?? { holder: undefined, queue: [] };
    this.locks.set(name, lock);
    return lock;
  }

  grantNext(lock: Lock): void {
    if (!lock.holder) {
      lock.holder = lock.queue.shift();
      lock.holder?.start();
    }
  }
}

/** One tab: what its page sees of the browser. */
export class FakeTab implements TabEnvironment {
  readonly BroadcastChannel: TabEnvironment["BroadcastChannel"];
  readonly locks = {
    request: (name: unknown, ...rest: unknown[]) => this.request(name, ...rest),
  } as TabEnvironment["locks"];
  private readonly browser: FakeBrowser;
  private readonly undelivered: (() => void)[] = [];
  private isFrozen = false;
  /** It says and hears nothing any more. */
  isClosed = false;

  constructor(browser: FakeBrowser) {
    this.browser = browser;
    const tab = this;
    this.BroadcastChannel = class extends FakeChannel {
      constructor(name: string) {
        super(name, tab, browser);
      }
    } as unknown as TabEnvironment["BroadcastChannel"];
  }

  /** So many turns pass before the browser hears that this tab wants a lock: it and channels know no common order. */
  lockDelay = 0;

  /** The page does nothing any more, but keeps its locks. */
  freeze(): void {
    this.isFrozen = true;
  }

  async thaw(): Promise<void> {
    this.isFrozen = false;
    for (const deliver of this.undelivered.splice(0)) {
      deliver();
    }
  }

  /** The tab is closed, or crashes. */
  close(): void {
    this.isClosed = true;
    for (const channel of this.browser.channels) {
      if (channel.tab === this) {
        this.browser.channels.delete(channel);
      }
    }
    for (const lock of this.browser.locks.values()) {
      lock.queue.splice(0, lock.queue.length, ...lock.queue.filter(({ tab }) => tab !== this));
      if (lock.holder?.tab === this) {
        lock.holder = undefined;
        this.browser.grantNext(lock);
      }
    }
  }

  /** Runs what an event does in this page: now, when it is thawed, or never. */
  run(task: () => void): void {
    if (this.isFrozen) {
      this.undelivered.push(() => this.run(task));
    } else if (!this.isClosed) {
      task();
    }
  }

  private request(name: unknown, ...rest: unknown[]): Promise<unknown> {
    if (this.browser.forbids === "locks") {
      return Promise.reject(new DOMException("denied", "SecurityError"));
    }
    const callback = rest.pop() as () => unknown;
    const { signal, steal = false } = (rest[0] ?? {}) as { signal?: AbortSignal; steal?: boolean };
    const lock = this.browser.lock(String(name));
    return new Promise((resolve, reject) => {
      const request: LockRequest = {
        tab: this,
        fail: (reason) => this.run(() => reject(reason)),
        start: () => queueMicrotask(() => this.run(() => void this.hold(lock, request, callback, resolve, reject))),
      };
      signal?.addEventListener("abort", () => {
        const index = lock.queue.indexOf(request);
        if (index >= 0) {
          lock.queue.splice(index, 1);
          reject(signal.reason);
        }
      });
      void this.enter(lock, request, steal);
    });
  }

  private async enter(lock: Lock, request: LockRequest, steal: boolean): Promise<void> {
    for (let i = 0; i < this.lockDelay; i++) {
      await Promise.resolve();
    }
    if (steal) {
      lock.holder?.fail(new DOMException("stolen", "AbortError"));
      lock.holder = request;
      request.start();
    } else {
      lock.queue.push(request);
      this.browser.grantNext(lock);
    }
  }

  private async hold(
    lock: Lock,
    request: LockRequest,
    callback: () => unknown,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ): Promise<void> {
    try {
      resolve(await callback());
    } catch (reason) {
      reject(reason);
    }
    if (lock.holder === request) {
      lock.holder = undefined;
      this.browser.grantNext(lock);
    }
  }
}

class FakeChannel {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  readonly name: string;
  readonly tab: FakeTab;
  private readonly browser: FakeBrowser;

  constructor(name: string, tab: FakeTab, browser: FakeBrowser) {
    this.name = name;
    this.tab = tab;
    this.browser = browser;
    if (browser.forbids === "channels") {
      throw new DOMException("denied", "SecurityError");
    }
    browser.channels.add(this);
  }

  postMessage(message: unknown): void {
    if (this.tab.isClosed) {
      return;
    }
    if (!this.browser.channels.has(this)) {
      throw new DOMException("the channel is closed", "InvalidStateError");
    }
    const data: unknown = structuredClone(message);
    for (const channel of this.browser.channels) {
      if (channel !== this && channel.name === this.name) {
        queueMicrotask(() => channel.tab.run(() => channel.receive(data)));
      }
    }
  }

  close(): void {
    this.browser.channels.delete(this);
  }

  private receive(data: unknown): void {
    if (this.browser.channels.has(this)) {
      this.onmessage?.({ data });
    }
  }
}
