/**
 * Returns a new client id: 16 random bytes in hex. Not crypto.randomUUID, which pages on plain http do not have.
 * https://developer.mozilla.org/en-US/docs/Web/API/Crypto/randomUUID
 */
export function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
