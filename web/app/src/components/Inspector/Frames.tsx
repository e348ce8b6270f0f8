import { useEffect, useRef } from "react";
import { headerBytes, type LoggedFrame } from "../../model/wire-log.js";
import { shortMethod } from "./decode.js";

interface Props {
  readonly frames: readonly LoggedFrame[];
  readonly chosen: LoggedFrame | undefined;
  readonly onChoose: (frame: LoggedFrame) => void;
}

/** A table of frames, the newest last. It follows the newest, unless one was chosen to be looked at. */
export function Frames({ frames, chosen, onChoose }: Props) {
  const view = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows what is added.
  useEffect(() => {
    if (chosen === undefined) {
      view.current?.scrollTo(0, view.current.scrollHeight);
    }
  }, [frames, chosen]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section ref={view} className="inspector-table" tabIndex={0} aria-label="Frames">
      <table>
        <thead>
          <tr>
            <th className="number">Time</th>
            <th>Frame</th>
            <th className="number">Stream</th>
            <th>Call</th>
            <th className="number">Bytes</th>
            <th className="number" title="What may still be sent on this stream, and on the connection">
              May send
            </th>
            <th className="number" title="What may still come on this stream, and on the connection">
              May come
            </th>
          </tr>
        </thead>
        <tbody>
          {frames.map((frame) => (
            <tr key={frame.id} data-chosen={frame === chosen || undefined} data-direction={frame.direction}>
              <td className="number">{(frame.timeMs / 1000).toFixed(3)}</td>
              <td>
                <button type="button" aria-pressed={frame === chosen} onClick={() => onChoose(frame)}>
                  <span aria-hidden="true">{frame.direction === "sent" ? "↑" : "↓"}</span>
                  <span className="unseen">{frame.direction}</span> {frame.name}
                </button>
              </td>
              <td className="number">{frame.stream === 0 ? "" : frame.stream}</td>
              <td>{shortMethod(frame.method)}</td>
              <td className="number">{(frame.payload.length + headerBytes).toLocaleString()}</td>
              <td className="number">{credit(frame, "send")}</td>
              <td className="number">{credit(frame, "receive")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {frames.length === 0 && <p className="inspector-nothing">No frames.</p>}
    </section>
  );
}

function credit({ windows }: LoggedFrame, direction: "send" | "receive"): string {
  const stream = windows.stream === undefined ? "" : `${windows.stream[direction].toLocaleString()} / `;
  return `${stream}${windows.connection[direction].toLocaleString()}`;
}
