import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@rialto/gen/google/rpc/error_details_pb";
import { expect, test } from "vitest";
import { readDetails } from "../src/error-details.js";

const retry = (ms: number) => ({
  type: "google.rpc.RetryInfo",
  value: toBinary(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(ms) })),
});

test("a delay and the fields that are wrong are read, and nothing else", () => {
  const fieldViolations = [
    { field: "room", description: "is no id — ä", reason: "BAD", localizedMessage: { locale: "de", message: "nein" } },
    { field: "title" },
  ];
  const badRequest = {
    type: "google.rpc.BadRequest",
    value: toBinary(BadRequestSchema, create(BadRequestSchema, { fieldViolations })),
  };
  const info = {
    type: "google.rpc.ErrorInfo",
    value: toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "x" })),
  };
  expect(readDetails([info, badRequest, retry(1500), retry(9)])).toEqual({
    retryAfterMs: 1500,
    violations: [
      { field: "room", description: "is no id — ä" },
      { field: "title", description: "" },
    ],
  });
  expect(readDetails([info])).toEqual({});
  expect(readDetails([{ type: "google.rpc.RetryInfo", value: new Uint8Array() }])).toEqual({});
});

test("a damaged one says nothing, and a field of later times does no harm", () => {
  const { type, value } = retry(1500);
  expect(readDetails([{ type, value: value.subarray(0, -1) }])).toEqual({});
  expect(readDetails([{ type, value: new Uint8Array([0xff]) }])).toEqual({});
  // Field 9 as a varint, and field 10 as bytes.
  expect(readDetails([{ type, value: new Uint8Array([0x48, 1, 0x52, 1, 7, ...value]) }])).toEqual({
    retryAfterMs: 1500,
  });
});
