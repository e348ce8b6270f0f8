import { Code, ConnectError } from "@connectrpc/connect";

/** The one message compression of this transport, as `Settings.encodings` names it. */
export const gzipEncoding = "gzip";

/** Whether this browser or runtime has the Compression Streams API (https://compression.spec.whatwg.org). */
export const gzipAvailable = typeof CompressionStream === "function" && typeof DecompressionStream === "function";

export async function gzip(message: Uint8Array): Promise<Uint8Array> {
  return collect(through(message, new CompressionStream("gzip")), Number.POSITIVE_INFINITY);
}

/**
 * Decompresses a message. Rejects with RESOURCE_EXHAUSTED as soon as more than `maxBytes` came out, so that a small message
 * cannot fill the memory, and with INTERNAL when it is no gzip.
 */
export async function gunzip(message: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await collect(through(message, new DecompressionStream("gzip")), maxBytes);
  } catch (reason) {
    throw reason instanceof ConnectError
      ? reason
      : new ConnectError("compressed message is no gzip", Code.Internal, undefined, undefined, reason);
  }
}

function through(message: Uint8Array, stream: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return new Blob([message as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
}

async function collect(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return joinBytes(chunks, bytes);
    }
    bytes += value.length;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw messageTooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/** Returns the error of a received message over the limit. */
export function messageTooLarge(maxBytes: number): ConnectError {
  return new ConnectError(`received message is larger than ${maxBytes} bytes`, Code.ResourceExhausted);
}

/** Joins chunks of `bytes` altogether; a single one is not copied. */
export function joinBytes(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) {
    return first;
  }
  const joined = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
