/**
 * Whether a key goes to an input method that composes. Safari sends the Enter that accepts a conversion after the composition has
 * ended, and tells by the code 229 alone: https://bugs.webkit.org/show_bug.cgi?id=165004
 */
export function isComposing({ isComposing, keyCode }: Pick<KeyboardEvent, "isComposing" | "keyCode">): boolean {
  return isComposing || keyCode === 229;
}
