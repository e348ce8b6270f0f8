import { memo, type ReactNode, useMemo } from "react";
import { type Block, type Inline, isJumbo, type Mention, parseMarkdown } from "../../model/markdown.js";
import "./message-text.css";

interface Props {
  readonly text: string;
  /** Whom the text is about, as far as their names are known. */
  readonly mentions?: readonly Mention[];
  readonly myId?: string;
  /** What is said about the text, after it. */
  readonly note?: ReactNode;
  /** Whether the keyboard reaches the links: of a list of messages only one's. */
  readonly reachable: boolean;
}

/** What a person typed: text, with a little Markdown. Nothing in it is interpreted as anything else. */
export function MessageText({ text, mentions, myId, note, reachable }: Props) {
  const blocks = useMemo(() => parseMarkdown(text, mentions), [text, mentions]);
  return (
    <div className="message-words" data-jumbo={isJumbo(text) || undefined}>
      <div className="message-text">
        {blocks.map((block, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: blocks have no identity but their place.
          <BlockText key={i} block={block} myId={myId} reachable={reachable} />
        ))}
      </div>
      {note}
    </div>
  );
}

interface Shared {
  readonly myId: string | undefined;
  readonly reachable: boolean;
}

const BlockText = memo(function BlockText({ block, ...shared }: Shared & { readonly block: Block }) {
  switch (block.kind) {
    case "code":
      return (
        <pre
          className="message-code"
          dir="ltr"
          tabIndex={shared.reachable ? 0 : undefined}
          data-language={block.language || undefined}
        >
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return (
        <blockquote className="message-line message-quoted" dir="auto">
          <InlineText parts={block.parts} {...shared} />
        </blockquote>
      );
    case "lines":
      return (
        <p className="message-line" dir="auto">
          <InlineText parts={block.parts} {...shared} />
        </p>
      );
  }
});

function InlineText({ parts, ...shared }: Shared & { readonly parts: readonly Inline[] }) {
  return parts.map((part, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place.
    <Part key={i} part={part} {...shared} />
  ));
}

function Part({ part, ...shared }: Shared & { readonly part: Inline }): ReactNode {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return <code dir="auto">{part.text}</code>;
    case "mention":
      return (
        <bdi className="mention" data-me={part.userId === shared.myId || undefined}>
          {part.text}
        </bdi>
      );
    case "link":
      return (
        <a
          href={part.href}
          target="_blank"
          rel="noopener noreferrer nofollow"
          dir="ltr"
          tabIndex={shared.reachable ? 0 : -1}
        >
          {part.text}
        </a>
      );
    case "strong":
      return (
        <strong>
          <InlineText parts={part.parts} {...shared} />
        </strong>
      );
    case "em":
      return (
        <em>
          <InlineText parts={part.parts} {...shared} />
        </em>
      );
    case "strike":
      return (
        <s>
          <InlineText parts={part.parts} {...shared} />
        </s>
      );
  }
}
