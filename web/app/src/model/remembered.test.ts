import { describe, expect, onTestFinished, test } from "vitest";
import { Drafts } from "./drafts.js";
import { PreferenceStore } from "./preference-store.js";
import { loadPreferences, nameProblem, notifyLevel, savePreferences } from "./preferences.js";
import { safeStorage } from "./safe-storage.js";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

function memory(): Store & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** Storage as private windows and full disks have it. */
const broken: Store = {
  getItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  setItem: () => {
    throw new DOMException("full", "QuotaExceededError");
  },
  removeItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
};

describe("Drafts", () => {
  test("keeps one text a room", () => {
    const storage = memory();
    const drafts = new Drafts(storage);
    drafts.set("lobby", "half a sent");
    drafts.set("other", "else");
    expect(new Drafts(storage).get("lobby")).toBe("half a sent");
    expect(new Drafts(storage).get("other")).toBe("else");
    expect(new Drafts(storage).get("third")).toBe("");
  });

  test("forgets a blank one", () => {
    const storage = memory();
    const drafts = new Drafts(storage);
    drafts.set("lobby", "x");
    drafts.set("lobby", " \n");
    expect(storage.kept.size).toBe(0);
  });

  test("goes on where nothing can be kept", () => {
    const drafts = new Drafts(broken);
    drafts.set("lobby", "x");
    expect(drafts.get("lobby")).toBe("");
  });
});

describe("preferences", () => {
  test("come back as they were saved", () => {
    const storage = memory();
    savePreferences(storage, { name: "Ana", theme: "dark", room: "lobby" });
    expect(loadPreferences(storage)).toEqual({ name: "Ana", theme: "dark", room: "lobby" });
  });

  test.each([
    "",
    "{",
    "null",
    "7",
    '"x"',
    '{"name":7,"theme":"pink","room":{}}',
    '{"name":"  "}',
    '{"name":"a\\u0007"}',
  ])("damaged as %j are not there", (stored) => {
    const storage = memory();
    storage.setItem("rialto.preferences", stored);
    expect(loadPreferences(storage)).toEqual({});
  });

  test("go on where nothing can be kept", () => {
    savePreferences(broken, { name: "Ana" });
    expect(loadPreferences(broken)).toEqual({});
    const store = new PreferenceStore(broken, new EventTarget());
    store.change({ name: "Ana" });
    expect(store.getSnapshot()).toEqual({ name: "Ana" });
  });

  test("of a room are its own, whatever it is called", () => {
    expect(notifyLevel({ levels: { lobby: "all" } }, "lobby")).toBe("all");
    expect(notifyLevel({ levels: { lobby: "all" } }, "constructor")).toBe("mentions");
    expect(notifyLevel({}, "lobby")).toBe("mentions");
  });

  test("that two tabs change are kept from both, and known to both", () => {
    const storage = memory();
    savePreferences(storage, { name: "Ana", theme: "light" });
    const [window, otherWindow] = [new EventTarget(), new EventTarget()];
    const [tab, other] = [new PreferenceStore(storage, window), new PreferenceStore(storage, otherWindow)];
    tab.change({ theme: "dark", levels: { lobby: "all" } });
    other.change({ room: "market", levels: { market: "none" } });
    const both = { name: "Ana", theme: "dark", room: "market", levels: { lobby: "all", market: "none" } };
    expect(loadPreferences(storage)).toEqual(both);
    expect(tab.getSnapshot().room).toBeUndefined();

    let told = 0;
    tab.subscribe(() => told++);
    const newValue = storage.getItem("rialto.preferences");
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "rialto.preferences", newValue }));
    expect(tab.getSnapshot()).toEqual(both);
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "rialto.preferences", newValue: null }));
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "else", newValue: "{}" }));
    expect(told).toBe(1);
  });
});

describe("nameProblem", () => {
  test.each(["Ana", "あな", "😀", "x".repeat(64), "😀".repeat(64), "O'Neil <b>"])("accepts %j", (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });

  test.each(["", "  ", "x".repeat(65), "😀".repeat(65), "a\tb", "a\u0085b"])("refuses %j", (name) => {
    expect(nameProblem(name)).toBeTypeOf("string");
  });
});

test("where site data is blocked, a page keeps what it is given as long as it lasts", () => {
  const blocked = {
    get: () => {
      throw new DOMException("denied", "SecurityError");
    },
    configurable: true,
  };
  const usual = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  Object.defineProperty(globalThis, "localStorage", blocked);
  onTestFinished(() => void Object.defineProperty(globalThis, "localStorage", usual ?? { configurable: true }));
  const storage = safeStorage();
  storage.setItem("a", "1");
  expect(storage.getItem("a")).toBe("1");
  storage.removeItem("a");
  expect(storage.getItem("a")).toBeNull();
});
