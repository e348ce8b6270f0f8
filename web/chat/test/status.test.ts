import { expect, test } from "vitest";
import { ChatError } from "../src/error.js";
import { statusFromEnd } from "../src/status.js";
import { below, seededRandom } from "./random.js";

test.each([
  ["no JSON", "hello"],
  ["another control frame", '{"@headers":{"a":"b"}}'],
  ["a message in JSON", '{"events":[]}'],
  ["an array", "[1]"],
  ["an end that is no object", '{"@end":1}'],
  ["empty", ""],
])("%s is not an end", (_, frame) => {
  expect(statusFromEnd(frame)).toBe("not-an-end");
});

test.each([
  ["no status", '{"@end":{}}'],
  ["OK", '{"@end":{"status":{"code":0,"message":""},"trailers":{}}}'],
])("an end with %s is OK", (_, frame) => {
  expect(statusFromEnd(frame)).toBeUndefined();
});

test("a code that names nothing is UNKNOWN", () => {
  for (const code of [17, -1, 1.5, '"NOT_FOUND"', "[]"]) {
    expect(statusFromEnd(`{"@end":{"status":{"code":${code}}}}`)).toMatchObject({ code: "UNKNOWN", message: "" });
  }
});

test("whatever the server sends, the answer is a status or none: never an exception", () => {
  const seed =
    '{"@end":{"status":{"code":14,"message":"m","details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"1s"},' +
    '{"@type":"x/google.rpc.BadRequest","fieldViolations":[{"field":"f"}]}]},"trailers":{"a":["b"]}}}';
  const bits = ['"', "{", "}", "[", "]", ":", ",", "null", "1e999", "-1", "@type", "\\u0000", "true", "s"];
  const random = seededRandom(3);
  for (let i = 0; i < 5_000; i++) {
    let frame = seed;
    for (let n = below(random, 4); n >= 0; n--) {
      const from = below(random, frame.length);
      frame = frame.slice(0, from) + (bits[below(random, bits.length)] ?? "") + frame.slice(from + below(random, 8));
    }
    const result = statusFromEnd(frame);
    expect(result === undefined || result === "not-an-end" || result instanceof ChatError, frame).toBe(true);
  }
});
