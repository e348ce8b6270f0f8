import { linkify } from "./links.js";
import { namesIn } from "./mentions.js";

// Markdown as people type it in a chat, and no more: code, bold, italic, struck out, quotes. Everything else is text. The result
// is a tree of plain values: nothing of it is ever HTML. Time and depth are bounded whatever the text: every character is looked
// at a fixed number of times, and emphasis of one kind does not nest.

/** A part of a line. */
export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  /** The name of somebody whom the message is about, with the @ before it. */
  | { readonly kind: "mention"; readonly text: string; readonly userId: string }
  | { readonly kind: Emphasis; readonly parts: readonly Inline[] };

export type Emphasis = "strong" | "em" | "strike";

/** A part of a message. Lines within one are kept as they are. */
export type Block =
  | { readonly kind: "lines"; readonly parts: readonly Inline[] }
  | { readonly kind: "quote"; readonly parts: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string; readonly language: string };

/** Somebody whom a message is about. */
export interface Mention {
  readonly userId: string;
  readonly name: string;
}

const fence = /^```([\w+#.-]{0,24})[ \t]*$/;

/** Reads a message. */
export function parseMarkdown(text: string, mentions: readonly Mention[] = []): Block[] {
  const lines = text.split("\n");
  const lastFence = lines.findLastIndex(isFence);
  const blocks: Block[] = [];
  let open: { readonly kind: "lines" | "quote"; readonly lines: string[] } | undefined;
  const close = (last: boolean) => {
    if (open === undefined) {
      return;
    }
    let inner = open.lines.join("\n");
    // Blank lines around another block are only there to set it off.
    inner = blocks.length > 0 ? inner.replace(/^\n+/, "") : inner;
    inner = last ? inner : inner.trimEnd();
    if (inner !== "") {
      blocks.push({ kind: open.kind, parts: parseInline(inner, mentions) });
    }
    open = undefined;
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const language = i < lastFence ? fence.exec(line)?.[1] : undefined;
    if (language !== undefined) {
      close(false);
      const from = i + 1;
      for (i = from; !isFence(lines[i] ?? ""); i++) {}
      blocks.push({ kind: "code", text: lines.slice(from, i).join("\n"), language });
      continue;
    }
    const quoted = /^> ?(.*)$/.exec(line)?.[1];
    const kind = quoted === undefined ? "lines" : "quote";
    if (open?.kind !== kind) {
      close(false);
      open = { kind, lines: [] };
    }
    open.lines.push(quoted ?? line);
  }
  close(true);
  // Nothing but marks is what it is.
  return blocks.length > 0 ? blocks : [{ kind: "lines", parts: [{ kind: "text", text }] }];
}

function isFence(line: string): boolean {
  return line.trimEnd() === "```";
}

/** Reads what stands within a block. */
export function parseInline(text: string, mentions: readonly Mention[] = []): Inline[] {
  const atoms = splitCode(text).flatMap((part) =>
    part.kind === "text"
      ? splitLinks(part.text).flatMap((p) => (p.kind === "text" ? splitMentions(p.text, mentions) : [p]))
      : [part],
  );
  return emphasize(atoms);
}

