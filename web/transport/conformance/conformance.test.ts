import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { launch } from "../../e2e/browser.js";
import { BrowserCaller } from "./browser-caller.js";
import { Caller } from "./caller.js";
import { ConformanceSuite, type Totals } from "./suite.js";

/** The suite's configuration for a client that speaks gRPC. */
function configuration(...compressions: readonly string[]): string {
  return `features:
  versions: [HTTP_VERSION_2]
  protocols: [PROTOCOL_GRPC]
  codecs: [CODEC_PROTO]
  compressions: [${compressions.join()}]
  streamTypes:
    - STREAM_TYPE_UNARY
    - STREAM_TYPE_CLIENT_STREAM
    - STREAM_TYPE_SERVER_STREAM
    - STREAM_TYPE_HALF_DUPLEX_BIDI_STREAM
    - STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
  supportsTls: false
  supportsH2c: true
`;
}

const identity = configuration("COMPRESSION_IDENTITY");
const withGzip = configuration("COMPRESSION_IDENTITY", "COMPRESSION_GZIP");

let suite: ConformanceSuite;

beforeAll(() => {
  suite = new ConformanceSuite();
}, 300_000);

afterAll(() => suite.remove());

function expectAll({ passed, failed, report }: Totals, cases: number, where: string): void {
  process.stdout.write(`connectrpc.com/conformance in ${where}: ${passed} passed, ${failed} failed\n`);
  expect({ passed, failed }, report).toEqual({ passed: cases, failed: 0 });
}

test("in Node, all 217 cases, over one connection for each server", { timeout: 300_000 }, async () => {
  const caller = new Caller(suite.descriptors, WebSocket);
  onTestFinished(() => caller.close());
  const totals = await suite.run(identity, caller);
  expectAll(totals, 217, "Node");
  expect(caller.connections).toBe(totals.servers);
});

test("in Node with gzip, all 409 cases", { timeout: 300_000 }, async () => {
  const caller = new Caller(suite.descriptors, WebSocket);
  onTestFinished(() => caller.close());
  expectAll(await suite.run(withGzip, caller), 409, "Node with gzip");
});

test.each([
  ["", 217, identity],
  [" with gzip", 409, withGzip],
])("in Chromium%s, all %d cases", { timeout: 300_000 }, async (suffix, cases, configured) => {
  const browser = await launch();
  onTestFinished(() => browser.close());
  const caller = await BrowserCaller.open(browser, suite.descriptors);
  onTestFinished(() => caller.close());
  expectAll(await suite.run(configured, caller), cases, `Chromium${suffix}`);
});
