import { newClientId } from "./client-id.js";
import type { MessageStore, StoredMessage } from "./message-store.js";

const storeName = "messages";

interface Row {
  /** The tab that has it. */
  readonly owner: string;
  readonly message: StoredMessage;
}

/**
 * Keeps messages in the browser's IndexedDB, one database for each name. Tabs share it and each has its own messages, by a Web
 * Lock that it holds as long as it lives; those of a tab that is gone go to the next that asks.
 */
export function indexedDbMessages(name: string): MessageStore {
  const owner = newClientId();
  let opened: Promise<IDBDatabase> | undefined;
  const database = () => {
    opened ??= Promise.all([openDatabase(name), holdLock(lockName(name, owner))]).then(([db]) => db);
    return opened;
  };
  const write = async (change: (store: IDBObjectStore) => void) => {
    const transaction = (await database()).transaction(storeName, "readwrite");
    change(transaction.objectStore(storeName));
    await committed(transaction);
  };
  return {
    adopt: async () => {
      const db = await database();
      const living = await heldLocks();
      const transaction = db.transaction(storeName, "readwrite");
      const store = transaction.objectStore(storeName);
      const orphans: StoredMessage[] = [];
      store.openCursor().onsuccess = ({ target }) => {
        const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
        if (cursor) {
          const row = cursor.value as Row;
          if (row.owner !== owner && !living.has(lockName(name, row.owner))) {
            orphans.push(row.message);
            cursor.update({ ...row, owner });
          }
          cursor.continue();
        }
      };
      await committed(transaction);
      return orphans.sort((a, b) => a.time - b.time);
    },
    put: (message) => write((store) => store.put({ owner, message } satisfies Row, message.clientId)),
    delete: (clientId) => write((store) => store.delete(clientId)),
  };
}

function lockName(database: string, owner: string): string {
  return `${database} ${owner}`;
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("the database is in use in an older form"));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Resolves when the lock is held, until the page is gone. Without Web Locks (pages on plain http) every message is an orphan. */
async function holdLock(name: string): Promise<void> {
  if (typeof navigator === "undefined" || !navigator.locks) {
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const forever = () => {
      resolve();
      return new Promise<never>(() => undefined);
    };
    navigator.locks.request(name, forever).catch(reject);
  });
}

async function heldLocks(): Promise<ReadonlySet<string | undefined>> {
  if (typeof navigator === "undefined" || !navigator.locks) {
    return new Set();
  }
  const { held = [] } = await navigator.locks.query();
  return new Set(held.map(({ name }) => name));
}
