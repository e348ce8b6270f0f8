const encoder = new TextEncoder();

/** Returns how many bytes of UTF-8 a text has. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Returns how many bytes a text is too long, 0 if it fits. */
export function bytesOver(text: string, maxBytes: number): number {
  return Math.max(0, byteLength(text) - maxBytes);
}
