import { useEffect, useRef, useState } from "react";
import { useStore } from "../../hooks/use-store.js";
import { headerBytes, type LoggedCall, type LoggedFrame, type WireLog } from "../../model/wire-log.js";
import { Icon } from "../Icon/Icon.js";
import { describeFrame } from "./decode.js";
import "./inspector.css";

interface Props {
  readonly log: WireLog;
  readonly onClose: () => void;
}

/** How many rows are in the document: the newest. */
const mostRows = 200;

/** Shows what travels between this page and the server: frames and calls, with sizes, windows and timings. */
export function Inspector({ log, onClose }: Props) {
  const now = useStore(log);
  const [paused, setPaused] = useState<typeof now>();
  const [tab, setTab] = useState<"frames" | "calls">("frames");
  const [chosen, setChosen] = useState<LoggedFrame>();
  const { frames, calls } = paused ?? now;
  return (
    <section className="inspector" aria-label="Wire inspector">
      <header className="inspector-header">
        <h2>Wire</h2>
        <div className="inspector-tabs">
          <Tab label={`Frames · ${frames.length}`} open={tab === "frames"} onOpen={() => setTab("frames")} />
          <Tab label={`Calls · ${calls.length}`} open={tab === "calls"} onOpen={() => setTab("calls")} />
        </div>
        <button type="button" className="text-button" onClick={() => setPaused(paused === undefined ? now : undefined)}>
          {paused === undefined ? "Pause" : "Go on"}
        </button>
        <button
          type="button"
          className="text-button"
          onClick={() => {
            log.clear();
            setPaused(undefined);
            setChosen(undefined);
          }}
        >
          Clear
        </button>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the wire inspector">
          <Icon name="close" size={16} />
        </button>
      </header>
      <div className="inspector-body">
        {tab === "frames" ? (
          <Frames frames={frames.slice(-mostRows)} chosen={chosen} onChoose={setChosen} />
        ) : (
          <Calls calls={calls.slice(-mostRows)} />
        )}
        {tab === "frames" && chosen !== undefined && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
          <section className="inspector-detail" tabIndex={0} aria-label="The chosen frame">
            <pre>{describeFrame(chosen)}</pre>
          </section>
        )}
      </div>
    </section>
  );
}

function Tab({ label, open, onOpen }: { readonly label: string; readonly open: boolean; readonly onOpen: () => void }) {
  return (
    <button type="button" className="inspector-tab" aria-pressed={open} onClick={onOpen}>
      {label}
    </button>
  );
}

interface FramesProps {
  readonly frames: readonly LoggedFrame[];
  readonly chosen: LoggedFrame | undefined;
  readonly onChoose: (frame: LoggedFrame) => void;
}

function Frames({ frames, chosen, onChoose }: FramesProps) {
  const view = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the newest frame, unless one was chosen to be looked at.
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
                <button type="button" onClick={() => onChoose(frame)}>
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
    </section>
  );
}

function Calls({ calls }: { readonly calls: readonly LoggedCall[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section className="inspector-table" tabIndex={0} aria-label="Calls">
      <table>
        <thead>
          <tr>
            <th>Call</th>
            <th>State</th>
            <th className="number">Began</th>
            <th className="number">Took</th>
            <th className="number">Frames</th>
            <th className="number">Sent</th>
            <th className="number">Received</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.id}>
              <td>{shortMethod(call.method)}</td>
              <td>{call.open ? "open" : "ended"}</td>
              <td className="number">{(call.startMs / 1000).toFixed(3)}</td>
              <td className="number">{call.open ? "" : `${(call.lastMs - call.startMs).toFixed(1)} ms`}</td>
              <td className="number">{call.frames.toLocaleString()}</td>
              <td className="number">{call.sentBytes.toLocaleString()}</td>
              <td className="number">{call.receivedBytes.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** "ChatService/Connect" of "/rialto.chat.v1.ChatService/Connect". */
function shortMethod(method: string | undefined): string {
  return method?.replace(/^\/(?:.*\.)?/, "") ?? "";
}

function credit({ windows }: LoggedFrame, direction: "send" | "receive"): string {
  const stream = windows.stream === undefined ? "" : `${windows.stream[direction].toLocaleString()} / `;
  return `${stream}${windows.connection[direction].toLocaleString()}`;
}
