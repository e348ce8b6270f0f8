import { type ComponentProps, type Ref, useImperativeHandle, useLayoutEffect, useRef } from "react";
import { isComposing } from "../../model/composing.js";
import "./text-area.css";

interface Props extends Omit<ComponentProps<"textarea">, "value" | "onChange" | "rows"> {
  readonly value: string;
  readonly onText: (text: string) => void;
  /** Enter was pressed to be done; not with Shift, nor while an input method composes. */
  readonly onEnter: () => void;
  readonly ref?: Ref<HTMLTextAreaElement>;
}

/** A text field as high as its text, up to a bound that the style sets. Enter finishes, Shift+Enter is a new line. */
export function TextArea({ value, onText, onEnter, onKeyDown, ref, ...rest }: Props) {
  const element = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => element.current as HTMLTextAreaElement);
  const { placeholder } = rest;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text, or what stands in its place.
  useLayoutEffect(() => {
    const area = element.current;
    if (area !== null) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight}px`;
    }
  }, [value, placeholder]);
  return (
    <textarea
      {...rest}
      ref={element}
      className="text-area"
      rows={1}
      dir="auto"
      value={value}
      onChange={(event) => onText(event.target.value)}
      onKeyDown={(event) => {
        onKeyDown?.(event);
        if (event.key === "Enter" && !event.shiftKey && !isComposing(event.nativeEvent) && !event.defaultPrevented) {
          event.preventDefault();
          onEnter();
        }
      }}
    />
  );
}
