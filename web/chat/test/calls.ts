import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { type FakeUnary, settle } from "./fake-transport.js";
import type { Harness } from "./harness.js";

/** A unary call that waits for the test's answer. */
export interface PendingCall<M extends DescMethodUnary> {
  readonly request: MessageShape<M["input"]>;
  readonly header: Headers;
  readonly timeoutMs: number | undefined;
  answer(response: MessageInitShape<M["output"]>): Promise<void>;
  fail(error: ConnectError): Promise<void>;
}

/** Waits for a unary call and returns it; it must be the newest one, and of this method. */
export async function lastCall<M extends DescMethodUnary>(h: Harness, method: M): Promise<PendingCall<M>> {
  await settle();
  const call = h.transport.unaries.at(-1);
  if (!call) {
    throw new Error("there is no call");
  }
  return pending(call, method);
}

/** Takes the unary calls since the last time, which must be of this method. */
export async function pendingCalls<M extends DescMethodUnary>(h: Harness, method: M): Promise<PendingCall<M>[]> {
  await settle();
  return h.transport.unaries.splice(0).map((call) => pending(call, method));
}

function pending<M extends DescMethodUnary>(call: FakeUnary, method: M): PendingCall<M> {
  const name = `${method.parent.typeName}/${method.name}`;
  if (call.method !== name) {
    throw new Error(`expected a call of ${name}, have ${call.method}`);
  }
  return {
    request: call.request as MessageShape<M["input"]>,
    header: call.header,
    timeoutMs: call.timeoutMs,
    answer: async (response) => {
      call.answer(response);
      await settle();
    },
    fail: async (error) => {
      call.fail(error);
      await settle();
    },
  };
}
