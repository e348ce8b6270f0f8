import { create } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import {
  Code,
  type ConnectError,
  createClient,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import { withFallback } from "../src/fallback.js";
import { EchoService } from "./echo-service.js";
import { collect, errorOf, fakeTime, harness, Source } from "./harness.js";
import { settle } from "./scripted-server.js";

const value = Uint8Array.of(1, 2);

/** A server behind HTTP, in memory, which notes what it was asked with. */
function http(): { readonly fallback: Transport; readonly contexts: HandlerContext[] } {
  const contexts: HandlerContext[] = [];
  const answer = (byte: number) => create(BytesValueSchema, { value: Uint8Array.of(byte) });
  const fallback = createRouterTransport(({ service }) => {
    service(EchoService, {
      unary: (_, context) => {
        contexts.push(context);
        return answer(9);
      },
      serverStream: async function* (_, context) {
        contexts.push(context);
        yield answer(8);
        yield answer(9);
      },
    });
  });
  return { fallback, contexts };
}

/** A client whose socket the test plays, over HTTP where there is none. */
function connected(options: Parameters<typeof harness>[0] = {}) {
  const { fallback, contexts } = http();
  const { transport, dialled } = harness(options);
  const both = withFallback(transport, fallback);
  return { client: createClient(EchoService, both), transport: both, dialled, contexts };
}

test("where no socket can be made, calls that HTTP can carry go over HTTP", async () => {
  const { client, transport, dialled, contexts } = connected();
  const unary = client.unary({ value }, { headers: { "x-a": "b" } });
  (await dialled()).drop(1006);
  expect((await unary).value).toEqual(Uint8Array.of(9));
  expect(contexts[0]?.requestHeader.get("x-a")).toBe("b");
  // Within the delay: at once.
  const stream = collect(client.serverStream({ value }));
  await stream.done;
  expect(stream.values.map((message) => message.value[0])).toEqual([8, 9]);
  expect((await errorOf(collect(client.bidi(new Source())).done)).code).toBe(Code.Unavailable);
  expect(transport.state).toMatchObject({ status: "idle", loss: { reason: "unreachable" } });
});

test("a call keeps its time, of which the try to connect took a part", async () => {
  fakeTime();
  const { client, dialled, contexts } = connected({ connectTimeoutMs: 3000 });
  const unary = client.unary({ value }, { timeoutMs: 5000 });
  await dialled();
  await vi.advanceTimersByTimeAsync(3000);
  await unary;
  expect(contexts[0]?.timeoutMs()).toBeLessThanOrEqual(2000);
  expect(contexts[0]?.timeoutMs()).toBeGreaterThan(1900);
});

test("what the server may have begun is not repeated over HTTP, and what it refused is not asked again", async () => {
  const { client, dialled, contexts } = connected();
  const begun = errorOf(client.unary({ value }));
  const server = await dialled();
  server.acceptWithSettings();
  const refused = errorOf(client.unary({ value }));
  await settle();
  server.end(3, { status: { code: Code.PermissionDenied, message: "no" } });
  expect(await refused).toMatchObject({ code: Code.PermissionDenied } satisfies Partial<ConnectError>);
  server.drop(1006);
  expect((await begun).code).toBe(Code.Unavailable);
  expect(contexts).toEqual([]);
});
