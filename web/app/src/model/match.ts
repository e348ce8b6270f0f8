/**
 * Says how well a name answers to what was typed: 0 for one that begins with it, more for one that only holds it or its letters
 * in this order; undefined for one that does not.
 */
export function matchRank(name: string, typed: string): number | undefined {
  const [inName, wanted] = [fold(name), fold(typed)];
  const at = inName.indexOf(wanted);
  if (at >= 0) {
    return at === 0 ? 0 : /[\s._-]/.test(inName.charAt(at - 1)) ? 1 : 2;
  }
  let from = 0;
  for (const letter of wanted.replace(/\s+/g, "")) {
    const next = inName.indexOf(letter, from);
    if (next < 0) {
      return undefined;
    }
    from = next + 1;
  }
  return 3;
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
