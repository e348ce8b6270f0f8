import { afterAll, beforeAll, expect, test } from "vitest";
import { ConformanceSuite } from "./suite.js";

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

let suite: ConformanceSuite;

beforeAll(async () => {
  suite = await ConformanceSuite.prepare();
}, 300_000);

afterAll(() => suite.remove());

test.each([
  ["without compression", 217, ["COMPRESSION_IDENTITY"]],
  ["with gzip too", 409, ["COMPRESSION_IDENTITY", "COMPRESSION_GZIP"]],
])("connectrpc.com/conformance passes in Node %s: all %d cases", { timeout: 300_000 }, (_name, cases, compressions) => {
  const { passed, failed, report } = suite.run(configuration(...compressions));
  process.stdout.write(`conformance in Node: ${passed} passed, ${failed} failed\n`);
  expect({ passed, failed }, report).toEqual({ passed: cases, failed: 0 });
});
