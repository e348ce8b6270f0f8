import * as Y from "yjs";

const TYPE = "yjs.update"; // of the messages that are changes of the note
const DELAY_MS = 150; // what is typed meanwhile becomes one message

/**
 * A note that several people write: a Y.Doc, and a room in which each change is a message. Changes of Yjs may come in any order
 * and more than once, and merge; the room sees to it that they come, to everybody, whenever they are back.
 *
 * There are two documents: `doc`, which the page shows, and `stored`, what the room has. What `doc` is ahead of `stored` is what
 * has to be sent, whether it was typed just now, offline, or before a reload: there is no queue that could get lost.
 */
export class Note {
  doc = new Y.Doc();
  #stored = new Y.Doc();
  #room;
  #listeners;
  #kept; // in localStorage: the token, both documents, and the place in the room, {epoch, rev}, that `stored` is at
  #ws;
  #live = false;
  #sending = ""; // the client_id of the change on its way; one at a time
  #queue = Promise.resolve(); // events are taken one after the other
  #retryMs = 500;

  constructor(room, listeners) {
    this.#room = room;
    this.#listeners = listeners;
    this.#kept = JSON.parse(localStorage.getItem(room) ?? "{}");
    if (this.#kept.stored) Y.applyUpdate(this.#stored, fromBase64(this.#kept.stored));
    if (this.#kept.doc) Y.applyUpdate(this.doc, fromBase64(this.#kept.doc));
    this.doc.on("update", (_, origin) => {
      this.#keep();
      if (origin !== this) setTimeout(() => this.#send(), DELAY_MS);
    });
    // Another tab of this browser: what it keeps is also ours.
    addEventListener("storage", ({ key, newValue }) => {
      if (key === room && newValue) Y.applyUpdate(this.doc, fromBase64(JSON.parse(newValue).doc), this);
    });
  }

  /** Begins a session, and another one whenever it ends. */
  connect() {
    this.#listeners.onState("connecting");
    const ws = new WebSocket(
      `${location.origin.replace("http", "ws")}/rialto.chat.v1.ChatService/Connect?encoding=json`,
    );
    this.#ws = ws;
    ws.onopen = () => {
      const { token = "", epoch, rev } = this.#kept;
      this.#command({ hello: { token } });
      this.#command({
        requestId: "join",
        join: { room: this.#room, ...(epoch ? { resume: { epoch, rev } } : { history: 100 }) },
      });
    };
    ws.onmessage = ({ data }) => {
      const { replies = [], events = [] } = JSON.parse(data);
      for (const reply of replies) this.#reply(reply);
      this.#queue = this.#queue
        .then(async () => {
          for (const event of events) {
            if (ws.readyState === WebSocket.OPEN) await this.#take(event); // what is left out here, the next session brings
          }
          this.#keep();
          this.#send();
        })
        .catch(() => ws.close());
    };
    ws.onclose = () => {
      this.#live = false;
      this.#sending = ""; // perhaps stored, perhaps not: if not, `stored` is still behind
      this.#listeners.onState("offline: what you write is kept here");
      setTimeout(() => this.connect(), this.#retryMs * (0.5 + Math.random()));
      this.#retryMs = Math.min(this.#retryMs * 2, 5_000);
    };
  }

  #command(command) {
    this.#ws.send(JSON.stringify(command));
  }

  #reply({ requestId, error }) {
    if (error) {
      this.#listeners.onState(error.message); // such as a change of more than 64 KiB
      if (requestId === "publish") setTimeout(() => this.#retry(), 5_000);
    } else if (requestId === "join") {
      this.#live = true;
      this.#retryMs = 500;
      this.#listeners.onState("live");
      this.#queue = this.#queue.then(() => this.#send());
    }
  }

  #retry() {
    this.#sending = "";
    this.#send();
  }

  async #take({ rev, snapshot, posted, presence, welcome }) {
    if (welcome?.guestToken) this.#kept.token = welcome.guestToken;
    if (presence) this.#listeners.onHere(presence.online);
    if (posted) this.#apply(posted);
    if (snapshot) {
      if (!snapshot.continued) {
        // the beginning, or the server cannot go on where we are: begin afresh
        this.#stored = new Y.Doc();
        this.#kept.epoch = ""; // until all is there
        await this.#loadBefore(snapshot.messages?.[0]?.seq);
      }
      for (const message of snapshot.messages ?? []) this.#apply(message);
      if (!snapshot.more) this.#kept.epoch = snapshot.epoch;
    }
    if (rev) this.#kept.rev = rev;
  }

  /** A snapshot has the newest page. All before it is needed, too. */
  async #loadBefore(seq) {
    while (Number(seq ?? 1) > 1) {
      const response = await fetch("/rialto.chat.v1.MessageService/ListMessages", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ room: this.#room, beforeSeq: seq, pageSize: 100 }),
      });
      if (!response.ok) throw new Error("the beginning of the note cannot be loaded"); // the next session tries again
      const { messages } = await response.json();
      for (const message of messages) this.#apply(message);
      seq = messages[0].seq;
    }
  }

  #apply({ data, clientId }) {
    if (data?.type !== TYPE) return;
    const update = fromBase64(data.value);
    Y.applyUpdate(this.#stored, update);
    Y.applyUpdate(this.doc, update, this);
    if (clientId === this.#sending) this.#sending = "";
  }

  /** Sends what the room does not have, unless something is on its way. */
  #send() {
    if (!this.#live || this.#sending || Y.equalSnapshots(Y.snapshot(this.doc), Y.snapshot(this.#stored))) return;
    const update = Y.encodeStateAsUpdate(this.doc, Y.encodeStateVector(this.#stored));
    this.#sending = crypto.randomUUID();
    this.#command({
      requestId: "publish",
      publish: { room: this.#room, clientId: this.#sending, data: { type: TYPE, value: toBase64(update) } },
    });
  }

  #keep() {
    const other = JSON.parse(localStorage.getItem(this.#room) ?? "{}").doc;
    if (other && other !== this.#kept.doc) Y.applyUpdate(this.doc, fromBase64(other), this);
    this.#kept.doc = toBase64(Y.encodeStateAsUpdate(this.doc));
    this.#kept.stored = toBase64(Y.encodeStateAsUpdate(this.#stored));
    localStorage.setItem(this.#room, JSON.stringify(this.#kept));
  }
}

const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
