import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { Caller } from "./caller.js";

// What runs in a page: a Caller, behind functions whose arguments and results the browser's protocol can carry.
let caller: Caller | undefined;

/** What browser-caller.ts finds in the page. */
export const conformancePage = {
  start(descriptors: string): void {
    caller = new Caller(base64Decode(descriptors), WebSocket);
  },
  async answer(baseUrl: string, request: string): Promise<string> {
    if (!caller) {
      throw new Error("not started");
    }
    return base64Encode(await caller.answer(baseUrl, base64Decode(request)));
  },
};

Object.assign(globalThis, { conformancePage });