/** Cuts out code: what stands between two runs of equally many backticks. */
function splitCode(text: string): Inline[] {
  const runs = [...text.matchAll(/`+/g)].map((match) => ({ at: match.index, length: match[0].length }));
  // The later runs of each length, the next one last.
  const later = new Map<number, number[]>();
  for (const { at, length } of [...runs].reverse()) {
    const same = later.get(length);
    if (same === undefined) {
      later.set(length, [at]);
    } else {
      same.push(at);
    }
  }
  const parts: Inline[] = [];
  let end = 0;
  for (const { at, length } of runs) {
    const same = later.get(length);
    same?.pop();
    const closing = same?.at(-1);
    if (at < end || closing === undefined) {
      continue;
    }
    const code = text.slice(at + length, closing);
    if (code.trim() !== "" && !code.includes("\n\n")) {
      pushText(parts, text.slice(end, at));
      parts.push({ kind: "code", text: /^ .*[^ ].* $/s.test(code) ? code.slice(1, -1) : code });
      end = closing + length;
    }
  }
  pushText(parts, text.slice(end));
  return parts;
}

function splitLinks(text: string): Inline[] {
  return linkify(text).map(({ text: shown, href }) =>
    href === undefined ? { kind: "text", text: shown } : { kind: "link", text: shown, href },
  );
}

/** Cuts out the names of those whom the message is about. */
function splitMentions(text: string, mentions: readonly Mention[]): Inline[] {
  const byName = new Map(mentions.map(({ name, userId }) => [name, userId]));
  const parts: Inline[] = [];
  let end = 0;
  for (const { name, at } of namesIn(text, byName.keys())) {
    pushText(parts, text.slice(end, at));
    end = at + 1 + name.length;
    parts.push({ kind: "mention", text: text.slice(at, end), userId: byName.get(name) ?? "" });
  }
  pushText(parts, text.slice(end));
  return parts;
}

function pushText(parts: Inline[], text: string): void {
  if (text !== "") {
    parts.push({ kind: "text", text });
  }
}

const marks: Readonly<Record<string, Emphasis>> = { "**": "strong", __: "strong", "*": "em", _: "em", "~~": "strike" };

/** Something that may begin or end an emphasis, or turn out to be text. */
interface Mark {
  readonly mark: string;
  readonly opens: boolean;
  readonly closes: boolean;
}

interface Frame {
  readonly mark: string;
  readonly parts: Inline[];
}

/** Pairs the marks of emphasis. A mark without a partner is text. */
function emphasize(atoms: readonly Inline[]): Inline[] {
  const stack: Frame[] = [{ mark: "", parts: [] }];
  const top = () => stack[stack.length - 1] as Frame;
  const unopened = () => {
    const frame = stack.pop() as Frame;
    append(top().parts, { kind: "text", text: frame.mark }, ...frame.parts);
  };
  const take = ({ mark, opens, closes }: Mark) => {
    const isOpen = stack.some((frame) => frame.mark === mark);
    if (closes && isOpen) {
      while (top().mark !== mark) {
        unopened();
      }
      const { parts } = stack.pop() as Frame;
      append(top().parts, { kind: marks[mark] as Emphasis, parts });
    } else if (opens && !isOpen) {
      stack.push({ mark, parts: [] });
    } else {
      append(top().parts, { kind: "text", text: mark });
    }
  };
  for (const token of tokens(atoms)) {
    if ("kind" in token) {
      append(top().parts, token);
      continue;
    }
    for (const mark of single(token.mark, top().mark)) {
      take({ ...token, mark });
    }
  }
  while (stack.length > 1) {
    unopened();
  }
  return top().parts;
}

/** Takes three in a row apart, in the order in which they close what is open. */
function single(mark: string, innermost: string): readonly string[] {
  if (mark.length < 3) {
    return [mark];
  }
  const [one, two] = [mark.slice(0, 1), mark.slice(0, 2)];
  return innermost === one ? [one, two] : [two, one];
}

/** Cuts texts at what may mark an emphasis: beside a word on one side, beside no word on the other, so that a_b_c and 2*3*4 stay. */
function* tokens(atoms: readonly Inline[]): Generator<Inline | Mark> {
  for (const [i, atom] of atoms.entries()) {
    if (atom.kind !== "text") {
      yield atom;
      continue;
    }
    const { text } = atom;
    let end = 0;
    for (const { 0: mark, index } of text.matchAll(/\*{1,3}|_{1,3}|~~/g)) {
      const before = index > 0 ? text.charAt(index - 1) : i > 0 ? "x" : "";
      const after = text.charAt(index + mark.length) || (i < atoms.length - 1 ? "x" : "");
      const opens = isEdge(before, mark) && after !== "" && !/\s/.test(after);
      const closes = isEdge(after, mark) && before !== "" && !/\s/.test(before);
      if (opens || closes) {
        if (index > end) {
          yield { kind: "text", text: text.slice(end, index) };
        }
        yield { mark, opens, closes };
        end = index + mark.length;
      }
    }
    if (end < text.length) {
      yield { kind: "text", text: text.slice(end) };
    }
  }
}

/** Whether a mark on this side of a character is not inside a word. */
function isEdge(character: string, mark: string): boolean {
  return character === "" || character === mark.charAt(0) || !/[\p{L}\p{N}]/u.test(character);
}

/** Adds parts, texts to the text before them. */
function append(to: Inline[], ...parts: readonly Inline[]): void {
  for (const part of parts) {
    const last = to.at(-1);
    if (part.kind === "text" && last?.kind === "text") {
      to[to.length - 1] = { kind: "text", text: last.text + part.text };
    } else {
      to.push(part);
    }
  }
}

/** What a reader sees of a text, in one line. */
export function plainText(text: string): string {
  const words = (parts: readonly Inline[]): string =>
    parts.map((part) => ("parts" in part ? words(part.parts) : part.text)).join("");
  const lines = parseMarkdown(text).map((block) => (block.kind === "code" ? block.text : words(block.parts)));
  return lines.join(" ").replace(/\s+/g, " ").trim();
}

const segmenter = new Intl.Segmenter();

/** Whether a text is one to four emojis and nothing else, to be shown large. */
export function isJumbo(text: string): boolean {
  if (text.length > 60 || !/^[\p{Emoji}\p{Emoji_Component}\s]+$/u.test(text)) {
    return false;
  }
  const emojis = [...segmenter.segment(text.replace(/\s+/g, ""))];
  return emojis.length <= 4 && emojis.every(({ segment }) => /\p{Extended_Pictographic}|\p{RI}/u.test(segment));
}
