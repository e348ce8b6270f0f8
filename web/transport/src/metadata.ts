import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, decodeBinaryHeader, encodeBinaryHeader } from "@connectrpc/connect";
import { type Metadatum, MetadatumSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";

/** Names that a server drops (docs/protocol.md, "Control frames"): they belong to HTTP, gRPC's framing or proxies. */
const reserved =
  /^(?::|grpc-|x-forwarded-|x-envoy-|proxy-|sec-)|^(?:connection|content-length|content-type|cookie|forwarded|host|http2-settings|keep-alive|origin|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent|via|x-real-ip)$/;

const validKey = /^[a-z0-9_.-]+$/;
const printableAscii = /^[\x20-\x7e]*$/;

/** What each entry counts beside its key and value, against `Settings.max_metadata_bytes`. */
const entryBytes = 32;

/**
 * Converts request headers. `Headers` joins the values of a repeated name with ", ": text stays joined, which means the same
 * (RFC 9110, section 5.3); the values of "-bin" names are split and decoded from base64. Throws `ConnectError` with
 * INVALID_ARGUMENT, which names the key and never the value.
 */
export function metadataFromHeaders(headers: Headers): Metadatum[] {
  const metadata: Metadatum[] = [];
  headers.forEach((value, key) => {
    if (reserved.test(key)) {
      return;
    }
    if (!validKey.test(key)) {
      throw new ConnectError(`metadata key ${JSON.stringify(key)} is not [a-z0-9_.-]+`, Code.InvalidArgument);
    }
    if (key.endsWith("-bin")) {
      for (const part of value.split(",")) {
        metadata.push(create(MetadatumSchema, { key, value: { case: "binary", value: decodeBinary(key, part) } }));
      }
    } else if (printableAscii.test(value)) {
      metadata.push(create(MetadatumSchema, { key, value: { case: "text", value } }));
    } else {
      throw new ConnectError(
        `metadata ${key} is not printable ASCII; use a name that ends in -bin`,
        Code.InvalidArgument,
      );
    }
  });
  return metadata;
}

function decodeBinary(key: string, value: string): Uint8Array {
  try {
    return decodeBinaryHeader(value.trim());
  } catch {
    throw new ConnectError(`metadata ${key} is not base64`, Code.InvalidArgument);
  }
}

/** Appends received metadata; the values of "-bin" names become unpadded base64, as Connect has them. */
export function appendMetadata(headers: Headers, metadata: readonly Metadatum[]): void {
  for (const { key, value } of metadata) {
    headers.append(key, value.case === "binary" ? encodeBinaryHeader(value.value) : (value.value ?? ""));
  }
}

/** Returns what metadata counts against `Settings.max_metadata_bytes`. */
export function metadataBytes(metadata: readonly Metadatum[]): number {
  return metadata.reduce((sum, { key, value }) => sum + key.length + (value.value?.length ?? 0) + entryBytes, 0);
}
