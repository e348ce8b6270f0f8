import { isJumbo } from "../../model/markdown.js";

/** The emoji that somebody shows beside their name. A profile may hold any short text; words would pass for what the app says of them. */
export function PersonEmoji({ emoji = "" }: { readonly emoji?: string | undefined }) {
  return isJumbo(emoji) ? <span className="person-emoji">{emoji}</span> : null;
}
